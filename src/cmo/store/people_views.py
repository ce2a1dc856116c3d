"""Read-only queries on people for the front ends: lists and exports."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from cmo.domain.filters import Term
from cmo.domain.lead import LeadRow
from cmo.domain.outcome import LeadStatus, Outcome
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
from cmo.store.db import Connection
from cmo.store.pages import COMPANY, LEAD_ROWS, STATUS, lead_from_row

LEAD_FIELDS = {
    "score": "a number, e.g. score>=80",
    "label": "hot, warm or cold",
    "state": "accepted, held or rejected; who was merged has no row: cmo leads why LOGIN",
    "email": "none, published, commit, imported or inbound",
    "mx": "ok, risky, invalid or unknown",
    "org": "part of a company's name",
    "repo": "part of a repository's name",
    "location": "part of a place",
    "role": "maintainer or contributor",
    "flag": "hold",
    "status": "new, qualified, needs_info, disqualified, contacted, meeting_booked, closed_won or closed_lost",
    "outcome": "none, booked_demo, no_response, disqualified, closed_won or closed_lost",
}
LEAD_VALUES: dict[str, tuple[str, ...]] = {
    "score": (),
    "label": ("hot", "warm", "cold"),
    "state": ("accepted", "held", "hold", "rejected"),
    "email": ("none", "published", "commit", "imported", "inbound"),
    "mx": ("ok", "risky", "invalid", "unknown"),
    "role": ("maintainer", "contributor"),
    "flag": ("hold", "held"),
    "status": tuple(status.lower() for status in LeadStatus),
    "outcome": ("none", *Outcome),
}
"""Fields that take these values only; none: whole numbers."""
LEAD_SORTS = {
    "score": "c.score DESC, c.n",
    "login": "c.login_key",
    "number": "l.number IS NULL, l.number",
    "found": "c.n",
    "org": f"{COMPANY}, c.score DESC, c.n",
}


def count_leads(conn: Connection, job_id: str, *, terms: tuple[Term, ...] = ()) -> int:
    """How many scored people of the job meet all `terms`."""
    where, values = _where(terms)
    return int(conn.execute(f"SELECT COUNT(*){_scored(where)}", (job_id, *values)).fetchone()[0])


def page_leads(
    conn: Connection,
    job_id: str,
    *,
    terms: tuple[Term, ...] = (),
    sort: str = "score",
    limit: int = 50,
    offset: int = 0,
) -> list[LeadRow]:
    """Scored people of the job that meet all `terms`, from `offset`.

    Args:
        sort: One of `LEAD_SORTS`.
    """
    where, values = _where(terms)
    order = LEAD_SORTS[sort]
    picked = f"SELECT c.rowid{_scored(f'{where} ORDER BY {order}')} LIMIT ? OFFSET ?"
    rows = conn.execute(f"{LEAD_ROWS} WHERE c.rowid IN ({picked}) ORDER BY {order}", (job_id, *values, limit, offset))
    return [lead_from_row(row) for row in rows]


def _scored(rest: str) -> str:
    """The scored people of a job, joined only with what `rest` asks for: without it an index is all that is read."""
    joins = ""
    if "l." in rest or "v." in rest:
        joins += " LEFT JOIN leads l ON l.job_id = c.job_id AND l.login_key = c.login_key"
    if "v." in rest:
        joins += " LEFT JOIN verdicts v ON v.email = l.email"
    return f" FROM candidates c{joins} WHERE c.job_id = ? AND c.score IS NOT NULL{rest}"


def iter_leads(
    conn: Connection, job_id: str, *, terms: tuple[Term, ...] = (), logins: Collection[str] | None = None
) -> Iterator[LeadRow]:
    """Accepted leads that are not suppressed and meet all `terms`, in order of acceptance, one at a time.

    Args:
        logins: Only these; None: all.
    """
    where, values = _where(terms)
    if logins is not None:
        where += " AND l.login_key IN (SELECT value FROM json_each(?))"
        values.append(json.dumps([login.lower() for login in logins]))
    rows = conn.execute(
        f"{LEAD_ROWS} WHERE l.job_id = ? AND {CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED}{where} ORDER BY l.number",
        (job_id, *values),
    )
    yield from (lead_from_row(row) for row in rows)


def not_exported(conn: Connection, job_id: str) -> dict[str, int]:
    """Why people of the job are in no export -> how many; each counts once."""
    rows = conn.execute(
        f"SELECT CASE WHEN NOT {CANDIDATE_ALLOWED} OR (l.email IS NOT NULL AND NOT ({EMAIL_ALLOWED})) THEN 'suppressed'"
        " WHEN c.state = 'merged' THEN 'merged' WHEN c.state = 'rejected' AND c.profile IS NULL THEN 'gone'"
        " WHEN c.state = 'rejected' AND c.email_state = 'missing' THEN 'no address'"
        " WHEN c.state = 'rejected' THEN 'rejected' WHEN c.state = 'found' THEN 'not scored yet' ELSE '' END AS why,"
        " COUNT(*) AS count FROM candidates c"
        " LEFT JOIN leads l ON l.job_id = c.job_id AND l.login_key = c.login_key"
        " LEFT JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email"
        " WHERE c.job_id = ? GROUP BY why ORDER BY count DESC, why",
        (job_id,),
    )
    return {row["why"]: row["count"] for row in rows if row["why"]}


def _where(terms: tuple[Term, ...]) -> tuple[str, list[Any]]:
    sql, values = "", []
    for term in terms:
        clause, value = _clause(term)
        sql += f" AND {'NOT ' if term.negated else ''}COALESCE(({clause}), 0)"
        values.extend(value)
    return sql, values


def _clause(term: Term) -> tuple[str, list[Any]]:
    value = term.value.lower()
    like = "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    match term.field:
        case "score":
            operator = "=" if term.operator == ":" else term.operator
            return f"c.score {operator} ?", [int(value) if value.isdecimal() and len(value) <= 9 else -1]
        case "label":
            return "lower(json_extract(c.score_doc, '$.label')) = ?", [value]
        case "state" | "flag" if value in ("held", "hold"):
            return "l.held = 1", []
        case "state":
            return "c.state = ?", [value]
        case "email" if value == "none":
            return "c.email_state = 'missing'", []
        case "email":
            return "l.email_class = ?", [value]
        case "mx":
            return "v.state = ?", [value]
        case "org":
            return "lower(json_extract(c.profile, '$.company')) LIKE ? ESCAPE '\\'", [like]
        case "location":
            return "lower(json_extract(c.profile, '$.location')) LIKE ? ESCAPE '\\'", [like]
        case "status":
            return f"{STATUS} = ?", [value.upper()]
        case "outcome":
            return "c.outcome IS ?", [None if value == "none" else value]
        case "role":
            return "c.role = ?", [value]
        case "repo":
            return (
                "EXISTS (SELECT 1 FROM candidate_repos r JOIN repos p ON p.job_id = r.job_id AND p.id = r.repo_id"
                " WHERE r.job_id = c.job_id AND r.login_key = c.login_key AND lower(p.full_name) LIKE ? ESCAPE '\\')",
                [like],
            )
        case _:
            return "(c.login_key LIKE ? ESCAPE '\\' OR lower(c.profile) LIKE ? ESCAPE '\\')", [like, like]
