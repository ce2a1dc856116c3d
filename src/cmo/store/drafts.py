"""Decisions on drafts and changes of their words: compare-and-set, event, batch and audit in one transaction.

Whoever decides names the version and the state they looked at; if either moved on, the draft is theirs no more and
they are told who decided what. What was handed over cannot be taken back here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from cmo.config.secrets import mask_addresses
from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.draft import DraftState, Finding, Rendered, Sentence
from cmo.domain.event import (
    AFTER_DECISION,
    DecidedDraft,
    DraftAction,
    DraftEdited,
    DraftRendered,
    DraftsDecided,
    DraftsUndone,
)
from cmo.domain.suppression import Suppression, SuppressionKind, suppression_value
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.draft_again import TakenBack
from cmo.store.draft_refusals import (
    HANDED_OVER,
    Refused,
    another_letter,
    forbidden,
    gone,
    handed_over,
    moved_on,
    out_of_order,
    stays,
)
from cmo.store.draft_views import Choice
from cmo.store.outbox_plan import unplan
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_suppressed, record_suppressions

SYSTEM = "system"


class Decision(Frozen):
    """What a decision came to."""

    action: DraftAction
    batch_id: str | None = None
    """None where nothing was decided, and in a rehearsal."""
    batch: int | None = None
    """The number to undo it by."""
    done: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    """It had been decided like this before; nothing changed."""
    refused: tuple[Refused, ...] = ()
    suppressed: int = 0
    """New suppressions."""


class Undone(Frozen):
    """What taking a decision back came to."""

    batch_id: str
    batch: int
    action: str
    done: tuple[int, ...]
    stayed: tuple[Refused, ...]


class Edited(Frozen):
    """What a change of words came to."""

    draft_id: int
    version: int | None = None
    """The new version, pending; None where it was refused."""
    refused: Refused | None = None


class NewWords(Frozen):
    """The words of a new version."""

    subject: str
    body: str
    sentences: tuple[Sentence, ...] = ()
    facts_until: datetime | None = None
    findings: tuple[Finding, ...] = ()
    rendered: Rendered | None = None
    """Where they come from a template: the personalisation that they rest on."""


def decide(
    conn: Connection,
    job_id: str,
    action: DraftAction,
    choices: Sequence[Choice],
    *,
    batch_id: str,
    by: str,
    at: datetime,
    hashes: Mapping[int, str] | None = None,
    reason: str = "",
    rule: str | None = None,
    samples: Sequence[int] = (),
    until: datetime | None = None,
    secret: bytes | None = None,
    never: str = "",
    again: TakenBack | None = None,
    is_dry: bool = False,
) -> Decision:
    """Decide on drafts of the job; each is decided on or refused by itself.

    Args:
        batch_id: A new one.
        hashes: Draft -> what an approval of it is bound to; needed for `approve`.
        samples: Drafts that were looked at before a rule was applied.
        until: When approvals expire, or when `later` is over.
        secret: The installation's, to recognise the erased.
        never: Why these people must never be contacted again; empty for no such wish. It holds even for drafts about
            which nothing else could be done.
        again: The decision that was taken back and is done anew; an approval only of the very letter it was of.
        is_dry: Only say what would be done; the audit log says so too.
    """
    choices = list({choice.draft_id: choice for choice in choices}.values())
    with transaction(conn):
        rows = _rows(conn, job_id, [choice.draft_id for choice in choices])
        decision = _sorted_out(conn, rows, action, choices, until, hashes or {}, secret, at, again)
        details = {"reason": mask_addresses(reason), "rule": mask_addresses(rule or ""), "batch": batch_id}
        entries = [
            _entry(by, f"drafts.{action}", rows[id_], AFTER_DECISION[action], details, is_dry=is_dry)
            for id_ in decision.done
        ]
        if samples and decision.done:
            seen = {"batch": batch_id, "rule": details["rule"], "seen": list(samples)}
            entries.append(
                AuditEntry(actor=by, action="drafts.sample", object=f"job:{job_id}", detail=seen, is_dry=is_dry)
            )
        if again is not None and decision.done:
            kept = {"batch": batch_id, "again": again.batch_id, "drafts": len(decision.done)}
            entries.append(
                AuditEntry(actor=by, action="drafts.again", object=f"job:{job_id}", detail=kept, is_dry=is_dry)
            )
        if is_dry:
            record_audit(conn, entries, at=at)
            return decision
        if decision.done:
            bound = hashes or {}
            event = DraftsDecided(
                batch_id=batch_id,
                action=action,
                by=by,
                items=tuple(
                    DecidedDraft(draft_id=id_, version=rows[id_]["version"], content_hash=bound.get(id_))
                    for id_ in decision.done
                ),
                reason=reason,
                rule=rule,
                samples=tuple(samples),
                until=until,
                again=None if again is None else again.batch_id,
            )
            record(conn, job_id, f"{job_id}/batch/{batch_id}", event, at)
            number = conn.execute("SELECT n FROM batches WHERE id = ?", (batch_id,)).fetchone()["n"]
            decision = decision.model_copy(update={"batch_id": batch_id, "batch": number})
            if action != "approve":
                _unplan(conn, decision.done)
        if never:
            people = list(rows.values())
            decision = decision.model_copy(update={"suppressed": _suppress(conn, people, never, by, at)})
            entries += [_entry(by, "leads.suppress", row, "suppressed", details) for row in people]
        record_audit(conn, entries, at=at)
        return decision


def undo(conn: Connection, job_id: str, batch_id: str, *, by: str, at: datetime, is_dry: bool = False) -> Undone:
    """Take a decision back, as far as nothing of it was handed over, decided anew or changed since.

    Where nothing can be taken back, nothing is recorded either.
    """
    with transaction(conn):
        batch = conn.execute("SELECT * FROM batches WHERE id = ?", (batch_id,)).fetchone()
        rows = conn.execute(
            f"SELECT d.*, i.before_state, i.version AS decided_version, {HANDED_OVER} FROM batch_items i"
            " JOIN drafts d ON d.id = i.draft_id WHERE i.batch_id = ? ORDER BY d.id",
            (batch_id,),
        ).fetchall()
        stayed = {row["id"]: refusal for row in rows if (refusal := stays(conn, row, batch, at))}
        done = [row for row in rows if row["id"] not in stayed]
        undone = Undone(
            batch_id=batch_id,
            batch=batch["n"],
            action=batch["action"],
            done=tuple(row["id"] for row in done),
            stayed=tuple(stayed.values()),
        )
        if done and not is_dry:
            event = DraftsUndone(batch_id=batch_id, by=by, draft_ids=undone.done)
            record(conn, job_id, f"{job_id}/undo/{batch_id}", event, at)
            _unplan(conn, undone.done)
        detail = {"batch": batch_id, "action": batch["action"]}
        entries = [_entry(by, "drafts.undo", row, row["before_state"], detail, is_dry=is_dry) for row in done]
        record_audit(conn, entries, at=at)
        return undone


def edit(
    conn: Connection,
    job_id: str,
    choice: Choice,
    words: NewWords,
    *,
    by: str,
    at: datetime,
    why: Literal["edit", "redo", "needs_info"] = "edit",
    batch_id: str = "",
    reason: str = "",
    is_dry: bool = False,
) -> Edited:
    """Give a draft new words: a new version, pending, whose approval is void.

    Args:
        batch_id: For `needs_info`, which is a decision too.
    """
    with transaction(conn):
        row = _rows(conn, job_id, [choice.draft_id]).get(choice.draft_id)
        refused = gone(choice.draft_id) if row is None else moved_on(conn, row, choice, at) or handed_over(row)
        if row is None or refused:
            return Edited(draft_id=choice.draft_id, refused=refused)
        version = choice.version + 1
        if not is_dry:
            _reword(conn, job_id, row, words, version, by=by, at=at, why=why, batch_id=batch_id, reason=reason)
        detail = {"version": version, "findings": [finding.check for finding in words.findings]}
        record_audit(conn, [_entry(by, f"drafts.{why}", row, DraftState.PENDING, detail, is_dry=is_dry)], at=at)
        return Edited(draft_id=choice.draft_id, version=version)


def _reword(
    conn: Connection,
    job_id: str,
    row: Any,
    words: NewWords,
    version: int,
    *,
    by: str,
    at: datetime,
    why: Literal["edit", "redo", "needs_info"],
    batch_id: str,
    reason: str,
) -> None:
    draft_id = row["id"]
    if why == "needs_info":
        item = DecidedDraft(draft_id=draft_id, version=row["version"])
        asked = DraftsDecided(batch_id=batch_id, action="needs_info", by=by, items=(item,), reason=reason)
        record(conn, job_id, f"{job_id}/batch/{batch_id}", asked, at)
    event = DraftEdited(
        login=row["login"],
        draft_id=draft_id,
        version=version,
        by=by,
        why=why,
        subject=words.subject,
        body=words.body,
        sentences=words.sentences,
        facts_until=words.facts_until,
        findings=words.findings,
    )
    record(conn, job_id, f"{job_id}/draft/{draft_id}/{version}", event, at)
    if words.rendered is not None:  # the words are edited by now: this renews the facts only
        facts = DraftRendered(number=row["lead_number"], rendered=words.rendered)
        record(conn, job_id, f"{job_id}/draft/{draft_id}/{version}/facts", facts, at)
    _unplan(conn, [draft_id])


def expire_due(conn: Connection, job_id: str, *, batch_id: str, now: datetime) -> int:
    """Write down which approvals ran out before anything was handed over; how many."""
    rows = conn.execute(
        f"SELECT d.id, d.version, d.state, {HANDED_OVER} FROM drafts d JOIN approvals a ON a.id = d.approval_id"
        " WHERE d.job_id = ? AND d.state = 'approved' AND a.expires_at <= ?",
        (job_id, now.isoformat()),
    ).fetchall()
    due = [
        Choice(draft_id=row["id"], version=row["version"], state=row["state"])
        for row in rows
        if row["outbox_state"] is None
    ]
    if not due:
        return 0
    return len(decide(conn, job_id, "expire", due, batch_id=batch_id, by=SYSTEM, at=now).done)


def _rows(conn: Connection, job_id: str, draft_ids: Sequence[int]) -> dict[int, Any]:
    rows = conn.execute(
        f"SELECT d.*, {HANDED_OVER}, (SELECT a.content_hash FROM approvals a WHERE a.id = d.approval_id"
        " AND a.revoked_at IS NULL) AS approved_hash FROM drafts d WHERE d.job_id = ?"
        " AND d.id IN (SELECT value FROM json_each(?)) ORDER BY d.id",
        (job_id, json.dumps(list(draft_ids))),
    )
    return {row["id"]: row for row in rows}


def _sorted_out(
    conn: Connection,
    rows: dict[int, Any],
    action: DraftAction,
    choices: Sequence[Choice],
    until: datetime | None,
    hashes: Mapping[int, str],
    secret: bytes | None,
    at: datetime,
    again: TakenBack | None,
) -> Decision:
    """What can be done, what had been done, and what is refused."""
    done, repeated, refused = list[int](), list[int](), list[Refused]()
    approving = rows if action == "approve" else {}
    people = {
        id_: Recipient(row["email"], row["login"], row["company_key"], row["company"]) for id_, row in approving.items()
    }
    suppressed = find_suppressed(conn, people, secret=secret)
    for choice in choices:
        row = rows.get(choice.draft_id)
        refusal = None
        if row is None:
            refusal = gone(choice.draft_id)
        elif row["version"] == choice.version and _is_repeat(row, action, until, hashes.get(choice.draft_id)):
            repeated.append(choice.draft_id)
            continue
        else:
            refusal = moved_on(conn, row, choice, at) or handed_over(row) or out_of_order(conn, row, action, at)
            if refusal is None and action == "approve":
                refusal = forbidden(conn, row, suppressed.get(choice.draft_id), at)
            if refusal is None and again is not None and again.hashes.get(row["id"]) != hashes.get(row["id"]):
                refusal = another_letter(row["id"])
        if refusal is None:
            done.append(choice.draft_id)
        else:
            refused.append(refusal)
    return Decision(action=action, done=tuple(done), repeated=tuple(repeated), refused=tuple(refused))


def _is_repeat(row: Any, action: DraftAction, until: datetime | None, content_hash: str | None) -> bool:
    """Whether the draft is already as the decision makes it; an approval only where it is of the same letter."""
    if action == "approve" and row["approved_hash"] != content_hash:
        return False
    if action == "later":
        return bool(until and row["put_off_until"] == until.isoformat())
    return row["state"] == AFTER_DECISION[action] and action != "needs_info"


def _unplan(conn: Connection, draft_ids: Sequence[int]) -> None:
    """Mail that waits for these drafts, and surely has not left, is planned no longer."""
    unplan(
        conn,
        "id IN (SELECT o.id FROM json_each(?) j JOIN drafts d ON d.id = j.value"
        " JOIN outbox o ON o.email_key = d.email_key AND o.draft_id = d.id)",
        (json.dumps(list(draft_ids)),),
    )


def _suppress(conn: Connection, people: Sequence[Any], reason: str, by: str, at: datetime) -> int:
    pairs = [
        pair
        for row in people
        for pair in ((SuppressionKind.LOGIN, row["login"]), (SuppressionKind.EMAIL, row["email"]))
    ]
    return record_suppressions(
        conn,
        [
            Suppression(kind=kind, value=suppression_value(kind, text), reason=reason, source=by, added_at=at)
            for kind, text in pairs
        ],
    )


def _entry(
    actor: str, action: str, row: Any, after: str, detail: dict[str, Any], *, is_dry: bool = False
) -> AuditEntry:
    kept = {"version": row["version"], **{name: value for name, value in detail.items() if value not in ("", None)}}
    return AuditEntry(
        actor=actor,
        action=action,
        object=f"draft:{row['id']}",
        before=row["state"],
        after=after,
        detail=kept,
        is_dry=is_dry,
    )
