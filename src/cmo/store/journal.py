"""Who runs a job, and what it was doing: lease with epoch, steps, tool-call journal, control row."""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from cmo.domain.job import JobStatus
from cmo.errors import JobLeased, JobNotFound, JobNotResumable
from cmo.store.db import Connection, transaction

LEASE_TTL_S = 30.0
"""A lease not renewed for this long may be taken over; the holder renews every third of it."""

Control = Literal["pause", "cancel"]


@dataclass(frozen=True)
class Lease:
    """The right to run a job. `epoch` grows by one with each holder and fences off the ones before."""

    job_id: str
    owner: str
    epoch: int
    stale_owner: str | None
    """Whose dead lease was taken over, if any."""


def this_process() -> str:
    """`host:pid`, the name under which this process holds leases."""
    return f"{socket.gethostname()}:{os.getpid()}"


def acquire_lease(conn: Connection, job_id: str, *, owner: str, now_s: float) -> Lease:
    """Take the job's lease.

    Args:
        now_s: Wall-clock seconds since the epoch; never a simulated clock, since processes must agree on it.
    Raises:
        JobLeased: a live process holds it.
        JobNotResumable: it is over.
        JobNotFound
    """
    with transaction(conn):
        row = conn.execute(
            "SELECT status, lease_owner, lease_epoch, lease_until FROM jobs WHERE id = ?", (job_id,)
        ).fetchone()
        if row is None:
            raise JobNotFound(f"No job {job_id}.", hint="`cmo jobs list` shows all jobs.")
        if JobStatus(row["status"]).is_over:
            raise JobNotResumable(f"Job {job_id} is {row['status']}.", hint=f"Its results: cmo export {job_id}")
        holder = row["lease_owner"]
        if holder is not None and row["lease_until"] > now_s and not is_dead(holder):
            raise JobLeased(
                f"Job {job_id} is run by process {holder}, whose lease lasts {row['lease_until'] - now_s:.0f} s more.",
                hint=f"`cmo watch {job_id}` follows it; `cmo pause {job_id}` stops it.",
                details={"holder": holder, "lease_until_s": row["lease_until"]},
            )
        epoch = row["lease_epoch"] + 1
        conn.execute(
            "UPDATE jobs SET lease_owner = ?, lease_epoch = ?, lease_until = ? WHERE id = ?",
            (owner, epoch, now_s + LEASE_TTL_S, job_id),
        )
    return Lease(job_id, owner, epoch, holder)


def renew_lease(conn: Connection, lease: Lease, *, now_s: float) -> None:
    """Heartbeat.

    Raises:
        JobLeased: the lease was lost; stop at once.
    """
    with transaction(conn):
        changed = conn.execute(
            "UPDATE jobs SET lease_until = ? WHERE id = ? AND lease_epoch = ? AND lease_owner = ?",
            (now_s + LEASE_TTL_S, lease.job_id, lease.epoch, lease.owner),
        ).rowcount
    if changed == 0:
        raise JobLeased(f"Job {lease.job_id} was taken over by another process.", hint="This process stops.")


def release_lease(conn: Connection, lease: Lease) -> None:
    """Give the lease back, if it is still ours."""
    with transaction(conn):
        conn.execute(
            "UPDATE jobs SET lease_owner = NULL, lease_until = 0 WHERE id = ? AND lease_epoch = ?",
            (lease.job_id, lease.epoch),
        )


