"""A clock that several processes share, so that a job may be killed while the world it works on lives on."""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_FORM = struct.Struct("ddd")
_SKIPPED = struct.Struct("d")
_SKIPPED_AT = 2 * _SKIPPED.size


class SharedClock:
    """As `cmo.clock.ScaledClock`, with what was skipped kept in a file.

    `time.monotonic()` counts from the same instant in all processes of a machine, so only the skipped seconds need to
    be shared. A process that is killed while it moves the clock gives its lock back with its life.
    """

    def __init__(self, path: Path, *, speed: float) -> None:
        """Join the clock that `start_clock` made at `path`.

        Args:
            speed: How much faster than real time a sleep of this process is.
        """
        self.path = path
        self.speed = speed
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), _FORM.size)
        start, zero, _ = _FORM.unpack(self._map[:])
        self._zero = float(zero)
        self._start = datetime.fromtimestamp(start, UTC)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Leave the clock; the others go on with it."""
        self._map.close()
        self._file.close()

    def monotonic(self) -> float:
        return time.monotonic() - self._zero + self._skipped()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        deadline = self.monotonic() + seconds
        await asyncio.sleep(seconds / self.speed)
        self.advance_to(deadline)

    def advance_to(self, deadline: float) -> None:
        """Move the clock forward so that `monotonic()` is at least `deadline`, in every process; never back."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                behind = deadline - self.monotonic()
                if behind > 0:
                    _SKIPPED.pack_into(self._map, _SKIPPED_AT, self._skipped() + behind)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _skipped(self) -> float:
        return float(_SKIPPED.unpack_from(self._map, _SKIPPED_AT)[0])


def start_clock(path: Path, start: datetime, *, speed: float) -> SharedClock:
    """A new clock in `path` that shows `start`."""
    path.write_bytes(_FORM.pack(start.timestamp(), time.monotonic(), 0.0))
    return SharedClock(path, speed=speed)
