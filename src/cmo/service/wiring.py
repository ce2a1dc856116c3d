"""From settings to the machinery of a run: the only place where ports meet providers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cmo.clock import Clock, ScaledClock, SystemClock
from cmo.config import Secret, Settings, graphql_url
from cmo.domain.job import Job
from cmo.errors import ConfigError
from cmo.paths import ensure_folder
from cmo.providers.ports import Meter, Resolver, ResponseCache
from cmo.providers.registry import factory
from cmo.service.cache import StoredAnswers
from cmo.service.folder import JobFolder
from cmo.service.world import keep_world, sandbox_world, world_settings
from cmo.store.db import Connection

if TYPE_CHECKING:
    from cmo.graph.planner import Planner
    from cmo.graph.run import Machinery
    from cmo.providers.github.client import GitHub
    from cmo.tools.base import Outgoing, Ports

SANDBOX_SPEED = 60.0
"""How much faster than real time the sandbox waits."""
BOOKS_FILE = "books.json"


@dataclass(frozen=True)
class Outside:
    """Where the outside is, and what time it is there."""

    clock: Clock
    github_api_url: str
    github_graphql_url: str
    github_tokens: tuple[Secret, ...]
    dns_server: str
    places: Mapping[str, str] = field(default_factory=dict)
    """The sandbox's own variables: base URLs, keys and ids; empty where the outside is real."""


@contextmanager
def outside(settings: Settings, *, not_before: datetime | None = None) -> Iterator[Outside]:
    """The real services, or the sandbox's servers while the context lasts.

    Args:
        not_before: The newest time on record; a sandbox whose process was killed starts its clock no earlier.
    """
    if settings.sandbox:
        with _sandbox(settings, not_before) as found:
            yield found
        return
    yield Outside(
        clock=SystemClock(),
        github_api_url=settings.github_api_url,
        github_graphql_url=settings.github_graphql_url or graphql_url(settings.github_api_url),
        github_tokens=settings.github_tokens(),
        dns_server=settings.dns_server,
    )


@contextmanager
def _sandbox(settings: Settings, not_before: datetime | None) -> Iterator[Outside]:
    from cmo.sandbox import Sandbox

    world = sandbox_world(settings)
    clock = ScaledClock(max(world.now, not_before or world.now), speed=SANDBOX_SPEED)
    sandbox = Sandbox(world_settings(world), clock=clock)
    books = ensure_folder(settings.paths.sandbox_dir) / BOOKS_FILE
    if books.exists():
        sandbox.load(books)
    with sandbox:
        places = sandbox.environment()
        try:
            yield Outside(
                clock=clock,
                github_api_url=places["GITHUB_API_URL"],
                github_graphql_url=places["GITHUB_GRAPHQL_URL"],
                github_tokens=(Secret(places["GITHUB_TOKEN"]),),
                dns_server=places["CMO_DNS_SERVER"],
                places=places,
            )
        finally:
            sandbox.save(books)
            keep_world(settings, replace(world, now=clock.now()))


def open_github(settings: Settings, found: Outside, cache: ResponseCache, meter: Meter) -> GitHub:
    """A client, to be used as an async context manager."""
    github: GitHub = factory("github")(
        found.github_tokens,
        rest_url=found.github_api_url,
        graphql_url=found.github_graphql_url,
        timeout_s=settings.github_timeout_s,
        clock=found.clock,
        cache=cache,
        meter=meter,
    )
    return github


def open_resolver(settings: Settings, found: Outside, cache: ResponseCache, meter: Meter) -> Resolver:
    """A resolver; it holds nothing that must be closed."""
    resolver: Resolver = factory("dns")(
        nameserver=found.dns_server, timeout_s=settings.dns_timeout_s, clock=found.clock, cache=cache, meter=meter
    )
    return resolver


@asynccontextmanager
async def ports(
    settings: Settings,
    found: Outside,
    conn: Connection,
    folder: JobFolder,
    *,
    job: Job | None = None,
    listen: Callable[[], object] = lambda: None,
) -> AsyncIterator[Ports]:
    """The outside as tools see it.

    Args:
        job: Whose outbox tools may ask; without one nothing can be written to the outside.
        listen: What this process's own signals ask for; anything but None keeps the outbox from taking up more.
    """
    from cmo.service.templates import drafting_inputs
    from cmo.tools.base import Ports

    cache, meter = StoredAnswers(conn), Meter()
    resolver = open_resolver(settings, found, cache, meter)
    async with open_github(settings, found, cache, meter) as code_host:
        yield Ports(
            code_host=code_host,
            history=code_host,
            resolver=resolver,
            artifacts=folder,
            meter=meter,
            clock=found.clock,
            drafting=drafting_inputs(settings) if settings.offer and settings.question else None,
            outgoing=None if job is None else _outgoing(settings, found, conn, job, meter, resolver, listen),
        )


def _outgoing(
    settings: Settings,
    found: Outside,
    conn: Connection,
    job: Job,
    meter: Meter,
    resolver: Resolver,
    listen: Callable[[], object],
) -> Outgoing:
    from cmo.service.delivery import Delivery
    from cmo.service.outgoing import Asked, JobOutgoing
    from cmo.store.journal import read_control

    def check() -> None:
        if listen() is not None or read_control(conn, job.id)[0] is not None:
            raise Asked

    return JobOutgoing(Delivery(settings, found, conn, job, meter, resolver, check))


@asynccontextmanager
async def machinery(
    settings: Settings, found: Outside, conn: Connection, job: Job, *, listen: Callable[[], object]
) -> AsyncIterator[Machinery]:
    """Everything a run of `job` is made of."""
    from cmo.graph.run import Machinery
    from cmo.store.journal import is_taken_over
    from cmo.tools.registry import TOOLS

    def heed() -> object:
        return "taken over" if is_taken_over(conn, job.id) else listen()

    require_credentials(found)
    folder = JobFolder(settings.paths.run_dir(job.id))
    async with (
        ports(settings, found, conn, folder, job=job, listen=heed) as outside_ports,
        planner(settings) as thinker,
    ):
        yield Machinery(
            planner=thinker,
            tools={tool.name: tool for tool in TOOLS},
            ports=outside_ports,
            folder=folder,
            graph_file=settings.paths.graph_dir / f"{job.id}.db",
            wall=SystemClock(),
        )


def require_credentials(found: Outside) -> None:
    """Raises ConfigError where GitHub's token is missing."""
    if not found.github_tokens:
        raise ConfigError(
            "No credential for `github`.",
            hint="Set GITHUB_TOKEN, or run: cmo auth set github. Without one: cmo run --sandbox …",
        )


@asynccontextmanager
async def planner(settings: Settings) -> AsyncIterator[Planner]:
    """Who plans: a model where its key is there, else the rules."""
    from cmo.graph.planners.rules import RulesPlanner

    name = settings.planner()
    if name == "rules":
        yield RulesPlanner()
        return
    from cmo.graph.planners.openai import open_model_planner

    key = settings.secrets.find(name)
    async with open_model_planner(
        provider=name,
        model=settings.model,
        api_key=key.reveal() if key else "",
        base_url=settings.openai_base_url,
        azure_endpoint=settings.azure_openai_endpoint,
        api_version=settings.openai_api_version,
        timeout_s=settings.model_timeout_s,
        tools=_tool_schemas(),
        fallback=RulesPlanner(),
    ) as model:
        yield model


def _tool_schemas() -> list[dict[str, Any]]:
    from cmo.tools.registry import schemas

    return schemas(planner=True)
