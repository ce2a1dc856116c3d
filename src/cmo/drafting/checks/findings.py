"""Short forms for findings."""

from __future__ import annotations

from cmo.domain.draft import Finding


def block(check: str, flag: str, message: str) -> Finding:
    """The draft cannot be approved as it is."""
    return Finding(check=check, flag=flag, severity="block", message=message)


def warn(check: str, flag: str, message: str) -> Finding:
    """A person should look."""
    return Finding(check=check, flag=flag, severity="warn", message=message)
