"""Verbs on the outbox: show a mail as it leaves, recall, hold, release, settle by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cmo.config import Settings
from cmo.domain.filters import Term, parse_filter
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.outward import Letter
from cmo.service.store import clock_of, writer
from cmo.store import outbox_hand
from cmo.store.outbox_hand import Arrived, ByHand
from cmo.store.outbox_views import OUTBOX_FIELDS, OUTBOX_VALUES, OutboxRow


def outbox_terms(text: str | None) -> tuple[Term, ...]:
    """The terms of a filter on the outbox.

    Raises:
        FilterInvalid
    """
    return parse_filter(text, fields=OUTBOX_FIELDS, values=OUTBOX_VALUES) if text else ()


def is_erased(row: OutboxRow) -> bool:
    """Whether the row was one of a person who is forgotten: it says nothing any more."""
    return set(json.loads(row.payload)) <= {"sequence_id"}


def fields_of(row: OutboxRow) -> dict[str, object]:
    """What a write that is no mail says."""
    found: dict[str, object] = json.loads(row.payload)
    return found


def mail_of(row: OutboxRow) -> tuple[str, str]:
    """The mail as it leaves, and what to know about it.

    For a mailbox these are its bytes; a service with sequences writes the headers itself, around the same words.

    Raises:
        MailUnsafe: it cannot become exactly one plain mail to one person, and would be refused.
    """
    letter = Letter.model_validate_json(row.payload)
    from cmo.providers.registry import factory

    text: str = factory("mime")(letter).decode("utf-8", "replace")
    provider = row.operation.partition(".")[0]
    if provider in SEQUENCE_MAILERS:
        return text, f"{provider} writes the headers itself; recipient, subject and words are these."
    return text, "These are the bytes that leave."


def recall(settings: Settings, ids: Sequence[int] | None, *, dry_run: bool = False) -> ByHand:
    """Take back rows that nobody took up yet; None for every mail that waits."""
    with writer(settings) as conn:
        return outbox_hand.recall(conn, ids, by=settings.actor, at=clock_of(settings).now(), is_dry=dry_run)


def hold(settings: Settings, ids: Sequence[int] | None, *, dry_run: bool = False) -> ByHand:
    """Keep rows from leaving; None for every mail that waits."""
    with writer(settings) as conn:
        return outbox_hand.hold(conn, ids, by=settings.actor, at=clock_of(settings).now(), is_dry=dry_run)


def release(settings: Settings, ids: Sequence[int] | None, *, dry_run: bool = False) -> ByHand:
    """Let held rows go on; None for all that surely have not left."""
    with writer(settings) as conn:
        return outbox_hand.release(conn, ids, by=settings.actor, at=clock_of(settings).now(), is_dry=dry_run)


def settle(settings: Settings, ids: Sequence[int], arrived: Arrived, *, dry_run: bool = False) -> ByHand:
    """What a person at a terminal says of doubtful rows: they arrived, or surely did not."""
    with writer(settings) as conn:
        return outbox_hand.settle(conn, ids, arrived, by=settings.actor, at=clock_of(settings).now(), is_dry=dry_run)
