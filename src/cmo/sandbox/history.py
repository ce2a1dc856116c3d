"""Commits of a repository, made a month at a time, newest first, and only as far back as somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cmo.sandbox.accounts import Bot, Person
from cmo.sandbox.crews import Crew, Member
from cmo.sandbox.dice import Dice
from cmo.sandbox.hostile import HOSTILE
from cmo.sandbox.people import DAY_S
from cmo.sandbox.repos import Repo
from cmo.sandbox.vocabulary import OBJECTS, VERBS

MONTH_S = 30 * DAY_S
MAX_MONTHS = 30
MAX_MONTHS_HEAVY = 6
"""Histories are cut off here; nobody asks further back."""
WEB_NOREPLY_SHARE = 0.06
"""Commits made in the browser by people who otherwise show an address."""
CO_AUTHOR_SHARE = 0.03


class Identity(NamedTuple):
    """Name and address on a commit, and whom GitHub takes it for."""

    name: str
    email: str
    account: Person | Bot | None
    """The linked account; None for an address nobody has verified and for deleted accounts."""
    author: Person | Bot
    """Who really wrote it."""


class Commit(NamedTuple):
    repo: Repo
    oid: str
    at: int
    by: Identity
    co_author: Identity | None
    headline: str
    web: bool
    """Committed through the web interface: the committer is GitHub itself."""

    @property
    def message(self) -> str:
        if self.co_author is None:
            return self.headline
        return f"{self.headline}\n\nCo-authored-by: {self.co_author.name} <{self.co_author.email}>"


class History:
    """The default branch of one repository."""

    def __init__(self, seed: int, repo: Repo, crew: Crew) -> None:
        self._seed = seed
        self._repo = repo
        self._crew = crew
        self._months: dict[int, tuple[Commit, ...]] = {}
        age = max(0, repo.pushed_at - repo.created_at)
        longest = MAX_MONTHS_HEAVY if repo.heavy else MAX_MONTHS
        self.month_count = 0 if repo.empty else min(longest, age // MONTH_S + 1)

    def commits(self, *, since: int | None = None, until: int | None = None) -> Iterator[Commit]:
        """Commits with `since <= at <= until`, newest first."""
        for month in range(self.month_count):
            if since is not None and self._month_end(month) < since:
                return
            if until is not None and self._month_end(month + 1) > until:
                continue
            for commit in self.month(month):
                if (since is None or commit.at >= since) and (until is None or commit.at <= until):
                    yield commit

    def find(self, oid: str) -> Commit | None:
        """The commit of that full or abbreviated id."""
        return next((commit for commit in self.commits() if commit.oid.startswith(oid)), None)

    def month(self, month: int) -> tuple[Commit, ...]:
        made = self._months.get(month)
        if made is None:
            made = self._months[month] = self._make_month(month)
        return made

    def _month_end(self, month: int) -> int:
        return self._repo.pushed_at - month * MONTH_S

    def _make_month(self, month: int) -> tuple[Commit, ...]:
        dice = Dice(self._seed, "commits", self._repo.index, month)
        count = int(self._crew.commits_90d / 3 * (0.6 + 0.8 * dice.random()) + dice.random())
        end = self._month_end(month)
        span = min(MONTH_S, max(1, end - self._repo.created_at))
        times = sorted((end - int(dice.random() * span) for _ in range(count)), reverse=True)
        if month == 0:
            times = [end, *times[1:]]
        return tuple(self._make_commit(dice, at, month) for at in times)

    def _make_commit(self, dice: Dice, at: int, month: int) -> Commit:
        crew = self._crew
        co_author = None
        if dice.random() < crew.bot_share:
            by = machine_identity(dice.pick(crew.bots))
        else:
            member = self._active_member(dice, month)
            by = self._identity(member, dice)
            if dice.random() < CO_AUTHOR_SHARE and len(crew.members) > 1:
                co_author = self._identity(dice.pick(crew.members), dice)
        return Commit(self._repo, dice.hex(40), at, by, co_author, self._headline(dice), dice.random() < 0.81)

    def _active_member(self, dice: Dice, month: int) -> Member:
        for _ in range(4):
            member = self._crew.draw.pick(dice)
            if member.since_month <= month:
                return member
        return self._crew.members[0]

    def _identity(self, member: Member, dice: Dice) -> Identity:
        impostor = self._crew.impostor
        if impostor is not None and member is impostor[0]:
            victim = impostor[1]
            return Identity(member.person.commit_name, victim.addresses[0].email, victim, member.person)
        return human_identity(member.person, dice)

    def _headline(self, dice: Dice) -> str:
        if self._repo.hostile and dice.random() < 0.2:
            return dice.pick(HOSTILE)
        return f"{dice.pick(VERBS)} {dice.pick(OBJECTS)} (#{dice.between(2, 4000)})"


def human_identity(person: Person, dice: Dice) -> Identity:
    """What a person's next commit is signed with."""
    account = None if person.deleted else person
    if not person.addresses or dice.random() < WEB_NOREPLY_SHARE:
        return Identity(person.commit_name, person.noreply, account, person)
    address = person.addresses[0]
    if len(person.addresses) > 1 and dice.random() < 0.25:
        address = dice.pick(person.addresses[1:])
    return Identity(person.commit_name, address.email, account if address.linked else None, person)


def machine_identity(machine: Bot | Person) -> Identity:
    """What a machine's commits are signed with."""
    if isinstance(machine, Bot):
        return Identity(machine.login, machine.noreply, machine, machine)
    return Identity(machine.commit_name, machine.addresses[0].email, machine, machine)
