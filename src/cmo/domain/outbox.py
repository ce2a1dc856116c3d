"""The ledger of writes to the outside, as values.

planned -> claimed -> confirmed | failed | unknown; unknown -> confirmed | planned | failed by looking, or by a person.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from cmo.domain.base import Frozen
from cmo.domain.outward import Fate


class OutboxState(StrEnum):
    PLANNED = "planned"
    CLAIMED = "claimed"
    """A call with it is under way, or was when its process died."""
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"


MOST_ATTEMPTS = 8
"""Calls for one row that surely did nothing, before it is a dead letter."""
BACKOFF_BASE_S, BACKOFF_MOST_S = 30.0, 3600.0
SOFT_BOUNCE = "soft_bounce"
"""Code of a receipt: this mailbox takes no mail for now. It says nothing of the provider, nor of other mailboxes."""
SOFT_BASE_S, SOFT_MOST_S = 900.0, 14_400.0

AFTER: dict[Fate, OutboxState] = {
    Fate.CONFIRMED: OutboxState.CONFIRMED,
    Fate.LATER: OutboxState.PLANNED,
    Fate.ABSENT: OutboxState.PLANNED,
    Fate.REFUSED: OutboxState.FAILED,
    Fate.UNKNOWN: OutboxState.UNKNOWN,
    Fate.HELD: OutboxState.UNKNOWN,
}
"""What a receipt makes of a row."""


class NewWrite(Frozen):
    """A write that is wanted."""

    key: str
    operation: str
    payload: str
    """The item as JSON: `Letter`, `Withdrawal`, `CrmItem` or `TicketItem`."""
    content_hash: str
    draft_id: int | None = None
    approval_id: int | None = None
    after_key: str | None = None
    """The write that has to be confirmed first."""
    email_key: str | None = None
    login_key: str | None = None
    company_key: str | None = None
    due_at: datetime


class ClaimedWrite(Frozen):
    """A row that this process holds and must settle."""

    id: int
    key: str
    job_id: str
    payload: str
    inbox: str | None
    attempts: int
    """This one included."""
    after_provider_id: str | None = None
    """What the provider called the write that came first."""


def backoff_s(attempts: int, *, share: float) -> float:
    """Seconds to wait after attempt number `attempts`: exponential with full jitter.

    Args:
        share: A random number in 0..1.
    """
    return share * min(BACKOFF_MOST_S, BACKOFF_BASE_S * 2.0 ** max(0, attempts - 1))


def soft_wait_s(attempts: int) -> float:
    """Seconds to wait after a soft bounce at attempt number `attempts`: longer than servers that greylist want."""
    return min(SOFT_MOST_S, SOFT_BASE_S * 4.0 ** max(0, attempts - 1))
