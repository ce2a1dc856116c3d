"""When the next request to a service may go out: sliding windows and waits, on the injected clock."""

from __future__ import annotations

import asyncio
from collections import deque

from cmo.clock import Clock


class RateLimiter:
    """Keeps one client within a service's figures. Turns are handed out in the order they are asked for."""

    def __init__(self, clock: Clock, *windows: tuple[int, float]) -> None:
        """Start with nothing used up.

        Args:
            windows: Each a count and a length in seconds: in any stretch of that length at most so much goes out.
        Raises:
            ValueError: a count or a length is not positive.
        """
        if any(count < 1 or seconds <= 0 for count, seconds in windows):
            raise ValueError("a window needs a positive count and length")
        self._clock = clock
        self._windows = windows
        self._used: deque[tuple[float, int]] = deque()
        self._closed_until_s = 0.0
        self._line = asyncio.Lock()

    async def turn(self, cost: int = 1) -> None:
        """Wait until a request of `cost` may go out, and count it.

        Raises:
            ValueError: no window would ever have room for `cost`.
        """
        if any(cost > count for count, _ in self._windows):
            raise ValueError(f"a cost of {cost} is more than a whole window allows")
        async with self._line:
            while (wait_s := self.wait_s(cost)) > 0:
                await self._clock.sleep(wait_s)
            self._used.append((self._clock.monotonic(), cost))

    def hold(self, seconds: float) -> None:
        """Let nothing out before `seconds` have passed; a shorter hold never shortens a longer one."""
        self._closed_until_s = max(self._closed_until_s, self._clock.monotonic() + seconds)

    def wait_s(self, cost: int = 1) -> float:
        """Seconds until a request of `cost` may go out, if nobody else asks meanwhile."""
        now_s = self._clock.monotonic()
        longest_s = max((seconds for _, seconds in self._windows), default=0.0)
        while self._used and self._used[0][0] + longest_s <= now_s:
            self._used.popleft()
        waits = [self._room_s(count - cost, seconds) - now_s for count, seconds in self._windows]
        return max(self._closed_until_s - now_s, *waits, 0.0)

    def _room_s(self, room: int, seconds: float) -> float:
        """When at most `room` of what went out is still within a window of `seconds`."""
        counted = 0
        for at_s, cost in reversed(self._used):
            counted += cost
            if counted > room:
                return at_s + seconds
        return 0.0
