"""Everything about one person: why they were accepted or not, where their addresses are from, what happened since."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.company import company_key, name_key
from cmo.domain.event import KINDS, LeadNoted, SaidOfLead
from cmo.domain.event_words import said_words
from cmo.domain.lead import LeadRow, MxVerdict, PersonRef, Score
from cmo.domain.outcome import LeadStatus, Outcome
from cmo.domain.suppression import SuppressionKind
from cmo.store.db import Connection
from cmo.store.events import recorded_from_row
from cmo.store.outbox_views import DraftLine, WriteLine, drafts_of_person, writes_of_person
from cmo.store.pages import LEAD_ROWS, STATUS, lead_from_row
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_erased, find_suppressed

_SAID = frozenset(kind for kind, made in KINDS.items() if issubclass(made, SaidOfLead))


class AddressLine(Frozen):
    """One address of a person, where it comes from, and what was found out about it."""

    email: str
    email_class: str
    source_url: str
    seen_at: datetime
    evidence: str
    verdict: MxVerdict | None


class NoteLine(Frozen):
    """What an operator wrote down about a person."""

    at: datetime
    by: str
    text: str


class WhyLead(Frozen):
    """Every gate a person passed or failed."""

    login: str
    state: str
    decision: str
    lead: LeadRow | None
    score: Score | None
    seen_on: tuple[PersonRef, ...]
    addresses: tuple[AddressLine, ...]
    suppressed: str | None
    merged_into: str | None
    timeline: tuple[tuple[datetime, str], ...]
    drafts: tuple[DraftLine, ...] = ()
    """Mails written for the person, with their approvals."""
    writes: tuple[WriteLine, ...] = ()
    """What left for the person, or waits, with every no of the gate."""
    status: LeadStatus = LeadStatus.NEW
    outcome: Outcome | None = None
    notes: tuple[NoteLine, ...] = ()
    """The oldest first; they are in the time line too."""


def lead_why(conn: Connection, job_id: str, name: str) -> WhyLead | None:
    """Why the person with login or address `name` was accepted, held, rejected or dropped; None if unknown."""
    known = f"SELECT c.*, {STATUS} AS status_now FROM candidates c"
    row = (
        conn.execute(f"{known} WHERE c.job_id = ? AND c.login_key = ?", (job_id, name.lower())).fetchone()
        or conn.execute(
            f"SELECT c.*, {STATUS} AS status_now FROM emails e JOIN candidates c ON c.job_id = e.job_id"
            " AND c.login_key = e.login_key"
            " WHERE e.job_id = ? AND lower(e.email) = ? LIMIT 1",
            (job_id, name.lower()),
        ).fetchone()
    )
    if row is None:
        return _dropped(conn, job_id, name)
    key = row["login_key"]
    lead = None
    if row["score"] is not None:
        sql = f"{LEAD_ROWS} WHERE c.job_id = ? AND c.login_key = ?"
        lead = lead_from_row(conn.execute(sql, (job_id, key)).fetchone())
    suppressed = _suppressed(conn, row)
    state = "held" if lead is not None and lead.held else row["state"]
    if suppressed is not None and (lead is None or not lead.accepted):
        state = "suppressed"
    refs = conn.execute(
        "SELECT ref FROM candidate_repos WHERE job_id = ? AND login_key = ? ORDER BY contributions DESC, repo_id",
        (job_id, key),
    )
    return WhyLead(
        login=row["login"],
        state=state,
        decision=row["reason"] or suppressed or "not scored yet",
        lead=lead,
        score=Score.model_validate_json(row["score_doc"]) if row["score_doc"] else None,
        seen_on=tuple(PersonRef.model_validate_json(r["ref"]) for r in refs),
        addresses=_addresses(conn, job_id, key),
        suppressed=suppressed,
        merged_into=row["merged_into"],
        timeline=_timeline(conn, job_id, key),
        drafts=drafts_of_person(conn, job_id, key),
        writes=writes_of_person(conn, job_id, key),
        status=LeadStatus(row["status_now"]),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        notes=_notes(conn, job_id, key),
    )


def _dropped(conn: Connection, job_id: str, name: str) -> WhyLead | None:
    row = conn.execute("SELECT * FROM drops WHERE job_id = ? AND login_key = ?", (job_id, name.lower())).fetchone()
    if row is None:
        return None
    detail = f": {row['detail']}" if row["detail"] else ""
    return WhyLead(
        login=row["login"],
        state="dropped",
        decision=f"dropped when seen on {row['from_repo']} ({row['reason']}{detail})",
        lead=None,
        score=None,
        seen_on=(),
        addresses=(),
        suppressed=None,
        merged_into=None,
        timeline=(),
    )


def _addresses(conn: Connection, job_id: str, key: str) -> tuple[AddressLine, ...]:
    rows = conn.execute(
        "SELECT e.*, v.state, v.reason, v.flags, v.checked_at FROM emails e LEFT JOIN verdicts v ON v.email = e.email"
        " WHERE e.job_id = ? AND e.login_key = ? ORDER BY e.rank",
        (job_id, key),
    )
    lines = []
    for row in rows:
        verdict = None
        if row["state"] is not None:
            verdict = MxVerdict(
                email=row["email"],
                state=row["state"],
                reason=row["reason"],
                flags=tuple(json.loads(row["flags"])),
                checked_at=datetime.fromisoformat(row["checked_at"]),
            )
        lines.append(
            AddressLine(
                email=row["email"],
                email_class=row["email_class"],
                source_url=row["source_url"],
                seen_at=datetime.fromisoformat(row["seen_at"]),
                evidence=row["evidence"],
                verdict=verdict,
            )
        )
    return tuple(lines)


def _suppressed(conn: Connection, candidate: Any) -> str | None:
    """Why the person must not be contacted, under any of their names or as somebody who was erased."""
    key = candidate["login_key"]
    company = (json.loads(candidate["profile"]).get("company") if candidate["profile"] else None) or ""
    rows = conn.execute(
        "SELECT email, email_key FROM emails WHERE job_id = ? AND login_key = ? ORDER BY rank",
        (candidate["job_id"], key),
    ).fetchall()
    people = [Recipient("", key, name_key(company), company)]
    people += [Recipient(row["email"], key, company_key(company, row["email"]), company) for row in rows]
    found = find_suppressed(conn, dict(enumerate(people)), secret=None)
    names = [(SuppressionKind.LOGIN, key), *((SuppressionKind.EMAIL, row["email_key"]) for row in rows)]
    entry = next(iter(found.values()), None) or find_erased(conn, names)
    return None if entry is None else f"{entry.reason} ({entry.source})"


def _timeline(conn: Connection, job_id: str, key: str) -> tuple[tuple[datetime, str], ...]:
    rows = conn.execute("SELECT * FROM events WHERE subject = ? AND job_id = ? ORDER BY seq", (key, job_id))
    return tuple((datetime.fromisoformat(row["at"]), _happened(row)) for row in rows)


def _notes(conn: Connection, job_id: str, key: str) -> tuple[NoteLine, ...]:
    rows = conn.execute(
        "SELECT * FROM events WHERE subject = ? AND job_id = ? AND kind = 'lead_noted' ORDER BY seq", (key, job_id)
    )
    told = ((recorded.at, recorded.event) for recorded in map(recorded_from_row, rows))
    return tuple(NoteLine(at=at, by=note.by, text=note.text) for at, note in told if isinstance(note, LeadNoted))


def _happened(row: Any) -> str:
    """An event of a time line; what the operator said is told in full."""
    event = recorded_from_row(row).event if row["kind"] in _SAID else None
    if isinstance(event, SaidOfLead):
        return said_words(event)
    return str(row["kind"]).replace("_", " ")
