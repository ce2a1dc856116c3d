"""What events on drafts do to rows. One arm per kind, called from `apply`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from cmo.domain import event as ev
from cmo.domain.company import company_key
from cmo.domain.draft import Finding
from cmo.domain.suppression import email_key
from cmo.store.db import Connection

DraftEvent = ev.DraftRendered | ev.DraftEdited | ev.DraftsDecided | ev.DraftsUndone


def apply_draft(conn: Connection, job_id: str, at: str, event: DraftEvent) -> None:
    """Change the rows that `event` is about. Runs inside the transaction that stores it."""
    match event:
        case ev.DraftRendered():
            _rendered(conn, job_id, at, event)
        case ev.DraftEdited():
            _edited(conn, at, event)
        case ev.DraftsDecided():
            _decided(conn, job_id, at, event)
        case ev.DraftsUndone():
            _undone(conn, at, event)
        case _:
            assert_never(event)


def _rendered(conn: Connection, job_id: str, at: str, event: ev.DraftRendered) -> None:
    """A new draft, or a new version of one that waits untouched; what a person decided on or edited stays."""
    words, person = event.rendered, event.rendered.personalisation
    key = words.login.lower()
    conn.execute(
        "INSERT INTO personalisations (job_id, login_key, doc) VALUES (?, ?, ?)"
        " ON CONFLICT (job_id, login_key) DO UPDATE SET doc = excluded.doc",
        (job_id, key, person.model_dump_json(exclude_defaults=True)),
    )
    row = conn.execute(
        "INSERT INTO drafts (job_id, login_key, lead_number, step, channel, version, state, login, name, first_name,"
        " email, email_key, email_class, company, company_key, country, time_zone, score, subject, body, variant,"
        " template, template_version, facts_until, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, 'email', 1,"
        " 'pending', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, COALESCE((SELECT score FROM leads"
        " WHERE job_id = ?1 AND login_key = ?2), 0), ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?21)"
        " ON CONFLICT (job_id, login_key, step) DO UPDATE SET version = drafts.version + 1, subject = excluded.subject,"
        " body = excluded.body, variant = excluded.variant, template = excluded.template,"
        " template_version = excluded.template_version, facts_until = excluded.facts_until, name = excluded.name,"
        " first_name = excluded.first_name, email = excluded.email, email_key = excluded.email_key,"
        " email_class = excluded.email_class, company = excluded.company, company_key = excluded.company_key,"
        " country = excluded.country, time_zone = excluded.time_zone, score = excluded.score,"
        " updated_at = excluded.updated_at WHERE drafts.state = 'pending' AND drafts.template <> 'edited'"
        " RETURNING id, version",
        (
            job_id, key, event.number, words.step, words.login, person.name, person.first_name, person.best_email,
            email_key(person.best_email), person.email_class, person.company,
            company_key(person.company, person.best_email), person.country, person.time_zone, words.subject,
            words.body, words.variant, words.template, words.template_version, _iso(words.facts_until), at,
        ),
    ).fetchone()  # fmt: skip
    if row is None:
        return
    sentences = json.dumps([sentence.model_dump(mode="json", exclude_defaults=True) for sentence in words.sentences])
    _keep_version(
        conn, row["id"], row["version"], words.subject, words.body, sentences, by="agent", why="render", at=at
    )
    _keep_findings(conn, row["id"], words.findings)


def _edited(conn: Connection, at: str, event: ev.DraftEdited) -> None:
    """A new version, pending again; whatever was approved before is void."""
    changed = conn.execute(
        "UPDATE drafts SET version = ?2, subject = ?3, body = ?4, state = 'pending', put_off_until = NULL,"
        " template = 'edited', approval_id = NULL, updated_at = ?5, facts_until = ?6"
        " WHERE id = ?1 AND version = ?2 - 1",
        (event.draft_id, event.version, event.subject, event.body, at, _iso(event.facts_until)),
    ).rowcount
    if not changed:
        return
    _revoke(conn, [event.draft_id], at)
    sentences = json.dumps([sentence.model_dump(mode="json", exclude_defaults=True) for sentence in event.sentences])
    _keep_version(
        conn, event.draft_id, event.version, event.subject, event.body, sentences, by=event.by, why=event.why, at=at
    )
    _keep_findings(conn, event.draft_id, event.findings)


def _decided(conn: Connection, job_id: str, at: str, event: ev.DraftsDecided) -> None:
    conn.execute(
        "INSERT INTO batches (id, job_id, n, action, by_whom, at, reason, rule, samples) VALUES (?1, ?2,"
        " (SELECT COALESCE(MAX(n), 0) + 1 FROM batches), ?3, ?4, ?5, ?6, ?7, ?8)",
        (event.batch_id, job_id, event.action, event.by, at, event.reason, event.rule, json.dumps(event.samples)),
    )
    items = json.dumps([[item.draft_id, item.version, item.content_hash] for item in event.items])
    conn.execute(
        "INSERT INTO batch_items (batch_id, draft_id, version, before_state, before_put_off, before_reason,"
        " before_approval) SELECT ?1, d.id, d.version, d.state, d.put_off_until, d.reason, d.approval_id"
        " FROM json_each(?2) i CROSS JOIN drafts d ON d.id = json_extract(i.value, '$[0]')"
        " AND d.version = json_extract(i.value, '$[1]')",
        (event.batch_id, items),
    )
    until = event.until.isoformat() if event.until else None
    if event.action == "approve":
        conn.execute(
            "INSERT INTO approvals (draft_id, version, content_hash, by_whom, at, expires_at, batch_id, rule)"
            " SELECT b.draft_id, b.version, json_extract(i.value, '$[2]'), ?3, ?4, ?5, ?1, ?6 FROM json_each(?2) i"
            " CROSS JOIN batch_items b ON b.batch_id = ?1 AND b.draft_id = json_extract(i.value, '$[0]')",
            (event.batch_id, items, event.by, at, until, event.rule),
        )
    else:
        decided = [item.draft_id for item in event.items]
        _revoke(conn, decided, at)
    conn.execute(
        "UPDATE drafts SET state = ?2, updated_at = ?3, reason = ?4, put_off_until = ?5, approval_id ="
        " (SELECT a.id FROM approvals a WHERE a.batch_id = ?1 AND a.draft_id = drafts.id)"
        " WHERE id IN (SELECT draft_id FROM batch_items WHERE batch_id = ?1)",
        (event.batch_id, ev.AFTER_DECISION[event.action], at, event.reason, until if event.action == "later" else None),
    )


def _undone(conn: Connection, at: str, event: ev.DraftsUndone) -> None:
    """Every draft of the batch as it was before, and the approvals that the batch gave or took, taken back."""
    conn.execute("UPDATE batches SET undone_at = ? WHERE id = ?", (at, event.batch_id))
    ids = json.dumps(event.draft_ids)
    conn.execute(
        "UPDATE approvals SET revoked_at = ?3 WHERE batch_id = ?1 AND draft_id IN (SELECT value FROM json_each(?2))",
        (event.batch_id, ids, at),
    )
    conn.execute(
        "UPDATE drafts SET state = b.before_state, put_off_until = b.before_put_off, reason = b.before_reason,"
        " approval_id = b.before_approval, updated_at = ?3 FROM batch_items b WHERE b.batch_id = ?1"
        " AND b.draft_id = drafts.id AND b.version = drafts.version"
        " AND drafts.id IN (SELECT value FROM json_each(?2))",
        (event.batch_id, ids, at),
    )
    conn.execute(
        "UPDATE approvals SET revoked_at = NULL WHERE id IN (SELECT approval_id FROM drafts WHERE approval_id IS NOT"
        " NULL AND id IN (SELECT value FROM json_each(?1)))",
        (ids,),
    )


def _revoke(conn: Connection, draft_ids: Sequence[int], at: str) -> None:
    """Approvals of these drafts hold no longer."""
    conn.execute(
        "UPDATE approvals SET revoked_at = ?2 WHERE revoked_at IS NULL"
        " AND draft_id IN (SELECT value FROM json_each(?1))",
        (json.dumps(draft_ids), at),
    )


def _keep_version(
    conn: Connection,
    draft_id: int,
    version: int,
    subject: str,
    body: str,
    sentences: str,
    *,
    by: str,
    why: str,
    at: str,
) -> None:
    conn.execute(
        "INSERT INTO draft_versions (draft_id, version, subject, body, sentences, made_by, why, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (draft_id, version) DO NOTHING",
        (draft_id, version, subject, body, sentences, by, why, at),
    )


def _keep_findings(conn: Connection, draft_id: int, findings: Sequence[Finding]) -> None:
    conn.execute("DELETE FROM findings WHERE draft_id = ?", (draft_id,))
    conn.executemany(
        "INSERT INTO findings (draft_id, n, check_name, flag, severity, message) VALUES (?, ?, ?, ?, ?, ?)",
        [(draft_id, n, f.check, f.flag, f.severity, f.message) for n, f in enumerate(findings, start=1)],
    )
    first = next((f.flag for f in sorted(findings, key=lambda f: f.severity != "block")), "")
    conn.execute(
        "UPDATE drafts SET flag = ?, is_blocked = ? WHERE id = ?",
        (first, int(any(f.severity == "block" for f in findings)), draft_id),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
