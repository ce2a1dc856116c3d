"""One world and one running sandbox for the whole folder; tests that use up limits start their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cmo.clock import ScaledClock
from cmo.sandbox import Sandbox, SandboxSettings, World, start_sandbox

ANCHOR = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
SPEED = 2000.0

StartSandbox = Callable[..., "Bench"]


class Bench:
    """A running sandbox with a client that has a good token."""

    def __init__(self, sandbox: Sandbox, clock: ScaledClock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        token = sandbox.settings.tokens[0]
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "cmo-tests"}
        self.client = httpx.Client(base_url=sandbox.github_url, headers=headers, trust_env=False, timeout=20.0)

    @property
    def world(self) -> World:
        return self.sandbox.world

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        return self.client.get(path, params=params or None, headers=headers)

    def ask(self, query: str, **variables: Any) -> httpx.Response:
        return self.client.post("/graphql", json={"query": query, "variables": variables})

    def data(self, query: str, **variables: Any) -> Any:
        """The data of a query that must succeed whole."""
        answer = self.ask(query, **variables).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def close(self) -> None:
        self.client.close()
        self.sandbox.stop()


@pytest.fixture(scope="session")
def world() -> World:
    return World(anchor_at=ANCHOR)


@pytest.fixture(scope="session")
def bench(world: World) -> Iterator[Bench]:
    """A sandbox with room in every limit, shared by tests that only read."""
    clock = ScaledClock(ANCHOR, speed=SPEED)
    wide = SandboxSettings(
        anchor_at=ANCHOR,
        core_limit=10**6,
        graphql_limit=10**6,
        search_limit=10**6,
        rest_points_per_minute=10**6,
        graphql_points_per_minute=10**6,
        cpu_s_per_minute=10**6,
        graphql_cpu_s_per_minute=10**6,
    )
    running = Bench(start_sandbox(wide, clock=clock, world=world), clock)
    yield running
    running.close()


@pytest.fixture
def start(world: World) -> Iterator[StartSandbox]:
    """Starts a sandbox of the shared world with other settings."""
    started: list[Bench] = []

    def begin(**settings: Any) -> Bench:
        clock = ScaledClock(ANCHOR, speed=SPEED)
        sandbox = start_sandbox(SandboxSettings(anchor_at=ANCHOR, **settings), clock=clock, world=world)
        started.append(Bench(sandbox, clock))
        return started[-1]

    yield begin
    for running in started:
        running.close()
