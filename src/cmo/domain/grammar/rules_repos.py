"""Phrases about the repositories and their life: stars, and the window of activity."""

from __future__ import annotations

from fractions import Fraction

from cmo.domain.grammar.dates import read_day
from cmo.domain.grammar.numbers import Amount, Bound, read_amount, read_number
from cmo.domain.grammar.tokens import Kind, Sentence, word_list
from cmo.domain.grammar.understood import BOUNDS, Rule, Understood
from cmo.domain.grammar.vocabulary import ROLES

MAX_STARS = BOUNDS["stars.high"][1]

# --- stars

_STAR_WORDS = ("stars", "star", "stargazers", "★", "⭐", "github stars", "- star", "- stars")
_FLOOR = ("star floor", "minimum stars", "min stars", "min_stars", "minimum star count", "stars floor", "stars minimum")
_LINKS = frozenset(["=", ":", "to", "is", "at", "of", "<=", "under", "below", "the"])
_CEILING = ("star ceiling", "maximum stars", "max stars", "max_stars", "star cap", "stars maximum")


def read_stars(s: Sentence, i: int, u: Understood) -> int:
    """`stars 100..2000`, `over 500 stars`, `stars:>=50`, `at most 5k stars`, `star floor 50`."""
    if end := s.phrase(i, "any stars", "any number of stars", "regardless of stars", "any star count"):
        return _put_stars(u, 0, MAX_STARS, end)
    for cues, key in ((_FLOOR, "stars.low"), (_CEILING, "stars.high")):
        if (end := s.phrase(i, *cues)) and (number := read_number(s, s.skip(end, _LINKS))):
            u.put(key, u.whole(key, number[0].value, words=s.span(i, number[1])))
            return number[1]
    if end := s.phrase(i, "stars_range", "stars", "star range", "star count"):
        found = read_amount(s, s.skip(end, ["=", ":", "range", "count", "of", "is"]))
        if found is None or s.phrase(found[1], *_STAR_WORDS) or s.low(found[1]) in ROLES:
            return 0
        return _take_stars(s, i, found, found[1], u)
    found = read_amount(s, i)
    end = s.phrase(found[1], *_STAR_WORDS) if found else 0
    return _take_stars(s, i, found, end, u) if found and end else 0


def _take_stars(s: Sentence, i: int, found: tuple[Amount, int], end: int, u: Understood) -> int:
    amount, words = found[0], s.span(i, end)
    low = u.whole("stars.low", amount.low + (1 if amount.strict and amount.bound is Bound.AT_LEAST else 0), words=words)
    high = u.whole(
        "stars.high", amount.high - (1 if amount.strict and amount.bound is Bound.AT_MOST else 0), words=words
    )
    if amount.bound is Bound.RANGE:
        if amount.crossed:
            u.note("stars", f"“{words}”: the limits are crossed; read as {low:,} to {high:,}.")
        return _put_stars(u, low, high, end)
    if amount.bound is Bound.AT_MOST:
        u.put("stars.high", high)
        return end
    if amount.bound in (Bound.EXACT, Bound.ABOUT):
        u.note("stars", f"“{words}” read as {low:,} stars or more.")
    u.put("stars.low", low)
    return end


def _put_stars(u: Understood, low: int, high: int, end: int) -> int:
    u.put("stars.low", low)
    u.put("stars.high", high)
    return end


# --- activity

UNIT_DAYS = {
    **dict.fromkeys(["day", "days", "d"], 1), **dict.fromkeys(["week", "weeks", "w", "wk", "wks"], 7),
    **dict.fromkeys(["month", "months", "mo", "mos"], 30), **dict.fromkeys(["quarter", "quarters"], 90),
    **dict.fromkeys(["year", "years", "y", "yr", "yrs"], 365),
}  # fmt: skip
_ACTIVE = frozenset(
    word_list(
        "active activity commits commit committed committing contributed contributing contributions pushed push"
        " updated activity_days active-days recently window seen"
    )
)
_BEFORE_SPAN = frozenset(
    word_list("in within during for over the of at least - = : window is to from since commits activity")
)
_LAST = frozenset(["last", "past", "previous", "trailing", "recent"])


