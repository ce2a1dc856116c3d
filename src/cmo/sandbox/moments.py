"""Times as GitHub writes and reads them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime


def iso(epoch: int) -> str:
    """Epoch seconds as `2026-11-17T08:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def parse_iso(text: str) -> int:
    """Epoch seconds of an ISO-8601 time; without a zone it is UTC.

    Raises:
        ValueError: it is not one.
    """
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def http_date(epoch: float) -> str:
    return formatdate(epoch, usegmt=True)


def parse_http_date(text: str) -> int | None:
    """Epoch seconds of an HTTP date; None when it is not one."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except ValueError:
        return None
