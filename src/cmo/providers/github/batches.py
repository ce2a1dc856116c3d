"""How much to ask for at a time, and who asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from cmo.errors import ProviderError
from cmo.providers.github.limiter import MAX_IN_FLIGHT
from cmo.providers.github.queries import CONNECTIONS_FOR_ONE_POINT, PageAsk

FIRST_SIZE = 16
LARGEST_SIZE = 100
STEP = 4
FAST_S = 1.5
"""Below this the size doubles: the server is far from its limit."""
AIM_LOW_S = 3.0
AIM_HIGH_S = 5.0
"""GitHub cuts a query off at ten seconds, and takes extra points for it; half of that leaves room for a slow minute."""


class BatchSizer:
    """Fits batches to the server: larger by steps while it answers quickly, smaller by shares when it does not."""

    def __init__(self) -> None:
        self.size = FIRST_SIZE

    def take(self, queue: deque[PageAsk]) -> list[PageAsk]:
        """Take the next batch from the front: as few batches in all as can be, and those of one size.

        What is left over when batches are filled to the brim would cost a point of its own.
        """
        connections = sum(ask.connections for ask in queue)
        batches = max(_ceil(len(queue), self.size), _ceil(connections, CONNECTIONS_FOR_ONE_POINT))
        room, spent = _ceil(len(queue), batches), 0
        batch: list[PageAsk] = []
        while queue and len(batch) < min(room, queue[0].company):
            spent += queue[0].connections
            if batch and spent > CONNECTIONS_FOR_ONE_POINT:
                break
            room = min(room, queue[0].company)
            batch.append(queue.popleft())
        return batch

    def answered(self, count: int, elapsed_s: float) -> None:
        """A batch of `count` took `elapsed_s`."""
        full_s = elapsed_s / count * self.size
        if full_s < FAST_S:
            self.size *= 2
        elif full_s < AIM_LOW_S:
            self.size += STEP
        elif full_s > AIM_HIGH_S:
            self.size = int(self.size * 0.7)
        self.size = min(max(self.size, 1), LARGEST_SIZE)

    def was_too_much(self, count: int) -> None:
        """A batch of `count` was cut off."""
        self.size = max(1, count // 2)


async def work_off(step: Callable[[], Awaitable[bool]]) -> None:
    """Call `step` from as many tasks as may be in flight, until it says that nothing is left.

    After the first error no new step begins, but those under way end: their answers are paid for.
    """
    errors: list[ProviderError] = []

    async def work() -> None:
        try:
            while not errors and await step():
                pass
        except ProviderError as exc:
            errors.append(exc)

    await asyncio.gather(*(work() for _ in range(MAX_IN_FLIGHT)))
    if errors:
        raise errors[0]


def _ceil(amount: int, size: int) -> int:
    return max(1, -(-amount // size))
