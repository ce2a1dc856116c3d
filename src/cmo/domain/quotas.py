"""How many days sending takes under the quotas, and which of them binds. Working days: nothing leaves on weekends."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen

LARGEST_COMPANY = (0.02, 0.10)
"""Share of the leads who work for the company most of them work for. A guess; it matters only for large lists."""


class Quotas(Frozen):
    """What may leave in a day. All apply together; the strictest wins."""

    max_emails_per_day: int = Field(default=20, ge=0)
    """First mails of the whole workspace."""
    per_inbox_daily: int = Field(default=50, ge=0)
    per_company_daily: int = Field(default=5, ge=0)
    inboxes: int = Field(default=1, ge=1)
    new_inboxes: int = Field(default=0, ge=0)
    """How many of the inboxes still warm up."""
    new_inbox_daily: int = Field(default=5, ge=0)
    """Mails on the first day of a new inbox; as many more each day."""


Binding = Literal["max_emails_per_day", "per_inbox_daily", "per_company_daily", "nothing"]


class SendingTime(Frozen):
    """From the first mail to the last."""

    low_days: int | None
    """Working days at best; None means never."""
    high_days: int | None
    binding: Binding
    """The quota that decides; `nothing` where nobody is to be written to."""
    reason: str


def sending_time(low: int, high: int, quotas: Quotas) -> SendingTime:
    """How long first mails to `low` to `high` people take.

    Returns:
        Days that never fall when there are more people, and never rise when a quota does.
    """
    if high == 0:
        return SendingTime(low_days=0, high_days=0, binding="nothing", reason="There is nobody to write to.")
    best, worst = _days(low, LARGEST_COMPANY[0], quotas), _days(high, LARGEST_COMPANY[1], quotas)
    binding: Binding = max(worst, key=lambda name: worst[name])
    return SendingTime(
        low_days=_finite(max(best.values())),
        high_days=_finite(max(worst.values())),
        binding=binding,
        reason=_reason(binding, low, high, quotas),
    )


def _days(people: int, largest_company: float, quotas: Quotas) -> dict[Binding, float]:
    return {
        "max_emails_per_day": _at_rate(people, quotas.max_emails_per_day),
        "per_inbox_daily": _by_inboxes(people, quotas),
        "per_company_daily": _at_rate(math.ceil(people * largest_company), quotas.per_company_daily),
    }


def _at_rate(people: int, per_day: int) -> float:
    if people == 0:
        return 0
    return math.ceil(people / per_day) if per_day else math.inf


def _by_inboxes(people: int, quotas: Quotas) -> float:
    """Days until the inboxes, new ones with a little more each day, have carried `people` mails."""
    new = min(quotas.new_inboxes, quotas.inboxes)
    if new == 0 or quotas.per_inbox_daily == 0:
        return _at_rate(people, quotas.inboxes * quotas.per_inbox_daily)
    warm = quotas.inboxes - new
    sent, day = 0, 0
    while sent < people and day * quotas.new_inbox_daily < quotas.per_inbox_daily:
        day += 1
        sent += warm * quotas.per_inbox_daily + new * min(day * quotas.new_inbox_daily, quotas.per_inbox_daily)
        if warm == 0 and quotas.new_inbox_daily == 0:
            return math.inf
    return day + _at_rate(max(people - sent, 0), quotas.inboxes * quotas.per_inbox_daily)


def _finite(days: float) -> int | None:
    return None if math.isinf(days) else int(days)


def _reason(binding: Binding, low: int, high: int, quotas: Quotas) -> str:
    people = f"{low:,} to {high:,} people" if low != high else f"{high:,} people"
    match binding:
        case "max_emails_per_day":
            return f"{people} at {quotas.max_emails_per_day} mails a day for the whole workspace."
        case "per_inbox_daily":
            return f"{people} from {quotas.inboxes} inbox(es) at {quotas.per_inbox_daily} mails a day each."
        case "per_company_daily":
            return f"{people}, at most {quotas.per_company_daily} a day to one company."
        case "nothing":
            return "There is nobody to write to."
