from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.clock import SharedClock, start_clock

START = datetime(2026, 11, 17, 9, tzinfo=UTC)
SPEED = 100_000.0
HOUR_S = 3_600
ADVANCE_AN_HOUR = """
import pathlib, sys
from benchmarks.clock import SharedClock
clock = SharedClock(pathlib.Path(sys.argv[1]), speed=1)
clock.advance_to(clock.monotonic() + 3600)
"""


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[SharedClock]:
    with closing(start_clock(tmp_path / "clock", START, speed=SPEED)) as clock:
        yield clock


def test_a_sleep_moves_the_clock_for_everybody_who_shares_it(clock: SharedClock) -> None:
    with closing(SharedClock(clock.path, speed=1)) as other:
        asyncio.run(clock.sleep(HOUR_S))
        assert (other.now() - START).total_seconds() >= HOUR_S


def test_another_process_moves_the_same_clock(clock: SharedClock) -> None:
    subprocess.run([sys.executable, "-c", ADVANCE_AN_HOUR, str(clock.path)], check=True)
    assert (clock.now() - START).total_seconds() >= HOUR_S


def test_sleeps_that_overlap_do_not_add_up(clock: SharedClock) -> None:
    async def both() -> None:
        await asyncio.gather(clock.sleep(HOUR_S), clock.sleep(HOUR_S))

    asyncio.run(both())
    assert (clock.now() - START).total_seconds() < 2 * HOUR_S


def test_the_clock_never_goes_back(clock: SharedClock) -> None:
    clock.advance_to(100)
    clock.advance_to(50)
    assert clock.monotonic() >= 100
