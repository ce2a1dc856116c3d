"""Identifiers: readable for jobs, deterministic for whatever may be written twice."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime


def job_id(now: datetime, *, taken: Callable[[str], bool]) -> str:
    """`cmo-YYYYMMDD-HHMMSS` in UTC; a second one in the same second gets `-2`."""
    base = now.strftime("cmo-%Y%m%d-%H%M%S")
    candidate, n = base, 1
    while taken(candidate):
        n += 1
        candidate = f"{base}-{n}"
    return candidate


def page_event_id(job: str, step: int, page: int, index: int) -> str:
    """The id of the `index`-th event of a page: the same whenever that page is committed."""
    return f"{job}/{step}/{page}/{index}"


def short_hash(*parts: str) -> str:
    """12 hex digits that name `parts`; not a secret-keeping hash."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]


def ticket_id(key: str) -> str:
    """A UUID of version 4's form that is always the same for `key`."""
    return str(uuid.UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4))
