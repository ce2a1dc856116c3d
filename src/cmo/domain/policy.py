"""May this write leave now? The rules of contact, in their order, and nothing else.

`decide` is called by `store/gate.py` inside the transaction that claims a row of the outbox, with what the store holds
at that instant. The first rule that says no is the answer; it is stored with the time from which asking again makes
sense. A rule without such a time waits for a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.countries import Rule, country_rule
from cmo.domain.draft import Step
from cmo.domain.lead import EmailClass, MxState
from cmo.domain.window import Window, day_starts, is_open, next_opening

RuleName = Literal[
    "kill_switch", "paused", "mode", "approval", "suppressed", "address_policy", "country", "contacted", "dependency",
    "conversation", "quota_inbox", "quota_day", "quota_company", "quota_contact", "window", "verification", "health",
]  # fmt: skip
RULES: Mapping[RuleName, str] = {
    "kill_switch": "the kill switch is on",
    "paused": "sending is paused",
    "mode": "the job may not send",
    "approval": "no valid approval of exactly this text",
    "suppressed": "the person must not be contacted",
    "address_policy": "where the address comes from does not allow it",
    "country": "the recipient's country does not allow it",
    "contacted": "the person was written to already",
    "dependency": "another write has to come first",
    "conversation": "the person or their company replied, or is on hold",
    "quota_inbox": "the inbox's day is full",
    "quota_day": "the workspace's day is full",
    "quota_company": "the company's day is full",
    "quota_contact": "the person had enough mail",
    "window": "it is outside working hours there",
    "verification": "the address is not verified, or too long ago",
    "health": "too much mail bounced or was complained about",
}
"""The order in which rules are asked, and what a no means."""

FAULT_OF_NOBODY = frozenset({"quota_inbox", "quota_day", "quota_company", "quota_contact", "window"})
"""Rules that answer with a later time by themselves."""

VERIFIED_FOR = timedelta(days=7)
CONTACT_DAYS = 7
SOFT_BOUNCES, SOFT_WITHIN = 3, timedelta(hours=72)
"""So many of one address, so close together, rest it for as long after the last."""
BOUNCE_SHARE, BOUNCE_LEAST = 0.02, 50
COMPLAINT_SHARE, COMPLAINT_LEAST = 0.003, 300
LATER = timedelta(hours=1)


class Limits(Frozen):
    """The quotas in force. All apply together."""

    max_emails_per_day: int = Field(default=20, ge=0)
    per_inbox_daily: int = Field(default=50, ge=0)
    max_per_company_daily: int = Field(default=5, ge=0)
    max_per_contact: int = Field(default=2, ge=0)
    """In `CONTACT_DAYS` days."""
    new_inbox_daily: int = Field(default=5, ge=0)
    """On an inbox's first day; as many more each day."""
    window: Window = Window()
    sender_zone: str = "UTC"
    country_overrides: Mapping[str, Rule] = Field(default_factory=dict)


class Verdict(Frozen):
    """What the gate says of one row."""

    rule: RuleName | None
    """The rule that says no; None is a yes."""
    message: str = ""
    """A plain sentence, with what to do where a person can do something."""
    retry_at: datetime | None = None
    """From when asking again makes sense; None waits for a person, or is final."""
    final: bool = False
    """No later time and no operator changes it: the row is over."""


YES = Verdict(rule=None)


class Standing(Frozen):
    """What holds for every row of a job at the instant of the claim."""

    killed_by: str | None = None
    paused: str | None = None
    """Why sending is paused, or None."""
    paused_until: datetime | None = None
    may_send: bool
    """The job's mode and the ceiling are both `send_allowed`."""
    mode: str
    starts_on: date | None = None
    """First day on which the job may send."""
    commit_basis: bool = False
    """The operator recorded why commit addresses may be written to."""
    unknown_country_basis: bool = False
    bounces: int = 0
    complaints: int = 0
    sent: int = 0
    """In the last 30 days; the denominator."""
    inbox_paused: Mapping[str, str] = Field(default_factory=dict)
    """Inbox -> why it is paused."""


