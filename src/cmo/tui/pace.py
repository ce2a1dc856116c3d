"""How often something may be done that takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic


class Pace:
    """Has a piece of work take at most a share of the time, however long it takes."""

    def __init__(self, share: float, *, now: Callable[[], float] = monotonic) -> None:
        """Nothing was done yet.

        Args:
            share: Of the time, 0..1.
            now: Seconds; never goes back.
        """
        self._share = share
        self._now = now
        self._due = 0.0

    @property
    def left_s(self) -> float:
        """Seconds until it is due; 0 or less: now."""
        return self._due - self._now()

    @contextmanager
    def worked(self) -> Iterator[None]:
        """Around the work: by how long it takes, it is due again later."""
        began = self._now()
        yield
        ended = self._now()
        self._due = ended + (ended - began) / self._share
