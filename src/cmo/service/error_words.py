"""What a group of failures is, and what came of doing something about it, in the words of all front ends."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from cmo.domain.outbox import OutboxState
from cmo.domain.text import clean_line
from cmo.domain.triage import explain
from cmo.service.errors import Retried
from cmo.store.groups import FailedItem, FiledTicket, StoredGroup

CAN_DO = "What you can do"
EXAMPLE = "Example"
_LONGEST = 4_000
Marking = Literal["skip", "deadletter", "revive"]
_DONE: dict[Marking, tuple[str, str]] = {
    "skip": ("Skipped", "Would skip"),
    "deadletter": ("Gave up", "Would give up"),
    "revive": ("Took back", "Would take back"),
}


def about(
    group: StoredGroup, example: FailedItem | None, ticket: FiledTicket | None, *, typed: str | None = None
) -> list[tuple[str, tuple[str, ...]]]:
    """What a group means, what cmo did, what can be done, what was set aside of it, one of its members, its ticket.

    Args:
        typed: How the group is named in commands; by its key without it.
    Returns:
        Labels, each with its lines; those of `CAN_DO` end in a command to type, as a rule.
    """
    at = group.next_try_at and group.next_try_at.astimezone()
    named = typed or group.key
    told = explain(group.model_copy(update={"key": named, "next_try_at": at}))
    aside = group.skipped + group.dead
    ways = [_line(way) for way in told.can_do if group.open]
    if aside:
        ways.append(f"take {aside:,} back: cmo errors revive {named}")
    rows = [("What it means", (_line(told.means),)), ("What cmo did", (_line(told.did),)), (CAN_DO, tuple(ways))]
    if aside:
        rows.append(("Set aside", (f"{group.skipped:,} skipped, {group.dead:,} given up, of {group.count:,}",)))
    if example is not None:
        at_last = f"{example.last_at.astimezone():%H:%M:%S}"
        rows.append((EXAMPLE, (f"{_line(example.item)}  {_line(example.message)}  {at_last}",)))
    if ticket is not None:
        rows.append(("Ticket", (ticket_words(ticket),)))
    return rows


def ticket_words(ticket: FiledTicket) -> str:
    """How the ticket of a group stands."""
    if ticket.state is OutboxState.CONFIRMED:
        return f"filed as {_line(ticket.id or 'one without a number')}"
    return f"{ticket.state}: {_line(ticket.message or 'no answer yet')}"


def filed(group: StoredGroup, ticket: FiledTicket, *, is_new: bool) -> str:
    """What came of filing a ticket."""
    return f"Group {group.key} is {'now ' if is_new else ''}{ticket_words(ticket).rstrip('.')}."


def retried(done: Retried, *, is_dry: bool = False) -> str:
    """What is tried again."""
    would = "Would be pending" if is_dry else "Pending"
    return f"{would} again: {done.items:,} for the job, {done.writes:,} to send."


def stays(done: Retried) -> list[str]:
    """What is not tried again, and why; a sentence for each reason."""
    return [f"{count:,} left as they are: {why}." for why, count in done.left.items()]


def marked(verb: Marking, counts: Counter[str], *, is_dry: bool = False) -> str:
    """What was set aside or taken back, of which groups."""
    groups = "group" if len(counts) == 1 else "groups"
    return f"{_DONE[verb][is_dry]} {counts.total():,} of {groups} {', '.join(counts)}."


def _line(text: str) -> str:
    return clean_line(text, limit=_LONGEST)
