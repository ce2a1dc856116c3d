"""Searches of any size, page by page, at a point each."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import httpx
import pytest

from cmo.domain.lead import Repo
from cmo.errors import ProviderUnavailable
from cmo.providers.github import GitHub
from cmo.providers.ports import Meter, RepoQuery
from tests.fakes.cache import FakeCache
from tests.providers.github.world import FakeRepo, World, client, once, repo, timed_out

QUERY = RepoQuery(language="python", stars_low=100, stars_high=2000)


def crowd(count: int, *, stars: int | None = None, seed: int = 7) -> list[FakeRepo]:
    """Repositories with stars as they are spread on GitHub, or all with the same."""
    dice = random.Random(seed)
    law = (int(min(2000, 100 / (1 - dice.random()))) for _ in range(count))
    return [
        repo(n, stars=stars or next(law), created_at=dice.randrange(1_250_000_000, 1_790_000_000)) for n in range(count)
    ]


async def walk(
    github: GitHub, limit: int, *, query: RepoQuery = QUERY, cursor: dict[str, Any] | None = None, pages: int = 999
) -> tuple[list[Repo], dict[str, Any] | None]:
    """Read up to `limit` repositories in up to `pages` pages; the cursor goes through JSON in between."""
    found: list[Repo] = []
    for _ in range(pages):
        page = await github.search_repos(query, cursor=cursor, limit=limit - len(found))
        found += page.repos
        cursor = json.loads(json.dumps(page.cursor))
        if cursor is None or len(found) >= limit:
            break
    return found, cursor


def search(world: World, limit: int, **options: Any) -> list[Repo]:
    async def act() -> list[Repo]:
        async with client(world) as github:
            return (await walk(github, limit, **options))[0]

    return asyncio.run(act())


def test_a_small_search_costs_one_point_and_brings_its_count_along() -> None:
    world = World(repos=crowd(40))

    async def act() -> None:
        async with client(world) as github:
            page = await github.search_repos(QUERY, cursor=None, limit=600)
            assert (len(page.repos), page.matching, page.cursor) == (40, 40, None)
            assert page.query == "language:python archived:false fork:false stars:100..2000 sort:stars-desc"

    asyncio.run(act())
    assert (world.points, world.documents) == (1, ["Search"])


def test_a_thousand_are_paged_straight_through_however_many_match() -> None:
    world = World(repos=crowd(5000))
    found = search(world, 1000)
    assert world.documents == ["Search"] * 10
    assert [entry.stars for entry in found] == sorted((entry.stars for entry in world.repos), reverse=True)[:1000]


def test_the_last_page_asks_for_no_more_than_is_wanted() -> None:
    world = World(repos=crowd(300))
    assert len(search(world, 130)) == 130
    assert [variables["first"] for variables in world.variables("Search")] == [100, 30]


@pytest.mark.parametrize("count", [1001, 4000])
def test_more_than_a_thousand_are_all_found_once_most_stars_first(count: int) -> None:
    world = World(repos=crowd(count))
    found = search(world, count)
    assert sorted(entry.id for entry in found) == sorted(entry.id for entry in world.repos)
    assert [entry.stars for entry in found] == sorted((entry.stars for entry in found), reverse=True)


def test_slicing_adds_little_to_the_pages_that_are_needed_anyway() -> None:
    world = World(repos=crowd(6000))
    search(world, 6000)
    assert world.documents.count("Count") <= 2
    assert world.points <= 60 * 1.15


def test_a_thousand_with_one_star_count_are_divided_by_their_age() -> None:
    world = World(repos=crowd(2500, stars=100))
    found = search(world, 2500)
    assert {entry.id for entry in found} == {entry.id for entry in world.repos}
    assert len(found) == 2500


def test_dates_in_the_words_leave_only_the_first_thousand_of_one_star_count() -> None:
    world = World(repos=crowd(1500, stars=100))
    assert len(search(world, 1500, query=RepoQuery(text="created:>=2000-01-01T00:00:00Z", stars_low=100))) == 1000


@pytest.mark.parametrize("cut", [1, 10, 11, 24])
def test_a_killed_search_goes_on_from_its_cursor_and_repeats_nothing(cut: int) -> None:
    world, whole = World(repos=crowd(2600)), World(repos=crowd(2600))

    async def act() -> list[Repo]:
        async with client(world) as github:
            first, cursor = await walk(github, 2600, pages=cut)
        async with client(world) as github:
            rest, _ = await walk(github, 2600 - len(first), cursor=cursor)
        return first + rest

    assert [entry.id for entry in asyncio.run(act())] == [entry.id for entry in search(whole, 2600)]
    assert world.points == whole.points


def test_a_limit_raised_in_mid_search_still_finds_everything() -> None:
    world = World(repos=crowd(2600))

    async def act() -> list[Repo]:
        async with client(world) as github:
            first, cursor = await walk(github, 1000)
            rest, _ = await walk(github, 5000, cursor=cursor)
            return first + rest

    assert {entry.id for entry in asyncio.run(act())} == {entry.id for entry in world.repos}


def test_a_page_that_was_fetched_before_a_kill_costs_nothing_the_second_time() -> None:
    world, cache, meter = World(repos=crowd(300)), FakeCache(), Meter()

    async def act() -> None:
        for _ in range(2):
            async with client(world, cache=cache, meter=meter) as github:
                await github.search_repos(QUERY, cursor=None, limit=100)

    asyncio.run(act())
    assert (world.points, meter.snapshot()["cache_hits"]) == (1, 1)
    world.clock.advance(3601)
    asyncio.run(act())
    assert world.points == 2


def test_cursors_stay_small() -> None:
    world = World(repos=crowd(9000))

    async def act() -> int:
        async with client(world) as github:
            _, cursor = await walk(github, 9000, pages=2)
            return len(json.dumps(cursor))

    assert asyncio.run(act()) < 2000


def test_a_cursor_that_cannot_be_read_starts_over() -> None:
    world = World(repos=crowd(50))
    assert len(search(world, 50, cursor={"version": 99, "slices": "?"})) == 50


def test_entries_that_cannot_be_read_do_not_cost_the_page() -> None:
    world = World(repos=crowd(3))
    node = {"__typename": "Repository", "id": 5}
    search_ = {"repositoryCount": 2, "pageInfo": {"hasNextPage": False}, "nodes": [node, None]}
    world.troubles.append(once(httpx.Response(200, json={"data": {"search": search_}})))
    assert search(world, 50) == []


def test_a_page_that_times_out_is_asked_for_in_halves_and_stays_the_page_it_is() -> None:
    world, calm = (World(repos=crowd(300), troubles=[once(timed_out())] * n) for n in (2, 0))

    async def sizes(world: World) -> list[int]:
        async with client(world) as github:
            cursor: dict[str, Any] | None = None
            found: list[int] = []
            while not found or cursor is not None:
                page = await github.search_repos(QUERY, cursor=cursor, limit=300)
                cursor, found = page.cursor, [*found, len(page.repos)]
            return found

    assert asyncio.run(sizes(world)) == asyncio.run(sizes(calm)) == [100, 100, 100]
    assert [variables["first"] for variables in world.variables("Search")] == [100, 100, 50, 50, 100, 100]


def test_counts_that_time_out_are_asked_for_in_halves() -> None:
    world = World(repos=crowd(3000), troubles=[once(timed_out(), when="Count"), once(timed_out(), when="Count")])
    assert len(search(world, 3000)) == 3000


def test_a_search_that_always_times_out_is_an_outage() -> None:
    with pytest.raises(ProviderUnavailable):
        search(World(route=lambda request: timed_out()), 100)


def test_half_an_answer_is_not_taken_for_an_empty_search() -> None:
    broken_off = {"data": {"search": None}, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["search"]}]}
    world = World(repos=crowd(40), troubles=[once(httpx.Response(200, json=broken_off))])
    assert len(search(world, 40)) == 40
