"""What the operator says of a person: outcome, status, notes.

What is said is an event of the person, so it is in their time line and goes when they are forgotten. The audit log gets
a row under their token, which names nobody and holds no word of a note.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from cmo.config import Settings
from cmo.domain.audit import AuditEntry
from cmo.domain.draft import ENROL, WITHDRAW
from cmo.domain.event import LeadNoted, LeadOutcomeSet, LeadStatusSet, SaidOfLead
from cmo.domain.outbox import OutboxState
from cmo.domain.outcome import STATUS_AFTER, LeadStatus, Outcome
from cmo.domain.suppression import SuppressionKind
from cmo.domain.text import clean_text
from cmo.errors import ToolInputInvalid
from cmo.service.store import clock_of, usable_key, writer
from cmo.service.suppress import Target
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.why_views import WhyLead, lead_why

LONGEST_NOTE = 2_000
MAY_STILL_MAIL = "A sequence that they were handed to may still mail them"
_LEFT = frozenset({OutboxState.CLAIMED, OutboxState.CONFIRMED, OutboxState.UNKNOWN})


@dataclass(frozen=True)
class Said:
    """What became of a person by what was said of them."""

    after: WhyLead
    """As they are now; in a dry run as they were."""
    is_new: bool
    """False where it stood like this already: nothing was written. In a dry run: whether it would be."""

    @property
    def is_handed_over(self) -> bool:
        """A provider's sequence has a mail to them, and may still send it: no outcome reaches it there."""
        given, taken = (
            any(write.operation.endswith(f".{verb}") and write.state in states for write in self.after.writes)
            for verb, states in ((ENROL, _LEFT), (WITHDRAW, {OutboxState.CONFIRMED}))
        )
        return given and not taken


def set_outcome(settings: Settings, job_id: str, login: str, outcome: Outcome | None, *, dry_run: bool = False) -> Said:
    """Say what came of a person, or take it back (None); their status follows.

    After a meeting, a no or an end nothing more is written to them; after a meeting to nobody else there either.

    Raises:
        ToolInputInvalid: the job does not know the person.
    """
    event = LeadOutcomeSet(login=login, by=settings.actor, outcome=outcome)
    return _say(settings, job_id, event, "leads.outcome", dry_run=dry_run)


def set_status(settings: Settings, job_id: str, login: str, status: LeadStatus, *, dry_run: bool = False) -> Said:
    """Say where a person stands; an outcome that was said stays.

    Raises:
        ToolInputInvalid: the job does not know the person.
    """
    event = LeadStatusSet(login=login, by=settings.actor, status=status)
    return _say(settings, job_id, event, "leads.status", dry_run=dry_run)


def add_note(settings: Settings, job_id: str, login: str, text: str, *, dry_run: bool = False) -> Said:
    """Write something down about a person: it is kept until they are forgotten.

    Args:
        text: At most `LONGEST_NOTE` characters are kept.
    Raises:
        ToolInputInvalid: there is no text, or the job does not know the person.
    """
    words = clean_text(text, limit=LONGEST_NOTE)
    if not words:
        raise ToolInputInvalid("There is nothing to note.", hint='cmo leads note LOGIN "wants to talk in May"')
    event = LeadNoted(login=login, by=settings.actor, text=words)
    return _say(settings, job_id, event, "leads.note", dry_run=dry_run)


def _say(settings: Settings, job_id: str, event: SaidOfLead, action: str, *, dry_run: bool) -> Said:
    """Store what was said with its row of the audit log, in one transaction."""
    at = clock_of(settings).now()
    with writer(settings) as conn:
        secret = usable_key(settings, conn)
        with transaction(conn):
            found = _known(conn, job_id, event.login)
            event = event.model_copy(update={"login": found.login})
            change = _change(found, event)
            is_new = change is not None
            if is_new and not dry_run:
                record(conn, job_id, f"{job_id}/said/{uuid.uuid4().hex}", event, at)
            if is_new or dry_run:
                told = AuditEntry(
                    actor=settings.actor,
                    action=action,
                    object=Target(SuppressionKind.LOGIN, found.login.lower()).audit_object(secret),
                    detail={"job": job_id},
                    is_dry=dry_run,
                )
                record_audit(conn, [told.model_copy(update=change or {})], at=at)
            return Said(after=_known(conn, job_id, found.login), is_new=is_new)


def _change(found: WhyLead, event: SaidOfLead) -> dict[str, str] | None:
    """What it was before and what it becomes, as the audit log has it; None where it is like this already."""
    match event:
        case LeadOutcomeSet():
            is_said = found.outcome == event.outcome
            has_status = event.outcome is None or found.status == STATUS_AFTER[event.outcome]
            said = {"before": str(found.outcome or "none"), "after": str(event.outcome or "none")}
            return None if is_said and has_status else said
        case LeadStatusSet():
            said = {"before": str(found.status), "after": str(event.status)}
            return None if found.status == event.status else said
        case LeadNoted():
            return {"after": "noted"}


def _known(conn: Connection, job_id: str, name: str) -> WhyLead:
    """The person of that login or address; where it was merged, who it was merged into."""
    found = lead_why(conn, job_id, name)
    if found is None or found.state == "dropped":
        raise ToolInputInvalid(f"{job_id} follows nobody called {name}.", hint=f"cmo leads list --job {job_id}")
    return found if found.merged_into is None else _known(conn, job_id, found.merged_into)
