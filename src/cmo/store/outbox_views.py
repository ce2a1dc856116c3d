"""Read-only queries on the outbox for the front ends: its rows, and everything that was decided on a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.filters import Term
from cmo.domain.policy import RULES
from cmo.store.db import Connection

OUTBOX_FIELDS = {
    "state": "planned, claimed, confirmed, failed, unknown or held",
    "op": "part of an operation, such as send, enrol, person or attio",
    "due": "now or later; or minutes, e.g. due<=15",
    "rule": "the gate's rule that said no, such as window",
    "inbox": "part of the address it leaves from",
}
OUTBOX_VALUES: dict[str, tuple[str, ...]] = {
    "state": ("planned", "claimed", "confirmed", "failed", "unknown", "held"),
    "rule": tuple(RULES),
}


class OutboxRow(Frozen):
    """One write to the outside."""

    id: int
    job_id: str
    operation: str
    who: str
    """A login; the title of a ticket, the domain of a company."""
    email: str
    sender: str
    """Whom a mail is from; the inbox that it leaves by is known once it was taken up."""
    state: str
    is_held: bool
    due_at: datetime
    inbox: str | None
    attempts: int
    claimed_at: datetime | None
    settled_at: datetime | None
    provider_id: str | None
    effect: str | None
    rule: str | None
    """The rule of the gate that said no last, while it waits or once it is over."""
    reason: str
    bounced: bool
    payload: str
    draft_id: int | None


_WHO = (
    "COALESCE((SELECT d.login FROM drafts d WHERE d.id = o.draft_id), (SELECT c.login FROM emails e JOIN candidates c"
    " ON c.job_id = e.job_id AND c.login_key = e.login_key WHERE e.job_id = o.job_id AND e.email_key = o.email_key"
    " LIMIT 1), json_extract(o.payload, '$.title'), '')"
)
_LAST_NO = (
    "(SELECT x.{} FROM decisions x WHERE x.outbox_id = o.id AND o.state IN ('planned', 'failed')"
    " ORDER BY x.at_s DESC LIMIT 1)"
)
"""What the gate said no by last, while it waits or once it is over."""
_ROW = (
    f"SELECT o.*, {_WHO} AS who, COALESCE(json_extract(o.payload, '$.to_email'), json_extract(o.payload, '$.email'),"
    f" '') AS email, COALESCE(json_extract(o.payload, '$.from_email'), '') AS sender,"
    f" {_LAST_NO.format('rule')} AS rule, {_LAST_NO.format('message')} AS message, EXISTS (SELECT 1"
    " FROM deliveries v WHERE v.outbox_id = o.id AND v.kind = 'bounce') AS bounced FROM outbox o"
)
_ORDER = "o.state IN ('confirmed', 'failed'), o.due_s, o.id"


def list_outbox(
    conn: Connection,
    *,
    now: datetime,
    job_id: str | None = None,
    terms: Sequence[Term] = (),
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[OutboxRow], int]:
    """A page of the outbox, and how many rows there are in all."""
    found = page_outbox(conn, now=now, job_id=job_id, terms=terms, limit=limit, offset=offset)
    return found, count_outbox(conn, now=now, job_id=job_id, terms=terms)


def page_outbox(
    conn: Connection,
    *,
    now: datetime,
    job_id: str | None = None,
    terms: Sequence[Term] = (),
    limit: int,
    offset: int = 0,
) -> list[OutboxRow]:
    """Rows that meet all `terms`, those still to come first."""
    where, values = _where(job_id, terms, now)
    rows = conn.execute(
        f"{_ROW} WHERE o.id IN (SELECT o.id FROM outbox o WHERE {where} ORDER BY {_ORDER} LIMIT ? OFFSET ?)"
        f" ORDER BY {_ORDER}",
        (*values, limit, offset),
    )
    return [_outbox_row(row) for row in rows]


def count_outbox(conn: Connection, *, now: datetime, job_id: str | None = None, terms: Sequence[Term] = ()) -> int:
    """How many rows meet all `terms`."""
    where, values = _where(job_id, terms, now)
    return int(conn.execute(f"SELECT COUNT(*) FROM outbox o WHERE {where}", values).fetchone()[0])


def count_held_for_person(conn: Connection, job_id: str) -> int:
    """Writes of the job that may have happened, and of which only a person can say so."""
    sql = "SELECT COUNT(*) FROM outbox WHERE job_id = ? AND state = 'unknown' AND is_held = 1"
    return int(conn.execute(sql, (job_id,)).fetchone()[0])


def _where(job_id: str | None, terms: Sequence[Term], now: datetime) -> tuple[str, list[Any]]:
    where, values = "1", list[Any]()
    if job_id is not None:
        where, values = "o.job_id = ?", [job_id]
    for term in terms:
        clause, more = _clause(term, now)
        where += f" AND {'NOT ' if term.negated else ''}COALESCE(({clause}), 0)"
        values += more
    return where, values


def find_rows(conn: Connection, ids: Sequence[int]) -> list[OutboxRow]:
    """The rows with these numbers, in order; those that are not there are left out."""
    rows = conn.execute(
        f"{_ROW} WHERE o.id IN (SELECT value FROM json_each(?)) ORDER BY o.id", (json.dumps(list(ids)),)
    )
    return [_outbox_row(row) for row in rows]


class Parent(Frozen):
    """The write that another one comes after."""

    key: str
    provider_id: str | None


def parents_of(conn: Connection, job_id: str) -> dict[int, Parent]:
    """Row of the job -> what it comes after."""
    rows = conn.execute(
        "SELECT o.id, a.key, a.provider_id FROM outbox o JOIN outbox a ON a.id = o.after_id WHERE o.job_id = ?",
        (job_id,),
    )
    return {row["id"]: Parent(key=row["key"], provider_id=row["provider_id"]) for row in rows}


def _clause(term: Term, now: datetime) -> tuple[str, list[Any]]:
    value = term.value.lower()
    match term.field:
        case "state" if value == "held":
            return "o.is_held = 1", []
        case "state":
            return "o.state = ?", [value]
        case "op":
            return "instr(lower(o.operation), ?) > 0", [value]
        case "due" if value in ("now", "later"):
            return f"o.state = 'planned' AND o.due_s {'<=' if value == 'now' else '>'} ?", [now.timestamp()]
        case "due":
            operator = "<=" if term.operator == ":" else term.operator
            minutes = int(value) if value.isdecimal() and len(value) <= 9 else 0
            return f"o.state = 'planned' AND o.due_s {operator} ?", [now.timestamp() + 60 * minutes]
        case "rule":
            return f"{_LAST_NO.format('rule')} = ?", [value]
        case "inbox":
            return "instr(lower(o.inbox), ?) > 0", [value]
        case _:
            return f"instr(lower({_WHO}), ?) > 0", [value]


def _outbox_row(row: Any) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        job_id=row["job_id"],
        operation=row["operation"],
        who=row["who"],
        email=row["email"],
        sender=row["sender"],
        state=row["state"],
        is_held=bool(row["is_held"]),
        due_at=moment(row["due_s"]),
        inbox=row["inbox"],
        attempts=row["attempts"],
        claimed_at=maybe(row["claimed_s"]),
        settled_at=maybe(row["settled_s"]),
        provider_id=row["provider_id"],
        effect=row["effect"],
        rule=row["rule"],
        reason=row["message"] or row["reason"] or _WAITS.get((row["state"], bool(row["is_held"])), ""),
        bounced=bool(row["bounced"]),
        payload=row["payload"],
        draft_id=row["draft_id"],
    )


_WAITS = {
    ("planned", True): "is held; cmo outbox release lets it go",
    ("planned", False): "waits for its time, then for the next cmo send",
    ("claimed", False): "is leaving right now",
}
"""(state, is held) -> why a row has not left, where nobody gave another reason."""


class DecisionLine(Frozen):
    """A no of the gate, or a look-up without an answer."""

    rule: str
    message: str
    at: datetime
    retry_at: datetime | None
    times: int


class WriteLine(Frozen):
    """One write about a person, with everything that was decided on it."""

    id: int
    job_id: str
    operation: str
    state: str
    is_held: bool
    due_at: datetime
    attempts: int
    provider_id: str | None
    reason: str
    decisions: tuple[DecisionLine, ...]


class DraftLine(Frozen):
    """One draft for a person, and the approval that holds or held."""

    id: int
    step: str
    state: str
    version: int
    approved_by: str | None
    approved_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


def drafts_of_person(conn: Connection, job_id: str, login_key: str) -> tuple[DraftLine, ...]:
    """The person's drafts in the job, each with its newest approval."""
    rows = conn.execute(
        "SELECT d.id, d.step, d.state, d.version, a.by_whom, a.at, a.expires_at, a.revoked_at FROM drafts d"
        " LEFT JOIN approvals a ON a.id = (SELECT MAX(id) FROM approvals WHERE draft_id = d.id)"
        " WHERE d.job_id = ? AND d.login_key = ? ORDER BY d.id",
        (job_id, login_key),
    )
    return tuple(
        DraftLine(
            id=row["id"],
            step=row["step"],
            state=row["state"],
            version=row["version"],
            approved_by=row["by_whom"],
            approved_at=row["at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    )


def writes_of_person(conn: Connection, job_id: str, login_key: str) -> tuple[WriteLine, ...]:
    """What left, or waits, for any of the person's addresses; mails of other jobs too."""
    rows = conn.execute(
        "SELECT o.* FROM outbox o WHERE o.email_key IN (SELECT email_key FROM emails WHERE job_id = ?1 AND"
        " login_key = ?2 UNION SELECT email_key FROM drafts WHERE job_id = ?1 AND login_key = ?2)"
        " AND (o.job_id = ?1 OR o.draft_id IS NOT NULL) ORDER BY o.id",
        (job_id, login_key),
    ).fetchall()
    decided: dict[int, list[DecisionLine]] = {row["id"]: [] for row in rows}
    for line in conn.execute(
        "SELECT * FROM decisions WHERE outbox_id IN (SELECT value FROM json_each(?)) ORDER BY at_s",
        (json.dumps(list(decided)),),
    ):
        decided[line["outbox_id"]].append(
            DecisionLine(
                rule=line["rule"],
                message=line["message"],
                at=moment(line["at_s"]),
                retry_at=maybe(line["retry_s"]),
                times=line["times"],
            )
        )
    return tuple(
        WriteLine(
            id=row["id"],
            job_id=row["job_id"],
            operation=row["operation"],
            state=row["state"],
            is_held=bool(row["is_held"]),
            due_at=moment(row["due_s"]),
            attempts=row["attempts"],
            provider_id=row["provider_id"],
            reason=row["reason"] or "",
            decisions=tuple(decided[row["id"]]),
        )
        for row in rows
    )


def moment(seconds: float) -> datetime:
    """A time as the outbox keeps it."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe(seconds: float | None) -> datetime | None:
    """The same, where there is one."""
    return None if seconds is None else moment(seconds)
