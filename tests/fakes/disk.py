"""A disk that fills up under the store."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

PAGE_BYTES = 4096 + 24
"""One page in SQLite's write-ahead log."""


@contextmanager
def no_room(store: Path, *, pages: int = 0) -> Iterator[None]:
    """The log of `store` grows by so many pages and no more; no file of this process, or of one that it starts,
    becomes larger than that. A process that is started must be told not to compile (PYTHONDONTWRITEBYTECODE).

    The kernel refuses the write as it does where a quota is used up. Nothing is compiled meanwhile: Python would
    keep the half of a file that it could write.
    """
    log = store.with_name(f"{store.name}-wal")
    used = log.stat().st_size if log.exists() else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with mock.patch.object(sys, "dont_write_bytecode", True):
        resource.setrlimit(resource.RLIMIT_FSIZE, (used + pages * PAGE_BYTES, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
