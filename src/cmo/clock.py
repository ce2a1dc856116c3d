"""Time, injected everywhere: nothing else in cmo reads a clock or sleeps."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; differences are durations on this clock."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time; zero or less only yields."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # 15 ms, which commands that only read do not spend

        await asyncio.sleep(max(0.0, seconds))


class ScaledClock:
    """A clock that starts where it is told and runs `speed` times faster, but only while somebody sleeps.

    Work takes the time it takes; waiting is shortened. So an hour's rate limit is lived through in 3600/speed
    seconds, while measured response times stay true. A sleep ends by moving the clock to its own deadline, never past
    it, so sleeps that overlap do not add up. One instance may be shared by threads.
    """

    def __init__(self, start: datetime, *, speed: float = 1.0) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be aware")
        if speed <= 0:
            raise ValueError("speed must be positive")
        self._start = start
        self._speed = speed
        self._zero = time.monotonic()
        self._skipped = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return time.monotonic() - self._zero + self._skipped

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        deadline = self.monotonic() + seconds
        await asyncio.sleep(seconds / self._speed)
        self.advance_to(deadline)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` at once."""
        self.advance_to(self.monotonic() + seconds)

    def advance_to(self, deadline: float) -> None:
        """Move the clock forward so that `monotonic()` is at least `deadline`; never back."""
        with self._lock:
            behind = deadline - (time.monotonic() - self._zero + self._skipped)
            if behind > 0:
                self._skipped += behind
