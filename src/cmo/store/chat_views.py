"""The conversation with a job, for the front ends: what was said to it, what came of it, what it asks for, and each
tool call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from cmo.domain.base import Frozen
from cmo.domain.job import Stage
from cmo.store.db import Connection

LineKind = Literal["said", "answer", "request", "ruling", "call"]


class ChatLine(Frozen):
    """One line. What was said, or asked for, and what came of it are two, with the same number."""

    kind: LineKind
    n: int
    """Of the message, or of the step; from 1. Of a request: of its event."""
    at: datetime
    who: str
    """Who said it, or who planned the call."""
    text: str
    """What was said, or the tool that was called; the id of a request."""
    state: str
    """queued, read or dropped; of a call: running, finished or refused."""
    step: int | None
    """At which a message was read."""
    is_later: bool
    stage: Stage | None
    """In which a message was queued."""
    told: str
    """What a message changed, or why nothing did; why a call was made, or refused."""
    args: dict[str, Any]
    result: dict[str, Any] | None
    ended_at: datetime | None


_PLACE = (
    "CASE state WHEN 'read' THEN step WHEN 'queued' THEN 1e9 ELSE (SELECT COALESCE(MAX(s.n), 0) + 1 FROM steps s"
    " WHERE s.job_id = ?1 AND s.started_at <= queued_at) END"
)
"""The step that a message stands before. Times alone do not do: who queues it may have another clock than the run."""
_MESSAGE = (
    f" AS kind, {_PLACE} AS place, 0 AS is_call, n, queued_at AS at, by_whom AS who, text, state, step, is_later,"
    " queued_stage AS stage, COALESCE(effect, '') AS told, '{}' AS args, NULL AS result, NULL AS ended_at"
    " FROM messages WHERE job_id = ?1"
)
_OPEN = "(SELECT value FROM json_each(?4))"
_REQUEST = (
    f" AS kind, CASE WHEN json_extract(body, '$.request') IN {_OPEN} THEN 1e9 ELSE json_extract(body, '$.step') END,"
    " 0, seq, at, '', json_extract(body, '$.request'), '', json_extract(body, '$.step'), 0, NULL, '', '{}', NULL, NULL"
    " FROM events WHERE id > ?1 || '/request/' AND id < ?1 || '/request0' AND kind = 'request_asked'"
)
_LINES = (
    f"SELECT 'said'{_MESSAGE} UNION ALL SELECT 'answer'{_MESSAGE} UNION ALL"
    f" SELECT 'request'{_REQUEST} UNION ALL SELECT 'ruling'{_REQUEST} UNION ALL"
    " SELECT 'call', n, 1, n, started_at, planner, tool, state, n, 0, NULL, why, args, result, finished_at"
    " FROM steps WHERE job_id = ?1"
)


def count_lines(conn: Connection, job_id: str) -> int:
    """How many lines `page_lines` has."""
    row = conn.execute(
        "SELECT 2 * (SELECT COUNT(*) FROM messages WHERE job_id = ?1) + (SELECT COUNT(*) FROM steps WHERE job_id = ?1)"
        " + 2 * (SELECT COUNT(*) FROM events WHERE id > ?1 || '/request/' AND id < ?1 || '/request0'"
        " AND kind = 'request_asked')",
        (job_id,),
    ).fetchone()
    return int(row[0])


def page_lines(
    conn: Connection, job_id: str, *, offset: int = 0, limit: int, asking: Sequence[str] = ()
) -> list[ChatLine]:
    """Lines from `offset`: calls in their order, a message with its answer before the step at which it was read; what
    waits comes last.

    Args:
        asking: Ids of the requests that wait.
    """
    rows = conn.execute(
        f"SELECT * FROM ({_LINES}) ORDER BY place, is_call, n, kind IN ('answer', 'ruling') LIMIT ?2 OFFSET ?3",
        (job_id, limit, offset, json.dumps(list(asking))),
    )
    return [
        ChatLine(
            kind=row["kind"],
            n=row["n"],
            at=datetime.fromisoformat(row["at"]),
            who=row["who"],
            text=row["text"],
            state=row["state"],
            step=row["step"],
            is_later=bool(row["is_later"]),
            stage=None if row["stage"] is None else Stage(row["stage"]),
            told=row["told"],
            args=json.loads(row["args"]),
            result=json.loads(row["result"]) if row["result"] else None,
            ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        )
        for row in rows.fetchall()
    ]
