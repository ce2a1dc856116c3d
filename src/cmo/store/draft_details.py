"""One draft with everything it rests on: evidence, findings, versions, approval, score."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.draft import Approval, Fact, Finding, Personalisation, Sentence
from cmo.domain.lead import Score, ScorePart
from cmo.errors import JobNotFound
from cmo.store.db import Connection
from cmo.store.draft_views import DRAFT_ROW, DraftRow, draft_row


class Claim(Frozen):
    """One sentence and what it rests on."""

    sentence: Sentence
    evidence: tuple[Fact, ...]
    missing: tuple[str, ...]
    """Names of cited facts that are not on record."""


class VersionLine(Frozen):
    """One version of a draft."""

    version: int
    subject: str
    body: str
    made_by: str
    why: str
    """render, edit, redo or needs_info."""
    made_at: datetime


class DraftDetail(Frozen):
    """Everything there is to know about a draft."""

    row: DraftRow
    first_name: str
    email_class: str
    country: str | None
    time_zone: str | None
    lead_number: int
    template: str
    template_version: str
    reason: str
    """Of the last decision."""
    body: str
    claims: tuple[Claim, ...]
    findings: tuple[Finding, ...]
    approval: Approval | None
    personalisation: Personalisation
    score_parts: tuple[ScorePart, ...]
    others: tuple[DraftRow, ...]
    """Drafts of the job for other people at the same organisation."""
    earlier_at_org: int
    """How many of them are before this one."""
    outbox_state: str | None
    """How far it has been handed over, or None."""


def get_draft(conn: Connection, draft_id: int, *, now: datetime) -> DraftDetail:
    """A draft with its evidence.

    Raises:
        JobNotFound: it is gone, with its job.
    """
    row = conn.execute(
        f"{DRAFT_ROW.replace(' FROM drafts d', ', d.* FROM drafts d')} WHERE d.id = :id",
        {"id": draft_id, "now": now.isoformat()},
    ).fetchone()
    if row is None:
        raise JobNotFound(f"There is no draft {draft_id}.", hint="cmo drafts list")
    person = _personalisation(conn, row["job_id"], row["login_key"])
    outbox = conn.execute(
        "SELECT state FROM outbox WHERE email_key = ? AND draft_id = ? ORDER BY id DESC", (row["email_key"], draft_id)
    ).fetchone()
    return DraftDetail(
        row=draft_row(row),
        first_name=row["first_name"],
        email_class=row["email_class"],
        country=row["country"],
        time_zone=row["time_zone"],
        lead_number=row["lead_number"],
        template=row["template"],
        template_version=row["template_version"],
        reason=row["reason"],
        body=row["body"],
        claims=_claims(conn, draft_id, row["version"], person),
        findings=_findings(conn, draft_id),
        approval=_approval(conn, row["approval_id"]),
        personalisation=person,
        score_parts=_score_parts(conn, row["job_id"], row["login_key"]),
        others=_others(conn, row, now),
        earlier_at_org=_earlier(conn, row),
        outbox_state=outbox["state"] if outbox else None,
    )


def draft_versions(conn: Connection, draft_id: int) -> list[VersionLine]:
    """Every version, the oldest first."""
    rows = conn.execute("SELECT * FROM draft_versions WHERE draft_id = ? ORDER BY version", (draft_id,))
    return [
        VersionLine(
            version=row["version"],
            subject=row["subject"],
            body=row["body"],
            made_by=row["made_by"],
            why=row["why"],
            made_at=datetime.fromisoformat(row["made_at"]),
        )
        for row in rows
    ]


def _personalisation(conn: Connection, job_id: str, login_key: str) -> Personalisation:
    sql = "SELECT doc FROM personalisations WHERE job_id = ? AND login_key = ?"
    return Personalisation.model_validate_json(conn.execute(sql, (job_id, login_key)).fetchone()["doc"])


def _claims(conn: Connection, draft_id: int, version: int, person: Personalisation) -> tuple[Claim, ...]:
    facts = {fact.name: fact for fact in person.facts}
    sql = "SELECT sentences FROM draft_versions WHERE draft_id = ? AND version = ?"
    found = conn.execute(sql, (draft_id, version)).fetchone()
    sentences = [Sentence.model_validate(item) for item in json.loads(found["sentences"])] if found else []
    return tuple(
        Claim(
            sentence=sentence,
            evidence=tuple(facts[name] for name in sentence.facts if name in facts),
            missing=tuple(name for name in sentence.facts if name not in facts),
        )
        for sentence in sentences
    )


def _findings(conn: Connection, draft_id: int) -> tuple[Finding, ...]:
    rows = conn.execute(
        "SELECT check_name, flag, severity, message FROM findings WHERE draft_id = ? ORDER BY severity, n", (draft_id,)
    )
    return tuple(
        Finding(check=row["check_name"], flag=row["flag"], severity=row["severity"], message=row["message"])
        for row in rows
    )


def _approval(conn: Connection, approval_id: int | None) -> Approval | None:
    row = conn.execute("SELECT * FROM approvals WHERE id = ? AND revoked_at IS NULL", (approval_id,)).fetchone()
    if row is None:
        return None
    return Approval(
        id=row["id"],
        draft_id=row["draft_id"],
        version=row["version"],
        content_hash=row["content_hash"],
        by=row["by_whom"],
        at=datetime.fromisoformat(row["at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        batch_id=row["batch_id"],
        rule=row["rule"],
    )


def _score_parts(conn: Connection, job_id: str, login_key: str) -> tuple[ScorePart, ...]:
    sql = "SELECT score_doc FROM candidates WHERE job_id = ? AND login_key = ?"
    row = conn.execute(sql, (job_id, login_key)).fetchone()
    return Score.model_validate_json(row["score_doc"]).parts if row and row["score_doc"] else ()


def _others(conn: Connection, row: Any, now: datetime) -> tuple[DraftRow, ...]:
    if not row["company_key"]:
        return ()
    values = {"job": row["job_id"], "key": row["company_key"], "login": row["login_key"], "now": now.isoformat()}
    found = conn.execute(
        f"{DRAFT_ROW} WHERE d.job_id = :job AND d.company_key = :key AND d.login_key <> :login ORDER BY d.id LIMIT 10",
        values,
    )
    return tuple(draft_row(other) for other in found)


def _earlier(conn: Connection, row: Any) -> int:
    found = conn.execute(
        "SELECT COUNT(DISTINCT login_key) FROM drafts WHERE job_id = ? AND company_key = ? AND company_key <> ''"
        " AND lead_number < ?",
        (row["job_id"], row["company_key"], row["lead_number"]),
    )
    return int(found.fetchone()[0])
