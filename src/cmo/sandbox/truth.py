"""What a perfect client would find: the measure for recall and precision. No server of the sandbox reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cmo.sandbox.accounts import Org, Person
from cmo.sandbox.domains import DISPOSABLE, JUNK, Deliverability
from cmo.sandbox.repos import Repo

if TYPE_CHECKING:
    from cmo.sandbox.world import World

ROLE_LOCALS = frozenset({"info", "security", "hello", "admin", "contact", "support", "ci"})


@dataclass(frozen=True)
class TrueAuthor:
    """One human's commits in one repository and window."""

    human: int
    """Identifies the human; see `Truth.person`."""
    login: str
    commits: int
    deleted: bool
    """The account is gone: the human cannot be looked up."""


@dataclass(frozen=True)
class TrueAddress:
    email: str
    state: Deliverability
    usable: bool
    """Deliverable, and neither a role, a disposable nor a machine's address."""
    published: bool
    """Shown on a profile; otherwise only in commits."""


@dataclass(frozen=True)
class TruePerson:
    """One human, with every login and every address that the outside world shows somewhere."""

    human: int
    logins: tuple[str, ...]
    country: str
    addresses: tuple[TrueAddress, ...]
    opted_out: bool
    machine: bool


@dataclass(frozen=True)
class Reachable:
    """A human who may be found and written to through some repositories."""

    human: int
    login: str
    emails: tuple[str, ...]
    """Usable addresses that the profile or the repositories' commits in the window show."""


class Truth:
    """Answers from the world's own books, without any of the disguises."""

    def __init__(self, world: World) -> None:
        self._world = world

    def humans(self, full_name: str, *, since: datetime, until: datetime | None = None) -> tuple[TrueAuthor, ...]:
        """Humans who wrote commits of that repository in the window, most commits first."""
        repo = self._repo(full_name)
        counts: Counter[int] = Counter()
        for commit in self._world.history(repo).commits(
            since=_epoch(since), until=_epoch(until or self._world.anchor_at)
        ):
            if isinstance(commit.by.author, Person) and not commit.by.author.machine:
                counts[commit.by.author.index] += 1
        authors = [(self._world.population.person(index), commits) for index, commits in counts.items()]
        authors.sort(key=lambda entry: (-entry[1], entry[0].index))
        return tuple(TrueAuthor(person.human, person.login, commits, person.deleted) for person, commits in authors)

    def maintainers(self, full_name: str) -> tuple[str, ...]:
        """Logins of those who merge and release there."""
        return tuple(person.login for person in self._world.crew(self._repo(full_name)).maintainers)

    def is_bot(self, login: str) -> bool:
        """Whether the login belongs to a machine, whatever its type says. Unknown logins do not."""
        account = self._world.population.find_account(login)
        if isinstance(account, Person):
            return account.machine
        return account is not None and not isinstance(account, Org)

    def human_of(self, login: str) -> int | None:
        """The human behind a login; None for machines, organisations and unknown logins."""
        person = self._world.population.find_person(login)
        return None if person is None or person.machine else person.human

    def person(self, login: str) -> TruePerson | None:
        """The human or machine behind a login, with everything they have."""
        person = self._world.population.find_person(login)
        return None if person is None else self._describe(person.human)

    def owns(self, login: str, email: str) -> bool:
        """Whether the address is one of that human's own, whichever of their logins is asked for."""
        person = self.person(login)
        return person is not None and email.lower() in {address.email.lower() for address in person.addresses}

    def deliverability(self, email: str) -> Deliverability:
        """What a perfect checker says about the address's domain."""
        domain_name = email.rpartition("@")[2].lower()
        if domain_name in JUNK:
            return Deliverability.INVALID
        domain = self._world.population.domain(domain_name)
        return Deliverability.INVALID if domain is None else domain.deliverability

    def is_usable(self, email: str) -> bool:
        """Deliverable to one human: no noreply, role, disposable or junk address."""
        local, _, domain = email.lower().rpartition("@")
        return (
            domain != "users.noreply.github.com"
            and domain not in DISPOSABLE
            and local not in ROLE_LOCALS
            and self.deliverability(email) is Deliverability.OK
        )

    def reachable(
        self, full_names: Iterable[str], *, since: datetime, authors_per_repo: int = 5
    ) -> tuple[Reachable, ...]:
        """Humans among the top authors of those repositories who can be written to and have not said no.

        Spoofed commits count for who really wrote them, so a client that trusts them finds somebody else.
        """
        emails: dict[int, dict[str, None]] = {}
        for full_name in full_names:
            repo = self._world.find_repo(full_name)
            if repo is None or repo.deleted or repo.blocked:
                continue
            top = [author for author in self.humans(full_name, since=since) if not author.deleted][:authors_per_repo]
            seen = self._commit_emails(repo, since)
            for author in top:
                found = emails.setdefault(author.human, {})
                found.update(dict.fromkeys(seen.get(author.login, ())))
        return tuple(entry for human, found in emails.items() if (entry := self._reachable(human, found)) is not None)

    def _reachable(self, human: int, commit_emails: Iterable[str]) -> Reachable | None:
        person = self._world.population.person(human)
        logins = self._accounts(human)
        if any(account.opted_out for account in logins):
            return None
        shown = dict.fromkeys([account.profile_email for account in logins if account.profile_email])
        shown.update(dict.fromkeys(commit_emails))
        usable = tuple(email for email in shown if self.is_usable(email))
        return Reachable(human, person.login, usable) if usable else None

    def _commit_emails(self, repo: Repo, since: datetime) -> dict[str, dict[str, None]]:
        seen: dict[str, dict[str, None]] = {}
        for commit in self._world.history(repo).commits(since=_epoch(since)):
            author = commit.by.author
            if isinstance(author, Person) and commit.by.account in (author, None):
                seen.setdefault(author.login, {})[commit.by.email] = None
        return seen

    def _describe(self, human: int) -> TruePerson:
        accounts = self._accounts(human)
        published = {account.profile_email for account in accounts if account.profile_email}
        emails = dict.fromkeys(sorted(published))
        emails.update(dict.fromkeys(address.email for account in accounts for address in account.addresses))
        return TruePerson(
            human=human,
            logins=tuple(account.login for account in accounts),
            country=accounts[0].country.code,
            addresses=tuple(
                TrueAddress(email, self.deliverability(email), self.is_usable(email), email in published)
                for email in emails
            ),
            opted_out=any(account.opted_out for account in accounts),
            machine=accounts[0].machine,
        )

    def _accounts(self, human: int) -> tuple[Person, ...]:
        """Accounts of one human; a second login always follows the first."""
        population = self._world.population
        first = population.person(human)
        if human + 1 < len(population) and population.person(human + 1).human == human:
            return (first, population.person(human + 1))
        return (first,)

    def _repo(self, full_name: str) -> Repo:
        repo = self._world.find_repo(full_name) or self._world.find_renamed_repo(full_name)
        if repo is None:
            raise KeyError(full_name)
        return repo


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
