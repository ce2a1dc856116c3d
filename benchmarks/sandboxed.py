"""Jobs against the sandbox: the world in this process, the job in another, one clock for both."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.children import Worker
from benchmarks.clock import SharedClock, start_clock
from benchmarks.measure import NothingMeasured, progress, reading, require_finished, scratch
from benchmarks.worker import Report, SandboxOutside, Spec
from cmo.sandbox import FaultPlan, Sandbox, SandboxSettings, Totals, World

ANCHOR = datetime(2026, 11, 17, 9, tzinfo=UTC)
MIDNIGHT = ANCHOR.replace(hour=0)
"""From where jobs count `the last 90 days` back."""
LATENCY_S = 0.05
SPEED = 500.0
"""How much faster than real time waits are; work takes the time it takes."""
NO_CAP = 1_000_000
DAY_S = 86_400
_POLL_S = 0.01
_numbers = itertools.count(1)


@cache
def world() -> World:
    """The one world of all runs."""
    return World(seed=7, anchor_at=ANCHOR)


@dataclass(frozen=True, kw_only=True)
class SandboxRun:
    """What came of a job, as its store and the sandbox's own books tell it."""

    home: Path
    report: Report
    """Of the process that ended it."""
    totals: Totals
    good_leads: int
    leads: frozenset[tuple[str, str]]
    """Login key and address of each."""
    repos_read: tuple[str, ...]
    """Full names, in the order found."""
    checkpoints: int
    """CSV files written while it ran."""
    waits: int
    """Limits that were waited for, by all jobs of the store."""
    units_before: int = 0
    """What had been spent when the process was killed, or by the jobs before."""

    @property
    def units(self) -> int:
        """REST requests that count, and GraphQL points."""
        return units(self.totals)

    @property
    def database(self) -> Path:
        return self.home / "campaign.db"


def units(totals: Totals) -> int:
    """REST requests that count against the limit, and GraphQL points."""
    return totals.rest_cost + totals.graphql_points


def plan_of(target: int, **caps: int) -> dict[str, Any]:
    """The default profile, with caps that do not bind but for those given."""
    wide = {"max_repos": NO_CAP, "max_people": NO_CAP, "max_steps": 100_000, "max_tool_calls": NO_CAP}
    return {"goal": f"find {target} py maintainers", "target": target, "caps": {**wide, **caps}}


@cache
def reach(target: int) -> SandboxRun:
    """A plain run to `target` good leads; shared by the benchmarks that need one."""
    return run(f"goal of {target:,}", plan_of(target))


@contextmanager
def serving(*, faults: str | None = None, **limits: Any) -> Iterator[tuple[Sandbox, SandboxOutside, SharedClock]]:
    """A running sandbox, how a worker reaches it, and the clock of both.

    Args:
        faults, limits: As for `run`.
    """
    settings = SandboxSettings(anchor_at=ANCHOR, latency_s=LATENCY_S, **limits)
    if faults is not None:
        settings = replace(settings, faults=FaultPlan.named(faults))
    path = scratch() / f"clock-{next(_numbers)}"
    with (
        closing(start_clock(path, ANCHOR, speed=SPEED)) as clock,
        Sandbox(settings, clock=clock, world=world()) as sandbox,
    ):
        places = sandbox.environment()
        yield (
            sandbox,
            SandboxOutside(
                rest_url=places["GITHUB_API_URL"],
                graphql_url=places["GITHUB_GRAPHQL_URL"],
                dns_server=places["CMO_DNS_SERVER"],
                token=places["GITHUB_TOKEN"],
                clock=str(path),
                speed=SPEED,
            ),
            clock,
        )


def run(
    what: str,
    plan: dict[str, Any],
    *,
    kill_after_requests: int | None = None,
    jobs: int = 1,
    without_graphql: bool = False,
    faults: str | None = None,
    **limits: Any,
) -> SandboxRun:
    """Run a job to its end.

    Args:
        what: Named in progress messages.
        kill_after_requests: Kill the process with SIGKILL once the sandbox has seen so many; then resume it.
        jobs: Run the same plan so many times over the same store, a day apart; the last one is described, the totals
            are those of all.
        without_graphql: Point the client at a server that has only the REST API.
        faults: Name of a fault profile.
        limits: Fields of `SandboxSettings`, e.g. `graphql_limit`.
    Raises:
        NothingMeasured: it paused or failed, found nobody, or ended before it could be killed.
    """
    progress(f"sandbox: {what}")
    home = scratch() / f"sandbox-{next(_numbers)}"
    with serving(faults=faults, **limits) as (sandbox, outside, clock):
        if without_graphql:
            outside = replace(outside, graphql_url=f"{outside.rest_url}/none")
        spec = Spec(home=str(home), plan=plan, sandbox=outside)
        spent = 0
        for _ in range(jobs - 1):
            first = Worker(spec).wait()
            with reading(home / "campaign.db") as conn:
                require_finished(conn, first.job_id)
            spent = units(sandbox.books.totals())
            clock.advance_to(clock.monotonic() + DAY_S)
        worker = Worker(spec)
        if kill_after_requests is not None:
            if not _reached(sandbox, worker, kill_after_requests):
                raise NothingMeasured(f"the job ended before request {kill_after_requests}, so it was not killed")
            worker.kill()
            spent = units(sandbox.books.totals())
            worker = Worker(spec)
        report = worker.wait()
        return _described(home, sandbox.books.totals(), report, spent)


def _reached(sandbox: Sandbox, worker: Worker, requests: int) -> bool:
    while worker.process.poll() is None:
        if len(sandbox.books.entries) >= requests:
            return True
        time.sleep(_POLL_S)
    return False


def _described(home: Path, totals: Totals, report: Report, spent: int) -> SandboxRun:
    with reading(home / "campaign.db") as conn:
        require_finished(conn, report.job_id)
        job = (report.job_id,)
        good = (
            "SELECT l.login_key, l.email FROM leads l JOIN candidates c USING (job_id, login_key)"
            " WHERE job_id = ? AND c.state = 'accepted'"
        )
        leads = frozenset((row["login_key"], row["email"].lower()) for row in conn.execute(good, job))
        read = "SELECT full_name FROM repos WHERE job_id = ? AND state <> 'unread' ORDER BY n"
        names = tuple(row["full_name"] for row in conn.execute(read, job))
        batches = "SELECT COUNT(*) FROM checkpoints WHERE job_id = ? AND batch > 0"
        waits = "SELECT COUNT(*) FROM events WHERE kind = 'job_waiting'"
        return SandboxRun(
            home=home,
            report=report,
            totals=totals,
            good_leads=len(leads),
            leads=leads,
            repos_read=names,
            checkpoints=conn.execute(batches, job).fetchone()[0],
            waits=conn.execute(waits).fetchone()[0],
            units_before=spent,
        )
