"""Numbers and amounts, in digits and in words: `2k`, `two thousand`, `at least 300`, `200-300`, `a couple hundred`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

from cmo.domain.grammar.tokens import Kind, Sentence, word_list

UNITS = {
    word: value
    for value, word in enumerate(
        word_list(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
            " seventeen eighteen nineteen"
        )
    )
}
TENS = {
    word: 10 * value
    for value, word in enumerate(word_list("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
SCALES = {
    "thousand": 1_000, "k": 1_000, "million": 1_000_000, "m": 1_000_000, "mn": 1_000_000, "mm": 1_000_000,
    "mio": 1_000_000, "billion": 1_000_000_000, "bn": 1_000_000_000, "b": 1_000_000_000,
}  # fmt: skip
VAGUE = {"couple": 2, "few": 3, "several": 5}
"""Words for a few, read as this many and said so."""
VAGUE_MANY = {"dozens": 24, "hundreds": 200, "thousands": 2000}
_GLUED_SCALES = frozenset(["k", "m", "mn", "mm", "bn", "b"])
_SPELLED_SCALES = frozenset(["thousand", "million", "billion"])


@dataclass(frozen=True, slots=True)
class Number:
    value: Fraction
    scale: int = 1
    """What the digits or words were multiplied by: 1000 in `2k`."""
    vague: bool = False
    """Read from a word such as `few`."""
    guessed: str = ""
    """How digits that may mean something else were read; empty where they cannot."""


def read_number(s: Sentence, i: int) -> tuple[Number, int] | None:
    """One number that starts at `i`, and where it ends."""
    return _digits(s, i) or _vague(s, i) or _half(s, i) or _dozens(s, i) or _grouped(s, i)


def _digits(s: Sentence, i: int) -> tuple[Number, int] | None:
    """`2k`, `2,000`, `1.5M`, `2 000`, `2 thousand`, `3 dozen`."""
    if s.kind(i) is not Kind.NUMBER:
        return None
    text = s.low(i).replace("_", "").replace("'", "")
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :]
    if unit and unit not in _GLUED_SCALES:
        return None
    guessed = ""
    if not unit and _is_dotted_thousand(digits):
        guessed = f"“{digits}” read as {digits.replace('.', ',')}"
        digits = digits.replace(".", "")
    value, end, scale = Fraction(digits.replace(",", "")), i + 1, SCALES.get(unit, 1)
    if not unit:
        value, end = _spaced_groups(s, i, value)
        value, end = _and_a_half(s, end, value)
        if word_scale := _scale(s, end):
            scale, end = word_scale, end + 1
    return Number(value * scale, scale=scale, guessed=guessed), end


def _is_dotted_thousand(digits: str) -> bool:
    """`2.000`, the German spelling, which an English reader takes for two."""
    whole, _, rest = digits.partition(".")
    return len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")


def _spaced_groups(s: Sentence, i: int, value: Fraction) -> tuple[Fraction, int]:
    """`2 000`: groups of exactly three digits after a group of up to three."""
    end = i + 1
    if len(s.low(i)) > 3 or not s.low(i).isdigit() or s.low(i).startswith("0"):
        return value, end
    while s.kind(end) is Kind.NUMBER and s.low(end).isdigit() and len(s.low(end)) == 3:
        value = value * 1000 + int(s.low(end))
        end += 1
    return value, end


def _scale(s: Sentence, i: int) -> int:
    """The scale that the word at `i` stands for; 0 where it is none."""
    word = s.low(i)
    return SCALES.get(word) or {"hundred": 100, "dozen": 12}.get(word, 0)


def _and_a_half(s: Sentence, i: int, value: Fraction) -> tuple[Fraction, int]:
    """`two and a half thousand`: only before a scale, which the caller reads."""
    end = s.phrase(i, "and a half")
    return (value + Fraction(1, 2), end) if end and _scale(s, end) else (value, i)


def _vague(s: Sentence, i: int) -> tuple[Number, int] | None:
    """`a couple of hundred`, `a few thousand`, `several`, `hundreds of`."""
    if s.low(i) in VAGUE_MANY:
        return Number(Fraction(VAGUE_MANY[s.low(i)]), vague=True), i + (2 if s.low(i + 1) == "of" else 1)
    start = i + 1 if s.low(i) == "a" else i
    if s.low(start) not in VAGUE:
        return None
    end = s.phrase(start + 1, "of") or start + 1
    scale = _scale(s, end)
    return Number(Fraction(VAGUE[s.low(start)]) * (scale or 1), vague=True), end + 1 if scale else end


def _half(s: Sentence, i: int) -> tuple[Number, int] | None:
    """`half a million`, `a half million`."""
    end = s.phrase(i, "half a", "a half")
    scale = _scale(s, end) if end else 0
    return (Number(Fraction(scale, 2)), end + 1) if scale else None


def _dozens(s: Sentence, i: int) -> tuple[Number, int] | None:
    """`a dozen`, `two dozen`."""
    head = (Fraction(1), i + 1) if s.low(i) == "a" else _below_hundred(s, i)
    if head is None or s.low(head[1]) != "dozen":
        return None
    return Number(head[0] * 12), head[1] + 1


def _grouped(s: Sentence, i: int) -> tuple[Number, int] | None:
    """`five hundred and twenty`, `two thousand`, `a million two hundred thousand`."""
    total, end, smallest = Fraction(0), i, 0
    while (group := _below_thousand(s, _past_and(s, end, smallest))) is not None:
        value, after = _and_a_half(s, group[1], group[0])
        scale = SCALES.get(s.low(after), 0)
        if scale and (scale < smallest or not smallest):
            total, end, smallest = total + value * scale, after + 1, scale
            continue
        if not scale:
            total, end = total + value, after
        break
    return (Number(total, scale=smallest or 1), end) if end > i else None


def _past_and(s: Sentence, i: int, smallest: int) -> int:
    """Past the `and` of `a thousand and one`, not that of `one and two`."""
    return i + 1 if smallest and s.low(i) == "and" and _below_thousand(s, i + 1) else i


def _below_thousand(s: Sentence, i: int) -> tuple[Fraction, int] | None:
    """`seven`, `a hundred`, `five hundred and twenty`, `twelve hundred`; a bare `thousand` counts as one of them."""
    article = s.low(i) in ("a", "an")
    head = (Fraction(1), i + 1) if article else _below_hundred(s, i)
    if head is None:
        head = (Fraction(1), i) if s.low(i) == "hundred" or s.low(i) in _SPELLED_SCALES else None
    if head is None:
        return None
    value, end = head
    if s.low(end) != "hundred":
        return None if article and s.low(end) not in SCALES else head
    value, end = value * 100, end + 1
    rest = _below_hundred(s, end + 1 if s.low(end) == "and" else end)
    return (value + rest[0], rest[1]) if rest else (value, end)


def _below_hundred(s: Sentence, i: int) -> tuple[Fraction, int] | None:
    """`seven`, `nineteen`, `forty`, `forty two`, `forty-two`."""
    word = s.low(i)
    head, dash, tail = word.partition("-")
    if dash:
        is_pair = head in TENS and 1 <= UNITS.get(tail, 0) <= 9
        return (Fraction(TENS[head] + UNITS[tail]), i + 1) if is_pair else None
    if word in UNITS:
        return Fraction(UNITS[word]), i + 1
    if word not in TENS:
        return None
    unit = UNITS.get(s.low(i + 1), 0)
    return (Fraction(TENS[word] + unit), i + 2) if 1 <= unit <= 9 else (Fraction(TENS[word]), i + 1)


class Bound(Enum):
    EXACT = auto()
    ABOUT = auto()
    AT_LEAST = auto()
    AT_MOST = auto()
    RANGE = auto()


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and what is said about it. Both ends are included."""

    low: Fraction
    high: Fraction
    bound: Bound = Bound.EXACT
    strict: bool = False
    """Written with `>`, `more than` and the like: the number itself is left out."""
    vague: bool = False
    guessed: str = ""
    crossed: bool = False
    """A range whose larger end came first."""

    @property
    def value(self) -> Fraction:
        """The number of an amount that is not a range; of a range its upper end."""
        return self.high


