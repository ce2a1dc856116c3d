"""Sending: limits are kept, passing failures are tried again, lasting ones are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest

from cmo.errors import AuthRejected, ConfigError, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.github import GitHub
from cmo.providers.github.limits import Kind
from cmo.providers.ports import Meter, PersonKey
from tests.fakes.cache import FakeCache
from tests.fakes.clock import NOON, StillClock
from tests.providers.github.world import TOKEN, Trouble, World, client, once, user

T = TypeVar("T")
SECONDARY = {"message": "You have exceeded a secondary rate limit."}
ANN = [PersonKey(login="ann", user_id="U_ann")]


def run(github: GitHub, act: Callable[[GitHub], Awaitable[T]]) -> T:
    async def inside() -> T:
        async with github:
            return await act(github)

    return asyncio.run(inside())


def ask(world: World, *, path: str = "", **options: Any) -> object:
    """Profiles by GraphQL or, with `path`, that path by REST."""
    return run(client(world, **options), lambda g: g.get(path) if path else g.fetch_profiles(ANN))


def people(*troubles: Trouble, **fields: Any) -> World:
    return World(people=[user("ann")], troubles=list(troubles), **fields)


def spent(remaining: int, *, limit: int = 5000, resource: str = "core", in_s: int = 900) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(NOON.timestamp()) + in_s),
        "x-ratelimit-resource": resource,
    }


def test_a_primary_limit_is_raised_with_its_wait_and_not_tested_by_requests() -> None:
    world, cache = people(once(httpx.Response(403, json={}, headers=spent(0)))), FakeCache()
    with pytest.raises(RateLimited) as caught:
        ask(world, path="/meta", cache=cache)
    assert (caught.value.resource, caught.value.retry_after_s, caught.value.provider) == ("core", 901, "github")
    with pytest.raises(RateLimited):
        ask(world, path="/meta", cache=cache)
    assert len(world.requests) == 1


def test_a_limit_that_another_process_met_is_respected_at_once() -> None:
    world, cache = people(), FakeCache()
    other = people(once(httpx.Response(403, json=SECONDARY)))

    async def act(github: GitHub) -> None:
        await github.get("/meta")
        async with client(other, cache=cache) as process:
            with pytest.raises(RateLimited):
                await process.get("/meta")
        with pytest.raises(RateLimited):
            await github.get("/versions")

    run(client(world, cache=cache), act)
    assert len(world.requests) == 1


def test_gates_of_another_version_are_ignored() -> None:
    world, cache = people(), FakeCache()
    with pytest.raises(RateLimited):
        ask(people(once(httpx.Response(403, json=SECONDARY))), path="/meta", cache=cache)
    cache.answers = {key: kept.model_copy(update={"body": "[]"}) for key, kept in cache.answers.items()}
    ask(world, path="/meta", cache=cache)
    assert len(world.requests) == 1


def test_after_the_wait_requests_go_on() -> None:
    world, cache = people(once(httpx.Response(403, json={}, headers=spent(0)))), FakeCache()
    with pytest.raises(RateLimited) as caught:
        ask(world, path="/meta", cache=cache)
    world.clock.advance(caught.value.retry_after_s)
    ask(world, path="/meta", cache=cache)
    assert len(world.requests) == 2


def test_a_limit_on_rest_does_not_stop_graphql_but_a_secondary_one_stops_both() -> None:
    world = people(once(httpx.Response(403, json={}, headers=spent(0))))
    github = client(world)

    async def act(github: GitHub) -> None:
        with pytest.raises(RateLimited, match="core"):
            await github.get("/meta")
        await github.fetch_profiles(ANN)
        world.troubles.append(once(httpx.Response(403, json=SECONDARY)))
        for _ in range(2):
            with pytest.raises(RateLimited, match="secondary"):
                await github.fetch_profiles([PersonKey(login="ben")])

    run(github, act)
    assert len(world.requests) == 3


def test_a_short_wait_is_sat_out() -> None:
    world = people(once(httpx.Response(429, json={}, headers={"retry-after": "1"})))
    ask(world)
    assert world.clock.slept_s == [2.0]


def test_short_waits_again_and_again_are_not() -> None:
    refusal = httpx.Response(429, json={}, headers={"retry-after": "1"})
    world = people(*[once(refusal)] * 9)
    with pytest.raises(RateLimited):
        ask(world)
    assert len(world.requests) == 2


def test_an_account_that_is_always_refused_is_given_up() -> None:
    world, cache = people(route=lambda request: httpx.Response(403, json=SECONDARY)), FakeCache()
    waits: list[float] = []

    async def act(github: GitHub) -> None:
        while True:
            try:
                await github.fetch_profiles(ANN)
            except RateLimited as exc:
                waits.append(exc.retry_after_s)
                world.clock.advance(exc.retry_after_s)

    with pytest.raises(ProviderRejected, match="in a row"):
        run(client(world, cache=cache), act)
    assert waits == [61, 121, 241, 481, 961, 1921]


def test_the_last_requests_of_a_limit_are_left_unused() -> None:
    world, cache = people(headers=spent(50)), FakeCache()
    ask(world, path="/meta", cache=cache)
    for _ in range(2):
        with pytest.raises(RateLimited, match="core"):
            ask(world, path="/versions", cache=cache)
    assert len(world.requests) == 1


def test_points_that_a_query_says_are_left_are_kept_to() -> None:
    world = people()
    world.points = 4949
    github = client(world)

    async def act(github: GitHub) -> None:
        await github.fetch_profiles(ANN)
        with pytest.raises(RateLimited) as caught:
            await github.fetch_profiles([PersonKey(login="ben")])
        assert (caught.value.resource, caught.value.retry_after_s) == ("graphql", 3601)

    run(github, act)
    assert len(world.requests) == 1


def test_all_workers_stop_at_the_first_refusal() -> None:
    world = people(once(httpx.Response(403, json=SECONDARY, headers=spent(4000))))

    async def act(github: GitHub) -> list[object]:
        return await asyncio.gather(*(github.get(f"/orgs/{n}") for n in range(20)), return_exceptions=True)

    outcomes = run(client(world), act)
    assert all(isinstance(outcome, RateLimited) for outcome in outcomes)
    assert len(world.requests) == 1


def test_the_first_request_goes_alone_until_it_is_known_what_is_left() -> None:
    world = people(headers=spent(0, limit=60))

    async def slow(request: httpx.Request) -> httpx.Response:
        answer = await world.handle(request)
        for _ in range(5):
            await asyncio.sleep(0)
        return answer

    async def act(github: GitHub) -> list[object]:
        return await asyncio.gather(*(github.get(f"/orgs/{n}") for n in range(9)), return_exceptions=True)

    outcomes = run(client(world, serve=slow), act)
    assert len(world.requests) == 1
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 8


def test_no_more_than_three_requests_are_in_flight() -> None:
    world, most, now = people(), 0, 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        return await world.handle(request)

    github = client(world, serve=slow)

    async def act(github: GitHub) -> None:
        await asyncio.gather(*(github.get(f"/orgs/{n}") for n in range(20)))

    run(github, act)
    assert most == 3


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("truncated"),
        httpx.Response(500, json={"error": "Server Error"}),
        httpx.Response(503, text="<html>Unicorn!</html>"),
        httpx.Response(200, text='{"data": {"rate'),
        httpx.Response(200, json={"data": None}),
        httpx.Response(502, text="<html>"),
    ],
    ids=["connect", "reset", "truncated", "500", "503", "malformed", "no_data", "502_glitch"],
)
def test_a_passing_failure_is_tried_again_after_a_pause(failure: httpx.Response | Exception) -> None:
    world = people(once(failure))
    profiles, failed = run(client(world), lambda g: g.fetch_profiles(ANN))
    assert (len(profiles), failed, len(world.requests)) == (1, (), 2)
    assert 0 < sum(world.clock.slept_s) <= 1


def test_pauses_grow_with_full_jitter_and_end_in_an_error() -> None:
    world = people(route=lambda request: httpx.Response(500, json={}))
    with pytest.raises(ProviderUnavailable, match="HTTP 500") as caught:
        ask(world, path="/meta")
    assert len(world.requests) == 5
    assert all(0 < slept < ceiling for slept, ceiling in zip(world.clock.slept_s, (1, 2, 4, 8), strict=True))
    assert len(set(world.clock.slept_s)) == 4
    assert caught.value.hint


def test_a_server_that_says_when_to_come_back_is_obeyed() -> None:
    world = people(once(httpx.Response(503, headers={"retry-after": "15"})))
    ask(world)
    assert world.clock.slept_s == [15.0]


def test_a_refused_key_is_told_with_the_way_out_and_not_tried_again() -> None:
    world = people(once(httpx.Response(401, json={"message": "Bad credentials"})))
    with pytest.raises(AuthRejected) as caught:
        ask(world)
    assert "cmo auth set github" in caught.value.hint
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "path"),
    [(httpx.Response(400, json={"message": f"odd {TOKEN}"}), ""), (httpx.ConnectError(TOKEN), "/meta")],
    ids=["refused", "unreachable"],
)
def test_no_error_shows_the_key(trouble: httpx.Response | Exception, path: str) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(people(*[once(trouble)] * 9), path=path)
    assert TOKEN not in str(caught.value) + caught.value.hint + str(caught.value.details)


@pytest.mark.parametrize(("key", "count"), [(TOKEN, 0), ("two words", 1), ("ümlaut", 1), ("line\nbreak", 1)])
def test_what_cannot_be_a_key_is_a_matter_of_configuration(key: str, count: int) -> None:
    with pytest.raises(ConfigError) as caught:
        client(World(), key=key, tokens=count)
    assert "cmo auth set github" in caught.value.hint


def test_requests_say_who_we_are_and_which_version_we_speak() -> None:
    world = people()
    ask(world, path="/meta")
    headers = world.requests[0].headers
    assert headers["user-agent"].startswith("cmo/")
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["authorization"] == f"Bearer {TOKEN}"


def test_every_request_is_counted_with_its_points() -> None:
    world, meter = people(once(httpx.Response(500, json={}), when="/meta")), Meter()

    async def act(github: GitHub) -> None:
        await github.fetch_profiles(ANN)
        await github.get("/meta")

    run(client(world, meter=meter), act)
    counted = meter.snapshot()
    assert (counted["api_calls"], counted["github_api_calls"], counted["github_rest_calls"]) == (3, 3, 2)
    assert counted["github_points"] == world.points == 1


def test_requests_slow_down_before_a_minutes_processing_is_used_up() -> None:
    world = people()

    async def slow(request: httpx.Request) -> httpx.Response:
        world.clock.advance(4.0)
        return await world.handle(request)

    github = client(world, serve=slow)
    ended: list[float] = []

    async def act(github: GitHub) -> None:
        for n in range(40):
            await github.fetch_profiles([PersonKey(login=f"dev{n}")])
            ended.append(world.clock.monotonic())

    run(github, act)
    assert all(sum(4 for other in ended if end - 60 < other <= end) <= 52 for end in ended)


def several(world: World, logins: dict[str, str]) -> list[str]:
    """Answers `GET /user` by key; returns the list that fills with the key of every other request."""
    used: list[str] = []

    def route(request: httpx.Request) -> httpx.Response | None:
        key = request.headers["authorization"].removeprefix(f"Bearer {TOKEN}")
        if request.url.path == "/user":
            return httpx.Response(200, json={"login": logins[key]})
        used.append(key)
        return None

    world.route = route
    return used


def test_several_accounts_take_turns() -> None:
    world = people()
    used = several(world, {"": "ann", "1": "ben"})

    async def act(github: GitHub) -> None:
        for n in range(4):
            await github.fetch_profiles([PersonKey(login=f"dev{n}")])

    run(client(world, tokens=2), act)
    assert sorted(used) == ["", "", "1", "1"]


def test_an_account_at_its_limit_leaves_the_work_to_the_other() -> None:
    world = people()
    several(world, {"": "ann", "1": "ben"})
    world.troubles.append(once(httpx.Response(403, json=SECONDARY), when="Profiles"))
    ask(world, tokens=2)
    assert [request.headers["authorization"][-1] for request in world.requests][-2:] in (["f", "1"], ["1", "f"])


def test_two_keys_of_one_account_share_its_limit() -> None:
    world = people()
    several(world, {"": "ann", "1": "ann"})
    world.troubles.append(once(httpx.Response(403, json=SECONDARY), when="Profiles"))
    with pytest.raises(RateLimited):
        ask(world, tokens=2)
    assert world.documents == ["Profiles"]


def test_keys_of_one_account_put_together_what_each_was_told() -> None:
    world = people()
    several(world, {"": "ann", "1": "ann", "2": "ben"})
    world.headers = spent(4000)

    async def act(github: GitHub) -> list[int]:
        await github.get("/meta")
        return [budget.remaining for budget in github.budgets()]

    original, left = world.route, iter((3000, 2000, 1000))

    def route(request: httpx.Request) -> httpx.Response | None:
        answer = original(request)
        return httpx.Response(200, json=answer.json(), headers=spent(next(left))) if answer else None

    world.route = route
    assert run(client(world, tokens=3), act) == [2000, 1000]


def test_a_clock_that_was_moved_does_not_lock_anybody_out() -> None:
    cache = FakeCache()
    with pytest.raises(RateLimited):
        ask(people(once(httpx.Response(403, json=SECONDARY))), cache=cache)
    later = people(clock=StillClock(NOON - timedelta(days=1)))
    ask(later, cache=cache)
    assert len(later.requests) == 1


def test_rest_pages_that_lead_to_another_server_are_not_followed() -> None:
    with pytest.raises(ProviderError, match="another server"):
        ask(people(), path="https://evil.example/x")


def test_an_unchanged_answer_is_read_from_memory_and_counted() -> None:
    seen: list[str | None] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("if-none-match"))
        if seen[-1] == 'W/"1"':
            return httpx.Response(304)
        links = {"etag": 'W/"1"', "link": '<https://api.github.com/x?page=2>; rel="next", <https://a/>; rel="last"'}
        return httpx.Response(200, json={"a": 1}, headers=links)

    world, cache, meter = people(*[serve] * 2), FakeCache(), Meter()
    first = run(client(world, cache=cache), lambda g: g.get("/meta"))
    again = run(client(world, cache=cache, meter=meter), lambda g: g.get("/meta"))
    assert (first.kind, first.value, first.next_url) == (Kind.OK, {"a": 1}, "https://api.github.com/x?page=2")
    assert again == first
    assert meter.snapshot()["github_not_modified"] == 1
    assert seen == [None, 'W/"1"']


def test_a_last_modified_date_serves_where_there_is_no_etag() -> None:
    stamp = "Fri, 20 Nov 2026 10:00:00 GMT"
    answers = [httpx.Response(200, json=1, headers={"last-modified": stamp}), httpx.Response(304)]
    world, cache = people(*[once(answer) for answer in answers]), FakeCache()
    for _ in range(2):
        assert run(client(world, cache=cache), lambda g: g.get("/meta")).value == 1
    assert world.requests[1].headers["if-modified-since"] == stamp


def test_half_a_search_is_not_kept_as_the_whole() -> None:
    half = {"incomplete_results": True, "items": []}
    answers = [httpx.Response(200, json=half, headers={"etag": '"1"'}), httpx.Response(200, json={"items": [1]})]
    world, cache = people(*[once(answer) for answer in answers]), FakeCache()
    for _ in range(2):
        ask(world, path="/search/repositories?q=x", cache=cache)
    assert "if-none-match" not in world.requests[1].headers


def test_another_key_does_not_send_this_ones_etag() -> None:
    answer = httpx.Response(200, json=1, headers={"etag": '"1"'})
    world, cache = people(once(answer), once(answer)), FakeCache()
    ask(world, path="/meta", cache=cache)
    other = client(world, cache=cache, key="another-key-0123456789")
    run(other, lambda g: g.get("/meta"))
    assert "if-none-match" not in world.requests[1].headers


def test_the_keys_are_not_in_the_cache() -> None:
    world, cache = people(once(httpx.Response(200, json=1, headers={"etag": '"1"'}), when="/meta")), FakeCache()
    ask(world, path="/meta", cache=cache)
    ask(world, cache=cache)
    with pytest.raises(RateLimited):
        ask(people(once(httpx.Response(403, json=SECONDARY))), path="/versions", cache=cache)
    kept = json.dumps({key: answer.model_dump(mode="json") for key, answer in cache.answers.items()})
    assert len(cache.answers) >= 3
    assert TOKEN not in kept


def test_a_query_that_the_server_calls_wrong_is_not_tried_again() -> None:
    world = people(once(httpx.Response(200, json={"errors": [{"extensions": {"code": "undefinedField"}}]})))
    with pytest.raises(ProviderRejected):
        ask(world)
    assert len(world.requests) == 1
