"""The only writer of events: events, their rows and the call's end, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.domain.event import Event, Recorded, RunEvent, subject_of
from cmo.errors import JobLeased
from cmo.store.apply import apply
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction
from cmo.store.packing import pack


def commit(
    conn: Connection,
    job_id: str,
    events: Sequence[tuple[str, Event]],
    *,
    at: datetime,
    epoch: int | None,
    audit: Sequence[AuditEntry] = (),
) -> list[Recorded]:
    """Store `events` (id, event) and do what they say to rows; all or nothing.

    An id the store already has is skipped with its effects, so committing twice changes nothing.

    Args:
        epoch: The lease under which the job runs; None for what an operator does from outside the run.
        audit: What goes into the audit log with it.
    Returns:
        The events that were new, in order.
    Raises:
        JobLeased: another process took the job over; nothing was written.
    """
    with transaction(conn):
        if epoch is not None:
            _require_lease(conn, job_id, epoch)
        stored = [recorded for id_, event in events if (recorded := record(conn, job_id, id_, event, at))]
        record_audit(conn, audit, at=at)
        return stored


def record(conn: Connection, job_id: str, id_: str, event: Event, at: datetime) -> Recorded | None:
    """Store one event with its effects, inside the caller's transaction; None where the store has that id."""
    is_run = isinstance(event, RunEvent)
    text = event.model_dump_json(exclude={"kind"}, exclude_none=True)
    row = conn.execute(
        "INSERT INTO events (id, job_id, at, kind, is_run, subject, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING RETURNING seq",
        (
            id_,
            job_id,
            at.isoformat(),
            event.kind,
            int(is_run),
            subject_of(event),
            text if is_run else pack(text),
        ),
    ).fetchone()
    if row is None:
        return None
    apply(conn, job_id, at, event)
    return Recorded(seq=row["seq"], id=id_, job_id=job_id, at=at, event=event)


def _require_lease(conn: Connection, job_id: str, epoch: int) -> None:
    row = conn.execute("SELECT lease_epoch, lease_owner FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None or row["lease_epoch"] != epoch:
        raise JobLeased(
            f"Job {job_id} was taken over by {row['lease_owner'] if row else 'nobody'}.",
            hint="This process stops; nothing of its last page was written.",
        )
