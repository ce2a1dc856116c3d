"""How much to ask for at a time, and who asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from cmo.errors import ProviderError
from cmo.providers.github.queries import CONNECTIONS_FOR_ONE_POINT, PageAsk

FIRST_SIZE = 16
LARGEST_SIZE = 100
STEP = 4
FAST_S = 1.5
"""Below this the size doubles: the server is far from its limit."""
AIM_LOW_S = 4.0
AIM_HIGH_S = 5.0
"""GitHub cuts a query off at ten seconds, and takes extra points for it; half of that leaves room for a slow minute."""


class BatchSizer:
    """Fits batches to the server: larger by steps while it answers quickly, smaller by shares when it does not.

    First pages and later ones are sized apart: most first pages are half empty, later ones are full.
    """

    def __init__(self) -> None:
        self.sizes = {True: FIRST_SIZE, False: FIRST_SIZE}
        """Whether first pages -> how many in a batch."""

    def take(self, queue: deque[PageAsk]) -> list[PageAsk]:
        """Take the next batch from the front: as few batches in all as can be, and those of one size.

        What is left over when batches are filled to the brim would cost a point of its own.
        """
        is_first = queue[0].is_first
        same = [ask for ask in queue if ask.is_first == is_first]
        connections = sum(ask.connections for ask in same)
        batches = max(_ceil(len(same), self.sizes[is_first]), _ceil(connections, CONNECTIONS_FOR_ONE_POINT))
        room, spent = _ceil(len(same), batches), 0
        batch: list[PageAsk] = []
        for ask in same:
            room, spent = min(room, ask.company), spent + ask.connections
            if batch and (len(batch) >= room or spent > CONNECTIONS_FOR_ONE_POINT):
                break
            batch.append(ask)
        for ask in batch:
            queue.remove(ask)
        return batch

    def answered(self, batch: Sequence[PageAsk], elapsed_s: float) -> None:
        """`batch` took `elapsed_s`."""
        size = self.sizes[batch[0].is_first]
        full_s = elapsed_s / len(batch) * size
        if full_s < FAST_S:
            size *= 2
        elif full_s < AIM_LOW_S:
            size += STEP
        elif full_s > AIM_HIGH_S:
            size = int(size * 0.7)
        self.sizes[batch[0].is_first] = min(max(size, 1), LARGEST_SIZE)

    def was_too_much(self, batch: Sequence[PageAsk]) -> None:
        """`batch` was cut off."""
        self.sizes[batch[0].is_first] = max(1, len(batch) // 2)


async def work_off(step: Callable[[], Awaitable[bool]], *, workers: int) -> None:
    """Call `step` from `workers` tasks, until it says that nothing is left.

    After the first error no new step begins, but those under way end: their answers are paid for.
    """
    errors: list[ProviderError] = []

    async def work() -> None:
        try:
            while not errors and await step():
                pass
        except ProviderError as exc:
            errors.append(exc)

    await asyncio.gather(*(work() for _ in range(workers)))
    if errors:
        raise errors[0]


def _ceil(amount: int, size: int) -> int:
    return max(1, -(-amount // size))
