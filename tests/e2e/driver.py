"""A whole job against the real sandbox, over real HTTP and DNS on loopback."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cmo.clock import Clock, ScaledClock, SystemClock
from cmo.config import Secret, Settings, Sources, load
from cmo.domain.event import Event, Recorded
from cmo.domain.job import Caps, Environment, Icp, Job, Plan
from cmo.graph.planner import Planner
from cmo.graph.planners.rules import RulesPlanner
from cmo.graph.run import Machinery, run_job
from cmo.ids import job_id
from cmo.sandbox import FaultPlan, FaultRule, Sandbox, SandboxSettings, World
from cmo.service.folder import JobFolder
from cmo.service.wiring import Outside, ports
from cmo.store.db import Connection, open_store
from cmo.store.events import iter_events
from cmo.store.jobs import create_job, get_job
from cmo.tools.registry import TOOLS

ANCHOR = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
SPEED = 5_000.0
TARGET = 40
REPOS = 40


@cache
def world() -> World:
    """The one world of the folder; what was made of it on demand stays made."""
    return World(anchor_at=ANCHOR)


def small_plan(**changes: Any) -> Plan:
    """Forty leads from forty repositories of two small topics."""
    values: dict[str, Any] = {
        "goal": "find 40 py maintainers",
        "target": TARGET,
        "icp": Icp(topics=("ci", "devtools")),
        "caps": Caps(max_repos=REPOS, checkpoint_every=15),
    }
    return Plan.model_validate({**values, **changes})


@contextmanager
def sandbox(*rules: FaultRule, profile: str = "none", clock: Clock | None = None, **settings: Any) -> Iterator[Sandbox]:
    """A running sandbox of the shared world, with a fault profile and further rules."""
    faults = FaultPlan((*FaultPlan.named(profile).rules, *rules))
    chosen = SandboxSettings(anchor_at=ANCHOR, faults=faults, **settings)
    running = Sandbox(chosen, clock=clock or ScaledClock(ANCHOR, speed=SPEED), world=world())
    with running:
        yield running


@dataclass
class Site:
    """A home with one job, and the outside that it runs against."""

    home: Path
    outside: Outside
    plan: Plan = field(default_factory=small_plan)
    planner: Callable[[], AbstractAsyncContextManager[Planner]] | None = None

    @property
    def settings(self) -> Settings:
        self.home.mkdir(parents=True, exist_ok=True)
        return load(Sources(env={"CMO_HOME": str(self.home)}, folder=self.home, keyring=lambda: None))

    @contextmanager
    def store(self) -> Iterator[Connection]:
        conn = open_store(self.settings.paths.db)
        try:
            yield conn
        finally:
            conn.close()

    def job(self) -> Job:
        """The home's job as it stands; made where there is none."""
        with self.store() as conn:
            return _the_job(conn, self.plan)

    def run(self, listen: Callable[[], Any] = lambda: None) -> Job:
        """Start the job or resume it, until it is over or paused."""
        with self.store() as conn:
            job = _the_job(conn, self.plan)
            return asyncio.run(self._run(conn, job, listen))

    async def _run(self, conn: Connection, job: Job, listen: Callable[[], Any]) -> Job:
        settings = self.settings
        folder = JobFolder(settings.paths.run_dir(job.id))
        async with ports(settings, self.outside, conn, folder) as outside_ports:
            machinery = Machinery(
                planner=RulesPlanner(),
                tools={tool.name: tool for tool in TOOLS},
                ports=outside_ports,
                folder=folder,
                graph_file=settings.paths.graph_dir / f"{job.id}.db",
                wall=ScaledClock(SystemClock().now(), speed=20),
            )
            return await run_job(conn, job.id, machinery, by="operator:test", listen=listen)


def outside_of(running: Sandbox, clock: Clock | None = None) -> Outside:
    return Outside(
        clock=clock or running.clock,
        github_api_url=running.github_url,
        github_graphql_url=running.graphql_url,
        github_tokens=tuple(Secret(token) for token in running.settings.tokens),
        dns_server=running.environment()["CMO_DNS_SERVER"],
    )


def _the_job(conn: Connection, plan: Plan) -> Job:
    known = conn.execute("SELECT id FROM jobs").fetchone()
    if known is not None:
        return get_job(conn, known["id"])
    return create_job(
        conn,
        plan,
        name=lambda taken: job_id(ANCHOR, taken=taken),
        environment=Environment.LIVE,
        by="operator:test",
        now=ANCHOR,
        anchor_at=ANCHOR,
    )