class Facts(Frozen):
    """What the store holds of one mail at the instant of the claim."""

    outbox_id: int
    step: str
    content_hash: str
    """Of the letter as it would leave; empty where it cannot be read."""
    draft_state: str
    draft_version: int
    approved_hash: str | None
    approved_version: int | None
    approval_expires_at: datetime | None
    approval_ran_out: bool = False
    """The gate has found it expired before: a clock set back does not bring it to life."""
    approval_revoked: bool
    facts_until: datetime | None = None
    """From when a fact that the text cites is too old."""
    is_current_route: bool = True
    """It was planned for the mailer and sequence that the job has now."""
    suppressed: str | None
    """The reason, or None."""
    email_class: EmailClass
    country: str | None
    zone: str | None
    contacted: str | None
    """In words, where another mail of the same step went to this person, or may have."""
    contacted_for_good: bool = True
    """That other mail is confirmed."""
    login: str = ""
    first_touch_confirmed: bool
    conversation: str | None
    """Why the person or the company is on hold, or None."""
    email_key: str
    company_key: str
    contact_times: tuple[datetime, ...]
    """Mails to this address in the last `CONTACT_DAYS` days, oldest first."""
    soft_bounces: tuple[datetime, ...] = ()
    """The newest of this address, oldest first; `SOFT_BOUNCES` at most."""
    mx_state: MxState | None
    mx_checked_at: datetime | None


class InboxRoom(Frozen):
    """One inbox a row may leave from."""

    address: str
    is_warm: bool
    first_used_on: datetime | None
    """None before its first mail."""
    daily_cap: int | None = None
    """Its service's own."""


class Used:
    """What today's quotas have used so far; grows as rows are claimed in one transaction."""

    def __init__(self, *, day: int, inboxes: Mapping[str, int], companies: Mapping[str, int]) -> None:
        self.day = day
        self.inboxes = Counter(inboxes)
        self.companies = Counter(companies)
        self.contacts: Counter[str] = Counter()
        self._people: set[tuple[str, str]] = set()

    def has_written_to(self, facts: Facts) -> bool:
        """Whether the same mail has just left to the same address or login."""
        return not self._people.isdisjoint(_names_of(facts))

    def take(self, facts: Facts, inbox: str) -> None:
        """One more mail leaves."""
        self.day += 1
        self.inboxes[inbox] += 1
        if facts.company_key:
            self.companies[facts.company_key] += 1
        self.contacts[facts.email_key] += 1
        self._people.update(_names_of(facts))


def _names_of(facts: Facts) -> set[tuple[str, str]]:
    """By what a mail's step and recipient are recognised."""
    return {(facts.step, name) for name in (facts.email_key, facts.login.lower()) if name}


def standing_verdict(standing: Standing) -> Verdict:
    """The rules that hold for all rows alike."""
    if standing.killed_by is not None:
        return Verdict(
            rule="kill_switch",
            message=f"All sending was stopped by {standing.killed_by}. `cmo kill --release` lets it go on.",
        )
    if standing.paused is not None:
        return Verdict(rule="paused", message=f"Sending is paused: {standing.paused}", retry_at=standing.paused_until)
    if not standing.may_send:
        return Verdict(
            rule="mode", message=f"The job is {standing.mode}. `cmo jobs set JOB mode=send_allowed` allows sending."
        )
    return YES


def decide(
    facts: Facts,
    standing: Standing,
    used: Used,
    limits: Limits,
    inboxes: tuple[InboxRoom, ...],
    now: datetime,
    *,
    counted_at: datetime | None = None,
) -> tuple[Verdict, str]:
    """Whether this mail may leave now, and from which inbox; the first rule that says no decides.

    Args:
        counted_at: What time it is for quotas, where that is later than `now`: the newest claim on record, so that a
            clock set back frees none.
    """
    for verdict in (
        standing_verdict(standing),
        _approval(facts, now),
        _suppressed(facts),
        _address_policy(facts, standing),
        _country(facts, standing, limits),
        _contacted(facts, used, now),
        _conversation(facts),
    ):
        if verdict.rule is not None:
            return verdict, ""
    verdict, inbox = _quotas(facts, standing, used, limits, inboxes, counted_at or now)
    if verdict.rule is None:
        for verdict in (
            _window(facts, standing, limits, now),
            _verification(facts, now),
            _health(standing),
            _resting(facts, now),
        ):
            if verdict.rule is not None:
                break
    return verdict, inbox


