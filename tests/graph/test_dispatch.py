from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cmo.clock import Clock
from cmo.domain.job import Stage
from cmo.domain.outward import Fate, Operation, Receipt, Repeat, TicketItem
from cmo.errors import (
    AuthRejected,
    CampaignHolds,
    CmoError,
    ConfigError,
    ContractBroken,
    PlanFull,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    Standstill,
    StoreBusy,
)
from cmo.graph.dispatch import UNREACHABLE_S, Dispatcher, Lane, Outcome
from cmo.providers.ports import Meter
from cmo.store.db import Connection, open_store
from cmo.store.doubt import MOST_LOOKS
from cmo.store.gate import WriteGate
from cmo.store.outbox import Gate
from cmo.store.switches import BREAKS_AFTER, KILL, OPEN_S, SENDING, breaker_open_until, find_switch, switch_on
from tests.delivery.writes import FakeWriter, answers, open_gate, operation_factory, plan, write_factory
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job, plan_factory

TOLD: dict[str, Any] = {"provider": "tracker", "operation": "write"}
PAUSE_AFTER = 10


class Bench:
    """A job with tickets in its outbox, a writer, and a clock that stands still."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.job_id = new_job(conn, plan_factory(mode="send_allowed")).id
        self.clock = StillClock()
        self.writer = FakeWriter()

    def plan(self, *numbers: int) -> None:
        plan(self.conn, self.job_id, *map(write_factory, numbers))

    def drain(self, *, gate: Gate = open_gate, operation: Operation | None = None, **changes: Any) -> Outcome:
        """One drain, as a process of its own name does it."""
        if operation is not None:
            self.writer.operation = operation
        values: dict[str, Any] = {"holder": "here:1", "pause_after": PAUSE_AFTER}
        values |= {name: changes.pop(name) for name in ("check", "pause_after", "holder") if name in changes}
        clock: Clock = self.clock
        dispatcher = Dispatcher(conn=self.conn, job_id=self.job_id, clock=clock, meter=Meter(), **values)
        lane = Lane(self.writer.operation, self.writer, gate, TicketItem, Stage.SYNC)
        return asyncio.run(dispatcher.drain(lane, **changes))

    def states(self) -> list[str]:
        rows = self.conn.execute("SELECT state, is_held FROM outbox ORDER BY id")
        return ["held" if row["is_held"] else row["state"] for row in rows]

    def column(self, name: str) -> list[Any]:
        return [row[0] for row in self.conn.execute(f"SELECT {name} FROM outbox ORDER BY id")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    conn = open_store(tmp_path / "campaign.db")
    yield Bench(conn)
    conn.close()


def test_what_may_leave_is_written_once_and_confirmed(bench: Bench) -> None:
    bench.plan(1, 2, 3)
    assert bench.drain().fates == {"confirmed": 3}
    assert bench.drain().fates == {}
    assert bench.writer.written == ["ticket:1", "ticket:2", "ticket:3"]
    assert bench.states() == ["confirmed"] * 3


def test_a_drain_hands_over_at_most_what_it_was_told_to(bench: Bench) -> None:
    bench.plan(*range(1, 8))
    assert bench.drain(operation=operation_factory(batch=3), most=5).fates == {"confirmed": 5}


@pytest.mark.parametrize("kind", [PlanFull, CampaignHolds])
def test_a_standstill_puts_off_all_that_is_due_and_is_no_failure_of_the_provider(
    bench: Bench, kind: type[Standstill]
) -> None:
    bench.plan(*range(1, 31))
    for _ in range(BREAKS_AFTER + 1):
        bench.writer.writes = [kind("Mend it there.", retry_after_s=3600.0, **TOLD)]
        asked = len(bench.writer.written)
        done = bench.drain(operation=operation_factory(batch=20))
        assert (done.stopped, done.fates, done.spike) == ("Mend it there.", {"later": 20}, "")
        assert len(bench.writer.written) == asked + 20
        assert set(bench.column("reason")) == {"Mend it there."}
        assert set(bench.column("due_s")) == {bench.clock.now().timestamp() + 3600}
        bench.clock.advance(3600.0)
    assert breaker_open_until(bench.conn, "tracker") == (0.0, "")
    assert find_switch(bench.conn, SENDING, now=bench.clock.now()) is None
    assert set(bench.column("attempts")) == {0}
    assert bench.drain(operation=operation_factory(batch=20)).fates == {"confirmed": 30}


def refusing(*bad: str) -> Any:
    """A service that refuses every call with one of these in it, and confirms all others."""

    def write(items: Sequence[TicketItem]) -> Sequence[Receipt]:
        mine = [item for item in items if item.key in bad]
        if mine and len(items) > 1:
            raise ProviderRejected("one of them is bad", status=422, **TOLD)
        return answers(Fate.REFUSED if mine else Fate.CONFIRMED)(items)

    return write


@pytest.mark.parametrize("bad", [(1,), (10,), (40,), (3, 4, 25)])
def test_one_bad_row_fails_alone_and_none_is_lost(bench: Bench, bad: tuple[int, ...]) -> None:
    bench.plan(*range(1, 41))
    bench.writer.writes = [refusing(*(f"ticket:{n}" for n in bad))] * 80
    done = bench.drain(operation=operation_factory(batch=40))
    assert done.fates == {"confirmed": 40 - len(bad), "refused": len(bad)}
    assert not done.stopped
    assert bench.states() == ["failed" if n in bad else "confirmed" for n in range(1, 41)]
    assert set(bench.column("attempts")) == {1}
    assert 80 - len(bench.writer.writes) < 20 * len(bad)


def test_a_call_refused_for_another_reason_is_not_tried_in_parts(bench: Bench) -> None:
    bench.plan(1, 2)
    bench.writer.writes = [ProviderRejected("no such campaign", status=404, **TOLD)]
    assert bench.drain(operation=operation_factory(batch=2)).stopped == "no such campaign"
    assert bench.writer.written == ["ticket:1", "ticket:2"]


def test_rows_of_a_call_tried_in_parts_pass_the_gate_again(bench: Bench) -> None:
    bench.plan(1, 2)

    def kill_meanwhile(items: Sequence[TicketItem]) -> Sequence[Receipt]:
        switch_on(bench.conn, KILL, by="operator:ana", at=NOON, reason="stop", action="kill.on")
        raise ProviderRejected("one of them is bad", status=400, **TOLD)

    bench.writer.writes = [kill_meanwhile]
    gate = WriteGate(bench.job_id, ceiling=plan_factory(mode="send_allowed").mode, secret=b"s")
    assert bench.drain(gate=gate, operation=operation_factory(batch=2)).refused == {"kill_switch": 2}
    assert bench.writer.written == ["ticket:1", "ticket:2"]


def test_the_gate_is_asked_again_before_each_call(bench: Bench) -> None:
    bench.plan(1, 2, 3)

    def kill_meanwhile(items: Sequence[TicketItem]) -> Sequence[Receipt]:
        switch_on(bench.conn, KILL, by="operator:ana", at=NOON, reason="stop", action="kill.on")
        return answers(Fate.CONFIRMED)(items)

    bench.writer.writes = [answers(Fate.CONFIRMED), kill_meanwhile]
    gate = WriteGate(bench.job_id, ceiling=plan_factory(mode="send_allowed").mode, secret=b"s")
    done = bench.drain(gate=gate)
    assert bench.writer.written == ["ticket:1", "ticket:2"]
    assert done.refused == {"kill_switch": 1}


def test_somebody_who_stops_the_run_stops_it_before_the_next_call(bench: Bench) -> None:
    bench.plan(1, 2, 3)

    def check() -> None:
        if len(bench.writer.written) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.drain(check=check)
    assert bench.states() == ["confirmed", "confirmed", "planned"]


@pytest.mark.parametrize(
    "error",
    [
        AuthRejected("no", **TOLD),
        ProviderRejected("no", **TOLD),
        ConfigError("no"),
        ProviderUnavailable("down", details={"connected": False}, **TOLD),
    ],
)
def test_rows_of_a_call_that_surely_did_nothing_are_given_back_and_the_drain_ends(
    bench: Bench, error: CmoError
) -> None:
    bench.plan(1, 2)
    bench.writer.writes = [error]
    done = bench.drain()
    assert done.stopped == error.message
    assert bench.states() == ["planned", "planned"]
    assert bench.column("attempts") == [0, 0]
    assert bench.column("due_s")[0] == NOON.timestamp() + UNREACHABLE_S
    (failure,) = bench.conn.execute("SELECT code, message FROM failures").fetchall()
    assert tuple(failure) == (error.code, error.message)


@pytest.mark.parametrize(
    "error",
    [ProviderUnavailable("lost", **TOLD), ContractBroken("odd", **TOLD), StoreBusy("busy", hint="")],
)
def test_any_other_error_leaves_the_rows_in_doubt(bench: Bench, error: CmoError) -> None:
    bench.plan(1)
    bench.writer.writes = [error]
    assert bench.drain().fates == {"unknown": 1}
    assert bench.states() == ["unknown"]
    assert bench.column("reason") == [error.message]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), RuntimeError("a bug")])
def test_rows_are_in_doubt_where_the_process_is_stopped_within_a_call(bench: Bench, error: BaseException) -> None:
    bench.plan(1)
    bench.writer.writes = [error]
    with pytest.raises(type(error)):
        bench.drain()
    assert bench.states() == ["unknown"]
    assert bench.column("code") == ["interrupted"]


def test_a_row_that_the_answer_says_nothing_of_is_in_doubt(bench: Bench) -> None:
    bench.plan(1, 2)
    bench.writer.writes = [lambda items: answers(Fate.CONFIRMED)(items[:1])]
    bench.drain(operation=operation_factory(batch=2))
    assert bench.states() == ["confirmed", "unknown"]


def test_a_limit_gives_the_rows_back_until_then(bench: Bench) -> None:
    bench.plan(1, 2)
    bench.writer.writes = [RateLimited("wait", retry_after_s=90.0, **TOLD)]
    assert bench.drain().stopped == "wait"
    assert bench.column("attempts") == [0, 0]
    assert bench.column("due_s")[0] == NOON.timestamp() + 90
    assert breaker_open_until(bench.conn, "tracker")[0] == 0


@pytest.mark.parametrize(
    ("found", "states", "written"),
    [(Fate.CONFIRMED, ["confirmed"], 1), (Fate.ABSENT, ["confirmed"], 2), (Fate.HELD, ["held"], 1)],
)
def test_what_is_in_doubt_is_looked_up_once_a_late_effect_is_no_longer_expected(
    bench: Bench, found: Fate, states: list[str], written: int
) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.UNKNOWN)]
    bench.writer.looks = [answers(found)]
    bench.drain()
    bench.clock.advance(49.9)
    bench.drain()
    assert bench.writer.looked_up == []
    bench.clock.advance(0.2)
    bench.drain(patience_s=60.0)
    assert (bench.states(), len(bench.writer.written)) == (states, written)


def test_what_may_be_repeated_is_looked_up_all_the_same(bench: Bench) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.UNKNOWN)]
    bench.writer.looks = [answers(Fate.CONFIRMED)]
    bench.drain(operation=operation_factory(Repeat.REPEATABLE), patience_s=200.0)
    assert (bench.writer.looked_up, bench.writer.written) == (["ticket:1"], ["ticket:1"])
    assert bench.clock.monotonic() >= 50
    assert bench.states() == ["confirmed"]


def test_a_look_that_raises_what_it_should_not_keeps_nobody_else_from_leaving(bench: Bench) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.UNKNOWN)]
    bench.writer.looks = [ValueError("broken")]
    bench.drain()
    bench.clock.advance(60)
    bench.plan(2)
    bench.drain()
    assert bench.states() == ["unknown", "confirmed"]


def test_what_nobody_can_be_asked_about_is_held_and_never_written_again(bench: Bench) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.UNKNOWN, reason="after the dot")]
    for _ in range(3):
        bench.drain(operation=operation_factory(Repeat.BLIND), patience_s=3_600.0)
        bench.clock.advance(86_400)
    assert bench.states() == ["held"]
    assert bench.writer.written == ["ticket:1"]
    assert bench.column("reason") == ["after the dot"]


def test_a_look_that_fails_again_and_again_ends_with_a_person(bench: Bench) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.UNKNOWN)]
    bench.writer.looks = [ProviderUnavailable("down", **TOLD)] * MOST_LOOKS
    bench.drain(patience_s=86_400.0)
    assert bench.states() == ["held"]
    assert bench.writer.looked_up == ["ticket:1"] * MOST_LOOKS


def test_a_row_that_another_process_settles_meanwhile_is_settled_and_counted_once(bench: Bench) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.UNKNOWN)]
    bench.drain()
    bench.clock.advance(60.0)

    def other_is_faster(items: Sequence[TicketItem]) -> Sequence[Receipt]:
        bench.conn.execute("UPDATE outbox SET state = 'confirmed', provider_id = 'T-1'")
        return answers(Fate.ABSENT)(items)

    bench.writer.looks = [other_is_faster]
    before = bench.conn.execute("SELECT COUNT(*) FROM events").fetchone()[0]
    assert bench.drain(holder="here:2").fates == {}
    assert bench.conn.execute("SELECT COUNT(*) FROM events").fetchone()[0] == before
    assert bench.states() == ["confirmed"]
    assert bench.writer.written == ["ticket:1"]


def test_a_row_that_was_tried_and_may_not_leave_now_keeps_no_drain_going(bench: Bench) -> None:
    bench.plan(1)
    bench.writer.writes = [answers(Fate.LATER, code="policy_block", reason="5.7.1")]
    bench.drain()
    bench.clock.advance(7_200)
    switch_on(bench.conn, KILL, by="operator:ana", at=NOON, reason="stop", action="kill.on")
    gate = WriteGate(bench.job_id, ceiling=plan_factory(mode="send_allowed").mode, secret=b"s")
    assert bench.drain(gate=gate, patience_s=60.0).refused == {"kill_switch": 1}


def test_after_five_failures_in_a_row_the_provider_is_left_alone_and_then_tried_with_one(bench: Bench) -> None:
    bench.plan(*range(1, 10))
    bench.writer.writes = [answers(Fate.LATER, code="server_error", reason="broken")] * BREAKS_AFTER
    batch = operation_factory(batch=1)
    done = bench.drain(operation=batch)
    assert len(bench.writer.written) == BREAKS_AFTER
    assert "tracker fails again and again (broken)" in done.stopped
    assert breaker_open_until(bench.conn, "tracker")[0] == NOON.timestamp() + OPEN_S
    bench.drain(operation=batch)
    assert len(bench.writer.written) == BREAKS_AFTER

    bench.clock.advance(OPEN_S + 1)
    sizes: list[int] = []

    def fail_once_more(items: Sequence[TicketItem]) -> Sequence[Receipt]:
        sizes.append(len(items))
        return answers(Fate.LATER, code="server_error", reason="broken")(items)

    bench.writer.writes = [fail_once_more]
    bench.drain(operation=operation_factory(batch=4))
    assert sizes == [1]
    assert breaker_open_until(bench.conn, "tracker")[0] == bench.clock.now().timestamp() + 2 * OPEN_S

    bench.clock.advance(3_600)
    bench.drain(operation=operation_factory(batch=4))
    assert bench.states() == ["confirmed"] * 9
    assert breaker_open_until(bench.conn, "tracker")[0] == 0


def test_errors_of_one_kind_that_pile_up_pause_sending(bench: Bench) -> None:
    bench.plan(*range(1, 7))
    bench.writer.writes = [answers(Fate.REFUSED, code="rejected", reason="no such team")] * 6
    done = bench.drain(pause_after=4)
    switch = find_switch(bench.conn, SENDING, now=NOON)
    assert switch is not None
    assert switch.by == "system"
    assert done.spike
    gate = WriteGate(bench.job_id, ceiling=plan_factory(mode="send_allowed").mode, secret=b"s")
    bench.plan(7)
    assert bench.drain(gate=gate).refused == {"paused": 1}


def test_a_refused_key_pauses_sending(bench: Bench) -> None:
    bench.plan(1, 2)
    bench.writer.writes = [AuthRejected("the key was refused", **TOLD)]
    bench.drain()
    switch = find_switch(bench.conn, SENDING, now=NOON)
    assert switch is not None
    assert switch.reason == "the key was refused"
