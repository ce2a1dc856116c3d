"""What the ledger costs: time and bytes of a write, 3,000 drafts against 750, and kill -9 against the naive loop."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from benchmarks.measure import database_bytes, load, progress, scratch
from benchmarks.table import Row
from cmo.clock import Clock
from cmo.domain.job import Mode, Stage
from cmo.domain.letters import Route
from cmo.domain.outward import Fate, Inbox, Letter, Operation, Probe, Receipt, Repeat, TicketItem
from cmo.graph.dispatch import Dispatcher, Lane
from cmo.providers.maildir.client import SEND
from cmo.providers.ports import Meter
from cmo.service.controls import limits_of
from cmo.service.routes import composer_of
from cmo.store.db import Connection, open_store, transaction
from cmo.store.gate import SendGate
from cmo.store.jobs import get_job
from cmo.store.journal import this_process
from cmo.store.outbox import Gate
from cmo.store.outbox_plan import plan_writes
from cmo.store.sends import plan_sends
from tests.delivery.campaigns import LOOSE
from tests.delivery.kills import forkserver
from tests.delivery.writes import FakeWriter, open_gate, operation_factory, write_factory
from tests.fakes.campaign import Campaign, campaign, settings_in
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job

DRAFTS = (750, 1_500, 3_000)
ONE_BY_ONE = 300
"""Drafts where each is a call of its own, as with SMTP."""
MESSAGES, BATCH, KILLS = 500, 50, 40
SEED = 7


@dataclass(frozen=True)
class Drained:
    """Approved drafts that were planned and handed over to a writer in memory."""

    drafts: int
    seconds: float
    """Planning and draining, without what the writer itself took."""
    bytes_each: float
    """Growth of the store, beyond the payload."""
    statements: int
    """Of SQL in the last full claim with its settling."""

    @property
    def ms_each(self) -> float:
        return 1_000 * self.seconds / self.drafts


def run() -> list[Row]:
    """Cost of a write, its growth with the number of drafts, and doubles of the obvious loop."""
    few, some, many = (drain(drafts, SEND) for drafts in DRAFTS)
    single = drain(ONE_BY_ONE, SEND.model_copy(update={"batch": 1}))
    told = ", ".join(f"{one.drafts:,}: {one.ms_each:.2f} ms" for one in (few, some, many))
    statements = f"{few.statements} / {some.statements} / {many.statements} for a claim and settling of {SEND.batch}"
    return [
        Row(what="ledger: time of a write, 50 a call", measured=many.ms_each, unit="ms", at_most=2,
            note=f"plan, claim with the gate, settle, events; {load()}"),
        Row(what="ledger: time of a write, one a call", measured=single.ms_each, unit="ms", at_most=2,
            note=f"the same; two durable commits of one row on this disk take {two_commits_ms():.2f} ms"),
        Row(what="ledger: bytes of a write beyond the payload", measured=many.bytes_each, unit="B", at_most=300,
            note=f"growth of the store with its indexes and events; one a call: {single.bytes_each:.0f} B"),
        Row(what="ledger: time of a write, 3,000 drafts / 750", measured=many.ms_each / few.ms_each, unit="x",
            at_most=1.3, note=told),
        Row(what="ledger: SQL statements of a call, 3,000 drafts / 750",
            measured=many.statements / few.statements, unit="x", at_most=1.0, note=statements),
        *kills(),
    ]  # fmt: skip


def drain(drafts: int, operation: Operation) -> Drained:
    """Plan and deliver so many approved drafts."""
    progress(f"{drafts:,} approved drafts, {operation.batch} a call")
    home = scratch() / f"ledger-{drafts}-{operation.batch}"
    made = campaign(home, drafts, settings=settings_in(home, **LOOSE, CMO_MAX_PER_COMPANY_DAILY="10000"))
    before = database_bytes(made.settings.paths.db)
    with closing(made.open()) as conn:
        writer = InMemory(operation)
        counted: list[str] = []
        started = time.perf_counter()
        _plan(made, conn)
        conn.set_trace_callback(counted.append)
        fates = _drain(conn, made.job_id, Lane(operation, writer, _gate(made), Letter, Stage.SEND), made.clock)
        seconds = time.perf_counter() - started - writer.seconds
        conn.set_trace_callback(None)
        payload = conn.execute("SELECT SUM(LENGTH(CAST(payload AS BLOB))) FROM outbox").fetchone()[0]
    if fates.get("confirmed") != drafts:
        raise RuntimeError(f"{fates} of {drafts} were handed over")
    grown = database_bytes(made.settings.paths.db) - before - payload
    return Drained(drafts, seconds, grown / drafts, _last_call(counted))


def two_commits_ms() -> float:
    """What cannot be saved: a claim and a settling, each durable before the next thing is done."""
    with closing(open_store(scratch() / "commits.db")) as conn:
        new_job(conn)
        started = time.perf_counter()
        for number in range(2 * ONE_BY_ONE):
            with transaction(conn):
                conn.execute("UPDATE jobs SET lease_epoch = ?", (number,))
        return 1_000 * (time.perf_counter() - started) / ONE_BY_ONE


def _last_call(statements: Sequence[str]) -> int:
    """Between the two newest beginnings of a claim that took a full batch."""
    claims = [place for place, sql in enumerate(statements) if sql.startswith("SELECT id FROM outbox WHERE job_id")]
    return max(after - before for before, after in pairwise(claims))


def _plan(made: Campaign, conn: Connection) -> None:
    composer = composer_of(get_job(conn, made.job_id).plan, made.settings)
    plan_sends(
        conn,
        made.job_id,
        route=composer.route,
        compose=lambda words, at: composer.letter(words, approved_at=at),
        due_at=NOON,
    )


def _gate(made: Campaign) -> Gate:
    box = Inbox(address="sam@field.example", provider="maildir", is_warm=True)
    return SendGate(
        made.job_id, Mode.SEND_ALLOWED, limits_of(made.settings), (box,), b"secret", Route(mailer="maildir")
    )


def _drain(conn: Connection, job_id: str, lane: Lane, clock: Clock) -> dict[str, int]:
    dispatcher = Dispatcher(
        conn=conn, job_id=job_id, holder=this_process(), clock=clock, meter=Meter(), pause_after=1_000
    )
    return dict(asyncio.run(dispatcher.drain(lane)).fates)


@dataclass
class InMemory:
    """Takes everything, and knows how long that took."""

    operation: Operation
    taken: list[Any] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {self.operation.name: self.operation}

    async def write(self, operation: str, items: Sequence[Any]) -> tuple[Receipt, ...]:
        started = time.perf_counter()
        self.taken += items
        receipts = tuple(Receipt(key=item.key, fate=Fate.CONFIRMED) for item in items)
        self.seconds += time.perf_counter() - started
        return receipts

    look_up = write

    async def probe(self) -> Probe:
        return Probe(provider="memory", state="ok", detail="in memory")


def kills() -> list[Row]:
    """The same messages and kills for the loop that sends a batch and then notes it, and for the ledger."""
    progress(f"{KILLS} kills of {MESSAGES} messages, twice")
    naive, ours = (_killed_runs(work) for work in (naive_loop, ledger_loop))
    note = f"{KILLS} kills in runs of {MESSAGES} messages; lost {ours.lost}, naive {naive.lost}"
    return [
        Row(
            what="messages doubled or lost per kill -9",
            measured=(ours.doubled + ours.lost) / KILLS,
            at_most=0,
            yardstick=(naive.doubled + naive.lost) / KILLS,
            yardstick_is=f"send a batch of {BATCH}, then note it",
            note=note,
        )
    ]


@dataclass
class Sums:
    doubled: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Leg:
    """One process: it delivers, and dies after so many messages."""

    folder: Path
    number: int
    dies_after: int

    @property
    def book(self) -> Path:
        """Every message that arrived, in order."""
        return self.folder / "book"

    def arrived(self) -> list[str]:
        return self.book.read_text().split() if self.book.exists() else []

    def take(self, key: str, done: int) -> None:
        """One message arrives, the `done`th of this process."""
        with self.book.open("a") as file:
            file.write(f"{key}\n")
        if done == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)


def _killed_runs(work: Any) -> Sums:
    """Runs, each killed several times, until there were `KILLS` kills; with the last one each run comes to its end."""
    dice, sums, killed, runs = random.Random(SEED), Sums(), 0, 0
    while killed < KILLS:
        runs += 1
        folder = scratch() / f"{work.__name__}-{runs}"
        folder.mkdir()
        for number in count():
            leg = Leg(folder, number, 0 if killed == KILLS else dice.randint(1, MESSAGES // 2))
            process = forkserver().Process(target=work, args=(leg,))
            process.start()
            process.join()
            if process.exitcode == 0:
                break
            killed += 1
        arrived = Leg(folder, 0, 0).arrived()
        sums.doubled += len(arrived) - len(set(arrived))
        sums.lost += MESSAGES - len(set(arrived))
    return sums


def naive_loop(leg: Leg) -> None:
    """As most do it: the number of messages that are done is written down after each batch."""
    note = leg.folder / "done"
    start, done = int(note.read_text()) if note.exists() else 0, 0
    for first in range(start, MESSAGES, BATCH):
        for number in range(first, first + BATCH):
            done += 1
            leg.take(f"ticket:{number}", done)
        note.write_text(str(first + BATCH))


class BookWriter(FakeWriter):
    """Writes into the book, and looks there."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(operation_factory(Repeat.LOOKED_UP, batch=BATCH))
        self._leg = leg

    async def write(self, operation: str, items: Sequence[TicketItem]) -> tuple[Receipt, ...]:
        for item in items:
            self.written.append(item.key)
            self._leg.take(item.key, len(self.written))
        return tuple(Receipt(key=item.key, fate=Fate.CONFIRMED) for item in items)

    async def look_up(self, operation: str, items: Sequence[TicketItem]) -> tuple[Receipt, ...]:
        there = set(self._leg.arrived())
        return tuple(Receipt(key=item.key, fate=Fate.CONFIRMED if item.key in there else Fate.ABSENT) for item in items)


def ledger_loop(leg: Leg) -> None:
    """The same messages through the outbox."""
    with closing(open_store(leg.folder / "campaign.db")) as conn:
        known = conn.execute("SELECT id FROM jobs").fetchone()
        job_id = known["id"] if known else new_job(conn).id
        with transaction(conn):
            plan_writes(conn, job_id, [write_factory(n) for n in range(MESSAGES)])
        writer, clock = BookWriter(leg), StillClock(NOON + timedelta(days=leg.number))
        for _ in range(5):  # beyond the time-out, and then beyond the longest wait before another try
            _drain(conn, job_id, Lane(writer.operation, writer, open_gate, TicketItem, Stage.SYNC), clock)
            clock.advance(4_000)
