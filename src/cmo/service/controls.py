"""The operator's hand on sending: quotas, pauses, and what is allowed on the record. The kill switch: `kill.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast, get_args

from cmo.config import SPECS, Settings
from cmo.config.secrets import mask_addresses
from cmo.config.tomlfile import changed_text
from cmo.domain.audit import AuditEntry
from cmo.domain.countries import Rule
from cmo.domain.job import Plan
from cmo.domain.letters import Words
from cmo.domain.outward import Inbox
from cmo.domain.policy import Limits
from cmo.domain.requests import Request
from cmo.domain.suppression import SuppressionKind, suppression_value
from cmo.domain.text import clean_line
from cmo.domain.window import Window
from cmo.errors import ConfigError, ToolInputInvalid
from cmo.paths import write_private
from cmo.service.routes import composer_of, route_of
from cmo.service.store import clock_of, installation_key, resolve_job, writer
from cmo.store.audit import record_audit
from cmo.store.bases import EVERYWHERE, Basis, record_basis, revoke_basis
from cmo.store.db import Connection, transaction
from cmo.store.person_room import PersonRoom, find_address, person_room
from cmo.store.request_views import permissions
from cmo.store.standing_views import QuotaUse, Stops, left_this_week, quota_use, stops
from cmo.store.switches import SENDING, Switch, find_switch, resume_inboxes, switch_off, switch_on

SHORTEST_BASIS = 10

POLICIES: Mapping[str, str] = {
    "commit": (
        "GitHub's Acceptable Use Policies (sections 7 and 8) forbid using information from GitHub, however obtained,"
        " to send unsolicited mail, to sell it or to pass it on. That a commit shows an address is no invitation to"
        " write to it. People who are known only that way are on HOLD. Lift this only where you have a ground of your"
        " own, such as their consent or a business relation; it is kept with your name. They get no automatic"
        " follow-up, and the first mail says where the address comes from."
    ),
    "unknown-country": (
        "Some countries (Germany and the Netherlands among them) ask for consent before commercial mail, also to"
        " businesses. Where the country of a person is not known, it cannot be ruled out that theirs is one of them,"
        " so they are on HOLD. Lift this only where you know why it does not apply to the people of this campaign;"
        " your reason is kept with your name."
    ),
}
"""Kind -> what the rule says, shown before it is lifted."""

QUOTAS: Mapping[str, str] = {
    "max_emails_per_day": "today, over all inboxes",
    "per_inbox_daily": "a day from each warm inbox",
    "max_per_company_daily": "a day to one company",
    "max_per_contact": "to one person in 7 days",
}
"""Quota that can be changed -> what one more means."""


@dataclass(frozen=True)
class LimitChange:
    """A quota about to be changed."""

    name: str
    before: int
    after: int

    @property
    def key(self) -> str:
        """Its name in a settings file."""
        return f"quota.{self.name}"

    @property
    def is_raise(self) -> bool:
        return self.after > self.before

    @property
    def effect(self) -> str:
        """In words, e.g. `12 more today, over all inboxes`."""
        by = abs(self.after - self.before)
        return f"{by} {'more' if self.is_raise else 'fewer'} {QUOTAS[self.name]}" if by else "nothing changes"


@dataclass(frozen=True)
class LimitsView:
    """Quotas, mode and stops at one moment."""

    now: datetime
    mode: str
    limits: Limits
    quotas: QuotaUse
    stops: Stops
    left_this_week: int
    permissions: Sequence[Request]
    """Given with a request for the rest of its job."""


@dataclass(frozen=True)
class PersonLimits:
    """What may still go to one person."""

    remaining_today: int
    """The strictest of the day's, the inbox's, the company's and the person's own rest; none where the gate refuses
    the mail that waits for them, and not only until later today."""
    remaining_this_week: int
    """Over the whole workspace, until the sender's Sunday is over."""
    remaining_for_contact: int
    room: PersonRoom


