"""Gmail: one's own mailbox, through drafts that are sent once."""

from __future__ import annotations

from cmo.providers.gmail.client import OPERATIONS, Gmail
from cmo.providers.gmail.tokens import GoogleLogin

__all__ = ["OPERATIONS", "Gmail", "GoogleLogin"]
