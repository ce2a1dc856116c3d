"""Makes the repositories of a world: what search sees of them. Their history is made elsewhere, on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cmo.sandbox.accounts import Org, Person
from cmo.sandbox.dice import Dice
from cmo.sandbox.hostile import HOSTILE
from cmo.sandbox.people import DAY_S, HUMANS, Population
from cmo.sandbox.vocabulary import (
    AUDIENCES,
    LANGUAGES,
    LICENSES,
    MAIN_TOPICS,
    OTHER_TOPICS,
    PROJECT_HEADS,
    PROJECT_TAILS,
    RELATED_TOPICS,
    SUMMARIES,
)

SPOOFED_SHARE = 0.015
HEAVY_SHARE = 0.014


class Batch(NamedTuple):
    """A group of repositories that a search tells apart."""

    size: int
    topics: tuple[str, ...]
    """One of these is sure, per repository."""
    stars: tuple[int, int]
    python: bool = True


_RELATED = [topic for main in MAIN_TOPICS for topic in RELATED_TOPICS[main]]
_NEIGHBOURS = tuple(dict.fromkeys(topic for topic in _RELATED if topic not in MAIN_TOPICS))

BATCHES: tuple[Batch, ...] = (
    Batch(1860, ("testing",), (100, 2000)),
    Batch(170, ("ci",), (100, 2000)),
    Batch(220, ("pytest",), (100, 2000)),
    Batch(200, ("devtools",), (100, 2000)),
    Batch(260, ("llm",), (100, 2000)),
    Batch(300, _NEIGHBOURS, (100, 2000)),
    Batch(440, MAIN_TOPICS, (20, 99)),
    Batch(120, MAIN_TOPICS, (0, 19)),
    Batch(130, MAIN_TOPICS, (2001, 60_000)),
    Batch(400, MAIN_TOPICS + _NEIGHBOURS, (20, 20_000), python=False),
)
"""4,100 repositories; the recently pushed of the first batch alone overflow the 1,000 results of one search."""


@dataclass(frozen=True, eq=False)
class Repo:
    """A repository as the search index knows it, with the troubles it causes."""

    index: int
    repo_id: int
    owner: Person | Org
    name: str
    former_name: str | None
    """Set when it was renamed: the old name redirects, and search may still list it."""
    description: str | None
    homepage: str | None
    language: str | None
    topics: tuple[str, ...]
    stars: int
    forks: int
    open_issues: int
    size_kb: int
    license: tuple[str, str, str] | None
    """Key, name and SPDX id."""
    created_at: int
    pushed_at: int
    default_branch: str
    archived: bool
    fork: bool
    empty: bool
    deleted: bool
    """Still in the search index, but gone."""
    blocked: bool
    """Taken down after a DMCA notice."""
    heavy: bool
    """Thousands of commits in the window; the contributor list is refused as too large."""
    sparse: bool
    """Hardly any commits on the default branch, but pull requests are merged."""
    spoofed: bool
    """One contributor commits under somebody else's address."""
    hostile: bool

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def listed_name(self) -> str:
        """The full name in the search index, which is stale for every second renamed repository."""
        return f"{self.owner.login}/{self.former_name}" if self.former_name and self.index % 2 else self.full_name

    @property
    def updated_at(self) -> int:
        return self.pushed_at + 3600


def make_repos(population: Population) -> tuple[Repo, ...]:
    """Every repository of the world, in index order."""
    names: set[str] = set()
    repos: list[Repo] = []
    for batch in BATCHES:
        for _ in range(batch.size):
            repos.append(_make_repo(population, batch, len(repos), names))
    return tuple(repos)


def _make_repo(population: Population, batch: Batch, index: int, names: set[str]) -> Repo:
    dice = Dice(population.seed, "repo", index)
    hostile = dice.chance(0.03)
    owner = _pick_owner(population, dice)
    created_at = population.anchor_at - int(dice.log_between(120, 4400)) * DAY_S - dice.below(DAY_S)
    stars = int(dice.log_between(batch.stars[0] + 1, batch.stars[1] + 1)) - 1
    stars = max(batch.stars[0], min(batch.stars[1], stars))
    trouble = dice.random()
    heavy = dice.chance(HEAVY_SHARE)
    topics = _topics(batch, dice)
    return Repo(
        index=index,
        repo_id=1_000_003 + index * 9973 + dice.below(9000),
        owner=owner,
        name=_name(dice, owner.login, names),
        former_name=f"old-{index}-name" if 0.030 <= trouble < 0.045 else None,
        description=_description(dice, topics[0], hostile=hostile),
        homepage=dice.pick(HOSTILE) if hostile and dice.chance(0.3) else _homepage(owner, dice),
        language="Python" if batch.python else LANGUAGES.pick(dice),
        topics=topics,
        stars=stars,
        forks=int(stars * (0.05 + 0.2 * dice.random())),
        open_issues=int(dice.log_normal(12, 1.2)),
        size_kb=int(dice.log_normal(900, 1.4)),
        license=LICENSES.pick(dice),
        created_at=created_at,
        pushed_at=max(created_at, population.anchor_at - _idle_seconds(dice, heavy)),
        default_branch="main" if dice.chance(0.72) else "master",
        archived=dice.chance(0.035) and not heavy,
        fork=dice.chance(0.03) and not heavy,
        empty=trouble < 0.012,
        deleted=0.012 <= trouble < 0.024,
        blocked=0.024 <= trouble < 0.030,
        heavy=heavy,
        sparse=not heavy and dice.chance(0.08),
        spoofed=dice.chance(SPOOFED_SHARE),
        hostile=hostile,
    )


def _idle_seconds(dice: Dice, heavy: bool) -> int:
    """How long before the anchor the last push was: seven in ten within 90 days, a tail of years."""
    if heavy:
        return dice.below(2 * DAY_S) + 60
    days = dice.log_between(0.05, 90) if dice.chance(0.70) else dice.log_between(90, 1500)
    return int(days * DAY_S) + 60


def _pick_owner(population: Population, dice: Dice) -> Person | Org:
    if dice.chance(0.42):
        return dice.pick(population.orgs)
    while True:
        person = population.person(dice.below(HUMANS))
        if not person.deleted:
            return person


def _name(dice: Dice, owner: str, names: set[str]) -> str:
    stem = dice.pick(PROJECT_HEADS) + dice.pick(("-", "-", "", "_")) + dice.pick(PROJECT_TAILS)
    name = f"pytest-{stem}" if dice.chance(0.06) else stem
    while f"{owner}/{name}" in names:
        name = f"{stem}{dice.between(2, 99)}"
    names.add(f"{owner}/{name}")
    return name


def _topics(batch: Batch, dice: Dice) -> tuple[str, ...]:
    main = dice.pick(batch.topics)
    topics = [main]
    for neighbour in RELATED_TOPICS.get(main, ()):
        if dice.chance(0.16):
            topics.append(neighbour)
    if batch.python and dice.chance(0.5):
        topics.append("python")
    topics += [dice.pick(OTHER_TOPICS) for _ in range(dice.below(4))]
    return tuple(dict.fromkeys(topics))


def _description(dice: Dice, topic: str, *, hostile: bool) -> str | None:
    if hostile:
        return dice.pick(HOSTILE)
    if dice.chance(0.06):
        return None
    text = dice.pick(SUMMARIES).format(topic=topic, audience=dice.pick(AUDIENCES))
    return text[0].upper() + text[1:]


def _homepage(owner: Person | Org, dice: Dice) -> str | None:
    draw = dice.random()
    if draw < 0.25:
        return f"https://docs.{owner.login}.example"
    return "" if draw < 0.45 else None
