"""A clock that stands still unless somebody sleeps."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class StillClock:
    """Time passes only in `sleep` and `advance`; every sleep is remembered."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._passed_s = 0.0
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        deadline = self._passed_s + max(0.0, seconds)
        await asyncio.sleep(0)
        self._passed_s = max(self._passed_s, deadline)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._passed_s += seconds
