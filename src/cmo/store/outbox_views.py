"""Read-only queries on the outbox for the front ends: lists, what came of a hand-over, what was decided on a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.filters import Term
from cmo.domain.policy import RULES
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
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

_WAITS_FOR_GATE = "EXISTS (SELECT 1 FROM decisions w WHERE w.outbox_id = o.id AND w.retry_s = o.due_s)"
"""The gate has said when it may be looked at again."""


class OutboxRow(Frozen):
    """One write to the outside."""

    id: int
    job_id: str
    operation: str
    who: str
    """A login; the title of a ticket."""
    email: str
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
    payload: str
    draft_id: int | None


_ROW = """SELECT o.*, COALESCE(d.login, (SELECT c.login FROM emails e JOIN candidates c ON c.job_id = e.job_id
 AND c.login_key = e.login_key WHERE e.job_id = o.job_id AND e.email_key = o.email_key LIMIT 1),
 json_extract(o.payload, '$.title'), '') AS who, COALESCE(json_extract(o.payload, '$.to_email'),
 json_extract(o.payload, '$.email'), '') AS email, w.rule, w.message FROM outbox o
 LEFT JOIN drafts d ON d.id = o.draft_id LEFT JOIN decisions w ON w.outbox_id = o.id AND w.at_s =
 (SELECT MAX(x.at_s) FROM decisions x WHERE x.outbox_id = o.id) AND o.state IN ('planned', 'failed')"""


def list_outbox(
    conn: Connection,
    *,
    now: datetime,
    job_id: str | None = None,
    terms: tuple[Term, ...] = (),
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[OutboxRow], int]:
    """Rows that meet all `terms`, those still to come first, and how many there are in all."""
    where, values = "1", list[Any]()
    if job_id is not None:
        where, values = "o.job_id = ?", [job_id]
    for term in terms:
        clause, more = _clause(term, now)
        where += f" AND {'NOT ' if term.negated else ''}COALESCE(({clause}), 0)"
        values += more
    total = conn.execute(f"SELECT COUNT(*) AS n FROM ({_ROW} WHERE {where} GROUP BY o.id)", values).fetchone()["n"]
    rows = conn.execute(
        f"{_ROW} WHERE {where} GROUP BY o.id ORDER BY o.state IN ('confirmed', 'failed'), o.due_s, o.id"
        " LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return [_outbox_row(row) for row in rows], total


def find_rows(conn: Connection, ids: Sequence[int]) -> list[OutboxRow]:
    """The rows with these numbers, in order; those that are not there are left out."""
    rows = conn.execute(
        f"{_ROW} WHERE o.id IN (SELECT value FROM json_each(?)) GROUP BY o.id ORDER BY o.id", (json.dumps(list(ids)),)
    )
    return [_outbox_row(row) for row in rows]


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
            return "w.rule = ?", [value]
        case "inbox":
            return "instr(lower(o.inbox), ?) > 0", [value]
        case _:
            return "instr(lower(who), ?) > 0", [value]


def _outbox_row(row: Any) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        job_id=row["job_id"],
        operation=row["operation"],
        who=row["who"],
        email=row["email"],
        state=row["state"],
        is_held=bool(row["is_held"]),
        due_at=_moment(row["due_s"]),
        inbox=row["inbox"],
        attempts=row["attempts"],
        claimed_at=_maybe(row["claimed_s"]),
        settled_at=_maybe(row["settled_s"]),
        provider_id=row["provider_id"],
        effect=row["effect"],
        rule=row["rule"],
        reason=row["message"] or row["reason"] or "",
        payload=row["payload"],
        draft_id=row["draft_id"],
    )


class MailRow(Frozen):
    """One approved draft of a job, or one that waits in the outbox, with its row there."""

    draft_id: int
    login: str
    org: str
    email: str
    score: int
    label: str
    """HOT, WARM or COLD."""
    step: str
    subject: str
    outbox_id: int | None
    state: str | None
    is_held: bool
    due_at: datetime | None
    waits_for: str | None
    """The rule whose later time it waits for."""
    reason: str


def mail_rows(conn: Connection, job_id: str) -> list[MailRow]:
    """The job's drafts that are approved or in the outbox, in the order of the outbox."""
    rows = conn.execute(
        "SELECT d.id, d.login, d.company, d.email, d.score, d.step, d.subject, o.id AS outbox_id, o.state, o.is_held,"
        " o.due_s, o.reason, w.rule, w.message, COALESCE(json_extract(c.score_doc, '$.label'), '') AS label"
        " FROM drafts d LEFT JOIN candidates c ON c.job_id = d.job_id AND c.login_key = d.login_key"
        " LEFT JOIN outbox o ON o.email_key = d.email_key AND o.draft_id = d.id"
        " LEFT JOIN decisions w ON w.outbox_id = o.id AND w.retry_s = o.due_s"
        " WHERE d.job_id = ? AND (d.state = 'approved' OR o.id IS NOT NULL)"
        " GROUP BY d.id, o.id ORDER BY o.id IS NULL, o.id, d.id",
        (job_id,),
    )
    return [
        MailRow(
            draft_id=row["id"],
            login=row["login"],
            org=row["company"],
            email=row["email"],
            score=row["score"],
            label=row["label"],
            step=row["step"],
            subject=row["subject"],
            outbox_id=row["outbox_id"],
            state=row["state"],
            is_held=bool(row["is_held"]),
            due_at=_maybe(row["due_s"]),
            waits_for=row["rule"],
            reason=row["message"] or row["reason"] or "",
        )
        for row in rows
    ]


