"""After a timed pause one mail goes first; sending goes on only where that works."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cmo.domain.job import Stage
from cmo.domain.outbox import NewWrite
from cmo.domain.outward import Fate, Letter, Operation, Probe, Receipt, Repeat
from cmo.domain.policy import YES, Verdict
from cmo.errors import CmoError, ProviderUnavailable
from cmo.graph.dispatch import Dispatcher, Lane, Outcome
from cmo.providers.ports import Meter
from cmo.store.audit import iter_audit
from cmo.store.db import Connection, open_store, transaction
from cmo.store.outbox_plan import plan_writes
from cmo.store.switches import SENDING, Switch, find_switch, switch_on
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job

SEND = Operation(
    name="smtp.send", repeat=Repeat.REPEATABLE, known_by="Message-ID", batch=10, timeout_s=30.0, source="smtp"
)
FIFTEEN = timedelta(minutes=15)


@dataclass
class Post:
    """Takes mail or not, as told; remembers how many came in each call."""

    fate: Fate = Fate.CONFIRMED
    raises: CmoError | None = None
    code: str = "try_later"
    calls: list[int] = field(default_factory=list)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {SEND.name: SEND}

    async def write(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        self.calls.append(len(items))
        if self.raises is not None:
            raise self.raises
        code = "" if self.fate is Fate.CONFIRMED else self.code
        return tuple(Receipt(key=item.key, fate=self.fate, code=code, reason="421 later") for item in items)

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        return tuple(Receipt(key=item.key, fate=Fate.ABSENT) for item in items)

    async def probe(self) -> Probe:
        raise NotImplementedError


@dataclass
class Desk:
    """Ten mails that may leave, and whoever drains them."""

    conn: Connection
    job_id: str
    post: Post = field(default_factory=Post)
    clock: StillClock = field(default_factory=StillClock)
    pause_after: int = 5

    def pause(self, time: timedelta | None) -> None:
        now = self.clock.now()
        until = now + time if time else None
        switch_on(self.conn, SENDING, by="operator:ana", at=now, reason="41x 3f9a1c00", until=until, action="a")

    def drain(self) -> Outcome:
        lane = Lane(operation=SEND, writer=self.post, gate=self.gate, item=Letter, stage=Stage.SEND)
        dispatcher = Dispatcher(self.conn, self.job_id, "here:1", self.clock, Meter(), self.pause_after)
        return asyncio.run(dispatcher.drain(lane))

    def gate(self, conn: Connection, ids: Sequence[int], now: datetime) -> dict[int, tuple[Verdict, str]]:
        pause = find_switch(conn, SENDING, now=now)
        verdict = YES if pause is None else Verdict(rule="paused", message=pause.reason)
        return {id_: (verdict, "sam@cmo.example") for id_ in ids}

    @property
    def paused(self) -> Switch | None:
        return find_switch(self.conn, SENDING, now=self.clock.now())


def letter(n: int) -> Letter:
    return Letter(
        key=f"m{n}", step="first_touch", to_email=f"p{n}@p{n}.example", from_email="sam@cmo.example", subject="Hi",
        body="Hi\n", message_id=f"m{n}@cmo.example", written_at=NOON,
    )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    conn = open_store(tmp_path / "campaign.db")
    job = new_job(conn)
    with transaction(conn):
        plan_writes(
            conn,
            job.id,
            [
                NewWrite(
                    key=item.key, operation=SEND.name, payload=item.model_dump_json(), content_hash="h", due_at=NOON
                )
                for item in map(letter, range(10))
            ],
        )
    yield Desk(conn, job.id)
    conn.close()


def test_while_the_pause_lasts_nothing_leaves(desk: Desk) -> None:
    desk.pause(FIFTEEN)
    desk.clock.advance(14 * 60)
    assert desk.drain().refused["paused"] == 10
    assert desk.post.calls == []


def test_one_mail_goes_first_and_the_rest_follow_where_it_works(desk: Desk) -> None:
    desk.pause(FIFTEEN)
    desk.clock.advance(15 * 60)
    assert desk.drain().fates["confirmed"] == 10
    assert desk.post.calls == [1, 9]
    actions = [row.action for row in iter_audit(desk.conn)]
    assert actions[0] == "sending.resume"


def test_a_bad_address_does_not_mean_that_the_provider_fails(desk: Desk) -> None:
    desk.post.fate = Fate.REFUSED
    desk.pause(FIFTEEN)
    desk.clock.advance(15 * 60)
    assert "paused again" not in desk.drain().stopped


@pytest.mark.parametrize("trouble", ["later", "unknown", "unreachable"])
def test_where_it_fails_sending_pauses_again_for_twice_as_long_and_says_so(desk: Desk, trouble: str) -> None:
    if trouble == "unreachable":
        desk.post.raises = ProviderUnavailable(
            "no connection", provider="smtp", operation="send", details={"connected": False}
        )
    else:
        desk.post.fate = Fate(trouble)
    desk.pause(FIFTEEN)
    desk.clock.advance(15 * 60)
    done = desk.drain()
    assert desk.post.calls == [1]
    assert "paused again until 12:45" in done.stopped
    assert desk.paused is not None
    assert (desk.paused.until, desk.paused.reason) == (NOON + 3 * FIFTEEN, "41x 3f9a1c00")
    desk.clock.advance(30 * 60)
    desk.drain()
    assert desk.post.calls == [1, 1]
    assert desk.paused is not None
    assert desk.paused.until == NOON + 7 * FIFTEEN


def test_a_pause_without_an_end_never_ends_by_itself(desk: Desk) -> None:
    desk.pause(None)
    desk.clock.advance(30 * 24 * 3600)
    desk.drain()
    assert desk.post.calls == []


def test_a_spike_names_its_group_as_the_reason(desk: Desk) -> None:
    desk.post.fate = Fate.LATER
    done = desk.drain()
    assert desk.paused is not None
    assert desk.paused.reason == f"10x {done.spike}"
    assert desk.paused.until is None


def test_soft_bounces_are_no_spike_and_end_a_pause(desk: Desk) -> None:
    desk.post.fate, desk.post.code = Fate.LATER, "soft_bounce"
    desk.pause(FIFTEEN)
    desk.clock.advance(FIFTEEN.total_seconds())
    done = desk.drain()
    assert sum(desk.post.calls) == 10
    assert (done.spike, done.stopped, desk.paused) == ("", "", None)
