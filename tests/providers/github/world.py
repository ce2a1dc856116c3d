"""A GitHub of a few lines behind httpx's mock transport: answers our documents, counts, and goes wrong on demand.

For what a test has to stage exactly. The whole GitHub, with its schema and prices, is `cmo.sandbox`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import httpx

from cmo.config.secrets import Secret
from cmo.domain.lead import RepoRef
from cmo.providers.github import GitHub
from cmo.providers.ports import Meter, ResponseCache
from tests.fakes.cache import FakeCache
from tests.fakes.clock import NOON, StillClock

TOKEN = "ghp_0123456789abcdefghij0123456789abcdef"
HOST = "https://api.github.com"
SINCE = datetime(2026, 8, 22, tzinfo=NOON.tzinfo)

Trouble = Callable[[httpx.Request], httpx.Response | None]


@dataclass
class FakeRepo:
    """A repository with `commits` commits, newest first, an hour apart."""

    id: str
    full_name: str
    commits: int = 3
    stars: int = 500
    created_at: int = 1_500_000_000
    seconds_each: float = 0.0
    """How long a page of it keeps the server busy."""

    @property
    def ref(self) -> RepoRef:
        return RepoRef(id=self.id, full_name=self.full_name)

    def commit(self, n: int) -> dict[str, Any]:
        return self._made[n]

    @cached_property
    def _made(self) -> list[dict[str, Any]]:
        return [_commit(int(self.id.removeprefix("R_")), n) for n in range(max(1, self.commits))]


def _commit(number: int, n: int) -> dict[str, Any]:
    login = f"dev{n % 7}"
    author = {"name": f"Dev {n % 7}", "email": f"{login}@dev.example", "user": {"id": f"U_{login}", "login": login}}
    date = f"{NOON - timedelta(hours=n + 1):%Y-%m-%dT%H:%M:%SZ}"
    return {"oid": f"{number:08x}{n:032x}", "committedDate": date, "author": author}


def repo(n: int, **changes: Any) -> FakeRepo:
    return FakeRepo(id=f"R_{n}", full_name=f"org{n}/proj{n}", **changes)


def user(login: str, **changes: Any) -> dict[str, Any]:
    """A `User` of GraphQL."""
    return {
        "__typename": "User",
        "id": f"U_{login}",
        "login": login,
        "name": login.title(),
        "company": None,
        "location": "Berlin",
        "bio": None,
        "websiteUrl": None,
        "twitterUsername": None,
        "isHireable": False,
        "createdAt": "2015-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
        "url": f"https://github.com/{login}",
        "followers": {"totalCount": 12},
        "email": f"{login}@mail.example",
        **changes,
    }


@dataclass
class World:
    """The server. `troubles` are tried in order before each answer; one that strikes is used up."""

    repos: Sequence[FakeRepo] = ()
    people: Sequence[dict[str, Any]] = ()
    clock: StillClock = field(default_factory=StillClock)
    troubles: list[Trouble] = field(default_factory=list)
    route: Trouble = lambda request: None
    """Asked before `troubles`, and never used up."""
    headers: dict[str, str] = field(default_factory=dict)
    """Added to every answer."""
    errors: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Id of a repository or person -> errors in place of it."""
    heaviest: int = 1000
    """Documents with more histories than this time out."""
    requests: list[httpx.Request] = field(default_factory=list)
    points: int = 0

    @property
    def documents(self) -> list[str]:
        """The kind of each GraphQL document that arrived: History, Search, ..."""
        bodies = [json.loads(request.content) for request in self.requests if request.method == "POST"]
        return [body["query"].split("(")[0].split()[1] for body in bodies]

    @property
    def paths(self) -> list[str]:
        """The REST paths that were asked for."""
        return [request.url.path for request in self.requests if request.method == "GET"]

    def variables(self, kind: str) -> list[dict[str, Any]]:
        """The variables of each document of that kind."""
        bodies = [json.loads(request.content) for request in self.requests if request.method == "POST"]
        return [body["variables"] for body in bodies if body["query"].lstrip().startswith(f"query {kind}(")]

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        routed = self.route(request)
        if routed is not None:
            return routed
        for trouble in list(self.troubles):
            try:
                answer = trouble(request)
            except httpx.HTTPError:
                self.troubles.remove(trouble)
                raise
            if answer is not None:
                self.troubles.remove(trouble)
                return answer
        if request.method == "GET":
            return httpx.Response(404, json={"message": "Not Found"}, headers=self.headers)
        body = json.loads(request.content)
        answers = {
            "History": self.answer_history,
            "Profiles": self._profiles,
            "Search": self._search,
            "Count": self._count,
        }
        kind = body["query"].split("(")[0].split()[1]
        return answers[kind](body["variables"]) if kind in answers else self._answer({}, [], cost=1)

    def answer_history(self, variables: dict[str, Any]) -> httpx.Response:
        """The answer to a `History` document with these variables."""
        data: dict[str, Any] = {}
        errors: list[dict[str, Any]] = []
        count = sum(name.startswith("id") for name in variables)
        if sum(f"first{i}" in variables for i in range(count)) > self.heaviest:
            return timed_out()
        for i in range(count):
            found = next((repo for repo in self.repos if repo.id == variables[f"id{i}"]), None)
            wrong = self.errors.get(variables[f"id{i}"], [] if found else [not_found()])
            data[f"p{i}"] = None
            if found is None or wrong:
                errors += [{**error, "path": [f"p{i}", *error.get("path", [])]} for error in wrong]
                continue
            self.clock.advance(found.seconds_each)
            node = {"__typename": "Repository", "defaultBranchRef": None, **evidence()}
            if found.commits and f"first{i}" in variables:
                page = _history_page(found, variables[f"first{i}"], variables[f"after{i}"], variables["since"])
                node["defaultBranchRef"] = {"target": {"history": page}}
            data[f"p{i}"] = node
        return self._answer(data, errors, cost=max(1, (3 * count + 50) // 100))

    def _profiles(self, variables: dict[str, Any]) -> httpx.Response:
        by_id = {person["id"]: person for person in self.people}
        by_login = {person["login"].lower(): person for person in self.people if person["__typename"] == "User"}
        ids = variables.get("ids", [])
        data: dict[str, Any] = {"nodes": [by_id.get(id_) for id_ in ids]} if ids else {}
        errors = [{**not_found(), "path": ["nodes", i]} for i, id_ in enumerate(ids) if id_ not in by_id]
        for i in range(sum(name.startswith("login") for name in variables)):
            data[f"u{i}"] = by_login.get(variables[f"login{i}"].lower())
            if data[f"u{i}"] is None:
                errors.append({**not_found(), "path": [f"u{i}"]})
        return self._answer(data, errors, cost=1)

    def _search(self, variables: dict[str, Any]) -> httpx.Response:
        found = matching(self.repos, variables["q"])
        start = int(variables["after"] or 0)
        stop = min(start + variables["first"], len(found), 1000)
        has_next = stop < min(len(found), 1000)
        search = {
            "repositoryCount": len(found),
            "pageInfo": {"hasNextPage": has_next, "endCursor": str(stop)},
            "nodes": [_repository(repo) for repo in found[start:stop]],
        }
        return self._answer({"search": search}, [], cost=1)

    def _count(self, variables: dict[str, Any]) -> httpx.Response:
        data = {
            f"c{i}": {"repositoryCount": len(matching(self.repos, variables[f"q{i}"]))} for i in range(len(variables))
        }
        return self._answer(data, [], cost=1)

    def _answer(self, data: dict[str, Any], errors: list[dict[str, Any]], *, cost: int) -> httpx.Response:
        self.points += cost
        rate = {
            "limit": 5000,
            "cost": cost,
            "used": self.points,
            "remaining": 5000 - self.points,
            "resetAt": f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        body: dict[str, Any] = {"data": {"rateLimit": rate, **data}}
        if errors:
            body["errors"] = errors
        return httpx.Response(200, json=body, headers=self.headers)


def client(
    world: World,
    *,
    cache: ResponseCache | None = None,
    meter: Meter | None = None,
    tokens: int = 1,
    key: str = TOKEN,
    serve: Callable[[httpx.Request], Coroutine[None, None, httpx.Response]] | None = None,
) -> GitHub:
    """A client of `world`, with keys that differ in their last digit; `serve` in place of the world's own handler."""
    return GitHub(
        [Secret(f"{key}{n or ''}") for n in range(tokens)],
        clock=world.clock,
        cache=FakeCache() if cache is None else cache,
        meter=meter or Meter(),
        rest_url=HOST,
        graphql_url=f"{HOST}/graphql",
        rng=random.Random(7),
        transport=httpx.MockTransport(serve or world.handle),
    )


def once(response: httpx.Response | Exception, *, when: str = "") -> Trouble:
    """Answers the next request (whose content or path has `when` in it) with `response`, or raises it."""

    def trouble(request: httpx.Request) -> httpx.Response | None:
        if when not in request.content.decode() + request.url.path:
            return None
        if isinstance(response, Exception):
            raise response
        return response

    return trouble


def timed_out() -> httpx.Response:
    message = "Something went wrong while executing your query. This may be the result of a timeout."
    return httpx.Response(502, json={"data": None, "errors": [{"message": message}]})


def not_found() -> dict[str, Any]:
    return {"type": "NOT_FOUND", "message": "Could not resolve to a node."}


def evidence(**changes: Any) -> dict[str, Any]:
    """The part of a `Repository` that shows who maintains it."""
    merged = f"{NOON - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    pull = {
        "mergedAt": merged,
        "author": {"__typename": "User", "login": "dev1"},
        "mergedBy": {"__typename": "User", "login": "dev0"},
    }
    return {
        "releases": {"nodes": [{"author": {"__typename": "User", "login": "dev0"}}]},
        "pullRequests": {"nodes": [pull]},
        "githubOwners": None,
        "rootOwners": {"text": "* @dev0 @org/team\n"},
        "docsOwners": None,
        **changes,
    }


def matching(repos: Sequence[FakeRepo], query: str) -> list[FakeRepo]:
    """The repositories whose stars and date of creation fit the qualifiers of `query`, most stars first."""
    words = dict(word.partition(":")[::2] for word in query.split())
    low, high = _range(words.get("stars", ">=0"), int)
    begin, end = _range(words.get("created", ">=1970-01-01T00:00:00Z"), _epoch)
    found = [repo for repo in repos if low <= repo.stars <= high and begin <= repo.created_at <= end]
    return sorted(found, key=lambda repo: (-repo.stars, repo.id))


def _range(text: str, parse: Callable[[str], int]) -> tuple[float, float]:
    if text.startswith(">="):
        return parse(text[2:]), float("inf")
    if text.startswith("<="):
        return float("-inf"), parse(text[2:])
    low, _, high = text.partition("..")
    return parse(low), parse(high or low)


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _history_page(repo: FakeRepo, first: int, after: str | None, since: str) -> dict[str, Any]:
    commits = [repo.commit(n) for n in range(repo.commits) if repo.commit(n)["committedDate"] >= since]
    start = int(after.split()[1]) + 1 if after else 0
    stop = min(start + first, len(commits))
    head = repo.commit(0)["oid"]
    return {
        "totalCount": len(commits),
        "pageInfo": {"hasNextPage": stop < len(commits), "endCursor": f"{head} {stop - 1}" if stop else None},
        "nodes": commits[start:stop],
    }


def _repository(repo: FakeRepo) -> dict[str, Any]:
    return {
        "__typename": "Repository",
        "id": repo.id,
        "nameWithOwner": repo.full_name,
        "url": f"https://github.com/{repo.full_name}",
        "description": "A tool",
        "stargazerCount": repo.stars,
        "forkCount": 1,
        "pushedAt": "2026-11-01T00:00:00Z",
        "isArchived": False,
        "isFork": False,
        "owner": {"__typename": "Organization", "login": repo.full_name.split("/")[0]},
        "primaryLanguage": {"name": "Python"},
        "licenseInfo": {"spdxId": "MIT"},
        "repositoryTopics": {"nodes": [{"topic": {"name": "testing"}}]},
    }
