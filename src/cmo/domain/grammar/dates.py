"""Days named in a sentence: `2026-12-01`, `3 December`, `next monday`, `tomorrow`, `in 2 weeks`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from cmo.domain.grammar.numbers import read_number
from cmo.domain.grammar.tokens import Kind, Sentence, word_list

_WEEKDAY_NAMES = word_list("monday tuesday wednesday thursday friday saturday sunday")
_SHORT_WEEKDAYS = {
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
    "sat": 5,
    "sun": 6,
}
WEEKDAYS = {name: n for n, name in enumerate(_WEEKDAY_NAMES)} | _SHORT_WEEKDAYS

_MONTH_NAMES = word_list("january february march april may june july august september october november december")
MONTHS = (
    {name: n for n, name in enumerate(_MONTH_NAMES, start=1)}
    | {name[:3]: n for n, name in enumerate(_MONTH_NAMES, start=1)}
    | {"sept": 9}
)

_AT_ONCE = ("today", "now", "right now", "right away", "immediately", "at once", "straight away", "asap", "instantly")
_SPANS = {"day": 1, "days": 1, "week": 7, "weeks": 7, "d": 1, "w": 7, "month": 30, "months": 30}
FARTHEST_DAYS = 3650
"""A start later than this is taken for a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day as read, or why it could not be."""

    on: date | None
    """None means at once, or that there is a problem."""
    choices: tuple[date, ...] = ()
    """Both readings of an ambiguous spelling, the one taken first."""
    words: str = ""
    """The day was worked out from these words; empty where it was written out."""
    problem: str = ""
    """Why it is no day, e.g. `2026-02-30 is not in the calendar`."""


def in_words(day: date) -> str:
    """`3 December 2026`."""
    return f"{day.day} {_MONTH_NAMES[day.month - 1].capitalize()} {day.year}"


def weekday(day: date) -> str:
    return _WEEKDAY_NAMES[day.weekday()].capitalize()


def read_day(s: Sentence, i: int, today: date) -> tuple[Day, int] | None:
    """The day that the words at `i` name, and where they end."""
    return _written(s, i) or _relative(s, i, today) or _weekday(s, i, today) or _day_and_month(s, i, today)


def _written(s: Sentence, i: int) -> tuple[Day, int] | None:
    if s.kind(i) is not Kind.DATE:
        return None
    text = s.low(i)
    if "-" in text:
        year, month, day = (int(part) for part in text.split("-"))
        return _calendar(year, month, day, text), i + 1
    first, second, year = (int(part) for part in text.replace("/", ".").split("."))
    year += 2000 if year < 100 else 0
    by_day, by_month = _calendar(year, second, first, text), _calendar(year, first, second, text)
    if "." in text or by_month.on is None or by_day.on == by_month.on:
        return by_day, i + 1
    if by_day.on is None:
        return by_month, i + 1
    later, sooner = sorted([by_day.on, by_month.on], reverse=True)
    return Day(later, choices=(later, sooner)), i + 1


def _calendar(year: int, month: int, day: int, text: str) -> Day:
    try:
        return Day(date(year, month, day))
    except (ValueError, OverflowError):
        return Day(None, problem=f"{text} is not in the calendar")


def _relative(s: Sentence, i: int, today: date) -> tuple[Day, int] | None:
    if end := s.phrase(i, *_AT_ONCE):
        return Day(None, words=s.span(i, end)), end
    if end := s.phrase(i, "the day after tomorrow", "day after tomorrow"):
        return Day(today + timedelta(days=2), words=s.span(i, end)), end
    if s.low(i) in ("tomorrow", "tmrw"):
        return Day(today + timedelta(days=1), words=s.span(i, i + 1)), i + 1
    if end := s.phrase(i, "next week", "the coming week"):
        return Day(today + timedelta(days=7 - today.weekday()), words=s.span(i, end)), end
    if end := s.phrase(i, "next month"):
        return Day(_first_of_next_month(today), words=s.span(i, end)), end
    return _in_some_days(s, i, today)


def _first_of_next_month(today: date) -> date:
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)


def _in_some_days(s: Sentence, i: int, today: date) -> tuple[Day, int] | None:
    """`in 3 days`, `in two weeks`, `in a week`."""
    if s.low(i) != "in":
        return None
    number = read_number(s, i + 1)
    count, end = (number[0].value, number[1]) if number else (1, i + 2)
    if (not number and s.low(i + 1) not in ("a", "one")) or s.low(end) not in _SPANS:
        return None
    days = int(count * _SPANS[s.low(end)])
    words = s.span(i, end + 1)
    if days > FARTHEST_DAYS:
        return Day(None, problem=f"“{words}” is too far away"), end + 1
    return Day(today + timedelta(days=days), words=words), end + 1


def _weekday(s: Sentence, i: int, today: date) -> tuple[Day, int] | None:
    start = i + 1 if s.low(i) in ("next", "this", "coming") else i
    wanted = WEEKDAYS.get(s.low(start))
    if wanted is None:
        return None
    ahead = (wanted - today.weekday() - 1) % 7 + 1
    return Day(today + timedelta(days=ahead), words=s.span(i, start + 1)), start + 1


def _day_and_month(s: Sentence, i: int, today: date) -> tuple[Day, int] | None:
    """`3 December`, `3rd of December 2026`, `December 3`, `December 3rd, 2026`, and the month alone."""
    i = i + 1 if s.low(i) == "the" else i
    if (day := _ordinal(s, i)) and (month := MONTHS.get(s.low(_past_of(s, i + 1)))):
        return _with_year(s, _past_of(s, i + 1) + 1, month, day, today, s.span(i, _past_of(s, i + 1) + 1))
    month = MONTHS.get(s.low(i))
    if not month:
        return None
    if day := _ordinal(s, i + 1):
        return _with_year(s, i + 2, month, day, today, s.span(i, i + 2))
    is_verb = s.low(i) in ("may", "march", "mar") and not s.tokens[i].text[0].isupper()
    if is_verb and s.raw(i - 1) not in ("in", "from", "starting", "start"):
        return None
    return _with_year(s, i + 1, month, 1, today, s.span(i, i + 1))


def _past_of(s: Sentence, i: int) -> int:
    return i + 1 if s.low(i) == "of" else i


def _ordinal(s: Sentence, i: int) -> int:
    """A day of the month; 0 where the token is none."""
    if s.kind(i) is not Kind.NUMBER:
        return 0
    digits = s.low(i).removesuffix("st").removesuffix("nd").removesuffix("rd").removesuffix("th")
    return int(digits) if digits.isdigit() and len(digits) <= 2 and 1 <= int(digits) <= 31 else 0


def _with_year(s: Sentence, i: int, month: int, day: int, today: date, words: str) -> tuple[Day, int]:
    end = i + 1 if s.low(i) == "," and _year(s, i + 1) else i
    if year := _year(s, end):
        return _calendar(year, month, day, f"{words} {year}"), end + 1
    for candidate in range(today.year, today.year + 9):
        found = _calendar(candidate, month, day, words)
        if found.on is not None and found.on >= today:
            return Day(found.on, words=words), i
    return Day(None, problem=f"{words} is not in the calendar"), i


def _year(s: Sentence, i: int) -> int:
    text = s.low(i)
    return int(text) if s.kind(i) is Kind.NUMBER and text.isdigit() and len(text) == 4 and "19" < text < "22" else 0
