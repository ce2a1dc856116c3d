"""What a rehearsal found, and what to change before the real run."""

from __future__ import annotations

from collections.abc import Iterator

from cmo.config import Settings
from cmo.domain.base import Frozen
from cmo.domain.draft import APPROVAL_DAYS
from cmo.domain.job import Mode, Plan
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.policy import FAULT_OF_NOBODY

_BY_DESIGN = FAULT_OF_NOBODY | {"address_policy", "country", "suppressed"}
"""Rules that refuse mails of every good campaign."""


class Group(Frozen):
    """Errors of one cause."""

    key: str
    stage: str
    count: int
    message: str
    """Of one of them."""


class Rehearsal(Frozen):
    """What would have happened, as the throw-away sandbox's own rows and books say."""

    goal: str
    faults: str
    mailer: str
    status: str
    """Of the job, at the end."""
    replaced: tuple[str, ...]
    """What of the sandbox's stood in for something real; a sentence each."""
    good_leads: int
    held_leads: int
    """Of the good ones, those known by a commit address only."""
    drafts: int
    approved: int
    approved_again: int
    """Drafts whose approval ran out before a quota or a window let the mail leave; it was given anew."""
    flagged: dict[str, int]
    """Flag -> drafts that a check has doubts about."""
    blocked: dict[str, int]
    """Flag -> drafts that nobody may approve."""
    refused: dict[str, int]
    """Rule of the gate -> mails it refused to the end."""
    refused_because: dict[str, str]
    """Rule -> the words for one of them."""
    sent: dict[str, int]
    """Day in the sender's zone -> mails."""
    days: int
    """From the first mail's day to the last one's, both included."""
    is_cut: bool
    """More would have left after the last simulated day."""
    waiting: int
    failed: int
    """Mails that the provider refused, or that failed too often."""
    doubtful: int
    """Mails that may have arrived and wait for a person."""
    arrived: int
    """Mails in the books of the mail service."""
    doubles: int
    """Of these, second ones of the same."""
    crm: dict[str, dict[str, int]]
    """Operation -> effect (created, updated, noop, or found by looking) -> records."""
    crm_ambiguous: int
    """Records that wait for a person."""
    crm_failed: int
    tickets: int
    errors: tuple[Group, ...]
    troubles: tuple[str, ...]
    """What stopped something for a while; a sentence each."""
    missing: tuple[str, ...]
    """Settings without which nothing would leave for real; the sandbox's stood in."""
    advice: tuple[str, ...] = ()
    """What to change, the most important first."""

    @property
    def total(self) -> int:
        """Mails that left."""
        return sum(self.sent.values())

    @property
    def went_wrong(self) -> bool:
        """Whether a person has to change something before this would go well."""
        is_stuck = any(rule not in _BY_DESIGN for rule in self.refused)
        is_short = self.is_cut or self.status != "finished"
        return bool(self.missing or not self.total or self.doubles or is_stuck or is_short)


def advice_of(found: Rehearsal, own: Settings, rehearsed: Settings, plan: Plan) -> tuple[str, ...]:
    """What to change, the most important first; a sentence each, with the command.

    Args:
        own: The operator's settings.
        rehearsed: Those that were in force.
    """
    return (*_locked(found, own, plan), *_stuck(found), *_slow(found, rehearsed))


def missing_of(own: Settings, plan: Plan) -> tuple[str, ...]:
    """Settings that the sandbox filled in, and that a real run would lack; `sequence_id` belongs in the job file."""
    needed = {
        "sender.name": own.sender_name,
        "sender.email": own.sender_email,
        "sender.postal_address": own.sender_postal_address,
        "copy.offer": own.offer,
        "copy.question": own.question,
    }
    if (plan.mailer or own.mailer) in SEQUENCE_MAILERS:
        needed["sequence_id"] = plan.sequence_id or ""
    return tuple(key for key, value in needed.items() if not value)


def _locked(found: Rehearsal, own: Settings, plan: Plan) -> Iterator[str]:
    for key in found.missing:
        fix = "write it into the job file" if key == "sequence_id" else f"cmo config set {key} …"
        yield f"{key} is not set; the sandbox's stood in: {fix}"
    if own.mode() is not Mode.SEND_ALLOWED:
        yield f"Your ceiling is {own.mode()}, so nothing would leave: cmo config set mode.sending send_allowed"
    if plan.mode is not Mode.SEND_ALLOWED:
        yield "The job file does not allow sending; once you want it: cmo jobs set last mode=send_allowed"


def _stuck(found: Rehearsal) -> Iterator[str]:
    if not found.drafts:
        yield "Nothing was drafted: look at goal, caps and `until` in the job file."
    elif not found.approved:
        yield "Nothing passed the checks: look at your templates with cmo templates test NAME"
    if found.blocked:
        counts = ", ".join(f"{name} {count}" for name, count in found.blocked.items())
        yield f"{sum(found.blocked.values())} drafts are blocked: {counts}. cmo drafts review shows why."
    for rule, count in found.refused.items():
        if rule not in FAULT_OF_NOBODY:
            yield f"{count} stay ({rule}), such as: {found.refused_because[rule]}"
    if found.doubtful:
        yield f"{found.doubtful} may have arrived and wait for you: cmo outbox list --where state:unknown"
    if found.crm_ambiguous:
        yield f"{found.crm_ambiguous} CRM records fit several people and wait for you: cmo reconcile last"


def _slow(found: Rehearsal, rehearsed: Settings) -> Iterator[str]:
    if found.approved_again:
        yield (
            f"{found.approved_again} drafts: the approval ran out after {APPROVAL_DAYS} days, before a quota let them"
            " leave; approve in smaller portions."
        )
    if found.is_cut or found.approved_again:
        yield (
            f"At most {rehearsed.max_emails_per_day} mails leave a day: cmo limits set max_emails_per_day N raises it."
        )
