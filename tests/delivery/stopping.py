"""`cmo kill` while another process delivers, one mail a call: what it stops, and how soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from cmo.clock import ScaledClock
from cmo.domain.outward import Receipt
from cmo.graph.dispatch import Lane
from cmo.providers.ports import Writer
from cmo.service import delivery
from cmo.service.kill import kill
from tests.delivery.campaigns import CAMPAIGNS, Running, impatient, running
from tests.delivery.kills import FarServices, Order, forkserver
from tests.fakes.clock import NOON

PEOPLE = 150
CALL_S = 0.02
"""How long the call with one mail takes at least."""
WATCHED_S = 0.6
"""How long nothing may arrive after the verb has returned; many calls long."""
LONGEST_S = 30.0


@dataclass(frozen=True)
class Slow:
    """A writer whose calls take a while, and are written down when they begin."""

    inner: Writer[Any]
    book: Path

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def write(self, operation: str, items: Sequence[Any]) -> tuple[Receipt, ...]:
        with self.book.open("a") as file:
            file.write(f"{time.monotonic()}\n")
        await asyncio.sleep(CALL_S)
        return await self.inner.write(operation, items)


@dataclass(frozen=True)
class Stopped:
    """What came of one stop; seconds count from when it was asked for."""

    before: int
    """Mails in the books when the verb was called."""
    after: int
    """Mails that came into them once it had returned; with a service, also what that sent in the days after."""
    begun_after: int
    """Calls that began once the switch was durable: at most the one that was claimed before."""
    stored_s: float
    obeyed_s: float
    is_confirmed: bool


def deliver_slowly(order: Order) -> None:
    """Deliver one mail a call, in a process that nobody kills."""
    far: Any = FarServices(order.places)
    run = Running(CAMPAIGNS[order.campaign], order.home, far, ScaledClock(order.now))
    lane_of = delivery.Delivery._lane

    def slow(self: Any, writer: Writer[Any], operation: str, *rest: Any) -> Lane:
        lane = lane_of(self, writer, operation, *rest)
        one = lane.operation.model_copy(update={"batch": 1})
        return Lane(one, Slow(writer, order.home / "calls"), lane.gate, lane.item, lane.stage)

    conn = run.open()
    with impatient(5.0), mock.patch.object(delivery.Delivery, "_lane", slow):
        run.deliver(conn, objecting=False)


def stop(campaign: str, home: Path) -> Stopped:
    """Let a process deliver, stop it with the verb once mail leaves, and watch the books."""
    with running(campaign, home, people=PEOPLE) as run:
        order = Order(campaign, home, run.services.places, NOON, 0)
        process = forkserver().Process(target=deliver_slowly, args=(order,))
        process.start()
        try:
            _wait_for_mail(run, 5)
            before, moments = _arrived(run), [time.monotonic()]
            receipt = kill(run.settings, "a drill of the tests", tell=lambda words: moments.append(time.monotonic()))
            returned = _arrived(run)
            time.sleep(WATCHED_S)
            begun = [float(line) for line in (home / "calls").read_text().split()]
        finally:
            process.join(LONGEST_S)
    assert process.exitcode == 0
    assert before < returned + 1 < PEOPLE, "it was over before it was stopped"
    assert receipt.obeyed_after_s is not None
    return Stopped(
        before=before,
        after=_arrived(run) - returned + _sent_by_service(run),
        begun_after=sum(moment > moments[1] for moment in begun),
        stored_s=moments[1] - moments[0],
        obeyed_s=receipt.obeyed_after_s,
        is_confirmed=receipt.is_confirmed,
    )


def _arrived(run: Running) -> int:
    """Mails in the books; with a service, people who were handed to it."""
    if run.campaign.mailer == "maildir":
        return len(list((run.settings.paths.data_dir / "outgoing").glob("new/*")))
    return sum(person.campaign_id == run.campaign.sequence_id for person in run.services.vendors["instantly"].enrolled)


def _sent_by_service(run: Running) -> int:
    """What a service sends by itself in the days to come; nothing had left when it was told to pause."""
    twin = run.services.vendors.get("instantly")
    if twin is None:
        return 0
    for hours in range(0, 96, 4):
        twin.advance(NOON + timedelta(hours=hours))
    return len(twin.sent)


def _wait_for_mail(run: Running, count: int) -> None:
    deadline = time.monotonic() + LONGEST_S
    while _arrived(run) < count:
        assert time.monotonic() < deadline, "no mail left"
        time.sleep(0.01)
