"""Who works on a repository, how much, and in which role. Made from the repository's index on demand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cmo.sandbox.accounts import Bot, Person
from cmo.sandbox.dice import Dice, Weighted
from cmo.sandbox.people import HUMANS, Population
from cmo.sandbox.repos import Repo

COMMITS_90D_MEDIAN = 80
COMMITS_90D_SIGMA = 1.15
PEOPLE_MEDIAN = 8
NOREPLY_WEIGHT = 0.42
"""People who hide their address commit less; with this factor 26 % of human commits carry noreply."""


@dataclass(frozen=True, eq=False)
class Member:
    """One person's part in one repository."""

    person: Person
    weight: float
    """Share of commits, unnormalised."""
    since_month: int
    """They last committed this many 30-day months before the repository's last commit; 0 is still active."""
    maintainer: bool


@dataclass(frozen=True, eq=False)
class Crew:
    """Everybody who commits to a repository."""

    members: tuple[Member, ...]
    """Maintainers first."""
    draw: Weighted[Member]
    bots: tuple[Bot | Person, ...]
    bot_share: float
    commits_90d: float
    """Commits in a full 90-day window of this repository's usual pace."""
    impostor: tuple[Member, Person] | None
    """A member and the person whose address they commit with."""

    @property
    def maintainers(self) -> tuple[Person, ...]:
        return tuple(member.person for member in self.members if member.maintainer)


def make_crew(population: Population, repo: Repo) -> Crew:
    """The crew of `repo`, the same on every call."""
    dice = Dice(population.seed, "crew", repo.index)
    commits_90d = _pace(repo, dice)
    size = _size(repo, commits_90d, dice)
    people = _people(population, repo, size, dice)
    maintainer_count = 1 + dice.below(min(3, len(people)))
    members = tuple(
        Member(
            person=person,
            weight=_weight(person, place, dice),
            since_month=0 if place < maintainer_count or dice.chance(0.72) else dice.between(2, 14),
            maintainer=place < maintainer_count,
        )
        for place, person in enumerate(people)
    )
    impostor = None
    if repo.spoofed and len(members) > 1:
        impostor = (members[-1], _victim(population, dice))
    return Crew(
        members=members,
        draw=Weighted([(member, member.weight) for member in members]),
        bots=_bots(population, dice),
        bot_share=0.05 + 0.26 * dice.random() if dice.chance(0.82) else 0.0,
        commits_90d=commits_90d,
        impostor=impostor,
    )


def _pace(repo: Repo, dice: Dice) -> float:
    if repo.heavy:
        return dice.log_between(2200, 6500)
    if repo.sparse:
        return 3.0 * dice.random()
    return min(900.0, dice.log_normal(COMMITS_90D_MEDIAN, COMMITS_90D_SIGMA))


def _size(repo: Repo, commits_90d: float, dice: Dice) -> int:
    pace = COMMITS_90D_MEDIAN if repo.sparse else max(4.0, commits_90d)
    size = PEOPLE_MEDIAN * math.pow(pace / COMMITS_90D_MEDIAN, 0.55) * dice.log_normal(1.3, 0.55)
    return max(1, min(160, round(size)))


def _people(population: Population, repo: Repo, size: int, dice: Dice) -> list[Person]:
    """`size` distinct people, the owner first; a few prolific ones turn up everywhere."""
    chosen: dict[int, Person] = {}
    if isinstance(repo.owner, Person):
        chosen[repo.owner.index] = repo.owner
    while len(chosen) < size:
        index = dice.below(HUMANS // 25) if dice.chance(0.10) else dice.below(HUMANS)
        chosen.setdefault(index, population.person(index))
    return list(chosen.values())


def _weight(person: Person, place: int, dice: Dice) -> float:
    hidden = NOREPLY_WEIGHT if person.noreply_only else 1.0
    return hidden * (0.25 + dice.random()) / math.pow(1 + place, 0.9)


def _bots(population: Population, dice: Dice) -> tuple[Bot | Person, ...]:
    first = dice.pick(population.bots[:2])
    others: list[Bot | Person] = [dice.pick(population.bots[2:])]
    if dice.chance(0.3):
        others.append(population.person(dice.between(HUMANS, len(population) - 1)))
    return (first, first, *others)


def _victim(population: Population, dice: Dice) -> Person:
    """Somebody with a linked address of their own, so that GitHub shows the wrong account."""
    while True:
        person = population.person(dice.below(HUMANS))
        if person.addresses and person.addresses[0].linked and not person.deleted:
            return person
