"""The client against the built-in GitHub, over real sockets: complete, cheap, and the same whatever goes wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import pytest

from cmo.clock import ScaledClock
from cmo.config.secrets import Secret
from cmo.domain.lead import Repo, RepoActivity, RepoRef
from cmo.errors import ProviderUnavailable, RateLimited
from cmo.providers.github import GitHub
from cmo.providers.ports import Meter, PersonKey, RepoQuery
from cmo.sandbox import FaultKind, FaultPlan, FaultRule, Sandbox, SandboxSettings, World, start_sandbox
from cmo.sandbox.node_ids import node_id
from cmo.sandbox.search import SearchIndex, parse_query
from tests.fakes.cache import FakeCache

START = datetime(2026, 11, 17, 9, tzinfo=UTC)
SINCE = START - timedelta(days=90)
QUERY = RepoQuery(language="python", stars_low=100, stars_high=2000)
PAGE = 100
T = TypeVar("T")
P = ParamSpec("P")


@pytest.fixture(scope="module")
def world() -> World:
    """Made once: it never changes."""
    return World(anchor_at=START)


@dataclass
class Bench:
    """A client at a running sandbox, and what it keeps."""

    sandbox: Sandbox
    clock: ScaledClock
    cache: FakeCache = field(default_factory=FakeCache)
    meter: Meter = field(default_factory=Meter)
    limits_met: list[RateLimited] = field(default_factory=list)
    graphql_path: str = "/graphql"

    def client(self) -> GitHub:
        return GitHub(
            [Secret(token) for token in self.sandbox.settings.tokens],
            clock=self.clock,
            cache=self.cache,
            meter=self.meter,
            rest_url=self.sandbox.github_url,
            graphql_url=self.sandbox.github_url + self.graphql_path,
            rng=random.Random(7),
        )

    async def patiently(self, act: Callable[P, Awaitable[T]], *args: P.args, **named: P.kwargs) -> T:
        """As the executor does it: wait where told to, and try again."""
        while True:
            try:
                return await act(*args, **named)
            except RateLimited as exc:
                self.limits_met.append(exc)
                await self.clock.sleep(exc.retry_after_s)
            except ProviderUnavailable:
                await self.clock.sleep(30)

    async def search(self, github: GitHub, count: int) -> list[Repo]:
        found: list[Repo] = []
        cursor: dict[str, Any] | None = None
        while len(found) < count:
            page = await self.patiently(github.search_repos, QUERY, cursor=cursor, limit=count - len(found))
            found += page.repos
            cursor = page.cursor
            if cursor is None:
                break
        return found

    async def activities(self, github: GitHub, repos: list[Repo]) -> list[RepoActivity]:
        refs = [RepoRef(id=repo.id, full_name=repo.full_name) for repo in repos]
        found: list[RepoActivity] = []
        for start in range(0, len(refs), PAGE):
            found += await self.patiently(github.fetch_activity, refs[start : start + PAGE], since=SINCE)
        return found

    async def profiles(self, github: GitHub, activities: list[RepoActivity]) -> list[dict[str, Any]]:
        seen = {sighting.login: sighting.user_id for activity in activities for sighting in activity.sightings}
        keys = [PersonKey(login=login, user_id=user_id) for login, user_id in seen.items() if login]
        found: list[dict[str, Any]] = []
        for start in range(0, len(keys), PAGE):
            profiles, failures = await self.patiently(github.fetch_profiles, keys[start : start + PAGE])
            found += [profile.model_dump(exclude={"fetched_at"}) for profile in profiles]
            found += [failure.model_dump() for failure in failures]
        return found


@pytest.fixture
def bench(world: World) -> Iterator[Callable[..., Bench]]:
    """Makes benches; closes their sandboxes."""
    running: list[Sandbox] = []

    def make(**settings: Any) -> Bench:
        clock = ScaledClock(START, speed=20_000.0)
        running.append(start_sandbox(SandboxSettings(anchor_at=START, **settings), clock=clock, world=world))
        return Bench(running[-1], clock)

    yield make
    for sandbox in running:
        sandbox.stop()


def bare(activities: list[RepoActivity]) -> list[dict[str, Any]]:
    return [activity.model_dump(exclude={"fetched_at"}) for activity in activities]


async def discover(bench: Bench, count: int) -> tuple[list[RepoActivity], list[dict[str, Any]]]:
    """Search, histories, profiles."""
    async with bench.client() as github:
        repos = await bench.search(github, count)
        activities = await bench.activities(github, repos)
        return activities, await bench.profiles(github, activities)


def test_three_hundred_histories_and_all_their_people_cost_a_few_dozen_points(bench: Callable[..., Bench]) -> None:
    a = bench()
    activities, people = asyncio.run(discover(a, 300))
    totals = a.sandbox.books.totals()
    assert len(activities) == 300
    assert len(people) > 1500
    assert totals.graphql_points == a.meter.snapshot()["github_points"] <= 70
    assert (totals.rest_requests, totals.refused, totals.made_while_limited) == (0, 0, 0)


def test_heavy_faults_change_the_cost_and_nothing_else(bench: Callable[..., Bench]) -> None:
    calm, rough = bench(), bench(faults=FaultPlan.named("heavy"))
    activities, people = asyncio.run(discover(calm, 120))
    again, same_people = asyncio.run(discover(rough, 120))
    assert bare(again) == bare(activities)
    assert same_people == people
    assert rough.sandbox.books.totals().made_while_limited == 0
    assert any(entry.fault for entry in rough.sandbox.books.entries)


def test_an_hour_without_points_is_waited_for_and_nothing_is_read_twice(bench: Callable[..., Bench]) -> None:
    a, free = bench(graphql_limit=6), bench()
    activities, people = asyncio.run(discover(a, 120))
    expected, same_people = asyncio.run(discover(free, 120))
    totals = a.sandbox.books.totals()
    assert (bare(activities), people) == (bare(expected), same_people)
    assert (totals.made_while_limited, totals.refused) == (0, 0)
    assert {exc.resource for exc in a.limits_met} == {"graphql"}
    assert totals.graphql_points <= free.sandbox.books.totals().graphql_points + 2


def test_a_small_limit_is_used_to_its_last_point_and_not_beyond(bench: Callable[..., Bench]) -> None:
    a = bench(graphql_limit=3)

    async def act() -> None:
        async with a.client() as github:
            for topic in ("ci", "llm", "pytest"):
                await github.search_repos(RepoQuery(topic=topic), cursor=None, limit=10)
            with pytest.raises(RateLimited):
                await github.search_repos(RepoQuery(topic="testing"), cursor=None, limit=10)

    asyncio.run(act())
    assert (a.sandbox.books.totals().requests, a.sandbox.books.totals().refused) == (3, 0)


def test_a_restart_in_the_hour_without_points_sends_nothing(bench: Callable[..., Bench]) -> None:
    a = bench(graphql_limit=1)

    async def act() -> None:
        async with a.client() as github:
            await github.search_repos(QUERY, cursor=None, limit=10)
        for _ in range(3):
            async with a.client() as github:
                with pytest.raises(RateLimited):
                    await github.search_repos(RepoQuery(topic="ci"), cursor=None, limit=10)

    asyncio.run(act())
    assert a.sandbox.books.totals().requests == 1


def test_a_killed_job_goes_on_without_asking_for_anything_twice(bench: Callable[..., Bench]) -> None:
    killed, whole = bench(), bench()

    async def stop_and_go() -> list[RepoActivity]:
        async with killed.client() as github:
            repos = await killed.search(github, 150)
            work = asyncio.ensure_future(killed.activities(github, repos))
            while killed.sandbox.books.totals().requests < 6:
                await asyncio.sleep(0.01)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        async with killed.client() as github:
            return await killed.activities(github, repos)

    async def at_once() -> list[RepoActivity]:
        async with whole.client() as github:
            return await whole.activities(github, await whole.search(github, 150))

    assert bare(asyncio.run(stop_and_go())) == bare(asyncio.run(at_once()))
    spent, needed = (bench.sandbox.books.totals().graphql_points for bench in (killed, whole))
    assert spent <= needed + 3  # what was under way, and batches of other sizes


def test_a_second_job_of_the_day_asks_for_nothing(bench: Callable[..., Bench]) -> None:
    a = bench()
    first = asyncio.run(discover(a, 100))
    requests = a.sandbox.books.totals().requests
    assert asyncio.run(discover(a, 100)) == first
    assert a.sandbox.books.totals().requests == requests


def test_all_of_a_search_past_a_thousand_is_found_once(bench: Callable[..., Bench], world: World) -> None:
    a = bench()

    async def act() -> list[Repo]:
        async with a.client() as github:
            return await a.search(github, 5000)

    found = [repo.full_name for repo in asyncio.run(act())]
    asked = parse_query("language:python archived:false fork:false stars:100..2000 sort:stars-desc")
    listed = SearchIndex(world).repos(asked)
    assert found == [repo.full_name for repo in listed if not repo.deleted]
    assert a.meter.snapshot()["github_points"] <= len(listed) / 100 * 1.2 + 2


def test_a_token_without_scopes_gets_the_same_addresses_by_rest_and_unchanged_ones_free(
    bench: Callable[..., Bench],
) -> None:
    poor, rich = bench(scopes=()), bench()

    async def addresses(bench: Bench) -> set[tuple[str, str]]:
        async with bench.client() as github:
            activities = await bench.activities(github, await bench.search(github, 30))
            people = await bench.profiles(github, activities)
            return {(person["login"], person["email"]) for person in people if person.get("email")}

    assert asyncio.run(addresses(poor)) == asyncio.run(addresses(rich))
    requests = poor.sandbox.books.totals().rest_cost
    poor.clock.advance(8 * 86_400)
    asyncio.run(addresses(poor))
    totals = poor.sandbox.books.totals()
    assert totals.rest_cost == requests > 0
    assert totals.unconditional_repeats == 0


def test_addresses_are_those_of_the_world(bench: Callable[..., Bench], world: World) -> None:
    _, people = asyncio.run(discover(bench(), 40))
    checked = 0
    for person in people:
        account = world.population.find_person(person.get("login", ""))
        if account is not None:
            checked += 1
            assert (person["email"] or "") == (account.profile_email or "").lower()
    assert checked > 100


def test_every_kind_of_fault_in_turn_is_survived(bench: Callable[..., Bench]) -> None:
    kinds = [kind for kind in FaultKind if not kind.startswith("dns")]
    rules = tuple(FaultRule(kind=kind, nth=(n,), most=1) for n, kind in enumerate(kinds, start=1))
    rough, calm = bench(faults=FaultPlan(rules)), bench()
    activities, people = asyncio.run(discover(rough, 60))
    expected, same_people = asyncio.run(discover(calm, 60))
    assert (bare(activities), people) == (bare(expected), same_people)
    assert rough.sandbox.books.totals().made_while_limited == 0
    assert sum(bool(entry.fault) for entry in rough.sandbox.books.entries) >= 10


def test_a_server_without_graphql_gives_the_same_people_by_rest(bench: Callable[..., Bench]) -> None:
    only_rest, usual = bench(faults=FaultPlan.named("heavy")), bench()
    only_rest.graphql_path = "/nothing/here"
    activities, people = asyncio.run(discover(only_rest, 40))
    expected, same_people = asyncio.run(discover(usual, 40))
    known = {activity.repo.id: activity for activity in expected}  # search by REST also lists what was deleted
    pairs = [(activity, known[activity.repo.id]) for activity in activities if activity.repo.id in known]
    assert len(pairs) > 30
    for found, same in pairs:
        assert (found.sightings, found.state, found.codeowners) == (same.sightings, same.state, same.codeowners)
    addresses = {person.get("login"): person.get("email") for person in same_people}
    assert all(
        person["email"] == addresses.get(person["login"], person["email"]) for person in people if "email" in person
    )
    assert only_rest.sandbox.books.totals().made_while_limited == 0


def test_a_long_search_works_by_rest_too(bench: Callable[..., Bench], world: World) -> None:
    a = bench()
    a.graphql_path = "/nothing/here"

    async def act() -> list[Repo]:
        async with a.client() as github:
            return await a.search(github, 1500)

    listed = SearchIndex(world).repos(parse_query("language:python archived:false stars:100..2000 sort:stars-desc"))
    assert [repo.id for repo in asyncio.run(act())] == [node_id(repo) for repo in listed[:1500]]
