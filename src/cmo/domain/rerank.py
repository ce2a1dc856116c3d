"""What other weights do to the people of a job: how each stands before and after, and what that comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import NamedTuple

from cmo.domain.base import Frozen, Login
from cmo.domain.lead import GOOD_SCORE, HOT_SCORE, Email, LeadFacts, Score

MOST_SHOWN = 10


class Scored(NamedTuple):
    """A person as they stand before they are scored anew."""

    n: int
    """Place in the order found."""
    facts: LeadFacts
    score: int
    is_lead: bool
    is_drafted: bool
    """There is a draft, whatever became of it."""
    is_known: bool = False
    """The operator said where they stand, or what came of them."""


class Rescored(NamedTuple):
    """The same person afterwards."""

    was: Scored
    score: Score
    accepted: bool
    decision: str
    """A plain sentence, for the rejected too."""
    email: Email | None
    """The address that counts, for the accepted."""

    @property
    def login(self) -> Login:
        return self.was.facts.profile.login

    @property
    def fate(self) -> str:
        """What becomes of them besides the score, in words; empty where nothing does."""
        if self.accepted and not self.was.is_lead:
            return "becomes a lead"
        if self.was.is_lead and not self.accepted:
            return "no lead any more"
        if self.is_kept:
            return "stays a lead"
        return "stays rejected" if self.is_held_back else ""

    @property
    def has_moved(self) -> bool:
        return self.score.value != self.was.score

    @property
    def changes_sides(self) -> bool:
        """Becomes a lead, or ceases to be one."""
        return self.accepted is not self.was.is_lead

    @property
    def is_kept(self) -> bool:
        """A lead under the line that stays one, because somebody was at work on it."""
        return self.accepted and self.score.value < GOOD_SCORE

    @property
    def is_held_back(self) -> bool:
        """Rises over the line, and is rejected for another reason."""
        return not self.accepted and self.crosses(GOOD_SCORE) > 0

    def crosses(self, line: int) -> int:
        """1 where the score rises to `line`, -1 where it falls below, else 0."""
        return (self.score.value >= line) - (self.was.score >= line)


class Move(Frozen):
    """One person who moves."""

    login: Login
    before: int
    after: int
    fate: str


class Effect(Frozen):
    """What other weights do."""

    people: int
    """Scored anew."""
    moved: int
    """Whose score is another one."""
    up_80: int
    down_80: int
    up_60: int
    down_60: int
    leads_new: int
    leads_lost: int
    leads_kept: int
    """Under 60 and leads all the same, because there is a draft, a status or an outcome."""
    held_back: int
    """Rise to 60, and are rejected for another reason."""
    drafts: int
    """People with a draft whose score is another one."""
    first: tuple[Move, ...]
    """At most ten: those who become leads or cease to be, those who cross 60 or 80, then the widest moves."""


def effect_of(people: Iterable[Rescored]) -> Effect:
    """What it comes to for `people`; reads them once and keeps ten."""
    counts: Counter[str] = Counter()
    first = nsmallest(MOST_SHOWN, _counted(people, counts), key=_rank)
    moves = [Move(login=one.login, before=one.was.score, after=one.score.value, fate=one.fate) for one in first]
    return Effect(first=tuple(moves), **{name: counts[name] for name in Effect.model_fields if name != "first"})


def _counted(people: Iterable[Rescored], counts: Counter[str]) -> Iterator[Rescored]:
    """Those who move, while all are counted by the names of `Effect`."""
    for one in people:
        counts["people"] += 1
        counts["leads_kept"] += one.is_kept
        counts["held_back"] += one.is_held_back
        if one.changes_sides:
            counts["leads_new" if one.accepted else "leads_lost"] += 1
        if one.has_moved:
            counts["moved"] += 1
            counts["drafts"] += one.was.is_drafted
            for line in (GOOD_SCORE, HOT_SCORE):
                crosses = one.crosses(line)
                counts[f"up_{line}"] += crosses > 0
                counts[f"down_{line}"] += crosses < 0
        if one.has_moved or one.changes_sides:
            yield one


def _rank(one: Rescored) -> tuple[bool, bool, int, str]:
    crosses = one.crosses(GOOD_SCORE) or one.crosses(HOT_SCORE)
    return not one.changes_sides, not crosses, -abs(one.score.value - one.was.score), one.login.lower()
