"""A sentence as tokens, and the bookkeeping of which of them a rule has read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache


def word_list(text: str, separator: str | None = None) -> tuple[str, ...]:
    """The words of a table written as one text, apart by white space or by `separator`."""
    return tuple(word.strip() for word in text.split(separator))


class Kind(Enum):
    WORD = auto()
    NUMBER = auto()
    """Digits with an optional unit glued on: `2k`, `90d`, `3rd`."""
    DATE = auto()
    """Digits that can only be a date: `2026-12-01`, `03/04/2026`."""
    QUOTE = auto()
    """Quoted text; `text` is what stands between the marks."""
    LITERAL = auto()
    """An address, a link or a path: never part of a phrase."""
    SYMBOL = auto()


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    """As written; of a quotation, the inside."""
    low: str
    """What rules compare: `text` in lower case with straight apostrophes; of a quotation only the mark, since quoted
    words are never part of a phrase."""
    kind: Kind
    start: int
    end: int
    """Half-open span in the sentence, quotation marks included."""


NUMBER_UNITS = frozenset(
    ["k", "m", "mn", "mm", "bn", "b", "d", "w", "y", "h", "mo", "yr", "wk", "st", "nd", "rd", "th", "x"]
)
"""What may be glued to digits; digits with other letters (`2fa`) are a word."""

_PATTERN = r"""
  (?P<quote>"[^"]*"|“[^”]*”|«[^»]*»|`[^`]*`|(?<!\w)'[^']*'(?!\w)|(?<!\w)\u2018[^’]*’(?!\w))
| (?P<literal>[A-Za-z][A-Za-z+.-]*://\S+|[^\s@"',;()]+@[^\s@"',;()]+\.[^\s@"',;()]+|(?<!\w)@\w[\w-]*
    |(?<!\w)(?:\.{1,2}|~)?/[\w.-]+(?:/[\w.-]*)+|\w[\w.-]*\.(?:com|org|io|dev)/\S*)
| (?P<date>\d{4}-\d{1,2}-\d{1,2}(?![\w-])|\d{1,2}[./]\d{1,2}[./]\d{2,4}(?![\w/]))
| (?P<number>(?:\d{1,3}(?:[,_']\d{3})+|\d+)(?:\.\d+)?(?P<unit>[A-Za-z]{0,2})(?!\w))
| (?P<word>\.net\b|[^\W\d_]\+\+|[CcFfJj]\#|\w+(?:['’][^\W\d_]+|-\w+)*(?:\.(?:js|net|io|ai|py|rs|ts|dev)\b)?)
| (?P<symbol>>=|<=|=>|=<|==|\.{2,}|--(?=\w)|\S)
"""

_KINDS = {
    "quote": Kind.QUOTE,
    "literal": Kind.LITERAL,
    "date": Kind.DATE,
    "number": Kind.NUMBER,
    "word": Kind.WORD,
    "symbol": Kind.SYMBOL,
}


@cache
def _lexer() -> re.Pattern[str]:
    return re.compile(_PATTERN, re.VERBOSE)


def lex(text: str) -> tuple[Token, ...]:
    """The tokens of `text` in order; every character that is not white space belongs to one."""
    return tuple(_token(found) for found in _lexer().finditer(text))


def _token(found: re.Match[str]) -> Token:
    group = found.lastgroup or "symbol"
    kind = _KINDS.get(group, Kind.NUMBER)
    text = found[0]
    if kind is Kind.QUOTE:
        text = text[1:-1].strip()
    unit = found["unit"]
    if unit and unit.lower() not in NUMBER_UNITS:
        kind = Kind.WORD
    low = '"' if kind is Kind.QUOTE else text.casefold().replace("’", "'")
    return Token(text, low, kind, found.start(), found.end())


@cache
def _by_first_word(phrases: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The phrases as words, by their first word, longest first."""
    split = sorted((tuple(phrase.split(" ")) for phrase in phrases), key=len, reverse=True)
    return {first: tuple(words for words in split if words[0] == first) for first in {words[0] for words in split}}


class Sentence:
    """The tokens of a sentence; each is free until a rule takes it.

    A taken token reads as empty, so a phrase cannot run across what another rule has read. `raw` still sees it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: Sequence[Token] = lex(text)
        self._free = [True] * len(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def is_free(self, index: int) -> bool:
        return 0 <= index < len(self.tokens) and self._free[index]

    def low(self, index: int) -> str:
        """The token in lower case; empty where it is taken or there is none."""
        return self.tokens[index].low if self.is_free(index) else ""

    def raw(self, index: int) -> str:
        """As `low`, also of taken tokens."""
        return self.tokens[index].low if 0 <= index < len(self.tokens) else ""

    def kind(self, index: int) -> Kind | None:
        """None where the token is taken or there is none."""
        return self.tokens[index].kind if self.is_free(index) else None

    def is_quote(self, index: int) -> bool:
        return self.kind(index) is Kind.QUOTE

    def take(self, start: int, end: int) -> None:
        for index in range(start, end):
            self._free[index] = False

    def free_indexes(self) -> Iterable[int]:
        return (index for index, free in enumerate(self._free) if free)

    def skip(self, index: int, words: Collection[str]) -> int:
        """The first index from `index` on whose token is not among `words`."""
        while self.is_free(index) and self.low(index) in words:
            index += 1
        return index

    def phrase(self, index: int, *phrases: str) -> int:
        """Where the longest of `phrases` (words apart by one space) that starts at `index` ends; 0 where none does."""
        for words in _by_first_word(phrases).get(self.low(index), ()):
            if all(self.low(index + n) == word for n, word in enumerate(words)):
                return index + len(words)
        return 0

    def is_glued(self, index: int) -> bool:
        """No white space between the token at `index` and the next."""
        return index + 1 < len(self.tokens) and self.tokens[index].end == self.tokens[index + 1].start

    def span(self, start: int, end: int) -> str:
        """The tokens from `start` up to `end`, as written."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if end > start else ""

    def run(self, index: int) -> int:
        """The end of the white-space-free run that the token at `index` starts."""
        while index < len(self.tokens) and self.is_free(index) and self.is_glued(index) and self.is_free(index + 1):
            index += 1
        return index + 1


KEYS_BELONG = "Keys belong into the environment or the keyring: `cmo auth set NAME`; withdraw this one at its provider."


def looks_secret(text: str) -> bool:
    """A word of `text` has the shape of an API key; such a text is neither stored nor repeated."""
    return _secret().search(text) is not None


@cache
def _secret() -> re.Pattern[str]:
    return re.compile(
        r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|xox[abpr]-[\w-]{10,}"
        r"|AKIA[A-Z0-9]{12,}|lin_api_\w{16,}|pat-[a-z0-9]{2,4}-[0-9a-f-]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.)"
    )
