"""When mail may reach a person: office hours of business days, on the clock of where they are."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from cmo.domain.base import Frozen

Weekday = Annotated[int, Field(ge=0, le=6)]
"""Monday is 0."""

_QUARTER = timedelta(minutes=15)
_LONGEST_WAIT = timedelta(days=16)
"""A week, and one more where a zone leaves the only open day out (Samoa did, crossing the date line)."""


class Window(Frozen):
    """The local hours in which mail may leave: from `first_hour` until just before `last_hour`."""

    first_hour: int = Field(default=8, ge=0, le=23)
    last_hour: int = Field(default=18, ge=1, le=24)
    weekdays: tuple[Weekday, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.first_hour >= self.last_hour:
            raise ValueError(f"a window from {self.first_hour} to {self.last_hour} is never open")
        return self


def is_open(at: datetime, zone: str, window: Window) -> bool:
    """Whether `at` lies in `window` on the clock of `zone`.

    Raises:
        ValueError: `zone` is no IANA time zone, or `at` is naive.
    """
    return _is_open(_aware(at).astimezone(_zone(zone)), window)


def next_opening(at: datetime, zone: str, window: Window) -> datetime:
    """The first moment, in UTC, not before `at` at which `window` is open in `zone`; `at` itself where it is.

    Clocks are looked at each quarter of an hour of UTC: every zone's offset, and every change of one since 2012, is
    a whole number of quarters, so that a window cannot open in between, whatever hour is skipped or repeated.

    Raises:
        ValueError: as `is_open`; or a zone that skips the window's hour or day again and again.
    """
    local_zone = _zone(zone)
    moment = start = _aware(at).astimezone(UTC)
    while not _is_open(moment.astimezone(local_zone), window):
        if moment - start > _LONGEST_WAIT:
            raise ValueError(f"the window {window} does not open in {zone} after {start}")
        moment = _next_quarter(moment)
    return moment


def day_starts(at: datetime, zone: str) -> datetime:
    """When, in UTC, the local day that `at` falls on in `zone` began; midnight, or after it where it is skipped.

    Raises:
        ValueError: as `is_open`.
    """
    local_zone = _zone(zone)
    today = _aware(at).astimezone(local_zone).date()
    return datetime.combine(today, time.min, tzinfo=local_zone).astimezone(UTC)


def _is_open(local: datetime, window: Window) -> bool:
    return local.weekday() in window.weekdays and window.first_hour <= local.hour < window.last_hour


def _next_quarter(moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour + ((moment - hour) // _QUARTER + 1) * _QUARTER


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"`{name}` is not a time zone this system knows; write an IANA name such as Europe/Berlin"
        ) from error
