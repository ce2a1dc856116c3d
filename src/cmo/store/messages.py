"""What the operator said to a running job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmo.domain.job import Stage
from cmo.store.db import Connection


@dataclass(frozen=True)
class Message:
    """A follow-up; `effect` says what it changed once it was read."""

    id: int
    """Counts within the job, from 1."""
    text: str
    by: str
    is_later: bool
    queued_stage: Stage
    queued_at: datetime
    state: str
    """queued, read or dropped."""
    step: int | None
    effect: str | None


def queued(conn: Connection, job_id: str) -> list[Message]:
    """Messages not read yet, oldest first."""
    return [m for m in list_messages(conn, job_id) if m.state == "queued"]


def list_messages(conn: Connection, job_id: str) -> list[Message]:
    """All messages of the job, oldest first."""
    rows = conn.execute("SELECT * FROM messages WHERE job_id = ? ORDER BY n", (job_id,)).fetchall()
    return [
        Message(
            id=row["n"],
            text=row["text"],
            by=row["by_whom"],
            is_later=bool(row["is_later"]),
            queued_stage=Stage(row["queued_stage"]),
            queued_at=datetime.fromisoformat(row["queued_at"]),
            state=row["state"],
            step=row["step"],
            effect=row["effect"],
        )
        for row in rows
    ]


def recent_texts(conn: Connection, job_id: str, *, limit: int) -> list[str]:
    """What was said last and read, oldest first."""
    rows = conn.execute(
        "SELECT text FROM messages WHERE job_id = ? AND state = 'read' ORDER BY n DESC LIMIT ?", (job_id, limit)
    ).fetchall()
    return [row["text"] for row in reversed(rows)]
