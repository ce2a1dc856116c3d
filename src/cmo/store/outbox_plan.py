"""Putting writes down: a row for each key, for ever; newer content only where the row surely never took effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cmo.domain.outbox import NewWrite, OutboxState
from cmo.store.db import Connection


@dataclass
class Planned:
    """What planning writes came to."""

    new: int = 0
    renewed: int = 0
    """Rows that were never claimed and got the newer content."""
    known: int = 0
    """Keys that have left, are leaving, or wait with the same content."""
    refused: list[str] = field(default_factory=list)
    """Keys that have left with other content; the same key never carries two."""


def plan_writes(conn: Connection, job_id: str, writes: Iterable[NewWrite]) -> Planned:
    """Put writes down. Runs inside the caller's transaction; give it at most 500."""
    planned = Planned()
    for write in writes:
        row = conn.execute(
            "SELECT id, state, content_hash, provider_id, effect FROM outbox WHERE key = ?", (write.key,)
        ).fetchone()
        if row is None:
            _insert(conn, job_id, write)
            planned.new += 1
        elif _is_surely_not_there(row):
            changed = _renew(conn, job_id, row["id"], write)
            planned.renewed += changed
            planned.known += not changed
        elif row["content_hash"] != write.content_hash:
            planned.refused.append(write.key)
        else:
            planned.known += 1
    return planned


def plan_again(conn: Connection, row_id: int, *, overwrites: bool, now: datetime) -> None:
    """Plan a row that took effect once more, as it stands. Runs inside the caller's transaction."""
    conn.execute(
        "UPDATE outbox SET state = 'planned', is_held = 0, due_s = ?2, attempts = 0, effect = NULL, code = NULL,"
        " reason = NULL, holder = NULL, claimed_s = NULL, settled_s = NULL,"
        " payload = CASE WHEN ?3 THEN json_set(payload, '$.overwrites', json('true'))"
        " ELSE json_remove(payload, '$.overwrites') END WHERE id = ?1",
        (row_id, now.timestamp(), overwrites),
    )


def follow(conn: Connection, row_id: int, provider_id: str | None) -> None:
    """What a row made is known by another id now, by which all that hangs on it goes from here on. Runs inside the
    caller's transaction."""
    conn.execute("UPDATE outbox SET state = 'confirmed', provider_id = ? WHERE id = ?", (provider_id, row_id))


def unplan(conn: Connection, where: str, values: Sequence[Any]) -> None:
    """Take back planned rows. One that was tried is over and keeps its key: a late effect of it is still known.

    Runs inside the caller's transaction.

    Args:
        where: What picks the rows, besides that they are planned.
    """
    conn.execute(f"DELETE FROM outbox WHERE state = 'planned' AND attempts = 0 AND {where}", values)
    conn.execute(
        "UPDATE outbox SET state = 'failed', is_held = 0, code = 'taken_back',"
        " reason = 'taken back before its next try'"
        f" WHERE state = 'planned' AND {where}",
        values,
    )


def _is_surely_not_there(row: Any) -> bool:
    """Nothing of the row ever took effect, so it may carry newer content."""
    never = row["provider_id"] is None and row["effect"] is None
    return row["state"] == OutboxState.PLANNED or (row["state"] == OutboxState.FAILED and never)


def _insert(conn: Connection, job_id: str, write: NewWrite) -> None:
    conn.execute(
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, approval_id, after_id,"
        " email_key, login_key, company_key, due_s) VALUES (?, ?, ?, 'planned', ?, ?, ?, ?,"
        " (SELECT id FROM outbox WHERE key = ?), ?, ?, ?, ?)",
        (
            write.key, job_id, write.operation, write.payload, write.content_hash, write.draft_id, write.approval_id,
            write.after_key, write.email_key, write.login_key, write.company_key, write.due_at.timestamp(),
        ),
    )  # fmt: skip


def _renew(conn: Connection, job_id: str, row_id: int, write: NewWrite) -> bool:
    """Give a row that is surely not there its newer content; False where nothing changes.

    What failed stays failed until its content or its approval is another, unless it was only taken back with its job;
    what the gate said of the former is void.
    """
    conn.execute(
        "DELETE FROM decisions WHERE outbox_id = ?1 AND rule = 'approval' AND EXISTS"
        " (SELECT 1 FROM outbox o WHERE o.id = ?1 AND o.approval_id IS NOT ?2)",
        (row_id, write.approval_id),
    )
    return (
        conn.execute(
            "UPDATE outbox SET job_id = ?2, operation = ?3, state = 'planned', payload = ?4, content_hash = ?5,"
            " draft_id = ?6, approval_id = ?7, email_key = ?8, company_key = ?9, due_s = ?10, login_key = ?11,"
            " after_id = (SELECT id FROM outbox WHERE key = ?12),"
            " attempts = 0, code = NULL, reason = NULL WHERE id = ?1 AND (content_hash <> ?5 OR approval_id IS NOT ?7"
            " OR after_id IS NOT (SELECT id FROM outbox WHERE key = ?12)"
            " OR ((state = 'planned' OR code = 'taken_back') AND job_id <> ?2)"
            " OR (state = 'planned'"
            " AND json_extract(payload, '$.in_reply_to') IS NOT json_extract(?4, '$.in_reply_to')))",
            (
                row_id, job_id, write.operation, write.payload, write.content_hash, write.draft_id, write.approval_id,
                write.email_key, write.company_key, write.due_at.timestamp(), write.login_key,
                write.after_key,
            ),
        ).rowcount
        > 0
    )  # fmt: skip
