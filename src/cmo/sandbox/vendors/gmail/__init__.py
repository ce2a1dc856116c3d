"""Gmail as the sandbox plays it: one mailbox with drafts and sent mail, and the endpoint that gives out tokens."""

from __future__ import annotations

from cmo.sandbox.vendors.gmail.mailbox import ADDRESS, Mail
from cmo.sandbox.vendors.gmail.vendor import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, GmailVendor

__all__ = ["ACCESS_TOKEN", "ADDRESS", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "GmailVendor", "Mail"]