def _approval(facts: Facts, now: datetime) -> Verdict:
    if facts.approved_hash is None or facts.approval_revoked or facts.draft_state != "approved":
        return Verdict(rule="approval", message=f"The draft is {facts.draft_state}: nobody's approval holds for it.")
    if facts.approval_expires_at is not None and (facts.approval_ran_out or facts.approval_expires_at <= now):
        return Verdict(rule="approval", message=f"The approval expired on {facts.approval_expires_at:%Y-%m-%d %H:%M}.")
    if facts.approved_version != facts.draft_version or facts.approved_hash != facts.content_hash:
        return Verdict(
            rule="approval", message="The text, sender or sequence is not what was approved: it needs a new approval."
        )
    if facts.facts_until is not None and facts.facts_until <= now:
        told = (
            f"A fact that the text cites is too old since {facts.facts_until:%Y-%m-%d}: edit it and approve it again."
        )
        return Verdict(rule="approval", message=told)
    if not facts.is_current_route:
        return Verdict(
            rule="approval", message="The job's mailer or sequence is another by now: approve and hand over again."
        )
    return YES


def _suppressed(facts: Facts) -> Verdict:
    if facts.suppressed is None:
        return YES
    return Verdict(rule="suppressed", message=f"Suppressed: {facts.suppressed}", final=True)


def _address_policy(facts: Facts, standing: Standing) -> Verdict:
    if facts.email_class is not EmailClass.COMMIT:
        return YES
    if facts.step != Step.FIRST_TOUCH:
        return Verdict(
            rule="address_policy",
            message="People known by a commit address get no follow-up by themselves.",
            final=True,
        )
    if standing.commit_basis:
        return YES
    return Verdict(
        rule="address_policy",
        message='Only commit metadata shows the address; `cmo policy allow commit --basis "…"` records why to use it.',
    )


def _country(facts: Facts, standing: Standing, limits: Limits) -> Verdict:
    ruled = country_rule(facts.country, overrides=limits.country_overrides)
    match ruled.rule:
        case "ok":
            return YES
        case "unknown":
            if standing.unknown_country_basis:
                return YES
            return Verdict(
                rule="country",
                message='The country is not known; `cmo policy allow unknown-country --basis "…"` records why.',
            )
        case _:
            lift = f"`cmo config set sending.countries {facts.country}=ok` if you have it"
            return Verdict(rule="country", message=f"{ruled.reason} ({lift}).")


def _contacted(facts: Facts, used: Used, now: datetime) -> Verdict:
    if facts.contacted is not None:
        retry_at = None if facts.contacted_for_good else now + LATER
        return Verdict(rule="contacted", message=facts.contacted, retry_at=retry_at, final=facts.contacted_for_good)
    if used.has_written_to(facts):
        told = "The same mail is leaving to this person right now."
        return Verdict(rule="contacted", message=told, retry_at=now + LATER)
    if facts.step != Step.FIRST_TOUCH and not facts.first_touch_confirmed:
        return Verdict(rule="dependency", message="The first mail is not confirmed yet.")
    return YES


def _conversation(facts: Facts) -> Verdict:
    if facts.conversation is None:
        return YES
    return Verdict(rule="conversation", message=facts.conversation)


def _quotas(
    facts: Facts, standing: Standing, used: Used, limits: Limits, inboxes: tuple[InboxRoom, ...], now: datetime
) -> tuple[Verdict, str]:
    """The inbox with the most room, or the quota that leaves none."""
    room = {box.address: inbox_cap(box, limits, now) - used.inboxes[box.address] for box in inboxes}
    open_room = {address: left for address, left in room.items() if address not in standing.inbox_paused}
    if not open_room:
        why = "; ".join(f"{box.address}: {standing.inbox_paused[box.address]}" for box in inboxes)
        told = f"No inbox may send: {why}. `cmo resume --sending` lets them." if why else "No inbox is set up."
        return Verdict(rule="health", message=told), ""
    best = max(sorted(open_room), key=lambda address: open_room[address])
    if open_room[best] <= 0:
        told = f"{best} has sent {used.inboxes[best]} today, its cap is {inbox_cap_of(best, inboxes, limits, now)}."
        return _until_tomorrow("quota_inbox", told, limits, now), ""
    if used.day >= limits.max_emails_per_day:
        told = f"{used.day} of {limits.max_emails_per_day} mails of today are used (max_emails_per_day)."
        return _until_tomorrow("quota_day", told, limits, now), ""
    if facts.company_key and used.companies[facts.company_key] >= limits.max_per_company_daily:
        told = f"{limits.max_per_company_daily} mails went to the same company today (max_per_company_daily)."
        return _until_tomorrow("quota_company", told, limits, now), ""
    recent = len(facts.contact_times) + used.contacts[facts.email_key]
    if recent >= limits.max_per_contact:
        frees = (facts.contact_times[0] if facts.contact_times else now) + timedelta(days=CONTACT_DAYS)
        told = f"{recent} mails went to this person in {CONTACT_DAYS} days (max_per_contact)."
        return Verdict(rule="quota_contact", message=told, retry_at=max(frees, now + LATER)), ""
    return YES, best