BEFORE: dict[str, Bound] = {
    **dict.fromkeys(
        ["~", "≈", "about", "around", "roughly", "approximately", "approx", "approx .", "circa", "ca", "ca .", "some",
         "nearly", "almost", "say", "exactly", "somewhere around", "in the region of"],
        Bound.ABOUT,
    ),
    **dict.fromkeys(
        ["at least", "min", "min .", "minimum", "a minimum of", "minimum of", "no less than", "no fewer than",
         "not less than", "not fewer than", "more than", "over", "above", "upwards of", ">=", ">", "≥", "=>"],
        Bound.AT_LEAST,
    ),
    **dict.fromkeys(
        ["at most", "max", "max .", "maximum", "a maximum of", "maximum of", "up to", "no more than", "not more than",
         "not over", "under", "below", "less than", "fewer than", "within", "limit", "limit to", "limited to", "cap",
         "cap at", "capped at", "<=", "<", "≤", "=<", "never more than"],
        Bound.AT_MOST,
    ),
}  # fmt: skip
AFTER: dict[str, Bound] = {
    **dict.fromkeys(["+", "or more", "and up", "or above", "and above", "plus", "minimum", "min", "at least"],
                    Bound.AT_LEAST),
    **dict.fromkeys(["or so", "ish", "- ish", "give or take"], Bound.ABOUT),
    **dict.fromkeys(["or fewer", "or less", "max", "maximum", "at most", "tops", "at the most"], Bound.AT_MOST),
}  # fmt: skip
_STRICT = (">", "<", "more than", "over", "above", "under", "below", "less than", "fewer than")
_LINKS = frozenset(["-", "–", "—", "..", "...", "…", "to", "through"])


