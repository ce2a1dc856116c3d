"""Jobs as rows: made, named, listed, removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.domain.job import Environment, Job, JobStatus, Plan, Stage
from cmo.errors import JobNotFound, JobNotResumable
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction
from cmo.store.searches import add_search


def create_job(
    conn: Connection,
    plan: Plan,
    *,
    name: Callable[[Callable[[str], bool]], str],
    environment: Environment,
    by: str,
    now: datetime,
    anchor_at: datetime,
    audit: Callable[[str], Sequence[AuditEntry]] = lambda id_: (),
) -> Job:
    """Store a new job, planned but not started; its first search is queued.

    Args:
        name: Makes the id, given a test for ids that are taken.
        audit: What goes into the audit log with it, given its id.
    """
    with transaction(conn):
        id_ = name(lambda job_id: _find(conn, job_id) is not None)
        conn.execute(
            "INSERT INTO jobs (id, plan, environment, status, stage, created_at, created_by, anchor_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (id_, plan.model_dump_json(), environment, JobStatus.PLANNED, Stage.INITIALIZATION, now.isoformat(), by,
             anchor_at.isoformat()),
        )  # fmt: skip
        add_search(conn, id_, plan.icp)
        record_audit(conn, audit(id_), at=now)
    return get_job(conn, id_)


def get_job(conn: Connection, job_id: str) -> Job:
    """The job.

    Raises:
        JobNotFound
    """
    job = _find(conn, job_id)
    if job is None:
        raise JobNotFound(f"No job {job_id}.", hint="`cmo jobs list` shows all jobs.")
    return job


def match_jobs(conn: Connection, part: str) -> list[str]:
    """The ids that contain `part`, newest first; an exact one alone."""
    rows = conn.execute(
        "SELECT id FROM jobs WHERE instr(id, ?) > 0 ORDER BY created_at DESC, length(id) DESC, id DESC", (part,)
    ).fetchall()
    ids = [str(row["id"]) for row in rows]
    return [part] if part in ids else ids


def list_jobs(conn: Connection, *, status: JobStatus | None = None, limit: int = 50) -> list[Job]:
    """Newest first."""
    rows = conn.execute(
        "SELECT * FROM jobs WHERE ?1 IS NULL OR status = ?1"
        " ORDER BY created_at DESC, length(id) DESC, id DESC LIMIT ?2",
        (status, limit),
    ).fetchall()
    return [_from_row(row) for row in rows]


def remove_job(conn: Connection, job_id: str, *, at: datetime, audit: Sequence[AuditEntry] = ()) -> None:
    """Delete the job and all its rows; what is known about people across jobs stays, and so does the ledger of what
    left.

    Args:
        audit: What goes into the audit log with it, which is kept.
    Raises:
        JobNotResumable: writes of it are under way, or may have left without its being known.
    """
    with transaction(conn):
        open_rows = conn.execute(
            "SELECT COUNT(*) AS n FROM outbox WHERE job_id = ? AND state IN ('claimed', 'unknown')", (job_id,)
        ).fetchone()["n"]
        if open_rows:
            raise JobNotResumable(
                f"Job {job_id} has {open_rows} writes that are under way or in doubt.",
                hint="cmo reconcile settles them; cmo outbox list shows them.",
            )
        from cmo.store.outbox_plan import unplan  # 5 ms, and every command loads this module

        unplan(conn, "job_id = ?", (job_id,))
        conn.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        record_audit(conn, audit, at=at)


def _find(conn: Connection, job_id: str) -> Job | None:
    row = conn.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _from_row(row)


def _from_row(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        plan=Plan.model_validate_json(row["plan"]),
        environment=Environment(row["environment"]),
        status=JobStatus(row["status"]),
        stage=Stage(row["stage"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        created_by=row["created_by"],
        anchor_at=datetime.fromisoformat(row["anchor_at"]),
        wait_until=datetime.fromisoformat(row["wait_until"]) if row["wait_until"] else None,
        wait_reason=row["wait_reason"],
        ended_reason=row["ended_reason"],
    )
