"""Office hours where the person is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cmo.domain.window import Window, day_starts, is_open, next_opening

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Nuuk",
    "America/Havana",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
OFFICE = Window()


def changes_of_clock(zone: str) -> list[datetime]:
    """The hours of UTC from 2013 to 2030 before which the clock of `zone` is changed."""
    first, tz = datetime(2013, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    days = [first + timedelta(days=n) for n in range(365 * 17)]
    offsets = [day.astimezone(tz).utcoffset() for day in days]
    changed = (day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after)
    return [
        day + timedelta(hours=n)
        for day in changed
        for n in range(24)
        if (day + timedelta(hours=n)).astimezone(tz).utcoffset()
        != (day + timedelta(hours=n + 1)).astimezone(tz).utcoffset()
    ]


CHANGES = [(zone, hour) for zone in ZONES for hour in changes_of_clock(zone)]

windows = st.builds(
    lambda hours, days: Window(first_hour=min(hours), last_hour=max(hours), weekdays=tuple(days)),
    st.sets(st.integers(0, 23), min_size=2, max_size=2),
    st.sets(st.integers(0, 6), min_size=1),
)
anywhere_any_time = st.tuples(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2012, 2, 1), datetime(2037, 12, 1), timezones=st.just(UTC)),
)
about_a_change = st.builds(
    lambda change, shift: (change[0], change[1] + shift),
    st.sampled_from(CHANGES),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
)
moments = st.one_of(anywhere_any_time, about_a_change)


@given(moments, windows)
def test_the_next_opening_is_the_first_open_moment(moment: tuple[str, datetime], window: Window) -> None:
    zone, at = moment
    opening = next_opening(at, zone, window)
    assert opening >= at
    assert opening.tzinfo is UTC
    assert is_open(opening, zone, window)
    assert next_opening(opening, zone, window) == opening
    waiting = opening - at
    sampled = (at + waiting * n / 50 for n in range(50))
    assert opening == at or not any(is_open(moment, zone, window) for moment in sampled)
    assert opening == at or not is_open(opening - timedelta(microseconds=1), zone, window)


@given(moments)
def test_a_day_starts_with_its_first_moment(moment: tuple[str, datetime]) -> None:
    zone, at = moment
    tz, start = ZoneInfo(zone), day_starts(at, zone)
    today = at.astimezone(tz).date()
    assert start <= at
    assert start.tzinfo is UTC
    assert start.astimezone(tz).date() == today
    assert (start - timedelta(microseconds=1)).astimezone(tz).date() < today


@pytest.mark.parametrize(
    ("at", "opening"),
    [
        ("2026-11-20T07:59:59", "2026-11-20T08:00:00"),
        ("2026-11-20T08:00:00", "2026-11-20T08:00:00"),
        ("2026-11-20T17:59:59", "2026-11-20T17:59:59"),
        ("2026-11-20T18:00:00", "2026-11-23T08:00:00"),
        ("2026-11-21T12:00:00", "2026-11-23T08:00:00"),
    ],
)
def test_mail_leaves_between_eight_and_six_on_business_days(at: str, opening: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    local = datetime.fromisoformat(at).replace(tzinfo=berlin)
    assert next_opening(local, "Europe/Berlin", OFFICE) == datetime.fromisoformat(opening).replace(tzinfo=berlin)
    assert is_open(local, "Europe/Berlin", OFFICE) == (at == opening)


def test_the_clock_is_the_recipients() -> None:
    at = datetime(2026, 11, 20, 15, tzinfo=timezone(timedelta(hours=9)))  # 07:00 in Berlin, 01:00 in New York
    assert next_opening(at, "Europe/Berlin", OFFICE) == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert next_opening(at, "America/New_York", OFFICE) == datetime(2026, 11, 20, 13, tzinfo=UTC)


def test_a_window_in_an_hour_that_is_skipped_opens_the_day_after() -> None:
    night = Window(first_hour=2, last_hour=3, weekdays=(0, 6))
    skipped = datetime(2026, 3, 29, 0, tzinfo=UTC)  # Berlin goes from 02:00 to 03:00 that Sunday
    assert next_opening(skipped, "Europe/Berlin", night) == datetime(2026, 3, 30, 0, tzinfo=UTC)


def test_a_window_in_an_hour_that_is_repeated_is_open_twice() -> None:
    night = Window(first_hour=2, last_hour=3, weekdays=(6,))
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)  # Berlin goes from 03:00 back to 02:00 that Sunday
    assert [is_open(first + timedelta(hours=n), "Europe/Berlin", night) for n in range(-1, 3)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_day_whose_midnight_is_skipped_starts_at_one() -> None:
    noon = datetime(2018, 11, 4, 15, tzinfo=UTC)
    assert day_starts(noon, "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "Europe", "../etc/passwd", "/etc/passwd", "berlin\0"])
def test_an_unknown_zone_is_refused_by_name(zone: str) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    for refused in (is_open, next_opening):
        with pytest.raises(ValueError, match="is not a time zone this system knows"):
            refused(at, zone, OFFICE)
    with pytest.raises(ValueError, match="Europe/Berlin"):
        day_starts(at, zone)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        is_open(datetime(2026, 11, 20), "UTC", OFFICE)


@pytest.mark.parametrize(
    "fields",
    [{"first_hour": 18, "last_hour": 8}, {"first_hour": 8, "last_hour": 8}, {"weekdays": ()}, {"weekdays": (7,)}],
)
def test_a_window_that_never_opens_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(fields)
