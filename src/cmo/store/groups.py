"""Failures in groups: what failed alike, how often, since when, what comes by itself, and what a person said of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from cmo.domain.base import Frozen
from cmo.domain.filters import Term
from cmo.domain.job import JobStatus, Stage
from cmo.domain.outbox import MOST_ATTEMPTS, SOFT_BOUNCE, OutboxState
from cmo.domain.outward import EXPECTED
from cmo.domain.triage import ErrorGroup, explain, normalise
from cmo.store.db import Connection
from cmo.store.switches import SENDING, Switch, find_switch

Mark = Literal["skipped", "dead"]

WRITE_OF_FAILURE = "o.id = CASE WHEN f.item LIKE 'outbox:%' THEN CAST(substr(f.item, 8) AS INTEGER) END"
"""Joins outbox `o` to failures `f`."""
_COMES_BY_ITSELF = "f.mark IS NULL AND o.is_held = 0 AND o.state IN ('planned', 'claimed', 'unknown')"
_LEAD = (
    "CASE WHEN o.id IS NOT NULL THEN o.email_key"
    " WHEN f.tool NOT IN ('search_github_repos', 'extract_people') THEN lower(f.item) END"
)
_SET_ASIDE = "set_aside"
"""The rule under which a marked row of the outbox is held."""

GROUP_FIELDS = {
    "state": "retrying, needs (you), skipped or dead",
    "stage": "a stage, such as enrich or send",
    "tool": "part of a tool or an operation, such as mx or gmail",
    "code": "part of a code, such as rate_limited",
    "group": "the start of a group's key",
}
GROUP_VALUES: dict[str, tuple[str, ...]] = {
    "state": ("retrying", "needs", "skipped", "dead"),
    "stage": tuple(Stage),
}


class GroupState(StrEnum):
    RETRYING = "retrying"
    NEEDS_YOU = "needs you"
    SKIPPED = "skipped"
    DEAD = "dead"


class StoredGroup(ErrorGroup):
    """A group of one job, as stored."""

    job_id: str
    leads: int
    """People that are concerned."""
    first_at: datetime
    last_at: datetime
    skipped: int
    dead: int
    retrying: int
    """Members that come up again by themselves."""
    state: GroupState

    @property
    def open(self) -> int:
        """Members that nobody has set aside."""
        return self.count - self.skipped - self.dead

    @property
    def title(self) -> str:
        """What its ticket is called."""
        return f"{self.tool}: {self.code} ({self.key})"

    def report(self) -> str:
        """The group as markdown, without addresses, names, hosts or numbers of its members; their words are fenced."""
        masked = self.model_copy(update={"message": normalise(self.message).replace("`", "'"), "next_try_at": None})
        told = explain(masked)
        return (
            f"{self.count} items at {self.stage}, tool `{self.tool}`, code `{self.code}`.\n\n"
            f"First {self.first_at:%Y-%m-%d %H:%M}, last {self.last_at:%Y-%m-%d %H:%M} UTC,"
            f" most attempts {self.tries}.\n\n"
            f"```\n{masked.message}\n\nWhat it means: {told.means}\nWhat cmo did: {told.did}\n```\n"
        )


class FailedItem(Frozen):
    """One member of a group."""

    item: str
    """A login, a repository, an address, or `outbox:ID`."""
    tool: str
    code: str
    message: str
    tries: int
    first_at: datetime
    last_at: datetime
    mark: Mark | None
    mark_reason: str | None
    state: OutboxState | None
    """Of its row in the outbox, where it has one."""
    next_try_at: datetime | None


class FiledTicket(Frozen):
    """The ticket of a group, as the outbox has it."""

    state: OutboxState
    id: str | None
    """What the tracker calls it, e.g. `ENG-12`."""
    message: str | None
    """What stands in its way."""


_OVER = ", ".join(f"'{status}'" for status in JobStatus if status.is_over)
_GROUPS = (
    f"SELECT g.*, (SELECT status IN ({_OVER}) FROM jobs WHERE id = g.job_id) AS is_of_ended_job,"
    " CASE WHEN count > skipped + dead AND retrying = count - skipped - dead THEN 'retrying'"
    " WHEN count > skipped + dead THEN 'needs you' WHEN dead THEN 'dead' ELSE 'skipped' END AS state FROM"
    " (SELECT f.group_key, MIN(f.job_id) AS job_id, MIN(f.stage) AS stage, MIN(f.tool) AS tool, MIN(f.code) AS code,"
    " MAX(f.message) AS message, MAX(f.status) AS status, COUNT(*) AS count, MAX(f.tries) AS tries,"
    f" COUNT(DISTINCT {_LEAD}) AS leads, MIN(COALESCE(f.first_at, f.last_at)) AS first_at,"
    " MAX(f.last_at) AS last_at, COALESCE(SUM(f.mark = 'skipped'), 0) AS skipped,"
    f" COALESCE(SUM(f.mark = 'dead'), 0) AS dead, COALESCE(SUM({_COMES_BY_ITSELF}), 0) AS retrying,"
    f" MIN(CASE WHEN {_COMES_BY_ITSELF} THEN o.due_s END) AS next_s"
    f" FROM failures f LEFT JOIN outbox o ON {WRITE_OF_FAILURE}"
    " WHERE f.job_id = ? AND (? OR f.mark IS NULL) GROUP BY f.group_key) g WHERE 1"
)


def error_groups(
    conn: Connection,
    job_id: str,
    *,
    marked: bool = False,
    stage: str | None = None,
    prefix: str = "",
    terms: Sequence[Term] = (),
    limit: int = -1,
    offset: int = 0,
) -> list[StoredGroup]:
    """The groups of the job, the latest first.

    Args:
        marked: With members that a person has set aside.
        stage: Only this one.
        prefix: How the key begins.
    """
    named = (_term("stage", stage), _term("group", prefix))
    clauses, values = _where([*terms, *(term for term in named if term.value)])
    rows = conn.execute(
        f"{_GROUPS}{clauses} ORDER BY last_at DESC, group_key LIMIT ? OFFSET ?",
        (job_id, int(marked), *values, limit, offset),
    )
    return [_group(dict(row)) for row in rows]


def count_groups(conn: Connection, job_id: str, *, marked: bool = False, terms: Sequence[Term] = ()) -> int:
    """How many groups of the job meet all `terms`."""
    clauses, values = _where(terms)
    sql = f"SELECT COUNT(*) FROM ({_GROUPS}{clauses})"
    return int(conn.execute(sql, (job_id, int(marked), *values)).fetchone()[0])


def count_needing(conn: Connection, job_id: str) -> int:
    """How many groups of the job wait for a person; asked often, so it counts nothing else."""
    return int(
        conn.execute(
            "SELECT COUNT(*) FROM (SELECT 1 FROM failures f"
            f" LEFT JOIN outbox o ON {WRITE_OF_FAILURE} WHERE f.job_id = ? AND f.mark IS NULL"
            f" GROUP BY f.group_key HAVING COUNT(*) > COALESCE(SUM({_COMES_BY_ITSELF}), 0))",
            (job_id,),
        ).fetchone()[0]
    )


def _term(field: str, value: str | None) -> Term:
    return Term(field=field, operator=":", value=value or "")


def _where(terms: Sequence[Term]) -> tuple[str, list[str]]:
    sql, values = "", list[str]()
    for term in terms:
        clause, value = _clause(term)
        sql += f" AND {'NOT ' if term.negated else ''}({clause})"
        values.append(value)
    return sql, values


def _clause(term: Term) -> tuple[str, str]:
    value = term.value.lower()
    match term.field:
        case "state":
            return "state = ?", GroupState.NEEDS_YOU if value == "needs" else value
        case "stage":
            return "stage = ?", value
        case "tool" | "code":
            return f"instr(lower({term.field}), ?) > 0", value
        case "group":
            return "instr(group_key, ?) = 1", value
        case _:
            return "instr(lower(message), ?) > 0", value


def _group(row: dict[str, Any]) -> StoredGroup:
    next_s = row.pop("next_s")
    return StoredGroup(
        key=row.pop("group_key"),
        most_tries=MOST_ATTEMPTS if row["retrying"] else None,
        next_try_at=_moment(next_s),
        **row,
    )


def group_members(conn: Connection, job_id: str, key: str, *, limit: int = -1, offset: int = 0) -> list[FailedItem]:
    """The members of a group, the latest first; all of them without a limit."""
    rows = conn.execute(
        "SELECT f.item, f.tool, f.code, f.message, f.tries, COALESCE(f.first_at, f.last_at) AS first_at, f.last_at,"
        f" f.mark, f.mark_reason, o.state, CASE WHEN {_COMES_BY_ITSELF} THEN o.due_s END AS next_s FROM failures f"
        f" LEFT JOIN outbox o ON {WRITE_OF_FAILURE} WHERE f.job_id = ? AND f.group_key = ?"
        " ORDER BY f.last_at DESC, f.tool, f.item LIMIT ? OFFSET ?",
        (job_id, key, limit, offset),
    )
    return [FailedItem(next_try_at=_moment(values.pop("next_s")), **values) for values in map(dict, rows)]


def jobs_with_group(conn: Connection, prefix: str) -> list[str]:
    """Jobs that have a group whose key begins like this, the newest first."""
    rows = conn.execute(
        "SELECT DISTINCT job_id FROM failures WHERE substr(group_key, 1, length(?1)) = ?1 ORDER BY job_id DESC",
        (prefix,),
    )
    return [row["job_id"] for row in rows]


_PICKED = (
    "job_id = ?1 AND (?2 IS NULL OR group_key IN (SELECT value FROM json_each(?2)))"
    " AND (?3 IS NULL OR item IN (SELECT value FROM json_each(?3)))"
    " AND COALESCE(?2, ?3) IS NOT NULL AND mark IS NOT ?4"
)


def count_unmarked(
    conn: Connection, job_id: str, mark: Mark | None, *, keys: Sequence[str] = (), items: Sequence[str] = ()
) -> Counter[str]:
    """Group -> how many of its members do not bear `mark`.

    Args:
        keys: Only of these groups.
        items: Only these items.
    """
    rows = conn.execute(
        f"SELECT group_key, COUNT(*) AS n FROM failures WHERE {_PICKED} GROUP BY group_key",
        (job_id, names(keys or None), names(items or None), mark),
    )
    return Counter({row["group_key"]: row["n"] for row in rows})


def mark_failures(
    conn: Connection,
    job_id: str,
    mark: Mark | None,
    *,
    keys: Sequence[str] = (),
    items: Sequence[str] = (),
    reason: str | None = None,
    at: datetime,
) -> None:
    """Set members aside, or take their marks back (None); their writes wait meanwhile. In the caller's transaction.

    Args:
        keys: Only of these groups.
        items: Only these items.
    """
    rows = conn.execute(
        f"UPDATE failures SET mark = ?4, mark_reason = ?5 WHERE {_PICKED} RETURNING item",
        (job_id, names(keys or None), names(items or None), mark, reason),
    ).fetchall()
    ids = [int(row["item"][7:]) for row in rows if row["item"].startswith("outbox:")]
    if mark is None:
        _release(conn, ids)
    else:
        hold_set_aside(conn, ids, mark, at=at)


def names(of: Sequence[str] | None) -> str | None:
    """Names as one parameter of a query; NULL for all."""
    return None if of is None else json.dumps(list(of))


def hold_set_aside(conn: Connection, ids: Sequence[int], mark: Mark, *, at: datetime) -> None:
    """Keep writes from leaving as long as their failures bear a mark. Inside the caller's transaction."""
    held = conn.execute(
        "UPDATE outbox SET is_held = 1 WHERE is_held = 0 AND state IN ('planned', 'unknown')"
        " AND id IN (SELECT value FROM json_each(?)) RETURNING id",
        (json.dumps(ids),),
    ).fetchall()
    words = {"skipped": "You went on without it.", "dead": "You gave it up."}[mark]
    conn.executemany(
        "INSERT INTO decisions (outbox_id, rule, message, at_s, times) VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (outbox_id, rule) DO UPDATE SET message = excluded.message, at_s = excluded.at_s,"
        " times = decisions.times + 1",
        [(row["id"], _SET_ASIDE, words, at.timestamp()) for row in held],
    )


