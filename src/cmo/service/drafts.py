"""Deciding on drafts: approve, reject, put off, disqualify, and take it back. Words are changed in `draft_words`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from cmo.config import Settings
from cmo.domain.draft import APPROVAL_DAYS
from cmo.domain.event import DraftAction
from cmo.domain.text import clean_line
from cmo.errors import PolicyRefused
from cmo.service.routes import composer_of
from cmo.service.store import clock_of, writer
from cmo.store import drafts
from cmo.store.db import Connection
from cmo.store.draft_again import TakenBack
from cmo.store.draft_views import BatchLine, Choice, words_of
from cmo.store.drafts import Decision, Undone
from cmo.store.jobs import get_job

REASONS: tuple[str, ...] = ("wrong person", "claim not true", "tone", "same organisation", "not now", "never contact")
"""Why drafts are rejected; the digit 1 to 6 stands for each."""
PUT_OFF = timedelta(days=1)
"""For how long `later` is, where nothing else is said."""
NEVER = REASONS[-1]
"""The reason that suppresses the person."""


def reason_of(text: str) -> str:
    """The reason meant by a digit, the start of a known reason, or words of one's own."""
    words = clean_line(text, limit=200)
    if words.isdecimal() and 1 <= int(words[:3]) <= len(REASONS):
        return REASONS[int(words) - 1]
    known = [reason for reason in REASONS if words and reason.startswith(words.lower())]
    return known[0] if len(known) == 1 else words


def approve(
    settings: Settings,
    job_id: str,
    choices: Sequence[Choice],
    *,
    rule: str | None = None,
    samples: Sequence[int] = (),
    again: TakenBack | None = None,
    dry_run: bool = False,
) -> Decision:
    """Approve exactly what was looked at; each approval is bound to the letter that its draft becomes.

    The caller has a person at a terminal.

    Args:
        settings: Those of the job.
        samples: Drafts that were looked at before a rule approved the rest.
        again: The approval that was taken back and is given again.
    Raises:
        ConfigError: who writes, or from where, is not set.
    """
    with writer(settings) as conn:
        composer = composer_of(conn, get_job(conn, job_id).plan, settings)
        now = refreshed(settings, conn, job_id)
        words = words_of(conn, [choice.draft_id for choice in choices])
        hashes = {
            choice.draft_id: composer.letter(words[choice.draft_id, choice.version], approved_at=now)[1]
            for choice in choices
            if (choice.draft_id, choice.version) in words
        }
        return drafts.decide(
            conn,
            job_id,
            "approve",
            choices,
            batch_id=new_batch_id(),
            by=settings.actor,
            at=now,
            hashes=hashes,
            rule=rule,
            samples=samples,
            until=now + timedelta(days=APPROVAL_DAYS),
            secret=composer.secret,
            again=again,
            is_dry=dry_run,
        )


def turn_down(
    settings: Settings,
    job_id: str,
    action: DraftAction,
    choices: Sequence[Choice],
    *,
    reason: str = "",
    put_off: timedelta | None = None,
    again: TakenBack | None = None,
    dry_run: bool = False,
) -> Decision:
    """Reject, disqualify or put off drafts. Disqualifying, and the reason `never contact`, suppress the people.

    Args:
        put_off: For `later`: until it is shown again.
        again: The decision that was taken back and is made again.
    """
    is_never = action == "disqualify" or (action == "reject" and reason == NEVER)
    with writer(settings) as conn:
        now = refreshed(settings, conn, job_id)
        return drafts.decide(
            conn,
            job_id,
            action,
            choices,
            batch_id=new_batch_id(),
            by=settings.actor,
            at=now,
            reason=reason,
            until=now + put_off if put_off else None,
            never=(reason or NEVER) if is_never else "",
            again=again,
            is_dry=dry_run,
        )


def undo(settings: Settings, batch: BatchLine, *, dry_run: bool = False) -> Undone:
    """Take a batch back as far as it is not handed over; suppressions stay.

    Raises:
        PolicyRefused: nothing of it can be taken back.
    """
    with writer(settings) as conn:
        now = refreshed(settings, conn, batch.job_id)
        undone = drafts.undo(conn, batch.job_id, batch.id, by=settings.actor, at=now, is_dry=dry_run)
    if not undone.done:
        first = undone.stayed[0]
        raise PolicyRefused(
            f"Nothing of batch {batch.n} can be taken back: draft {first.draft_id}: {first.message}.",
            hint="An earlier batch: cmo drafts undo NUMBER",
        )
    return undone


def again(settings: Settings, batch: TakenBack, *, dry_run: bool = False) -> Decision:
    """Decide again as it was decided before it was taken back: a new batch, with every check of a first decision.

    The caller has a person at a terminal where approvals come back.

    Args:
        settings: Those of the job.
    Raises:
        ConfigError: as `approve`.
        PolicyRefused: nothing of it can be done again.
    """
    if batch.action == "approve":
        decision = approve(
            settings, batch.job_id, batch.choices, rule=batch.rule, samples=batch.samples, again=batch, dry_run=dry_run
        )
    else:
        rest = batch.until - clock_of(settings).now() if batch.until else None
        decision = turn_down(
            settings, batch.job_id, batch.action, batch.choices, reason=batch.reason, put_off=rest, again=batch,
            dry_run=dry_run,
        )  # fmt: skip
    if not decision.done:
        why = "it is decided like that already"
        if decision.refused:
            why = f"draft {decision.refused[0].draft_id}: {decision.refused[0].message}"
        raise PolicyRefused(
            f"Nothing of batch {batch.batch} can be done again: {why}.",
            hint="Decide anew: cmo drafts review",
        )
    return decision


def new_batch_id() -> str:
    return uuid.uuid4().hex


def refreshed(settings: Settings, conn: Connection, job_id: str) -> datetime:
    """What time it is for the job, with every approval that ran out until then written down."""
    now = clock_of(settings).now()
    drafts.expire_due(conn, job_id, batch_id=new_batch_id(), now=now)
    return now