def is_taken_over(conn: Connection, job_id: str) -> bool:
    """Whether another process has taken the job's lease: what this one does for the job has to end."""
    row = conn.execute("SELECT lease_owner FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row is not None and row["lease_owner"] not in (None, this_process())


def live_holder(conn: Connection, job_id: str, *, now_s: float) -> str | None:
    """The process that runs the job now, or None."""
    row = conn.execute("SELECT lease_owner, lease_until FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None or row["lease_owner"] is None or row["lease_until"] <= now_s or is_dead(row["lease_owner"]):
        return None
    return str(row["lease_owner"])


def this_claimant() -> str:
    """`host:pid@start`, the name under which this process claims writes: a later process with the same number is
    another."""
    return f"{this_process()}@{_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """True only for a process of this machine that surely no longer exists."""
    name, _, started = owner.partition("@")
    host, _, pid = name.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(started) and started != _started(int(pid))


def is_foreign(owner: str) -> bool:
    """Whether the process is, or called itself, one of another host: nothing can be known of it."""
    return owner.partition("@")[0].rpartition(":")[0] != socket.gethostname()


def _started(pid: int) -> str:
    """When the process started, in the kernel's ticks; empty where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def set_control(conn: Connection, job_id: str, control: Control, *, by: str) -> None:
    """Ask the process that runs the job to pause or cancel; it obeys at the next boundary. One statement, which may be
    part of the caller's transaction."""
    conn.execute("UPDATE jobs SET control = ?, control_by = ? WHERE id = ?", (control, by, job_id))


def read_control(conn: Connection, job_id: str) -> tuple[Control | None, str]:
    """What was asked of the running job, and by whom."""
    row = conn.execute("SELECT control, control_by FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return (None, "") if row is None else (row["control"], row["control_by"] or "")


@dataclass(frozen=True)
class Step:
    """One planner turn as the journal knows it."""

    n: int
    tool: str
    args: dict[str, Any]
    planner: str
    state: str
    result: dict[str, Any] | None


def unfinished_step(conn: Connection, job_id: str) -> Step | None:
    """The step that was running when the job last stopped, or None."""
    row = conn.execute(
        "SELECT n, tool, args, planner, state, result FROM steps WHERE job_id = ? AND state = 'running'"
        " ORDER BY n LIMIT 1",
        (job_id,),
    ).fetchone()
    return None if row is None else _step_from_row(row)


def recent_steps(conn: Connection, job_id: str, *, limit: int) -> list[Step]:
    """The last `limit` steps, oldest first."""
    rows = conn.execute(
        "SELECT n, tool, args, planner, state, result FROM steps WHERE job_id = ? ORDER BY n DESC LIMIT ?",
        (job_id, limit),
    ).fetchall()
    return [_step_from_row(row) for row in reversed(rows)]


def last_step_number(conn: Connection, job_id: str) -> int:
    """0 before the first step."""
    return int(conn.execute("SELECT COALESCE(MAX(n), 0) FROM steps WHERE job_id = ?", (job_id,)).fetchone()[0])


@dataclass(frozen=True)
class Place:
    """Where a step stands: the next page, and the totals of the finished ones."""

    page: int
    cursor: dict[str, Any] | None
    processed: int
    failed: int
    tally: dict[str, int]
    """Counter name -> total over the finished pages."""


def place_in_step(conn: Connection, job_id: str, step: int) -> Place:
    """What a step's finished pages add up to, and the page to do next."""
    rows = conn.execute(
        "SELECT page, processed, failed, cursor, tally FROM calls WHERE job_id = ? AND step = ?"
        " AND state = 'finished' ORDER BY page",
        (job_id, step),
    ).fetchall()
    tally: Counter[str] = Counter()
    for row in rows:
        tally.update(json.loads(row["tally"]))
    return Place(
        page=rows[-1]["page"] + 1 if rows else 1,
        cursor=json.loads(rows[-1]["cursor"]) if rows and rows[-1]["cursor"] else None,
        processed=sum(row["processed"] for row in rows),
        failed=sum(row["failed"] for row in rows),
        tally=dict(tally),
    )


def claim_page(conn: Connection, lease: Lease, step: int, page: int, *, at: datetime) -> None:
    """Write down, before it starts, that a page is being worked on. A page of a dead holder is claimed again.

    Raises:
        JobLeased: the lease was lost.
    """
    with transaction(conn):
        changed = conn.execute(
            "INSERT INTO calls (job_id, step, page, state, epoch, claimed_at)"
            " SELECT id, ?2, ?3, 'claimed', lease_epoch, ?5 FROM jobs WHERE id = ?1 AND lease_epoch = ?4"
            " ON CONFLICT (job_id, step, page) DO UPDATE SET epoch = excluded.epoch, claimed_at = excluded.claimed_at",
            (lease.job_id, step, page, lease.epoch, at.isoformat()),
        ).rowcount
    if changed == 0:
        raise JobLeased(f"Job {lease.job_id} was taken over by another process.", hint="This process stops.")


def _step_from_row(row: Any) -> Step:
    return Step(
        n=row["n"],
        tool=row["tool"],
        args=json.loads(row["args"]),
        planner=row["planner"],
        state=row["state"],
        result=json.loads(row["result"]) if row["result"] else None,
    )
