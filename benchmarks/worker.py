"""A process that runs one job, or goes on with it: `python -m benchmarks.worker SPEC.json REPORT.json`.

A process of its own, so that its memory is the job's alone and so that it can be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.clock import SharedClock
from benchmarks.measure import RssSampler, peak_rss_mb
from cmo.graph.environment import harden

if TYPE_CHECKING:
    from cmo.domain.job import Job
    from cmo.graph.planner import Decision, Situation
    from cmo.graph.run import Machinery
    from cmo.store.db import Connection


@dataclass(frozen=True, kw_only=True)
class BulkOutside:
    """The outside in memory: `repos` repositories, each with people of its own who all become leads."""

    repos: int
    people_each: int


@dataclass(frozen=True, kw_only=True)
class SandboxOutside:
    """A sandbox that another process runs."""

    rest_url: str
    graphql_url: str
    dns_server: str
    token: str
    clock: str
    """File of the `SharedClock`."""
    speed: float


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What to run."""

    home: str
    """As CMO_HOME; a job that is there and not over is resumed."""
    plan: dict[str, Any]
    bulk: BulkOutside | None = None
    sandbox: SandboxOutside | None = None
    repos_a_round: int | None = None
    """Search this many repositories a round, instead of what the rules planner thinks is needed: sets the steps."""
    stop_before_export: bool = False
    """Pause where the first export would be planned."""

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Spec:
        bulk, sandbox = saved.pop("bulk"), saved.pop("sandbox")
        return cls(
            **saved,
            bulk=BulkOutside(**bulk) if bulk else None,
            sandbox=SandboxOutside(**sandbox) if sandbox else None,
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of it."""

    job_id: str
    status: str
    seconds: float
    """Real seconds of the job, without the imports."""
    virtual_s: float
    """Seconds of the job on its clock."""
    peak_mb: float
    rss_mb: list[float] = field(default_factory=list)
    """What the process held, every quarter of a second."""


class RoundsPlanner:
    """The rules planner, with a fixed number of repositories a round, and a halt before the export."""

    def __init__(self, repos_a_round: int | None, *, stop_before_export: bool) -> None:
        self._repos = repos_a_round
        self._stops = stop_before_export

    async def decide(self, situation: Situation) -> Decision:
        from cmo.errors import ConfigError
        from cmo.graph.planner import Decision
        from cmo.graph.planners.rules import next_call

        call = next_call(situation)
        if call.tool == "search_github_repos" and self._repos is not None:
            if situation.progress.repos_unread:  # work off one round before the next is searched
                call = next_call(situation.model_copy(update={"search_open": False, "can_widen": False}))
            else:
                call = call.model_copy(update={"args": {"max_repos": min(self._repos, situation.room_repos)}})
        if call.tool == "export_csv" and self._stops:
            raise ConfigError("The benchmark stops here.", hint="Resume it.")  # what pauses a job between two steps
        return Decision(call=call, planner="rules")


def run(spec: Spec) -> Report:
    """Run the job of `spec` until it is over or paused."""
    from cmo.service.store import writer

    settings = settings_of(Path(spec.home))
    with writer(settings) as conn, RssSampler() as sampler:
        job = _job(conn, spec)
        started = time.perf_counter()
        virtual_s, status = asyncio.run(_run(spec, conn, job))
        seconds = time.perf_counter() - started
    return Report(
        job_id=job.id,
        status=status,
        seconds=seconds,
        virtual_s=virtual_s,
        peak_mb=peak_rss_mb(),
        rss_mb=sampler.samples,
    )


def settings_of(home: Path) -> Any:
    """Settings that know nothing but their home."""
    from cmo.config import Sources, load

    return load(Sources(env={"CMO_HOME": str(home), "LLM_PROVIDER": "rules"}, folder=home, keyring=lambda: None))


async def _run(spec: Spec, conn: Connection, job: Job) -> tuple[float, str]:
    from cmo.graph.run import run_job

    async with machinery(spec, conn, job) as parts:
        clock = parts.ports.clock
        began = clock.monotonic()
        job = await run_job(conn, job.id, parts, by="operator:bench", listen=lambda: None)
        return clock.monotonic() - began, job.status.value


@asynccontextmanager
async def machinery(spec: Spec, conn: Connection, job: Job) -> AsyncIterator[Machinery]:
    """The product's own wiring; for a bulk outside, with ports in memory."""
    planner = RoundsPlanner(spec.repos_a_round, stop_before_export=spec.stop_before_export)
    if spec.sandbox is not None:
        async with _sandboxed(spec, spec.sandbox, conn, job) as parts:
            yield replace(parts, planner=planner)
    elif spec.bulk is not None:
        yield replace(_in_memory(spec, spec.bulk, job), planner=planner)
    else:
        raise ValueError("a spec names an outside")


@asynccontextmanager
async def _sandboxed(spec: Spec, outside: SandboxOutside, conn: Connection, job: Job) -> AsyncIterator[Machinery]:
    from cmo.config import Secret
    from cmo.service import wiring

    with closing(SharedClock(Path(outside.clock), speed=outside.speed)) as clock:
        found = wiring.Outside(
            clock=clock,
            github_api_url=outside.rest_url,
            github_graphql_url=outside.graphql_url,
            github_tokens=(Secret(outside.token),),
            dns_server=outside.dns_server,
        )
        async with wiring.machinery(settings_of(Path(spec.home)), found, conn, job, listen=lambda: None) as parts:
            yield parts


def _in_memory(spec: Spec, outside: BulkOutside, job: Job) -> Machinery:
    from tests.fakes.outside import FakeCodeHost
    from tests.fakes.rigs import Rig

    host = FakeCodeHost(repos=outside.repos, people_each=outside.people_each, page=100)
    return Rig(home=Path(spec.home), plan=job.plan, host=host).machinery(job)


def _job(conn: Connection, spec: Spec) -> Job:
    from cmo.domain.job import Environment, Plan
    from cmo.ids import job_id
    from cmo.store.jobs import create_job, list_jobs

    known = [job for job in list_jobs(conn) if not job.status.is_over]
    if known:
        return known[0]
    now = _now(spec)
    return create_job(
        conn,
        Plan.model_validate(spec.plan),
        name=lambda taken: job_id(now, taken=taken),
        environment=Environment.LIVE,
        by="operator:bench",
        now=now,
        anchor_at=now.replace(hour=0, minute=0, second=0, microsecond=0),
    )


def _now(spec: Spec) -> Any:
    if spec.sandbox is not None:
        with closing(SharedClock(Path(spec.sandbox.clock), speed=1)) as clock:
            return clock.now()
    from tests.fakes.outside import NOW

    return NOW


def main() -> None:
    harden()
    spec, report = Path(sys.argv[1]), Path(sys.argv[2])
    done = run(Spec.from_json(json.loads(spec.read_text(encoding="utf-8"))))
    report.write_text(json.dumps(asdict(done)), encoding="utf-8")


if __name__ == "__main__":
    main()
