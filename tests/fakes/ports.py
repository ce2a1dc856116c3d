"""Ports that answer what a test puts into them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from cmo.clock import Clock, ScaledClock
from cmo.domain.job import Plan
from cmo.domain.lead import ActivityState, AuthorSighting, ItemFailure, PersonProfile, Repo, RepoActivity, RepoRef
from cmo.errors import OutputUnwritable, ProviderRejected
from cmo.providers.ports import BudgetLeft, Meter, PersonKey, RepoPage, RepoQuery
from cmo.tools.base import PageContext, Ports, Tool
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import NOW, FakeResolver

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)


@dataclass
class ScriptedHost:
    """Repositories by topic, activities by repository id, profiles by login; what it has none of, it leaves out."""

    found: Mapping[str | None, Sequence[Repo]] = field(default_factory=dict)
    refuses: frozenset[str | None] = frozenset()
    """Topics whose search is rejected."""
    activities: Mapping[str, RepoActivity] = field(default_factory=dict)
    profiles: Sequence[PersonProfile] = ()
    failures: Sequence[ItemFailure] = ()
    searches: list[tuple[RepoQuery, int]] = field(default_factory=list)
    asked: list[PersonKey] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)

    async def search_repos(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
        self.searches.append((query, limit))
        if query.topic in self.refuses:
            raise ProviderRejected("the query is not understood", provider="github", operation="search", status=422)
        repos = self.found.get(query.topic, ())
        start = (cursor or {}).get("next", 0)
        end = start + limit
        rest = {"next": end} if end < len(repos) else None
        return RepoPage(repos=tuple(repos[start:end]), cursor=rest, matching=len(repos), query=f"topic:{query.topic}")

    async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        self.since.append(since)
        return tuple(self.activities[repo.id] for repo in repos if repo.id in self.activities)

    async def fetch_profiles(
        self, people: Sequence[PersonKey]
    ) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        self.asked += people
        return tuple(self.profiles), tuple(self.failures)

    def budgets(self) -> tuple[BudgetLeft, ...]:
        return ()


@dataclass
class MemoryArtifacts:
    """Files in memory. A join that ended may be repeated: with a part gone and the file there, the file is whole."""

    files: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        self.files[path] = text

    def concatenate(self, parts: Sequence[str], path: str) -> None:
        left = [part for part in parts if part in self.files]
        if left == list(parts):
            self.files[path] = "".join(self.files[part] for part in parts)
        elif path not in self.files:
            raise OutputUnwritable(f"parts of {path} are missing")
        for part in left:
            del self.files[part]


def ports_factory(
    host: ScriptedHost | None = None, *, artifacts: MemoryArtifacts | None = None, clock: Clock | None = None
) -> Ports:
    """An outside at `NOW` in which every address can be mailed."""
    host = host or ScriptedHost()
    return Ports(
        code_host=host,
        history=host,
        resolver=FakeResolver(),
        artifacts=artifacts or MemoryArtifacts(),
        meter=Meter(),
        clock=clock or ScaledClock(NOW),
    )


def context_factory(plan: Plan | None = None, **changes: Any) -> PageContext:
    """The first page of a step, with room for 100."""
    values: dict[str, Any] = {
        "job_id": "cmo-20261120-000000",
        "plan": plan or plan_factory(),
        "as_of": NOW,
        "page": 1,
        "processed": 0,
        "cursor": None,
        "room": 100,
    }
    return PageContext(**{**values, **changes})


def sighting_factory(login: str | None = "jane", **changes: Any) -> AuthorSighting:
    """Ten commits by a person, linked to their account."""
    values: dict[str, Any] = {
        "login": login,
        "user_id": f"U_{login}" if login else None,
        "name": f"Name of {login}",
        "email": f"{login}@{login}.example",
        "commits": 10,
        "last_commit": "c" * 40,
        "last_at": NOW,
    }
    return AuthorSighting.model_validate({**values, **changes})


def activity_factory(*sightings: AuthorSighting, n: int = 1, **changes: Any) -> RepoActivity:
    """What happened in repository `n`."""
    values: dict[str, Any] = {
        "repo": RepoRef(id=f"R_{n:04}", full_name=f"org{n}/proj{n}"),
        "state": ActivityState.OK,
        "since": NOW,
        "fetched_at": NOW,
        "commits_seen": sum(sighting.commits for sighting in sightings),
        "sightings": sightings,
    }
    return RepoActivity.model_validate({**values, **changes})


def run_tool(tool: Tool[Any, In, Out], call: In, ports: Ports) -> Out:
    """One page, to its end."""

    async def answer(work: Awaitable[Out]) -> Out:
        return await work

    return asyncio.run(answer(tool.run(call, ports)))
