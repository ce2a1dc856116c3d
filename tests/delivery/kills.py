"""Kills a process that delivers a campaign at each boundary in turn, and lets another one go on.

A boundary is: before and after each transaction of the store, and before and after each call of a writer. `Bomb` counts
them and, at the one it was set for, kills its process with SIGKILL: no handler runs, nothing is flushed. The process is
forked by a server that has one thread; the services live in this one and go on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from unittest import mock

from cmo.domain.outward import Operation, Receipt
from cmo.providers.ports import Writer
from cmo.service import delivery
from cmo.store.db import Connection
from tests.delivery.books import Comparison, compare
from tests.delivery.campaigns import CAMPAIGNS, Running, impatient, running
from tests.delivery.walk import settle
from tests.fakes.clock import StillClock

LONGEST_S = 60.0


@dataclass
class Bomb:
    """Goes off at boundary `at`, counted from 1."""

    at: int
    passed: int = 0

    def tick(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def listen_to(self, conn: Connection) -> None:
        conn.set_trace_callback(lambda sql: self.tick() if sql in ("BEGIN IMMEDIATE", "COMMIT") else None)


@dataclass(frozen=True)
class Rigged:
    """A writer that ticks around each call."""

    inner: Writer[Any]
    bomb: Bomb

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self.inner.operations

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def write(self, operation: str, items: Sequence[Any]) -> tuple[Receipt, ...]:
        self.bomb.tick()
        told = await self.inner.write(operation, items)
        self.bomb.tick()
        return told

    async def look_up(self, operation: str, items: Sequence[Any]) -> tuple[Receipt, ...]:
        self.bomb.tick()
        told = await self.inner.look_up(operation, items)
        self.bomb.tick()
        return told


@dataclass(frozen=True)
class Order:
    """What a process that is to fail gets, and where."""

    campaign: str
    home: Path
    places: Mapping[str, str]
    now: datetime
    at: int


@dataclass(frozen=True)
class FarServices:
    """The services as another process knows them."""

    places: Mapping[str, str]


def deliver_until_killed(order: Order) -> None:
    """Deliver the whole campaign, or die at a boundary."""
    bomb = Bomb(order.at)
    far: Any = FarServices(order.places)
    run = Running(CAMPAIGNS[order.campaign], order.home, far, StillClock(order.now))
    lane = delivery.Delivery._lane

    def rigged(self: Any, writer: Writer[Any], *rest: Any) -> Any:
        return lane(self, Rigged(writer, bomb), *rest)

    conn = run.open()
    bomb.listen_to(conn)
    with impatient(5.0), mock.patch.object(delivery.Delivery, "_lane", rigged):
        run.deliver(conn)


def killed(order: Order) -> bool:
    """Deliver in a process of its own; False where it came to its end alive."""
    process = forkserver().Process(target=deliver_until_killed, args=(order,))
    process.start()
    process.join(LONGEST_S)
    if process.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the process ended with {process.exitcode}")
    return process.exitcode != 0


def walk_kill(campaign: str, at: int, home: Path) -> Comparison | None:
    """Kill at boundary `at`, let another process go on to the quiet end, and compare; None where nobody was killed."""
    with running(campaign, home) as run:
        order = Order(campaign, home, run.services.places, run.clock.now(), at)
        if not killed(order):
            return None
        conn = run.open()
        try:
            settle(run, conn)
            return compare(run, conn)
        finally:
            conn.close()


def forkserver() -> ForkServerContext:
    """Processes forked by a server that has one thread and everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.delivery.kills", "cmo.graph.dispatch"])
    return context
