"""Writes that wait in an outbox without drafts, a gate that lets them pass, and a writer that answers as told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cmo.domain.outbox import NewWrite
from cmo.domain.outward import Fate, Operation, Probe, Receipt, Repeat, TicketItem
from cmo.domain.policy import YES, Verdict
from cmo.ids import ticket_id
from cmo.store.db import Connection, transaction
from cmo.store.outbox_plan import Planned, plan_writes
from tests.fakes.clock import NOON


def operation_factory(repeat: Repeat = Repeat.LOOKED_UP, **changes: Any) -> Operation:
    """One write a call; 20 seconds, and 30 more."""
    values: dict[str, Any] = {"name": "tracker.issue", "repeat": repeat, "known_by": "its id", "batch": 1}
    return Operation(**{**values, "timeout_s": 20.0, "source": "made up", **changes})


def write_factory(n: int = 1, **changes: Any) -> NewWrite:
    """Ticket number `n`, due at noon."""
    key = f"ticket:{n}"
    item = TicketItem(key=key, id=ticket_id(key), team_id="team", title=f"Ticket {n}")
    values = {
        "key": key,
        "operation": "tracker.issue",
        "payload": item.model_dump_json(exclude_defaults=True),
        "content_hash": f"h{n}",
        "due_at": NOON,
    }
    return NewWrite.model_validate({**values, **changes})


def plan(conn: Connection, job_id: str, *writes: NewWrite) -> Planned:
    """Put them down in one transaction."""
    with transaction(conn):
        return plan_writes(conn, job_id, writes)


def open_gate(conn: Connection, row_ids: Sequence[int], now: datetime) -> dict[int, tuple[Verdict, str]]:
    """Everything may leave."""
    return {row_id: (YES, "") for row_id in row_ids}


def answers(fate: Fate, **changes: Any) -> Callable[[Sequence[TicketItem]], Sequence[Receipt]]:
    """The same answer for every item."""
    return lambda items: [Receipt(key=item.key, fate=fate, **changes) for item in items]


Answer = Callable[[Sequence[TicketItem]], Sequence[Receipt]]


@dataclass
class FakeWriter:
    """Takes every ticket, unless `writes` or `looks` has another answer left, or an error to raise."""

    operation: Operation = field(default_factory=operation_factory)
    writes: list[Answer | BaseException] = field(default_factory=list)
    looks: list[Answer | BaseException] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    """Keys of all that was asked to be written, in order."""
    looked_up: list[str] = field(default_factory=list)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {self.operation.name: self.operation}

    async def write(self, operation: str, items: Sequence[TicketItem]) -> tuple[Receipt, ...]:
        self.written += [item.key for item in items]
        return _next(self.writes, items, Fate.CONFIRMED)

    async def look_up(self, operation: str, items: Sequence[TicketItem]) -> tuple[Receipt, ...]:
        self.looked_up += [item.key for item in items]
        return _next(self.looks, items, Fate.ABSENT)

    async def probe(self) -> Probe:
        return Probe(provider="tracker", state="ok", detail="made up")


def _next(script: list[Answer | BaseException], items: Sequence[TicketItem], usual: Fate) -> tuple[Receipt, ...]:
    answer = script.pop(0) if script else answers(usual)
    if isinstance(answer, BaseException):
        raise answer
    return tuple(answer(items))
