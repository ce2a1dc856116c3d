"""How a row of the outbox stands, and what came of doing something about it, in the words of all front ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from cmo.domain.job import Job, Mode
from cmo.domain.outbox import OutboxState
from cmo.domain.policy import FAULT_OF_NOBODY
from cmo.domain.text import clean_line, counted, span
from cmo.service.outbox import fields_of, is_erased, mail_of
from cmo.store.outbox_hand import Arrived, ByHand
from cmo.store.outbox_views import OutboxRow

Verb = Literal["recall", "hold", "release", "settle"]
DONE_WORDS: Mapping[Verb, str] = {
    "recall": "recalled; the drafts stay approved",
    "hold": "held",
    "release": "let go",
    "settle": "settled by you",
}
ARRIVED: tuple[tuple[Arrived, str], ...] = (
    ("confirmed", "it arrived: count it as sent"),
    ("absent", "it surely did not: plan it again"),
)
"""What a person may know of a row that may have left."""


def is_to_come(row: OutboxRow, now: datetime) -> bool:
    """Whether it waits for its time."""
    return row.state == OutboxState.PLANNED and not row.is_held and row.due_at > now


def standing(row: OutboxRow, now: datetime) -> tuple[str, str]:
    """What a row's state is a case of, as the full screen has signs for, and its word with the time it still has."""
    match row.state:
        case OutboxState.CLAIMED:
            return "running", "leaving"
        case OutboxState.CONFIRMED:
            if row.bounced:
                return "failed", "bounced"
            return "done", "done" if row.draft_id is None else "sent"
        case OutboxState.FAILED:
            return "failed", "failed"
        case OutboxState.UNKNOWN:
            return ("needs_you", "arrived?") if row.is_held else ("flag", "unknown")
        case _:
            return _waiting(row, now)


def _waiting(row: OutboxRow, now: datetime) -> tuple[str, str]:
    if row.is_held:
        return "locked", "on hold"
    if row.rule is not None and row.rule not in FAULT_OF_NOBODY:
        return "flag", clean_line(row.rule)
    if not is_to_come(row, now):
        return "running", "next"
    if row.rule is not None:
        return "later", clean_line(row.rule)
    left = _left((row.due_at - now).total_seconds())
    return "waiting", f"{'again' if row.attempts else 'held'} {left}"


def _left(seconds: float) -> str:
    """The time left: `09:58` below an hour, else `2h5m`."""
    whole = max(0, round(seconds))
    return f"{whole // 60:02d}:{whole % 60:02d}" if whole < 3600 else span(whole)


def count_done(verb: Verb, done: ByHand, then: str = "") -> str:
    """What was done; empty where nothing was.

    Args:
        then: What follows from it.
    """
    return f"{count_rows(verb, len(done.done))}{then}." if done.done else ""


def count_rows(verb: Verb, count: int) -> str:
    """`2 rows held`."""
    return f"{counted(count, 'row')} {DONE_WORDS[verb]}"


def tell_stays(done: ByHand) -> str:
    """The first row that nothing was done about, why, and how many more; empty where there is none."""
    if not done.stays:
        return ""
    first = done.stays[0]
    more = f" And {len(done.stays) - 1:,} more stay." if len(done.stays) > 1 else ""
    return f"{first.id} stays: {first.why}.{more}"


def content(row: OutboxRow) -> str:
    """What a row says, as it leaves."""
    if is_erased(row):
        return "What it said was erased with the person (cmo forget)."
    if row.draft_id is None:
        return "\n".join(f"{name}: {value}" for name, value in fields_of(row).items())
    try:
        text, about = mail_of(row)
    except ValueError as error:
        return f"It is no mail that could leave: {error}"
    return f"{about}\n\n{text}"


def lock_of(job: Job, ceiling: Mode) -> Mode | None:
    """The mode that keeps what the job sends from leaving; None where none does.

    Args:
        ceiling: Of every job, from the settings.
    """
    mode = job.plan.mode if job.plan.mode is not Mode.SEND_ALLOWED else ceiling
    return None if mode is Mode.SEND_ALLOWED else mode


def locked(mode: Mode, waiting: int) -> str:
    """That nothing leaves, and how many wait for it."""
    many = f"{counted(waiting, 'approved draft')} {'waits' if waiting == 1 else 'wait'}"
    return f"Locked: {mode.value.replace('_', '-').upper()}. {many}."
