"""What writing to the outside came to, in counts."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from cmo.domain.base import Frozen


class SendReport(Frozen):
    """One hand-over."""

    sent: int = 0
    """Confirmed by the provider."""
    later: int = 0
    """Surely not sent, and tried again by itself."""
    failed: int = 0
    unknown: int = 0
    """May have been sent; looked up, never repeated blindly."""
    held: int = 0
    """Waits for a person."""
    waiting: int = 0
    """In the outbox, not due yet."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Rule of the gate -> mails."""
    next_at: datetime | None = None
    """When the next may leave."""
    stopped: str = ""
    """Why the hand-over ended early, or empty."""


class SyncReport(Frozen):
    """One round of records, list entries, notes or tickets."""

    created: int = 0
    updated: int = 0
    noop: int = 0
    ambiguous: int = 0
    errors: int = 0
    unknown: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    stopped: str = ""
