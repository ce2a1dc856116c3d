"""Failed items, made pending again; those that a person has set aside stay so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from cmo.domain.base import Frozen
from cmo.store.db import Connection
from cmo.store.groups import WRITE_OF_FAILURE, names

FAILED_REPO = "failed"
"""State of a repository whose history could not be read."""
_RETRIED = ("extract_people", "enrich_github_user", "mx_check")
"""Tools whose failures can be tried again by themselves."""
_TOOLS = ", ".join(f"'{tool}'" for tool in _RETRIED)
_CHOSEN = (
    "mark IS NULL AND (?2 IS NULL OR group_key IN (SELECT value FROM json_each(?2)))"
    " AND (?3 IS NULL OR item IN (SELECT value FROM json_each(?3)))"
)
_REPLANNED = (
    "o.is_held = 0 AND (o.state = 'planned' OR (o.state = 'failed' AND o.effect IS NULL AND o.provider_id IS NULL"
    " AND COALESCE(o.code, f.code) = f.code))"
)
"""Writes that surely had no effect, and that nothing but their failure keeps from leaving."""


class Retriable(Frozen):
    """What trying again can do for the open members of some groups."""

    items: int
    """Items of tools that can be pending again."""
    writes: tuple[int, ...]
    """Rows of the outbox that can be planned again."""
    held: int
    """Rows that wait for a person."""
    doubtful: int
    """Rows that may have arrived: they are looked up, never repeated."""
    final: int
    """What cannot be tried again by itself."""


def count_failures(conn: Connection, job_id: str) -> int:
    """How many failed items of the job can be tried again."""
    sql = f"SELECT COUNT(*) FROM failures WHERE job_id = ? AND mark IS NULL AND tool IN ({_TOOLS})"
    return int(conn.execute(sql, (job_id,)).fetchone()[0])


def retriable(conn: Connection, job_id: str, keys: Sequence[str], items: Sequence[str] = ()) -> Retriable:
    """What trying these groups again, or these members of theirs, would do."""
    rows = conn.execute(
        f"SELECT o.id, CASE WHEN f.tool IN ({_TOOLS}) THEN 'item' WHEN {_REPLANNED} THEN 'write'"
        " WHEN o.state IN ('claimed', 'unknown') THEN 'doubtful' WHEN o.is_held THEN 'held' ELSE 'final' END AS what"
        f" FROM failures f LEFT JOIN outbox o ON {WRITE_OF_FAILURE} WHERE f.job_id = ?1 AND {_CHOSEN} ORDER BY o.id",
        (job_id, names(keys), names(items or None)),
    ).fetchall()
    kinds = [row["what"] for row in rows]
    return Retriable(
        items=kinds.count("item"),
        writes=tuple(row["id"] for row in rows if row["what"] == "write"),
        held=kinds.count("held"),
        doubtful=kinds.count("doubtful"),
        final=kinds.count("final"),
    )


def replan_writes(conn: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Rows from `retriable` may leave at once, under their keys, attempts kept. Inside the caller's transaction."""
    conn.execute(
        "UPDATE outbox SET state = 'planned', due_s = ?, settled_s = NULL, claimed_s = NULL, holder = NULL,"
        " inbox = NULL WHERE state IN ('planned', 'failed') AND id IN (SELECT value FROM json_each(?))",
        (now.timestamp(), json.dumps(ids)),
    )


def make_failures_pending(
    conn: Connection, job_id: str, keys: Sequence[str] | None = None, items: Sequence[str] | None = None
) -> None:
    """Undo what a failure did to its item's row. Inside the caller's transaction.

    Args:
        keys: Groups; every group of the job without them.
        items: Only these members.
    """
    for statement in _PENDING:
        conn.execute(statement, (job_id, names(keys), names(items)))


def _failed(tool: str) -> str:
    return f"SELECT item FROM failures WHERE job_id = ?1 AND tool = '{tool}' AND {_CHOSEN}"


_PENDING = (
    f"UPDATE repos SET state = 'unread' WHERE job_id = ?1 AND state = '{FAILED_REPO}'"
    f" AND full_name IN ({_failed('extract_people')})",
    "UPDATE candidates SET state = 'found', reason = NULL WHERE job_id = ?1 AND state = 'rejected'"
    f" AND profile IS NULL AND login_key IN (SELECT lower(item) FROM ({_failed('enrich_github_user')}))",
    "UPDATE candidates SET state = 'found', reason = NULL, score = NULL, score_doc = NULL, scored_at = NULL"
    " WHERE job_id = ?1 AND state = 'rejected' AND login_key IN (SELECT login_key FROM emails WHERE job_id = ?1"
    f" AND email IN ({_failed('mx_check')}))",
    f"DELETE FROM verdicts WHERE email IN ({_failed('mx_check')})",
    f"DELETE FROM failures WHERE job_id = ?1 AND tool IN ({_TOOLS}) AND {_CHOSEN}",
)
