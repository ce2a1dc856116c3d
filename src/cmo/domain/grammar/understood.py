"""What the rules have understood of a sentence so far: values, assumptions, questions, and words left over."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from datetime import date
from fractions import Fraction
from typing import Any

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.grammar.numbers import Amount
from cmo.domain.grammar.tokens import Kind, Sentence
from cmo.domain.grammar.vocabulary import FILLERS, THING_NOUNS
from cmo.domain.job import Plan


class Choice(Frozen):
    """One answer to a question."""

    label: str
    """A few words to show."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Plan fields to set, by dotted name (`icp.location`); `answer` applies them. Empty keeps the assumption."""


class Question(Frozen):
    """Something ambiguous or contradictory; asked on a terminal, else its assumption stands."""

    key: str
    """The plan field it is about, dotted."""
    text: str
    assumption: str
    """What holds when nobody answers; one plain sentence."""
    choices: tuple[Choice, ...]
    """The first is what the assumption says."""


BOUNDS: dict[str, tuple[int, int]] = {
    "target": (1, 10_000_000),
    "icp.activity_days": (1, 3650),
    "stars.low": (0, 10_000_000),
    "stars.high": (0, 10_000_000),
    "caps.max_steps": (1, 100_000),
    "caps.max_repos": (1, 1_000_000),
    "caps.max_people": (1, 1_000_000),
    "caps.max_tool_calls": (1, 1_000_000),
    "caps.top_authors_per_repo": (1, 100),
    "caps.checkpoint_every": (1, 100_000),
}
"""What a plan accepts; a number outside is moved to the nearer end, and that is said."""


class Understood:
    """Filled by the rules, read once at the end. Keys are dotted plan fields, besides `stars.low` and `stars.high`."""

    def __init__(self, *, today: date, plan: Plan | None = None) -> None:
        self.today = today
        self.plan = plan
        """The plan in force, for a remark to a running job."""
        self.values: dict[str, Any] = {}
        self.lists: dict[str, list[str]] = {}
        self.cues: dict[str, str] = {}
        """List key -> the words that announced it, such as `prefer`."""
        self.notes: list[tuple[str, str]] = []
        self.questions: list[Question] = []
        self.left_over: list[str] = []
        """Words a rule recognised as nothing a plan can hold, and said so."""
        self.flags: set[str] = set()
        """`people` (a noun for people was named), `one_person` (one that may mean a particular person), `nobody` (a
        target below 1), `prefers_maintainer`, `prefers_contributor`, `send` (sending was
        asked for), `negated_dry_run`, `any_language`, `anywhere`, `always_out` (forks and the like); of a remark also
        `adds` and `stop_searching`."""

    def put(self, key: str, value: Any, *, shown: str = "") -> None:
        """Set a single value; a second, different one becomes a question and the first stands."""
        before = self.values.setdefault(key, value)
        if before == value:
            return
        name = key.rpartition(".")[2].replace("_", " ")
        first, second = _shown(before), shown or _shown(value)
        self.ask(
            Question(
                key=key,
                text=f"The sentence gives two values for {name}. Which one?",
                assumption=f"{name}: {first} taken, {second} left out.",
                choices=(Choice(label=first), Choice(label=second, changes={key: _plain(value)})),
            )
        )

    def add(self, key: str, items: list[str], *, cue: str = "") -> None:
        known = self.lists.setdefault(key, [])
        known.extend(item for item in dict.fromkeys(items) if item not in known)
        if cue:
            self.cues.setdefault(key, cue)

    def named(self) -> tuple[str, ...]:
        """The plan fields the sentence speaks of, dotted."""
        keys = {"icp.stars_range" if key.startswith("stars.") else key for key in (*self.values, *self.lists)}
        keys |= {"icp.languages"} if "any_language" in self.flags else set()
        keys |= {"icp.location"} if "anywhere" in self.flags else set()
        return tuple(sorted(keys))

    def note(self, key: str, text: str) -> None:
        if (key, text) not in self.notes:
            self.notes.append((key, text))

    def ask(self, question: Question) -> None:
        if question not in self.questions:
            self.questions.append(question)

    def leave(self, s: Sentence, start: int, end: int) -> None:
        """Name the tokens as not understood."""
        self.left_over.append(s.span(start, end))

    def whole(self, key: str, value: Fraction, *, words: str) -> int:
        """`value` as a whole number that `key` accepts; says so where it had to be changed."""
        low, high = BOUNDS[key]
        number = math.ceil(value)
        if number != value:
            self.note(key, f"“{words}” rounded up to {number:,}.")
        if not low <= number <= high:
            number = min(max(number, low), high)
            self.note(key, f"“{words}” is outside of what {key.rpartition('.')[2]} can be; {number:,} assumed.")
        return number

    def explain(self, key: str, amount: Amount, *, words: str, taken: int) -> None:
        """Say how a vague or doubtful number was read."""
        if amount.vague:
            self.note(key, f"“{words}” read as {taken:,}.")
        elif amount.guessed:
            self.note(key, f"{amount.guessed}.")


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


Rule = Callable[[Sentence, int, Understood], int]
"""Reads one phrase that starts at a free token: where the phrase ends, or 0 where the rule does not apply."""


def apply_rules(s: Sentence, u: Understood, rules: tuple[Rule, ...]) -> None:
    """Let each rule, in order, read the sentence from left to right; what it reads the later ones do not see."""
    for rule in rules:
        i = 0
        while i < len(s):
            end = rule(s, i, u) if s.is_free(i) else 0
            if end > i:
                s.take(i, end)
            i = max(end, i + 1)


def free_words(s: Sentence, idle: Collection[str] = ()) -> tuple[str, ...]:
    """The free words that mean something, in order, without repeats.

    Args:
        idle: Words besides the usual fillers that may stay unread.
    """
    words = []
    for i in s.free_indexes():
        token = s.tokens[i]
        is_mark = (token.kind is Kind.SYMBOL and token.text.isascii()) or token.text in _MARKS
        if not is_mark and token.low not in FILLERS and token.low not in idle:
            noun = i + 1 if token.kind is Kind.WORD and s.low(i + 1) in THING_NOUNS else i
            words.append(s.span(i, noun + 1) if noun > i else token.text)
    return tuple(dict.fromkeys(words))


_MARKS = frozenset("–—…“”\u2018’«»·•×→")
