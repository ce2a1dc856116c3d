"""Delivers a campaign in a process whose disk fails it, and lets another one go on once that is mended.

The disk is full at one page of the store's log after another, or becomes read-only under a call, as file systems do
after an error. The process is forked by a server that has one thread; the services live in this one and go on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from cmo.domain.outward import Operation, Receipt
from cmo.providers.ports import Writer
from cmo.service import delivery
from cmo.store.db import Connection
from tests.delivery.books import Comparison, compare
from tests.delivery.campaigns import CAMPAIGNS, Running, impatient, running
from tests.delivery.kills import LONGEST_S, FarServices, Order, forkserver
from tests.delivery.walk import settle
from tests.fakes.clock import StillClock
from tests.fakes.disk import no_room

TOLD = ("the disk is full", "readonly")
FAILED = 73


@dataclass(frozen=True)
class Fragile:
    """A writer under whose call number `at`, counted from 1, the disk becomes read-only."""

    inner: Writer[Any]
    conn: Connection
    at: int
    calls: list[str]

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self.inner.operations

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def write(self, operation: str, items: Sequence[Any]) -> tuple[Receipt, ...]:
        self.calls.append(operation)
        if len(self.calls) == self.at:
            self.conn.execute("PRAGMA query_only=ON")
        return await self.inner.write(operation, items)


def deliver_on_a_full_disk(order: Order) -> None:
    """Deliver while the store's log has room for `order.at` pages; ends with `FAILED` where that was too little."""
    run = _far(order)
    conn = run.open()
    conn.execute("SELECT COUNT(*) FROM jobs").fetchone()  # makes the files beside the log, which are no part of this
    with impatient(5.0), no_room(run.settings.paths.db, pages=order.at):
        run.deliver(conn)
    _end(run)


def deliver_on_a_disk_that_becomes_read_only(order: Order) -> None:
    """Deliver; nothing can be written from call number `order.at` on."""
    run, calls = _far(order), list[str]()
    conn = run.open()
    lane = delivery.Delivery._lane

    def fragile(self: Any, writer: Writer[Any], *rest: Any) -> Any:
        return lane(self, Fragile(writer, conn, order.at, calls), *rest)

    with impatient(5.0), mock.patch.object(delivery.Delivery, "_lane", fragile):
        run.deliver(conn)
    _end(run)


def walk_disk(deliver: Callable[[Order], None], campaign: str, at: int, home: Path) -> Comparison | None:
    """Let the disk fail at `at`, mend it, go on to the quiet end, and compare; None where it never failed."""
    with running(campaign, home) as run:
        order = Order(campaign, home, run.services.places, run.clock.now(), at)
        process = forkserver().Process(target=deliver, args=(order,))
        process.start()
        process.join(LONGEST_S)
        if process.exitcode == 0:
            return None
        if process.exitcode != FAILED:
            raise RuntimeError(f"the process ended with {process.exitcode}")
        conn = run.open()
        try:
            settle(run, conn)
            return compare(run, conn)
        finally:
            conn.close()


def _far(order: Order) -> Running:
    far: Any = FarServices(order.places)
    return Running(CAMPAIGNS[order.campaign], order.home, far, StillClock(order.now))


def _end(run: Running) -> None:
    """Every trouble was told as one of the disk, or there was none."""
    strange = [trouble for trouble in run.troubles if not any(words in trouble for words in TOLD)]
    if strange:
        print(strange, file=sys.stderr)
    sys.exit(1 if strange else FAILED if run.troubles else 0)