def _until_tomorrow(rule: RuleName, message: str, limits: Limits, now: datetime) -> Verdict:
    tomorrow = next_opening(next_midnight(now, limits.sender_zone), limits.sender_zone, limits.window)
    return Verdict(rule=rule, message=message, retry_at=tomorrow)


def inbox_cap(box: InboxRoom, limits: Limits, now: datetime) -> int:
    """How many mails may leave from `box` today: a new one starts low and gains as much each day; never more than its
    service allows."""
    most = limits.per_inbox_daily if box.daily_cap is None else min(limits.per_inbox_daily, box.daily_cap)
    if box.is_warm:
        return most
    days = 0 if box.first_used_on is None else max(0, (now.date() - box.first_used_on.date()).days)
    return min(most, limits.new_inbox_daily * (days + 1))


def inbox_cap_of(address: str, inboxes: tuple[InboxRoom, ...], limits: Limits, now: datetime) -> int:
    """The same, by address."""
    return next(inbox_cap(box, limits, now) for box in inboxes if box.address == address)


def _window(facts: Facts, standing: Standing, limits: Limits, now: datetime) -> Verdict:
    if standing.starts_on is not None and now.date() < standing.starts_on:
        opens = next_opening(
            datetime.combine(standing.starts_on, time(), tzinfo=UTC), limits.sender_zone, limits.window
        )
        return Verdict(rule="window", message=f"The job sends from {standing.starts_on} on.", retry_at=opens)
    zone = facts.zone or limits.sender_zone
    if is_open(now, zone, limits.window):
        return YES
    opens = next_opening(now, zone, limits.window)
    return Verdict(rule="window", message=f"It is outside working hours in {zone}.", retry_at=opens)


def _verification(facts: Facts, now: datetime) -> Verdict:
    if facts.mx_state is None or facts.mx_checked_at is None:
        return Verdict(rule="verification", message="The address was never verified: the next `cmo send` looks it up.")
    if facts.mx_state is not MxState.OK:
        return Verdict(rule="verification", message=f"The address is {facts.mx_state.value}.", retry_at=now + LATER)
    if now - facts.mx_checked_at > VERIFIED_FOR:
        days = (now - facts.mx_checked_at).days
        return Verdict(rule="verification", message=f"The address was verified {days} days ago.", retry_at=now + LATER)
    return YES


def _health(standing: Standing) -> Verdict:
    if standing.sent >= BOUNCE_LEAST and standing.bounces / standing.sent >= BOUNCE_SHARE:
        return Verdict(
            rule="health",
            message=f"{standing.bounces} of {standing.sent} mails bounced ({BOUNCE_SHARE:.0%} is the most).",
        )
    if standing.sent >= COMPLAINT_LEAST and standing.complaints / standing.sent >= COMPLAINT_SHARE:
        told = f"{standing.complaints} of {standing.sent} mails drew complaints ({COMPLAINT_SHARE:.1%} is the most)."
        return Verdict(rule="health", message=told)
    return YES


def _resting(facts: Facts, now: datetime) -> Verdict:
    if len(facts.soft_bounces) < SOFT_BOUNCES:
        return YES
    *_, last = facts.soft_bounces
    rested = last + SOFT_WITHIN
    if last - facts.soft_bounces[-SOFT_BOUNCES] > SOFT_WITHIN or rested <= now:
        return YES
    hours = SOFT_WITHIN // timedelta(hours=1)
    told = f"{SOFT_BOUNCES} mails to the address came back within {hours} hours (soft bounces): it rests."
    return Verdict(rule="health", message=told, retry_at=rested)


def day_started(now: datetime, zone: str) -> datetime:
    """The start of the day that quotas count in: of UTC's day or the sender's local one, whichever began earlier."""
    return min(day_starts(now, "UTC"), day_starts(now, zone))


def next_midnight(now: datetime, zone: str) -> datetime:
    """When both UTC's and the sender's day are new ones."""
    day = timedelta(days=1)
    return max(day_starts(day_starts(now, each) + day + timedelta(hours=2), each) for each in ("UTC", zone))
