"""What the screen of leads shows besides the leads: how many there are, how far each came, who else is with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from cmo.domain.base import Frozen
from cmo.domain.company import name_key
from cmo.domain.lead import LeadRow, ScoreLabel
from cmo.domain.outcome import Outcome
from cmo.store.allowed import LEFT
from cmo.store.db import Connection
from cmo.store.pages import COMPANY
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_suppressed

MOST_OTHERS = 10

Stage = Literal["rejected", "held", "accepted", "draft", "approved", "declined", "expired", "in outbox", "sent"]

_OF_DRAFTS: Mapping[str, Stage] = {
    "pending": "draft", "approved": "approved", "rejected": "declined", "expired": "expired",
}  # fmt: skip


_ACCEPTED = "SELECT COUNT(*) FROM leads WHERE job_id = :job"
_ENDED = "SELECT COUNT(*) FROM candidates WHERE job_id = :job"
_TOTALS = f"""SELECT (SELECT COUNT(*) FROM candidates WHERE job_id = :job AND score IS NOT NULL) AS scored,
 ({_ACCEPTED}) AS accepted, ({_ACCEPTED} AND label = '{ScoreLabel.HOT}') AS hot,
 ({_ACCEPTED} AND label = '{ScoreLabel.WARM}') AS warm, ({_ACCEPTED} AND label = '{ScoreLabel.COLD}') AS cold,
 (SELECT COUNT(DISTINCT email_key) FROM outbox WHERE job_id = :job AND state IN {LEFT} AND draft_id IS NOT NULL)
 AS contacted, ({_ENDED} AND outcome = '{Outcome.BOOKED_DEMO}') AS booked,
 ({_ENDED} AND outcome = '{Outcome.CLOSED_WON}') AS won"""


class LeadTotals(Frozen):
    """People of a job, counted."""

    scored: int
    accepted: int
    hot: int
    """Of the accepted; `warm` and `cold` too."""
    warm: int
    cold: int
    contacted: int
    """To whom a mail of the job left, or may have."""
    booked: int
    """Whose outcome is a meeting, now."""
    won: int


class Standing(Frozen):
    """How far a person came, and what keeps them."""

    stage: Stage
    draft_id: int | None
    """The newest draft for them."""
    suppressed: str = ""
    """Why they must never be contacted; empty where they may be."""
    on_hold: str = ""
    """Why nothing leaves to them, or to anybody at their organisation, until it is lifted."""


def lead_totals(conn: Connection, job_id: str) -> LeadTotals:
    """The line above the list: one query, each number from an index."""
    row = conn.execute(_TOTALS, {"job": job_id}).fetchone()
    return LeadTotals(**dict(row))


def standings(conn: Connection, job_id: str, leads: Sequence[LeadRow]) -> dict[str, Standing]:
    """Login -> how far they came, of one page of leads."""
    rows = conn.execute(
        "SELECT d.login_key, d.id, d.state, d.company_key, (SELECT MAX(o.state IN ('claimed', 'confirmed', 'unknown'))"
        " FROM outbox o WHERE o.draft_id = d.id) AS is_sent FROM json_each(?2) k CROSS JOIN drafts d"
        " ON d.job_id = ?1 AND d.login_key = k.value ORDER BY d.id",
        (job_id, json.dumps([lead.login.lower() for lead in leads])),
    )
    drafts = {row["login_key"]: row for row in rows}
    companies = {row["login_key"]: row["company_key"] for row in drafts.values()}
    suppressed = find_suppressed(
        conn,
        {
            n: Recipient(
                email=lead.email or "",
                login=lead.login.lower(),
                account=companies.get(lead.login.lower(), ""),
                company=lead.company or "",
            )
            for n, lead in enumerate(leads)
        },
        secret=None,
    )
    names = {lead.login: (name_key(lead.company or ""), companies.get(lead.login.lower(), "")) for lead in leads}
    holds = _holds(conn, {name for both in names.values() for name in both})
    found = {}
    for n, lead in enumerate(leads):
        draft, entry = drafts.get(lead.login.lower()), suppressed.get(n)
        found[lead.login] = Standing(
            stage=_stage(lead, draft["state"] if draft else None, draft["is_sent"] if draft else None),
            draft_id=draft["id"] if draft else None,
            suppressed=entry.reason if entry else "",
            on_hold=next((holds[name] for name in names[lead.login] if name in holds), ""),
        )
    return found


def colleagues(conn: Connection, job_id: str, lead: LeadRow) -> list[tuple[str, int]]:
    """(login, score) of others who name the same organisation, the best first."""
    company = (lead.company or "").lstrip("@ ")
    if not company:
        return []
    rows = conn.execute(
        f"SELECT c.login, c.score FROM candidates c WHERE c.job_id = ? AND c.score IS NOT NULL AND {COMPANY} = lower(?)"
        " AND c.login <> ? ORDER BY c.score DESC, c.n LIMIT ?",
        (job_id, company, lead.login, MOST_OTHERS),
    )
    return [(row["login"], row["score"]) for row in rows]


def count_at_domain(conn: Connection, job_id: str, domain: str) -> int:
    """People of the job with an address at `domain`, or below it; reads all addresses of the job."""
    found = conn.execute(
        "SELECT COUNT(DISTINCT e.login_key) FROM emails e, json_each(e.domains) d WHERE e.job_id = ? AND d.value = ?",
        (job_id, domain),
    )
    return int(found.fetchone()[0])


def _stage(lead: LeadRow, draft: str | None, is_sent: int | None) -> Stage:
    if is_sent is not None:
        return "sent" if is_sent else "in outbox"
    if draft is not None:
        return _OF_DRAFTS[draft]
    if not lead.accepted:
        return "rejected"
    return "held" if lead.held else "accepted"


def _holds(conn: Connection, companies: set[str]) -> dict[str, str]:
    """Company -> why nothing leaves to it."""
    rows = conn.execute(
        "SELECT value, reason FROM holds WHERE kind = 'account' AND value IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(companies)),),
    )
    return {row["value"]: row["reason"] for row in rows}
