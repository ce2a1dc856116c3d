"""The event log in pages, filtered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.event import KINDS, Recorded
from cmo.domain.event_words import LEVELS
from cmo.domain.filters import Term
from cmo.store.db import Connection
from cmo.store.events import recorded_from_row

LOG_FIELDS = {
    "level": "info, warn or error: this one and above",
    "kind": "part of a kind, such as page or email",
    "who": "part of a login",
    "scope": "job or item",
}
LOG_VALUES: dict[str, tuple[str, ...]] = {"level": ("info", "warn", "error"), "scope": ("job", "item")}
"""Fields that take these values only."""


class Counted(Frozen):
    """Events that were counted: those up to `last`."""

    count: int = 0
    last: int = 0
    """The newest `seq` that was looked at."""


def count_log(conn: Connection, job_id: str, terms: Sequence[Term], before: Counted) -> Counted:
    """How many events of the job meet all `terms`; what was counted `before` is not counted again."""
    sql, values = _where(terms)
    row = conn.execute(
        f"SELECT COUNT(*) AS n, (SELECT MAX(seq) FROM events) AS last FROM events e"
        f" WHERE {_OF_JOB} AND e.seq > :after{sql}",
        {"job": job_id, "after": before.last, **values},
    ).fetchone()
    return Counted(count=before.count + row["n"], last=row["last"] or 0)


def page_log(
    conn: Connection, job_id: str, terms: Sequence[Term], counted: Counted, *, offset: int, limit: int
) -> list[Recorded]:
    """Events that meet all `terms`, oldest first, from `offset`; the last ones are as near as the first."""
    sql, values = _where(terms)
    limit = max(0, min(limit, counted.count - offset))
    is_late = offset > counted.count // 2
    seqs = (
        f"SELECT e.seq FROM events e WHERE {_OF_JOB} AND e.seq <= :last{sql}"
        f" ORDER BY e.seq {'DESC' if is_late else 'ASC'} LIMIT :limit OFFSET :offset"
    )
    rows = conn.execute(
        f"SELECT seq, id, job_id, at, kind, body FROM events WHERE seq IN ({seqs}) ORDER BY seq",
        {
            "job": job_id,
            "last": counted.last,
            "limit": limit,
            "offset": counted.count - offset - limit if is_late else offset,
            **values,
        },
    ).fetchall()
    return [recorded_from_row(row) for row in rows]


_OF_JOB = "e.job_id = :job AND e.is_run IN (0, 1)"
"""Both halves of the index, which has `seq` last: without the second condition all of the job's events are read."""


def _where(terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    """Conditions on `events e`, each after an AND, and their parameters."""
    sql, values = "", dict[str, Any]()
    for n, term in enumerate(terms):
        clause, value = _clause(term, f":t{n}")
        sql += f" AND {'NOT ' if term.negated else ''}({clause})"
        values[f"t{n}"] = value
    return sql, values


def _clause(term: Term, name: str) -> tuple[str, Any]:
    """A condition on `e`, and the value of its parameter `name`."""
    value = term.value.lower()
    match term.field:
        case "level":
            order = LOG_VALUES["level"]
            below = order[: order.index(value)]
            quiet = [kind for kind in KINDS if LEVELS.get(kind, "info") in below]
            return f"e.kind NOT IN (SELECT value FROM json_each({name}))", json.dumps(quiet)
        case "scope":
            return f"e.is_run = {name}", int(value == "job")
        case "kind":
            return f"instr(e.kind, {name}) > 0", value
        case "who":
            return f"instr(COALESCE(e.subject, ''), {name}) > 0", value
        case _:
            return f"instr(e.kind || ' ' || COALESCE(e.subject, ''), {name}) > 0", value
