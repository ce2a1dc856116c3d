"""When a campaign sends, and why that is not when people are at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cmo.domain.text import clean_line
from cmo.domain.window import Window
from cmo.providers.sequencer.values import text

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BUSINESS_DAYS = frozenset(Window().weekdays)
_HOURS_AHEAD = 366 * 24


@dataclass(frozen=True)
class Schedule:
    """The hours in which a campaign sends, on the clock of its zone."""

    zone: str
    """As the service says it; empty for none."""
    opens: str
    closes: str
    """`HH:MM`; whatever else the service says is told as it is."""
    days: frozenset[int]
    """Monday is 0."""


def clock_words(value: object) -> str:
    """A time of day as a service says it."""
    return clean_line(text(value), limit=20)


def from_sunday(day: int) -> int:
    """A day of the week, Monday being 0, where the service counts from Sunday, which is 0 or 7."""
    return (day - 1) % 7


def schedule_problems(schedules: Sequence[Schedule], hours: tuple[int, int]) -> list[str]:
    """Why mail would leave outside `hours` of business days on the schedule's own clock, one sentence each."""
    if not schedules:
        return ["It has no schedule that cmo can read: give it days and hours."]
    first, last = hours
    found = []
    for row in schedules:
        extra = [DAYS[day] for day in sorted(row.days - BUSINESS_DAYS)]
        if extra:
            found.append(f"Its schedule sends on {' and '.join(extra)}: switch that off.")
        if not row.days:
            found.append("Its schedule has no day on which it sends: choose business days.")
        opens, closes = _minutes(row.opens), _minutes(row.closes)
        if opens is None or closes is None or not first * 60 <= opens < closes <= last * 60:
            told = f"Its schedule sends from {row.opens or '?'} to {row.closes or '?'}"
            found.append(f"{told}: keep it between {first:02}:00 and {last:02}:00 (sending.hours).")
    return list(dict.fromkeys(found))


def other_zones(schedules: Sequence[Schedule], zone: str, on: date) -> list[str]:
    """The zones of `schedules` whose clocks do not agree with `zone`, in words."""
    theirs = dict.fromkeys(row.zone for row in schedules)
    return [name or "no zone" for name in theirs if not have_same_hours(name, zone, on)]


def zone_problem(theirs: str, yours: str, fix: str) -> str:
    return f"Its schedule runs in {theirs}, you work in {yours}: {fix}, or set sender.time_zone."


@lru_cache(maxsize=256)  # 17,568 conversions, asked again for each campaign at each delivery
def have_same_hours(first: str, second: str, on: date) -> bool:
    """Whether the clocks of two zones agree in every hour of the year from `on`; False where either is no zone."""
    if first == second:
        return True
    one, other = _zone(first), _zone(second)
    if one is None or other is None:
        return False
    start = datetime.combine(on, time(), UTC)
    hours = (start + timedelta(hours=hour) for hour in range(_HOURS_AHEAD))
    return all(at.astimezone(one).utcoffset() == at.astimezone(other).utcoffset() for at in hours)


def _minutes(clock: str) -> int | None:
    """Since midnight; None for what is no time of day."""
    hours, _, minutes = clock.partition(":")
    if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit() and len(clock) <= 5):
        return None
    return int(hours) * 60 + int(minutes) if int(hours) <= 24 and int(minutes) < 60 else None


def _zone(iana: str) -> ZoneInfo | None:
    """None too where this machine's zone data lacks an old name, or the name is no path."""
    try:
        return ZoneInfo(iana)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