def limits_of(settings: Settings) -> Limits:
    """The quotas, hours and country rules in force.

    Raises:
        ConfigError: hours that are none, or a country rule that cannot be read.
    """
    first, last = settings.sending_hours
    if not 0 <= first < last <= 24:
        raise ConfigError(f"sending.hours {first}..{last} are no hours.", hint="cmo config set sending.hours 8..18")
    return Limits(
        max_emails_per_day=settings.max_emails_per_day,
        per_inbox_daily=settings.per_inbox_daily,
        max_per_company_daily=settings.max_per_company_daily,
        max_per_contact=settings.max_per_contact,
        new_inbox_daily=settings.new_inbox_daily,
        sender_zone=settings.sender_time_zone,
        window=Window(first_hour=first, last_hour=last),
        country_overrides=dict(_country_rule(text) for text in settings.country_rules),
    )


def _country_rule(text: str) -> tuple[str, Rule]:
    country, _, rule = text.partition("=")
    if len(country) != 2 or rule not in get_args(Rule):
        raise ConfigError(
            f"sending.countries: {text!r} is no rule.",
            hint=f"cmo config set sending.countries DE=ok; rules: {', '.join(get_args(Rule))}",
        )
    return country.upper(), cast(Rule, rule)


def show_limits(settings: Settings) -> LimitsView:
    """Quotas with what is used, and everything that stops sending."""
    limits, now = limits_of(settings), clock_of(settings).now()
    with writer(settings) as conn:
        quotas = quota_use(conn, limits, now)
        return LimitsView(
            now=now,
            mode=settings.mode_ceiling,
            limits=limits,
            quotas=quotas,
            stops=stops(conn, now),
            left_this_week=left_this_week(quotas, limits, now),
            permissions=permissions(conn),
        )


def _address_of(conn: Connection, person: str) -> str:
    is_login = "@" not in person.strip().removeprefix("@")
    found = find_address(conn, person.strip().removeprefix("@")) if is_login else person
    try:
        if found is None:
            raise ValueError(f"nobody called {person!r} has an address here")
        suppression_value(SuppressionKind.EMAIL, found)
    except ValueError as exc:
        raise ToolInputInvalid(
            f"{exc}.", hint="cmo limits show ana@ana.example, or a login of: cmo leads list"
        ) from exc
    return found


def show_person_limits(settings: Settings, person: str) -> PersonLimits:
    """What may still go to whoever has this address or login, and what the gate would say first.

    Raises:
        ToolInputInvalid: that is neither an address nor a login with one.
    """
    view, limits = show_limits(settings), limits_of(settings)
    address = settings.sender_email
    with writer(settings) as conn:
        email = _address_of(conn, person)
        room = person_room(
            conn,
            email,
            limits=limits,
            ceiling=settings.mode(),
            sender=Inbox(address=address, provider=settings.mailer, is_warm=address in settings.warm_inboxes),
            secret=installation_key(settings, conn),
            route_of=lambda plan: route_of(plan, settings),
            hash_of=lambda plan, words, at: _letter_hash(settings, conn, plan, words, at),
            now=view.now,
        )
    contact = max(0, limits.max_per_contact - room.recent)
    rests = (
        view.quotas.day_left,
        contact,
        limits.max_per_company_daily - room.company_used,
        room.inbox_left,
    )
    no, tomorrow = room.verdict, view.quotas.frees_at
    is_refused = room.job_id is not None and no.rule is not None and not (no.retry_at and no.retry_at < tomorrow)
    return PersonLimits(
        remaining_today=0 if is_refused else max(0, min(rests)),
        remaining_this_week=view.left_this_week,
        remaining_for_contact=contact,
        room=room,
    )


def _letter_hash(settings: Settings, conn: Connection, plan: Plan, words: Words, at: datetime) -> str:
    try:
        return composer_of(conn, plan, settings).letter(words, approved_at=at)[1]
    except ConfigError:  # nothing that was approved can leave while it is not set who writes
        return ""


