"""An event loop in which nobody waits for time-outs, and none comes early because the machine is busy."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from cmo.clock import SystemClock

T = TypeVar("T")

QUIET_S = 0.1
"""How long nothing may happen, in real seconds, before whatever is waited for is taken not to come."""


class _HastySelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
    """Skips the wait for the next timer once all sockets are quiet."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= QUIET_S:
            return super().select(timeout)
        found = super().select(QUIET_S)
        if not found:
            self.skipped_s += timeout - QUIET_S
        return found


class _HastyLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._hasty = _HastySelector()
        super().__init__(self._hasty)

    def time(self) -> float:
        return super().time() + self._hasty.skipped_s


class LoopClock(SystemClock):
    """Sleeps in the loop's time."""

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        awake = loop.create_future()
        timer = loop.call_later(max(0.0, seconds), awake.set_result, None)
        try:
            await awake
        finally:
            timer.cancel()


def run(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`. Time-outs may be generous: where both ends of every connection are in this loop, none is
    waited for, and a slow machine does not make one come."""
    with asyncio.Runner(loop_factory=_HastyLoop) as runner:
        return runner.run(work)