def _release(conn: Connection, ids: Sequence[int]) -> None:
    """Let go what a mark held; what was held for another reason stays so."""
    rows = conn.execute(
        "DELETE FROM decisions WHERE rule = ? AND outbox_id IN (SELECT value FROM json_each(?)) RETURNING outbox_id",
        (_SET_ASIDE, json.dumps(ids)),
    ).fetchall()
    conn.execute(
        "UPDATE outbox SET is_held = 0 WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([row["outbox_id"] for row in rows]),),
    )


def find_ticket(conn: Connection, job_id: str, key: str) -> FiledTicket | None:
    """The ticket of a group, or None where none was ever asked for."""
    row = conn.execute(
        "SELECT o.state, o.provider_id AS id, COALESCE((SELECT d.message FROM decisions d WHERE d.outbox_id = o.id"
        " ORDER BY d.at_s DESC LIMIT 1), o.reason) AS message FROM outbox o WHERE o.key = ?",
        (f"ticket:{key}:{job_id}",),
    ).fetchone()
    return None if row is None else FiledTicket(**dict(row))


def sending_pause(conn: Connection, job_id: str, *, now: datetime) -> Switch | None:
    """What pauses the job's sending: a pause of all jobs, else its own."""
    return find_switch(conn, SENDING, now=now) or find_switch(conn, f"{SENDING}:{job_id}", now=now)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class Spike(Frozen):
    """Errors of one group that came in a short time."""

    group_key: str
    count: int
    message: str


def spike(conn: Connection, operation: str, *, since: datetime, at_least: int) -> Spike | None:
    """The group of the operation's errors that has `at_least` rows since then, or None. What is `EXPECTED` makes none,
    nor do soft bounces."""
    row = conn.execute(
        "SELECT group_key, COUNT(*) AS n, MAX(message) AS message FROM failures WHERE tool = ? AND last_at >= ?"
        " AND mark IS NULL AND code NOT IN (SELECT value FROM json_each(?)) GROUP BY group_key HAVING n >= ?"
        " ORDER BY n DESC LIMIT 1",
        (operation, since.isoformat(), json.dumps(sorted({*EXPECTED, SOFT_BOUNCE})), at_least),
    ).fetchone()
    return None if row is None else Spike(group_key=row["group_key"], count=row["n"], message=row["message"])


def forget_failures(conn: Connection, job_id: str, operation: str, ids: Sequence[int]) -> None:
    """Failures of rows that are confirmed now are no failures."""
    conn.execute(
        "DELETE FROM failures WHERE job_id = ? AND tool = ? AND item IN (SELECT 'outbox:' || value FROM json_each(?))",
        (job_id, operation, json.dumps(ids)),
    )
