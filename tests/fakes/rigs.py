"""A job over a fake outside: store, folder and machinery in a temporary home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmo.clock import Clock, ScaledClock, SystemClock
from cmo.domain.job import Job, Plan
from cmo.graph.planner import Planner
from cmo.graph.planners.rules import RulesPlanner
from cmo.graph.run import Machinery, run_job
from cmo.providers.ports import Meter
from cmo.service.folder import JobFolder
from cmo.store.db import Connection, open_store
from cmo.tools.base import Ports
from cmo.tools.registry import TOOLS
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import NOW, FakeCodeHost, FakeResolver


@dataclass
class Rig:
    """Everything to run one job in `home`."""

    home: Path
    plan: Plan = field(default_factory=plan_factory)
    host: FakeCodeHost = field(default_factory=FakeCodeHost)
    resolver: FakeResolver = field(default_factory=FakeResolver)
    planner: Planner = field(default_factory=RulesPlanner)
    clock: Clock = field(default_factory=lambda: ScaledClock(NOW, speed=10_000))

    def open(self) -> Connection:
        return open_store(self.home / "campaign.db")

    def folder(self, job: Job) -> JobFolder:
        return JobFolder(self.home / "runs" / job.id)

    def machinery(self, job: Job) -> Machinery:
        folder = self.folder(job)
        ports = Ports(
            code_host=self.host,
            history=self.host,
            resolver=self.resolver,
            artifacts=folder,
            meter=Meter(),
            clock=self.clock,
        )
        return Machinery(
            planner=self.planner,
            tools={tool.name: tool for tool in TOOLS},
            ports=ports,
            folder=folder,
            graph_file=self.home / "graph" / f"{job.id}.db",
            wall=ScaledClock(SystemClock().now(), speed=20),
        )

    def run(self, conn: Connection, job: Job, listen: Callable[[], Any] = lambda: None) -> Job:
        return asyncio.run(run_job(conn, job.id, self.machinery(job), by="operator:test", listen=listen))
