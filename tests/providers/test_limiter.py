"""When the next request may go out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.providers.limiter import RateLimiter
from tests.fakes.clock import StillClock

Window = tuple[int, float]
counts = st.integers(1, 8)
windows = st.lists(st.tuples(counts, st.floats(0.1, 90.0)), min_size=1, max_size=3)
turns = st.lists(st.tuples(st.floats(0.0, 20.0), counts), min_size=1, max_size=40)


def moments(turns: Sequence[tuple[float, int]], *windows: Window) -> list[tuple[float, int]]:
    """When each turn was had: (seconds, cost); before each, its pause passes."""
    clock = StillClock()

    async def go() -> list[tuple[float, int]]:
        limiter = RateLimiter(clock, *windows)
        had = []
        for pause_s, cost in turns:
            clock.advance(pause_s)
            await limiter.turn(cost)
            had.append((clock.monotonic(), cost))
        return had

    return asyncio.run(go())


@given(windows, turns)
def test_no_stretch_of_a_windows_length_holds_more_than_its_count(
    windows: list[Window], turns: list[tuple[float, int]]
) -> None:
    smallest = min(count for count, _ in windows)
    had = moments([(pause_s, min(cost, smallest)) for pause_s, cost in turns], *windows)
    for count, seconds in windows:
        for began_s, _ in had:
            assert sum(cost for at_s, cost in had if began_s <= at_s < began_s + seconds) <= count


@given(windows, turns)
def test_nobody_waits_longer_than_the_longest_window(windows: list[Window], turns: list[tuple[float, int]]) -> None:
    smallest = min(count for count, _ in windows)
    had = moments([(0.0, min(cost, smallest)) for _, cost in turns], *windows)
    longest_s = max(seconds for _, seconds in windows)
    waits = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(had)]
    assert all(wait <= longest_s + 1e-6 for wait in waits)


def test_a_window_is_used_up_before_anybody_waits() -> None:
    assert [at_s for at_s, _ in moments([(0.0, 1)] * 5, (2, 10.0))] == [0, 0, 10, 10, 20]


def test_the_strictest_window_decides() -> None:
    assert [at_s for at_s, _ in moments([(0.0, 1)] * 4, (3, 60.0), (1, 5.0))] == [0, 5, 10, 60]


def test_nothing_goes_out_before_a_hold_has_passed() -> None:
    clock = StillClock()

    async def go() -> None:
        limiter = RateLimiter(clock)
        limiter.hold(30.0)
        limiter.hold(3.0)
        await limiter.turn()

    asyncio.run(go())
    assert clock.monotonic() == 30.0


def test_a_hold_stops_those_who_are_waiting_already() -> None:
    clock = StillClock()

    async def go() -> None:
        limiter = RateLimiter(clock, (1, 10.0))
        await limiter.turn()
        waiting = asyncio.create_task(limiter.turn())
        await asyncio.sleep(0)
        limiter.hold(40.0)
        await waiting

    asyncio.run(go())
    assert clock.monotonic() == 40.0


def test_turns_asked_for_at_once_are_not_given_away_twice() -> None:
    clock = StillClock()
    had: list[float] = []

    async def one(limiter: RateLimiter) -> None:
        await limiter.turn()
        had.append(clock.monotonic())

    async def go() -> None:
        limiter = RateLimiter(clock, (2, 10.0))
        await asyncio.gather(*(one(limiter) for _ in range(5)))

    asyncio.run(go())
    assert had == [0, 0, 10, 10, 20]


def test_what_can_never_go_out_is_refused() -> None:
    with pytest.raises(ValueError, match="whole window"):
        moments([(0.0, 3)], (2, 1.0))
    with pytest.raises(ValueError, match="positive"):
        RateLimiter(StillClock(), (0, 1.0))
