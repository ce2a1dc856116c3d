"""A small, deterministic outside: repositories, people and mail domains in memory, with a count of what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cmo.domain.job import Role
from cmo.domain.lead import (
    ActivityState,
    AuthorSighting,
    ItemFailure,
    MxState,
    MxVerdict,
    PersonProfile,
    PersonRef,
    Repo,
    RepoActivity,
    RepoRef,
)
from cmo.providers.ports import BudgetLeft, PersonKey, RepoPage, RepoQuery

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def repo_factory(n: int = 1, **changes: Any) -> Repo:
    """A python repository of the default profile."""
    values: dict[str, Any] = {
        "id": f"R_{n:04}",
        "full_name": f"org{n}/proj{n}",
        "owner": f"org{n}",
        "owner_is_org": True,
        "description": "a testing tool",
        "stars": 500 + n,
        "language": "Python",
        "topics": ("testing", "ci"),
        "pushed_at": NOW - timedelta(days=2),
        "url": f"https://github.com/org{n}/proj{n}",
    }
    return Repo.model_validate({**values, **changes})


def ref_factory(login: str = "maint1", n: int = 1, **changes: Any) -> PersonRef:
    """A maintainer seen on repository `n`."""
    values: dict[str, Any] = {
        "login": login,
        "user_id": f"U_{login}",
        "from_repo": f"org{n}/proj{n}",
        "repo_id": f"R_{n:04}",
        "signal": "commits",
        "contributions": 20,
        "role": Role.MAINTAINER,
        "evidence": ("merged 5 pull requests",),
        "last_at": NOW - timedelta(days=3),
    }
    return PersonRef.model_validate({**values, **changes})


def profile_factory(login: str = "maint1", **changes: Any) -> PersonProfile:
    """A profile with a published address."""
    values: dict[str, Any] = {
        "login": login,
        "user_id": f"U_{login}",
        "name": f"Name of {login}",
        "company": "Acme",
        "location": "Berlin",
        "bio": "I like tests",
        "email": f"{login}@{login}.example",
        "followers": 120,
        "url": f"https://github.com/{login}",
        "fetched_at": NOW,
    }
    return PersonProfile.model_validate({**values, **changes})


@dataclass
class FakeCodeHost:
    """`repos` repositories, each with `people_each` maintainers; nothing is shared between repositories."""

    repos: int = 12
    people_each: int = 2
    page: int = 5
    calls: Counter[str] = field(default_factory=Counter)

    async def search_repos(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
        self.calls["search"] += 1
        start = (cursor or {}).get("next", 0)
        end = min(start + min(limit, self.page), self.repos)
        found = tuple(repo_factory(n) for n in range(start + 1, end + 1))
        rest = {"next": end} if end < self.repos else None
        return RepoPage(repos=found, cursor=rest, matching=self.repos, query=f"topic:{query.topic}")

    async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        self.calls["activity"] += 1
        return tuple(self._activity(repo, since) for repo in repos)

    def _activity(self, repo: RepoRef, since: datetime) -> RepoActivity:
        number = int(repo.id.removeprefix("R_"))
        logins = [f"maint{number}-{i}" for i in range(1, self.people_each + 1)]
        return RepoActivity(
            repo=repo,
            state=ActivityState.OK,
            since=since,
            fetched_at=NOW,
            commits_seen=20 * len(logins),
            sightings=tuple(
                AuthorSighting(
                    login=login,
                    user_id=f"U_{login}",
                    name=f"Name of {login}",
                    email=f"{login}@{login}.example",
                    commits=20,
                    last_commit="c" * 40,
                    last_at=NOW - timedelta(days=3),
                )
                for login in logins
            ),
            mergers={logins[0]: 9},
        )

    async def fetch_profiles(
        self, people: Sequence[PersonKey]
    ) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        self.calls["profiles"] += 1
        return tuple(profile_factory(person.login) for person in people), ()

    def budgets(self) -> tuple[BudgetLeft, ...]:
        return ()


@dataclass
class FakeResolver:
    """Every address can be mailed."""

    calls: Counter[str] = field(default_factory=Counter)

    async def check(self, emails: Sequence[str]) -> tuple[MxVerdict, ...]:
        self.calls["check"] += 1
        return tuple(
            MxVerdict(email=email, state=MxState.OK, reason="the domain takes mail", checked_at=NOW) for email in emails
        )
