"""How often something may be done that takes long, and how fast a person is."""

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


class Rhythm:
    """How long a person takes for each of many small things; what was left lying meanwhile does not count."""

    IDLE_S = 120.0
    """Nobody looks at one thing for longer."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._last = now()
        self._spent = 0.0
        self._done = 0

    def beat(self, done: int = 1) -> None:
        """Something was done; several at once say nothing of how long one takes."""
        now = self._now()
        if done == 1 and now - self._last <= self.IDLE_S:
            self._spent += now - self._last
            self._done += 1
        self._last = now

    @property
    def each_s(self) -> float | None:
        """Seconds for one, on average; None before the first."""
        return self._spent / self._done if self._done else None
