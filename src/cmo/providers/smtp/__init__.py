"""A mailbox of one's own, by SMTP submission."""

from cmo.providers.smtp.client import Smtp

__all__ = ["Smtp"]
