"""What mail needs before any of it may leave, looked at on this machine: no network, nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from cmo.config import Settings
from cmo.domain.filters import Term
from cmo.errors import CmoError

State = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Probe:
    """What came of looking at one thing."""

    name: str
    state: State
    message: str
    fix: str = ""
    """One command or one sentence."""
    unreachable: bool = False
    """It failed because nobody answered."""


def look_at_mail(settings: Settings) -> list[Probe]:
    """Sender, time zone, words, templates, the guard of mails, and what stops sending."""
    return [
        _sender(settings),
        _zone(settings),
        _copy(settings),
        _templates(settings),
        _guard(),
        *_stops(settings),
    ]


def _sender(settings: Settings) -> Probe:
    needed = {
        "sender.name": settings.sender_name,
        "sender.email": settings.sender_email,
        "sender.postal_address": settings.sender_postal_address,
    }
    missing = [key for key, value in needed.items() if not value]
    if missing:
        state: State = "fail" if settings.mode_ceiling == "send_allowed" else "warn"
        text = f"{', '.join(missing)} not set: nothing can be approved"
        return Probe("sender", state, text, f"cmo config set {missing[0]} …   (or: cmo init)")
    if settings.unsubscribe_url:
        return Probe("sender", "ok", f"{settings.sender_email}; stops with one click at {settings.unsubscribe_url}")
    stops = settings.unsubscribe_mailto or settings.sender_email
    return Probe("sender", "ok", f"{settings.sender_email}; stops by mail to {stops}")


def _zone(settings: Settings) -> Probe:
    try:
        ZoneInfo(settings.sender_time_zone)
        ZoneInfo("America/New_York")
    except (KeyError, ValueError, OSError):
        text = f"no rules for {settings.sender_time_zone}, so that sending windows are not known"
        return Probe("zone", "fail", text, "cmo config set sender.time_zone Europe/Lisbon   (or: pip install tzdata)")
    return Probe("zone", "ok", settings.sender_time_zone)


def _copy(settings: Settings) -> Probe:
    needed = {"copy.offer": settings.offer, "copy.question": settings.question}
    missing = [key for key, value in needed.items() if not value]
    if missing:
        text = f"{', '.join(missing)} not set: nothing is drafted"
        return Probe("copy", "warn", text, f"cmo config set {missing[0]} …   (or: cmo init)")
    return Probe("copy", "ok", "offer and question are set")


def _templates(settings: Settings) -> Probe:
    from cmo.service.templates import list_templates

    try:
        found = list_templates(settings)
    except CmoError as error:
        return Probe("templates", "fail", error.message, error.hint)
    broken = next((template for template in found if template.problem), None)
    if broken is not None:
        return Probe("templates", "fail", f"{broken.name}: {broken.problem}", broken.fix or f"Edit {broken.path}")
    own = sum(template.is_own for template in found)
    return Probe("templates", "ok", f"{len(found)} in force, {own} of them yours")


def _guard() -> Probe:
    """Whether no other recipient can be smuggled into a mail with this Python."""
    from cmo.providers.mail.mime import MailUnsafe, self_test

    try:
        self_test()
    except MailUnsafe as error:
        return Probe("mail guard", "fail", f"{error}", "Send nothing; use another release of Python.")
    return Probe("mail guard", "ok", "holds back mails with recipients smuggled in")


def clock_words(now: datetime, newest: datetime) -> str:
    """What a clock that was set back, or was ahead once, means for mail."""
    return (
        f"the clock says {now:%Y-%m-%d %H:%M}, and the gate was asked on {newest:%Y-%m-%d %H:%M} UTC already;"
        " until then quotas free nothing, what expired stays expired, and what waits for a time waits longer"
    )


def _stops(settings: Settings) -> Iterator[Probe]:
    """Kill switch, pauses, and mails that may have arrived; nothing where there is no store to read."""
    from cmo.service.store import clock_of, reader
    from cmo.store.gate import clock_behind
    from cmo.store.outbox_views import list_outbox
    from cmo.store.standing_views import paused_inboxes, standstills, stops

    if not settings.paths.db.exists():
        return
    now = clock_of(settings).now()
    try:
        with reader(settings) as conn:
            found, behind = stops(conn, now), clock_behind(conn, now)
            unknown = (Term(field="state", operator=":", value="unknown"),)
            _, doubtful = list_outbox(conn, now=now, terms=unknown, limit=0)
            waiting, inboxes = standstills(conn), paused_inboxes(conn)
    except CmoError:
        return  # the check of the store tells it
    if behind is not None:
        yield Probe("clock", "warn", clock_words(now, behind), "Set this machine's clock right, then: cmo why-not")
    if found.kill is not None:
        text = f"the kill switch is on: {found.kill.by}, {found.kill.reason or 'no reason given'}"
        yield Probe("sending", "warn", text, "cmo kill --release --reason TEXT")
    for pause in found.pauses:
        yield Probe("sending", "warn", f"paused: {pause.reason}", "cmo why-not")
    for address, reason in inboxes.items():
        yield Probe("inbox", "warn", f"nothing leaves from {address}; {reason}", "Mend it there, then: cmo why-not")
    for reason, count in waiting.items():
        yield Probe("outbox", "warn", f"{count:,} mails wait: {reason}", "cmo why-not")
    if doubtful:
        text = f"{doubtful:,} mails or records may have arrived; they are never repeated blindly"
        yield Probe("outbox", "warn", text, "cmo outbox list --where state:unknown   then: cmo reconcile")
