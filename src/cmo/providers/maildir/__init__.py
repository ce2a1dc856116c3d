"""Mail as files in a folder: nothing leaves this machine."""

from cmo.providers.maildir.client import Maildir

__all__ = ["Maildir"]
