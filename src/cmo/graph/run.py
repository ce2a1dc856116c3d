"""Running a job in this process: lease, heartbeat, agent, graph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmo.clock import Clock
from cmo.domain.audit import AuditEntry
from cmo.domain.event import JobFailed, JobPaused, JobStarted
from cmo.domain.job import Job, JobStatus
from cmo.errors import CmoError, JobError, OutputUnwritable, StoreBusy, StoreError, ToolError
from cmo.graph.agent import Agent
from cmo.graph.build import drive
from cmo.graph.executor import Asked
from cmo.graph.planner import Planner
from cmo.graph.record import Folder, extend_log, write_snapshot
from cmo.graph.state import GraphState
from cmo.store import journal
from cmo.store.commit import commit
from cmo.store.db import Connection
from cmo.store.jobs import get_job
from cmo.store.journal import LEASE_TTL_S, Lease
from cmo.tools.base import Ports, Tool

Listen = Callable[[], Asked | None]
"""What this process's own signals ask for."""


@dataclass(frozen=True)
class Machinery:
    """What a run is made of; the service wires it."""

    planner: Planner
    tools: Mapping[str, Tool[Any, Any, Any]]
    ports: Ports
    folder: Folder
    graph_file: Path
    wall: Clock
    """The machine's clock, for leases: processes must agree on it."""


async def run_job(conn: Connection, job_id: str, machinery: Machinery, *, by: str, listen: Listen) -> Job:
    """Run the job until it is over or paused; the job as it stands then.

    Raises:
        JobLeased: another live process runs it, or took it over.
        JobNotResumable: it is over.
    """
    lease = journal.acquire_lease(conn, job_id, owner=journal.this_process(), now_s=machinery.wall.now().timestamp())
    clock = machinery.ports.clock
    started = JobStarted(by=by, resumed=lease.epoch > 1)
    told = AuditEntry(
        actor=by,
        action="jobs.resume",
        object=f"job:{job_id}",
        before=get_job(conn, job_id).status,
        after=JobStatus.RUNNING,
    )
    try:
        events = [(f"{job_id}/start/{lease.epoch}", started)]
        commit(conn, job_id, events, at=clock.now(), epoch=lease.epoch, audit=[told])
        await _with_heartbeat(conn, lease, machinery, listen)
    except (JobError, StoreError):
        raise
    except OutputUnwritable as exc:
        paused = JobPaused(reason="disk", message=f"{exc.message} {exc.hint}")
        with suppress(CmoError):  # the disk may be too full for this, too
            commit(conn, job_id, [(f"{job_id}/disk/{lease.epoch}", paused)], at=clock.now(), epoch=lease.epoch)
        raise
    except ToolError as exc:
        paused = JobPaused(reason="tool", message=f"{exc.message} {exc.hint}".strip())
        commit(conn, job_id, [(f"{job_id}/tool/{lease.epoch}", paused)], at=clock.now(), epoch=lease.epoch)
        raise
    except CmoError as exc:
        failed = JobFailed(code=exc.code, message=exc.message, hint=exc.hint)
        commit(conn, job_id, [(f"{job_id}/fail/{lease.epoch}", failed)], at=clock.now(), epoch=lease.epoch)
        raise
    finally:
        with suppress(StoreError, OutputUnwritable):  # a lease that cannot be given back runs out by itself
            journal.release_lease(conn, lease)
    return get_job(conn, job_id)


async def _with_heartbeat(conn: Connection, lease: Lease, machinery: Machinery, listen: Listen) -> None:
    def ask() -> tuple[Asked | None, str]:
        own = listen()
        return (own, "a signal") if own is not None else journal.read_control(conn, lease.job_id)

    agent = Agent(conn, lease, machinery.planner, machinery.tools, machinery.ports, ask)

    async def turn(state: GraphState) -> tuple[GraphState, bool]:
        after, stops = await agent.turn(state)
        extend_log(conn, lease.job_id, machinery.folder)
        if stops or after["ended"] is not None or after["current_stage"] != state["current_stage"]:
            write_snapshot(conn, lease.job_id, machinery.folder)
        return after, stops

    work = asyncio.ensure_future(drive(lease.job_id, turn, machinery.graph_file))
    pulse = asyncio.ensure_future(_heartbeat(conn, lease, machinery.wall))
    try:
        await asyncio.wait({work, pulse}, return_when=asyncio.FIRST_COMPLETED)
        if pulse.done():
            pulse.result()
        await work
    finally:
        for task in (work, pulse):
            task.cancel()
        await asyncio.gather(work, pulse, return_exceptions=True)


async def _heartbeat(conn: Connection, lease: Lease, wall: Clock) -> None:
    """Renew the lease until it is lost. While another process holds the store, try again as long as the lease lasts."""
    renewed_s = wall.monotonic()
    while True:
        await wall.sleep(LEASE_TTL_S / 3)
        try:
            journal.renew_lease(conn, lease, now_s=wall.now().timestamp())
            renewed_s = wall.monotonic()
        except StoreBusy:
            if wall.monotonic() - renewed_s > LEASE_TTL_S:
                raise