def keys_taken(conn: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Keys that the outbox has -> in which job, since when, and how it stands."""
    rows = conn.execute(
        "SELECT key, job_id, state, claimed_s FROM outbox WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    return {
        row["key"]: f"job {row['job_id']}"
        + (f" on {_moment(row['claimed_s']):%Y-%m-%d}" if row["claimed_s"] else "")
        + f" ({row['state']})"
        for row in rows
    }


def left_out_of_crm(conn: Connection, job_id: str) -> list[tuple[str, str, str]]:
    """(login, rule, why) of leads whom the CRM is not told of."""
    allowed = f"({CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED})"
    rows = conn.execute(
        f"SELECT c.login, {allowed} AS allowed, e.email_class FROM leads l"
        " JOIN candidates c ON c.job_id = l.job_id AND c.login_key = l.login_key"
        " JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email"
        f" WHERE l.job_id = ? AND (l.held = 1 OR NOT {allowed}) ORDER BY l.number",
        (job_id,),
    )
    return [
        (row["login"], "hold", f"HOLD: the address is known by a {row['email_class']} only.")
        if row["allowed"]
        else (row["login"], "suppressed", "Must not be contacted.")
        for row in rows
    ]


def hold_ends(conn: Connection, job_id: str) -> datetime | None:
    """When the last of the job's mails that were never tried may leave; None where none waits for its hold to end."""
    row = conn.execute(
        "SELECT MAX(o.due_s) AS s FROM outbox o WHERE o.job_id = ? AND o.state = 'planned' AND o.is_held = 0"
        f" AND o.attempts = 0 AND o.draft_id IS NOT NULL AND NOT {_WAITS_FOR_GATE}",
        (job_id,),
    ).fetchone()
    return _maybe(row["s"])


class Standing(Frozen):
    """Where a job's mail stands."""

    drafts: dict[str, int]
    """State of drafts -> how many."""
    outbox: dict[str, int]
    """State of mails in the outbox -> how many; `held` apart from the rest."""


def mail_standing(conn: Connection, job_id: str) -> Standing:
    """Counts of the job's drafts and mails."""
    drafts = conn.execute("SELECT state, COUNT(*) AS n FROM drafts WHERE job_id = ? GROUP BY state", (job_id,))
    mails = conn.execute(
        "SELECT CASE WHEN is_held THEN 'held' ELSE state END AS state, COUNT(*) AS n FROM outbox WHERE job_id = ?"
        " AND draft_id IS NOT NULL GROUP BY 1",
        (job_id,),
    )
    return Standing(drafts={row["state"]: row["n"] for row in drafts}, outbox={row["state"]: row["n"] for row in mails})


class LeftRow(Frozen):
    """A write that has left, or may have, to be compared with what its provider has."""

    id: int
    key: str
    operation: str
    who: str
    state: str
    is_held: bool
    due_at: datetime
    """Of an unknown row: from when a late effect is no longer expected."""
    attempts: int
    payload: str
    sequence_id: str | None
    provider_id: str | None
    after_provider_id: str | None
    """What the provider called the write that came first."""


def operations_in_use(conn: Connection, job_id: str) -> list[str]:
    """The operations of the job's writes that were ever taken up."""
    rows = conn.execute("SELECT DISTINCT operation FROM outbox WHERE job_id = ? AND attempts > 0", (job_id,))
    return [row["operation"] for row in rows]


def left_rows(conn: Connection, job_id: str) -> list[LeftRow]:
    """The job's writes that were ever taken up and are not under way now, in order."""
    rows = conn.execute(
        "SELECT o.*, COALESCE(d.login, (SELECT c.login FROM emails e JOIN candidates c ON c.job_id = e.job_id"
        " AND c.login_key = e.login_key WHERE e.job_id = o.job_id AND e.email_key = o.email_key LIMIT 1), '') AS who,"
        " json_extract(o.payload, '$.sequence_id') AS sequence_id, a.provider_id AS after_provider_id FROM outbox o"
        " LEFT JOIN drafts d ON d.id = o.draft_id LEFT JOIN outbox a ON a.id = o.after_id WHERE o.job_id = ?"
        " AND (o.state IN ('confirmed', 'unknown') OR (o.state = 'planned' AND o.attempts > 0)) ORDER BY o.id",
        (job_id,),
    )
    return [
        LeftRow(
            id=row["id"],
            key=row["key"],
            operation=row["operation"],
            who=row["who"],
            state=row["state"],
            is_held=bool(row["is_held"]),
            due_at=_moment(row["due_s"]),
            attempts=row["attempts"],
            payload=row["payload"],
            sequence_id=row["sequence_id"],
            provider_id=row["provider_id"],
            after_provider_id=row["after_provider_id"],
        )
        for row in rows
    ]


class RuleCount(Frozen):
    """What one rule of the gate stops."""

    rule: str
    count: int
    message: str
    """Of one of them."""
    retry_at: datetime | None
    """The earliest."""


class CameOf(Frozen):
    """What came of the rows that were taken up since some moment, by what the rows say."""

    confirmed: int
    later: int
    unknown: int
    """May have happened; looked up by itself."""
    held: int
    """May have happened; a person decides."""
    failed: int
    """Refused by the provider, or failed too often."""
    effects: dict[str, int]
    """created, updated, noop -> confirmed rows, where the provider says so."""
    refused: tuple[RuleCount, ...]
    next_at: datetime | None
    """When the next row is due by itself."""


def came_of(conn: Connection, job_id: str, *, since: datetime, mail: bool) -> CameOf:
    """What has come of the job's rows since then.

    Args:
        mail: Mails; else what the CRM is told.
    """
    kind = f"draft_id IS {'NOT ' if mail else ''}NULL"
    counts = conn.execute(
        "SELECT SUM(state = 'confirmed' AND settled_s >= ?2) AS confirmed,"
        " SUM(state = 'planned' AND attempts > 0) AS later,"
        " SUM(state = 'unknown' AND is_held = 0 AND settled_s >= ?2) AS unknown,"
        " SUM(state = 'unknown' AND is_held = 1 AND settled_s >= ?2) AS held,"
        " SUM(state = 'failed' AND settled_s >= ?2 AND code NOT IN (SELECT value FROM json_each(?3))) AS failed,"
        " MIN(CASE WHEN state = 'planned' AND is_held = 0 AND due_s > ?4 THEN due_s END) AS next_s"
        f" FROM outbox WHERE job_id = ?1 AND {kind}",
        (job_id, since.timestamp(), json.dumps(list(RULES)), since.timestamp()),
    ).fetchone()
    return CameOf(
        **{name: counts[name] or 0 for name in ("confirmed", "later", "unknown", "held", "failed")},
        effects=_effects(conn, job_id, kind, since),
        refused=_refused(conn, job_id, kind, since),
        next_at=_maybe(counts["next_s"]),
    )


def refused_for_good(conn: Connection, job_id: str) -> dict[str, RuleCount]:
    """Rule -> the job's mails that it ended."""
    rows = conn.execute(
        "SELECT code, COUNT(*) AS n, MIN(reason) AS reason FROM outbox WHERE job_id = ? AND state = 'failed'"
        " AND draft_id IS NOT NULL AND code IN (SELECT value FROM json_each(?)) GROUP BY code",
        (job_id, json.dumps(list(RULES))),
    )
    return {
        row["code"]: RuleCount(rule=row["code"], count=row["n"], message=row["reason"], retry_at=None) for row in rows
    }


def _effects(conn: Connection, job_id: str, kind: str, since: datetime) -> dict[str, int]:
    rows = conn.execute(
        f"SELECT effect, COUNT(*) AS n FROM outbox WHERE job_id = ? AND {kind} AND state = 'confirmed'"
        " AND settled_s >= ? AND effect IS NOT NULL GROUP BY effect ORDER BY effect",
        (job_id, since.timestamp()),
    )
    return {row["effect"]: row["n"] for row in rows}


def _refused(conn: Connection, job_id: str, kind: str, since: datetime) -> tuple[RuleCount, ...]:
    """By rule, in the order of the rules; each row counts once, by what was decided last."""
    rows = conn.execute(
        "SELECT rule, COUNT(*) AS n, MIN(message) AS message, MIN(retry_s) AS retry_s FROM (SELECT w.rule, w.message,"
        " w.retry_s, MAX(w.at_s) FROM decisions w JOIN outbox o ON o.id = w.outbox_id WHERE o.job_id = ?"
        f" AND o.{kind} AND o.state IN ('planned', 'failed') AND w.at_s >= ? GROUP BY o.id) GROUP BY rule",
        (job_id, since.timestamp()),
    )
    found = [
        RuleCount(rule=row["rule"], count=row["n"], message=row["message"], retry_at=_maybe(row["retry_s"]))
        for row in rows
    ]
    order = list[str](RULES)
    return tuple(sorted(found, key=lambda one: order.index(one.rule) if one.rule in order else len(order)))


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
                at=_moment(line["at_s"]),
                retry_at=_maybe(line["retry_s"]),
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
            due_at=_moment(row["due_s"]),
            attempts=row["attempts"],
            provider_id=row["provider_id"],
            reason=row["reason"] or "",
            decisions=tuple(decided[row["id"]]),
        )
        for row in rows
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