def read_activity(s: Sentence, i: int, u: Understood) -> int:
    """`active in the last 90 days`, `active 90 days`, `this quarter`, `90-day window`, `commits since 2026-08-01`."""
    cue = s.skip(i, _ACTIVE)
    if s.low(i) == "inactive":
        span = _span(s, s.skip(i + 1, _BEFORE_SPAN | _LAST))
        return _leave_inactive(s, i, span[1] if span else i + 1, u)
    start = s.skip(cue, _BEFORE_SPAN) if cue > i else s.skip(i, ["in", "within", "during", "over", "the", "for"])
    if cue > i and (end := _since(s, i, cue, u)):
        return end
    window = _window(s, start, sure=cue > i) or (_window_before_noun(s, i) if cue == i else None)
    if window is None:
        return 0
    days, end, guessed = window
    end = s.skip(end, ["activity", "window", "- window"]) if cue == i else end
    words = s.span(i, end)
    if _is_denied(s, i):
        s.take(i - 1, i)
        return _leave_inactive(s, i, end, u)
    whole = u.whole("icp.activity_days", days, words=words)
    u.put("icp.activity_days", whole)
    if guessed:
        u.note("icp.activity_days", f"“{words}” read as the last {whole:,} days.")
    return end


def _is_denied(s: Sentence, i: int) -> bool:
    return s.low(i - 1) in ("not", "no", "without", "never", "isn't", "aren't", "non")


def _leave_inactive(s: Sentence, i: int, end: int, u: Understood) -> int:
    u.leave(s, i, end)
    u.note("icp.activity_days", f"“{s.span(i, end)}”: people cannot be searched for by being inactive.")
    return end


def _window(s: Sentence, i: int, *, sure: bool) -> tuple[Fraction, int, bool] | None:
    """A span of time at `i`: its days, its end, and whether the words left the days open."""
    if s.low(i) in _LAST:
        return _span(s, i + 1) or _one_unit(s, i + 1)
    if sure and s.low(i) == "this":
        return _one_unit(s, i + 1)
    return (_span(s, i) or _bare_days(s, i)) if sure else None


def _span(s: Sentence, i: int) -> tuple[Fraction, int, bool] | None:
    """`90 days`, `6 months`, `90d`, `a couple of weeks`."""
    if s.kind(i) is Kind.NUMBER:
        digits = s.low(i).rstrip("dwmoyrk")
        unit = UNIT_DAYS.get(s.low(i)[len(digits) :])
        if unit and digits.isdigit():
            return _days(Fraction(digits), unit), i + 1, False
    if s.low(i) in ("a", "one") and s.low(i + 1) in UNIT_DAYS:
        return Fraction(UNIT_DAYS[s.low(i + 1)]), i + 2, False
    found = read_amount(s, i)
    if found is None:
        return None
    amount, end = found
    end = end + 1 if s.low(end) == "-" else end
    if s.low(end) in ("hour", "hours", "h"):
        return amount.value / 24, end + 1, True
    unit = UNIT_DAYS.get(s.low(end))
    return (_days(amount.value, unit), end + 1, amount.vague) if unit else None


def _bare_days(s: Sentence, i: int) -> tuple[Fraction, int, bool] | None:
    """The 60 of `activity_days=60`."""
    if not {s.raw(i - 1), s.raw(i - 2)} & {"activity_days", "active-days"}:
        return None
    number = read_number(s, i)
    return (number[0].value, number[1], False) if number else None


def _days(count: Fraction, unit: int) -> Fraction:
    """Months have 30 days, but twelve of them are a year."""
    return count * unit + (5 * (count // 12) if unit == 30 else 0)


def _one_unit(s: Sentence, i: int) -> tuple[Fraction, int, bool] | None:
    unit = UNIT_DAYS.get(s.low(i)) if len(s.low(i)) > 2 else None
    return (Fraction(unit), i + 1, True) if unit else None


def _window_before_noun(s: Sentence, i: int) -> tuple[Fraction, int, bool] | None:
    """`90-day window`, `6 months activity`."""
    window = _span(s, i)
    return window if window and s.low(s.skip(window[1], ["-", "of"])) in ("activity", "window") else None


def _since(s: Sentence, i: int, cue: int, u: Understood) -> int:
    start = s.skip(cue, ["commits", "activity"])
    day = read_day(s, start + 1, u.today) if s.low(start) == "since" else None
    if day is None or day[0].on is None or day[0].on >= u.today:
        return 0
    days = (u.today - day[0].on).days
    u.put("icp.activity_days", u.whole("icp.activity_days", Fraction(days), words=s.span(i, day[1])))
    u.note("icp.activity_days", f"“{s.span(i, day[1])}” read as the last {days:,} days.")
    return day[1]


REPO_RULES: tuple[Rule, ...] = (read_stars, read_activity)