def limit_change(settings: Settings, name: str, value: str) -> LimitChange:
    """What setting the quota `name` to `value` would change.

    Raises:
        ConfigError: there is no such quota, or the value cannot be one.
    """
    if name not in QUOTAS:
        raise ConfigError(f"There is no quota {name!r}.", hint=f"There are: {', '.join(QUOTAS)}")
    spec = SPECS[f"quota.{name}"]
    try:
        after = spec.kind.from_text(value)
    except (ValueError, OverflowError) as exc:
        raise ConfigError(f"{name} must be {spec.kind.expects}, not {value[:80]!r}.", hint=spec.about) from exc
    return LimitChange(name=name, before=getattr(settings, spec.attribute), after=after)


def record_limit_change(settings: Settings, change: LimitChange) -> None:
    """Put a quota's change into the audit log, once it stands in the settings file."""
    entry = AuditEntry(
        actor=settings.actor,
        action="limits.set",
        object=f"quota:{change.name}",
        before=str(change.before),
        after=str(change.after),
    )
    with writer(settings) as conn, transaction(conn):
        record_audit(conn, [entry], at=clock_of(settings).now())


def set_limit(settings: Settings, change: LimitChange, file: Path) -> None:
    """Keep a quota in the settings file `file`, and on the record.

    Raises:
        ConfigError: the file cannot be changed safely.
        OutputUnwritable
    """
    write_private(file, changed_text(file, change.key, str(change.after)))
    record_limit_change(settings, change)


def allow(settings: Settings, kind: str, basis: str, *, job: str | None = None) -> Basis:
    """Record why an address policy may be lifted, for one job or for all; the caller has shown `POLICIES[kind]`.

    Raises:
        ConfigError: no such policy, or a reason too short to be one.
        JobNotFound
    """
    _require_policy(kind)
    words = mask_addresses(clean_line(basis, limit=1_000))
    if len(words) < SHORTEST_BASIS:
        raise ConfigError(
            f"A basis has at least {SHORTEST_BASIS} characters: what allows you to write to these people?",
            hint=f'cmo policy allow {kind} --basis "they asked us to, at the meet-up of 3 May"',
        )
    with writer(settings) as conn:
        scope = EVERYWHERE if job is None else resolve_job(conn, job)
        found = Basis(kind=kind, scope=scope, basis=words, by=settings.actor, at=clock_of(settings).now())
        record_basis(conn, found)
    return found


def revoke(settings: Settings, kind: str, *, job: str | None = None) -> bool:
    """Take a permission back; False where there was none.

    Raises:
        ConfigError: no such policy.
        JobNotFound
    """
    _require_policy(kind)
    with writer(settings) as conn:
        scope = EVERYWHERE if job is None else resolve_job(conn, job)
        return revoke_basis(conn, kind, scope, by=settings.actor, at=clock_of(settings).now())


def pause_sending(settings: Settings, job: str | None = None, *, for_: timedelta | None = None) -> Switch:
    """Nothing leaves until it is resumed or `for_` is over; of one job, or of all where `job` is None. A pause that is
    on keeps its reason.

    Raises:
        JobNotFound
    """
    now = clock_of(settings).now()
    until = now + for_ if for_ else None
    with writer(settings) as conn:
        name = SENDING if job is None else f"{SENDING}:{resolve_job(conn, job)}"
        before = find_switch(conn, name, now=now)
        reason = before.reason if before else f"paused by {settings.actor}"
        switch_on(conn, name, by=settings.actor, at=now, reason=reason, until=until, action="sending.pause")
    return Switch(name=name, by=settings.actor, at=now, reason=reason, until=until)


def resume_sending(settings: Settings, job: str | None = None) -> Switch | None:
    """Take the pause of one job, or of all and of every inbox, back. What still keeps it from sending, a wider stop, is
    given back.

    Raises:
        JobNotFound
    """
    now = clock_of(settings).now()
    with writer(settings) as conn:
        name = SENDING if job is None else f"{SENDING}:{resolve_job(conn, job)}"
        switch_off(conn, name, by=settings.actor, at=now, reason="resumed", action="sending.resume")
        if job is None:
            resume_inboxes(conn, by=settings.actor, at=now)
        return find_switch(conn, SENDING, now=now)


def _require_policy(kind: str) -> None:
    if kind not in POLICIES:
        raise ConfigError(f"There is no policy {kind!r}.", hint=f"There are: {', '.join(POLICIES)}")
