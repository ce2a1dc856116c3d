"""Decisions that were taken back, as they were: what `again` does anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cmo.domain.base import Frozen
from cmo.domain.event import DraftAction, DraftsDecided, DraftsUndone, Event
from cmo.store.db import Connection
from cmo.store.draft_views import Choice
from cmo.store.events import of_kinds

_KINDS = ("drafts_decided", "drafts_undone")


class TakenBack(Frozen):
    """A decision on drafts that was taken back."""

    batch_id: str
    batch: int
    """What a person names it by."""
    job_id: str
    action: DraftAction
    reason: str
    rule: str | None
    samples: tuple[int, ...]
    until: datetime | None
    """Of `later`: when it is over."""
    choices: tuple[Choice, ...]
    """The drafts that were taken back, as they have been since; one that changed after that is theirs no more."""
    hashes: dict[int, str]
    """Draft -> what its approval was bound to."""


def find_taken_back(conn: Connection, job_id: str, number: str | None) -> TakenBack | None:
    """The decision with that number, of any job, if it was taken back; without one the last that was in the job, and
    none once something was decided after it."""
    batch_id = None
    if number is not None:
        batch_id, job_id = _named(conn, number)
    events = [recorded.event for recorded in of_kinds(conn, job_id, _KINDS)]
    undone = _last_undone(events) if batch_id is None else _undone(events, batch_id)
    if undone is None:
        return None
    (decided,) = (event for event in events if isinstance(event, DraftsDecided) and event.batch_id == undone.batch_id)
    rows = conn.execute(
        "SELECT b.n, i.draft_id, i.version, i.before_state FROM batches b JOIN batch_items i ON i.batch_id = b.id"
        " WHERE b.id = ? ORDER BY i.draft_id",
        (undone.batch_id,),
    ).fetchall()
    return TakenBack(
        batch_id=undone.batch_id,
        batch=rows[0]["n"],
        job_id=job_id,
        action=decided.action,
        reason=decided.reason,
        rule=decided.rule,
        samples=decided.samples,
        until=decided.until,
        choices=tuple(
            Choice(draft_id=row["draft_id"], version=row["version"], state=row["before_state"])
            for row in rows
            if row["draft_id"] in undone.draft_ids
        ),
        hashes={item.draft_id: item.content_hash for item in decided.items if item.content_hash is not None},
    )


def _last_undone(events: Sequence[Event]) -> DraftsUndone | None:
    """What the next `again` is about: each that was done before used one up, and a new decision ends it."""
    used = 0
    for event in reversed(events):
        if isinstance(event, DraftsUndone):
            if not used:
                return event
            used -= 1
        elif isinstance(event, DraftsDecided) and event.action != "expire":
            if event.again is None:
                return None
            used += 1
    return None


def _undone(events: Sequence[Event], batch_id: str) -> DraftsUndone | None:
    return next((event for event in events if isinstance(event, DraftsUndone) and event.batch_id == batch_id), None)


def _named(conn: Connection, number: str) -> tuple[str, str]:
    """The batch and its job; empty where there is no such batch."""
    bare = number.lstrip("#")
    known = int(bare) if bare.isascii() and bare.isdecimal() and len(bare) <= 12 else -1
    row = conn.execute("SELECT id, job_id FROM batches WHERE n = ?", (known,)).fetchone()
    return ("", "") if row is None else (row["id"], row["job_id"])
