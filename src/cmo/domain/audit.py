"""One line of the audit log. Objects are named by id (`draft:36`, `job:cmo-…`, `outbox:12`), people by keyed hash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from cmo.domain.base import Frozen


class AuditEntry(Frozen):
    """What is about to be recorded."""

    actor: str
    """`operator:<name>`, `agent` or `system`."""
    action: str
    """The id of the action: `drafts.approve`, `kill.on`, ..."""
    object: str
    """`kind:id`; never an address or a name."""
    before: str = ""
    after: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    """Ids, counts, rule names, reasons in the operator's words; never an address."""
    is_dry: bool = False


class AuditRow(AuditEntry):
    """What was recorded."""

    seq: int
    at: datetime
    hash: str


class Broken(Frozen):
    """Where the chain stops to hold."""

    seq: int
    why: str
