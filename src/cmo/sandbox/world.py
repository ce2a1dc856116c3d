"""The simulated outside world: one object from which every server of the sandbox reads.

A world is fixed by its seed and its anchor. Names, logins and what search sees are made at once (a quarter of a
second); people, crews, commits and files are made when somebody asks, always the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from cmo.sandbox.accounts import Org, Person, Profile
from cmo.sandbox.activity import PullRequest, Release, make_files, make_pull_requests, make_releases
from cmo.sandbox.crews import Crew, make_crew
from cmo.sandbox.history import History
from cmo.sandbox.people import Population
from cmo.sandbox.profiles import make_profile
from cmo.sandbox.repos import Repo, make_repos

if TYPE_CHECKING:
    from cmo.sandbox.truth import Truth


class World:
    """Everything that is true outside, as of `anchor_at`."""

    def __init__(self, *, seed: int = 7, anchor_at: datetime) -> None:
        """Build the index of the world.

        Raises:
            ValueError: `anchor_at` has no zone.
        """
        if anchor_at.tzinfo is None:
            raise ValueError("anchor_at must be aware")
        self.seed = seed
        self.anchor_at = anchor_at.astimezone(UTC).replace(microsecond=0)
        self.population = Population(seed, int(self.anchor_at.timestamp()))
        self.repos: tuple[Repo, ...] = make_repos(self.population)
        self._repo_by_id = {repo.repo_id: repo for repo in self.repos}
        self._repo_by_name = {repo.full_name.lower(): repo for repo in self.repos}
        self._repo_by_former = {
            f"{repo.owner.login}/{repo.former_name}".lower(): repo for repo in self.repos if repo.former_name
        }
        self.crew = lru_cache(maxsize=None)(self._crew)
        self.history = lru_cache(maxsize=1500)(self._history)
        self.pull_requests = lru_cache(maxsize=1500)(self._pull_requests)
        self.releases = lru_cache(maxsize=1500)(self._releases)
        self.files = lru_cache(maxsize=1500)(self._files)
        self.profile = lru_cache(maxsize=None)(self._profile)

    def find_repo(self, full_name: str) -> Repo | None:
        """The repository of that name today, deleted and blocked ones too."""
        return self._repo_by_name.get(full_name.lower())

    def find_renamed_repo(self, full_name: str) -> Repo | None:
        """The repository that used to have that name."""
        return self._repo_by_former.get(full_name.lower())

    def find_repo_by_id(self, repo_id: int) -> Repo | None:
        return self._repo_by_id.get(repo_id)

    def repos_of(self, owner: Person | Org) -> tuple[Repo, ...]:
        """Repositories owned by that account, most stars first."""
        return self._owned.get(owner.login, ())

    def repos_worked_on(self, person: Person) -> tuple[Repo, ...]:
        """Repositories whose crew the person belongs to."""
        return self._worked_on.get(person.index, ())

    def orgs_of(self, person: Person) -> tuple[Org, ...]:
        """Organisations the person shows as theirs."""
        if person.employer is None or person.deleted or person.index % 3 == 0:
            return ()
        return (self.population.orgs[person.employer],)

    def members_of(self, org: Org) -> tuple[Person, ...]:
        """People who show that organisation as theirs."""
        return self._employed.get(org.index, ())

    @cached_property
    def truth(self) -> Truth:
        """What a perfect client would find; for benchmarks and tests only."""
        from cmo.sandbox.truth import Truth

        return Truth(self)

    @cached_property
    def _owned(self) -> dict[str, tuple[Repo, ...]]:
        owned: dict[str, list[Repo]] = {}
        for repo in sorted(self.repos, key=lambda repo: (-repo.stars, repo.index)):
            if not (repo.deleted or repo.blocked):
                owned.setdefault(repo.owner.login, []).append(repo)
        return {login: tuple(repos) for login, repos in owned.items()}

    @cached_property
    def _employed(self) -> dict[int, tuple[Person, ...]]:
        employed: dict[int, list[Person]] = {}
        for person in map(self.population.person, range(len(self.population))):
            for org in self.orgs_of(person):
                employed.setdefault(org.index, []).append(person)
        return {index: tuple(people) for index, people in employed.items()}

    @cached_property
    def _worked_on(self) -> dict[int, tuple[Repo, ...]]:
        worked: dict[int, list[Repo]] = {}
        for repo in self.repos:
            if not (repo.deleted or repo.blocked):
                for member in self.crew(repo).members:
                    worked.setdefault(member.person.index, []).append(repo)
        return {index: tuple(repos) for index, repos in worked.items()}

    def _crew(self, repo: Repo) -> Crew:
        return make_crew(self.population, repo)

    def _history(self, repo: Repo) -> History:
        return History(self.seed, repo, self.crew(repo))

    def _pull_requests(self, repo: Repo) -> tuple[PullRequest, ...]:
        return make_pull_requests(self.population, repo, self.crew(repo))

    def _releases(self, repo: Repo) -> tuple[Release, ...]:
        return make_releases(self.population, repo, self.crew(repo))

    def _files(self, repo: Repo) -> dict[str, str]:
        return make_files(self.population, repo, self.crew(repo))

    def _profile(self, person: Person) -> Profile:
        return make_profile(self.population, person)