def read_amount(s: Sentence, i: int) -> tuple[Amount, int] | None:
    """A number or range with its qualifiers, such as `at most 5k` or `between 100 and 2000`, and where it ends."""
    bound, start = _qualifier(s, i)
    strict = bool(s.phrase(i, *_STRICT))
    between = s.phrase(start, "between", "from") if bound is Bound.EXACT else 0
    first = read_number(s, between or start)
    if first is None:
        return None
    number, end = first
    if high := _upper_end(s, end, spoken=bool(between)):
        return _range(number, high[0]), high[1]
    if between:
        return None
    if bound in (Bound.EXACT, Bound.ABOUT) and (after := s.phrase(end, *AFTER)):
        bound, end = AFTER[" ".join(s.low(n) for n in range(end, after))], after
    return Amount(number.value, number.value, bound, strict, number.vague, number.guessed), end


def _range(low: Number, high: Number) -> Amount:
    """From one to the other, whichever is smaller; `2-3k` is 2,000 to 3,000."""
    start = low.value
    if low.scale == 1 and low.value * high.scale <= high.value:
        start = low.value * high.scale
    ends = sorted([start, high.value])
    return Amount(ends[0], ends[1], Bound.RANGE, vague=low.vague or high.vague, guessed=low.guessed or high.guessed,
                  crossed=start > high.value)  # fmt: skip


def _qualifier(s: Sentence, i: int) -> tuple[Bound, int]:
    end = s.phrase(i, *BEFORE)
    if not end:
        return Bound.EXACT, i
    bound = BEFORE[" ".join(s.low(n) for n in range(i, end))]
    return bound, s.skip(end, ["~", "about", "around", "the", "of"])


def _upper_end(s: Sentence, i: int, *, spoken: bool) -> tuple[Number, int] | None:
    is_link = s.low(i) in _LINKS or (spoken and s.low(i) == "and")
    return read_number(s, i + 1) if is_link else None
