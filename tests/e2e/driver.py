"""A whole job in a home, against the real sandbox: real HTTP and DNS on loopback, only the clock is quick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from cmo.clock import Clock, ScaledClock, SystemClock
from cmo.config import Secret, Settings, Sources, load
from cmo.domain.base import Frozen
from cmo.domain.job import Caps, Environment, Icp, Job, Plan
from cmo.graph.planner import Planner
from cmo.graph.planners.rules import RulesPlanner
from cmo.graph.run import Machinery, run_job
from cmo.ids import job_id
from cmo.sandbox import Books, FaultPlan, FaultRule, Sandbox, SandboxSettings, World
from cmo.service.folder import JobFolder
from cmo.service.wiring import Outside, ports
from cmo.store.db import Connection, open_store
from cmo.store.jobs import create_job, get_job
from cmo.store.packing import unpack
from cmo.tools.registry import TOOLS

Api = Literal["graphql", "rest"]
Listen = Callable[[], Any]
E = TypeVar("E", bound=Frozen)

ANCHOR = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
SPEED = 100.0
SHORT_S = 2.0
DNS_TIMEOUT_S = "60"
"""So long that a busy machine answers in time even at `SPEED`: who is verified later comes later among the leads."""
TARGET = 20
REPOS = 10

WIDE: Mapping[str, Any] = {
    "core_limit": 10**6,
    "graphql_limit": 10**6,
    "search_limit": 10**6,
    "rest_points_per_minute": 10**6,
    "graphql_points_per_minute": 10**6,
    "cpu_s_per_minute": 1e6,
    "graphql_cpu_s_per_minute": 1e6,
}
"""Settings of a sandbox that limits nobody."""

ROWS = {
    "repos": "SELECT id, n, full_name, query, state, people, doc FROM repos ORDER BY n",
    "searches": "SELECT n, icp, cursor, is_exhausted FROM searches ORDER BY n",
    "candidates": "SELECT login_key, n, person_id, state, reason, contributions, role, profile, email_state, score,"
    " score_doc FROM candidates ORDER BY n",
    "candidate_repos": "SELECT login_key, repo_id, contributions, ref FROM candidate_repos ORDER BY 1, 2",
    "drops": "SELECT login_key, reason, detail FROM drops ORDER BY 1",
    "emails": "SELECT login_key, email, email_class, rank, source_url, seen_at, evidence FROM emails ORDER BY n",
    "verdicts": "SELECT email, state, reason, flags, checked_at FROM verdicts ORDER BY email",
    "leads": "SELECT number, login_key, email, email_class, held, stage, score, label FROM leads ORDER BY number",
    "failures": "SELECT tool, item, code FROM failures ORDER BY tool, item",
    "checkpoints": "SELECT path, batch, row_count FROM checkpoints ORDER BY path",
    "steps": "SELECT n, tool, args, state FROM steps ORDER BY n",
}
"""What a job found and did, but what it cost: a killed one pays a little more."""


class QuickClock(ScaledClock):
    """Waits of up to two seconds, of which the longest ones are made, cost a turn of the event loop."""

    async def sleep(self, seconds: float) -> None:
        if seconds > SHORT_S:
            await super().sleep(seconds)
            return
        deadline = self.monotonic() + seconds
        await asyncio.sleep(0)
        self.advance_to(deadline)


class StoppedClock(QuickClock):
    """It is always the same time of day, though durations pass: what two runs write down can be equal to the byte."""

    def now(self) -> datetime:
        return ANCHOR


def quick_clock() -> QuickClock:
    return QuickClock(ANCHOR, speed=SPEED)


@cache
def world() -> World:
    """The one world of the folder; what was made of it on demand stays made."""
    return World(anchor_at=ANCHOR)


def small_plan(**changes: Any) -> Plan:
    """Twenty leads from ten repositories of two small topics; all their mail domains answer."""
    values: dict[str, Any] = {
        "goal": "find 20 py maintainers",
        "target": TARGET,
        "icp": Icp(topics=("ci", "pytest")),
        "caps": Caps(max_repos=REPOS, checkpoint_every=10),
    }
    return Plan.model_validate({**values, **changes})


@contextmanager
def sandbox(*rules: FaultRule, seed: int = 7, books: Books | None = None, **settings: Any) -> Iterator[Sandbox]:
    """A running sandbox of the shared world, on a clock of its own that jobs in this process share."""
    chosen = SandboxSettings(anchor_at=ANCHOR, faults=FaultPlan(rules, seed), **settings)
    running = Sandbox(chosen, clock=quick_clock(), world=world())
    running.books = books or running.books
    with running:
        yield running


def outside_of(running: Sandbox, *, api: Api = "graphql", clock: Clock | None = None) -> Outside:
    """The sandbox as a job sees it; by `rest`, its GraphQL is not there."""
    return Outside(
        clock=clock or running.clock,
        github_api_url=running.github_url,
        github_graphql_url=running.graphql_url if api == "graphql" else f"{running.github_url}/missing",
        github_tokens=tuple(Secret(token) for token in running.settings.tokens),
        dns_server=running.environment()["CMO_DNS_SERVER"],
    )


@dataclass
class Site:
    """A home with one job, and the outside that it runs against."""

    home: Path
    outside: Outside
    plan: Plan = field(default_factory=small_plan)
    planner: Callable[[], AbstractAsyncContextManager[Planner]] = lambda: nullcontext(RulesPlanner())

    @property
    def settings(self) -> Settings:
        return load(
            Sources(
                env={"CMO_HOME": str(self.home), "CMO_DNS_TIMEOUT_S": DNS_TIMEOUT_S},
                folder=self.home,
                keyring=lambda: None,
            )
        )

    @contextmanager
    def store(self) -> Iterator[Connection]:
        conn = open_store(self.settings.paths.db)
        try:
            yield conn
        finally:
            conn.close()

    def run(self, listen: Listen = lambda: None) -> Job:
        """Start the job or resume it, until it is over or paused."""
        with self.store() as conn:
            return asyncio.run(self._run(conn, _the_job(conn, self.plan), listen))

    async def _run(self, conn: Connection, job: Job, listen: Listen) -> Job:
        paths = self.settings.paths
        folder = JobFolder(paths.run_dir(job.id))
        async with ports(self.settings, self.outside, conn, folder) as outside_ports, self.planner() as planner:
            machinery = Machinery(
                planner=planner,
                tools={tool.name: tool for tool in TOOLS},
                ports=outside_ports,
                folder=folder,
                graph_file=paths.graph_dir / f"{job.id}.db",
                wall=ScaledClock(SystemClock().now(), speed=20),
            )
            return await run_job(conn, job.id, machinery, by="operator:test", listen=listen)

    def job(self) -> Job:
        """The home's job as it stands; made where there is none."""
        with self.store() as conn:
            return _the_job(conn, self.plan)

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.store() as conn:
            return [tuple(row) for row in conn.execute(sql, values)]

    def count(self, table: str) -> int:
        return int(self.ask(f"SELECT COUNT(*) FROM {table}")[0][0])

    def leads(self) -> list[tuple[Any, ...]]:
        """Every lead with its address and score, in order."""
        return self.ask("SELECT number, login_key, email, email_class, held, score, label FROM leads ORDER BY number")

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in `ROWS`, by table."""
        return {name: self.ask(sql) for name, sql in ROWS.items()}

    def events(self, kind: type[E]) -> list[E]:
        """What happened of one kind, in order."""
        bodies = self.ask("SELECT body FROM events WHERE kind = ? ORDER BY seq", kind.model_fields["kind"].default)
        return [kind.model_validate_json(unpack(body)) for (body,) in bodies]

    @property
    def folder(self) -> Path:
        """Of the job: snapshot, artifacts, log."""
        return self.settings.paths.run_dir(self.job().id)

    def files(self) -> dict[str, bytes]:
        """The job's CSV files by name."""
        return {path.name: path.read_bytes() for path in sorted((self.folder / "artifacts").glob("*.csv"))}


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
