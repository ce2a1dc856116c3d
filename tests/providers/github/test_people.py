"""Profiles: a hundred for a point, each kept for a week."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from cmo.domain.lead import ItemFailure, PersonProfile
from cmo.errors import ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.ports import Meter, PersonKey, ResponseCache
from tests.fakes.cache import FakeCache
from tests.providers.github.world import World, client, once, timed_out, user

SCOPES = {"errors": [{"type": "INSUFFICIENT_SCOPES", "message": "not been granted the required scopes"}]}
Outcome = tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]


def look_up(world: World, *keys: PersonKey, cache: ResponseCache | None = None, meter: Meter | None = None) -> Outcome:
    async def act() -> Outcome:
        async with client(world, cache=cache, meter=meter) as github:
            return await github.fetch_profiles(keys)

    return asyncio.run(act())


def by_id(*logins: str) -> list[PersonKey]:
    return [PersonKey(login=login, user_id=f"U_{login}") for login in logins]


def many(count: int) -> list[str]:
    return [f"dev{n}" for n in range(count)]


def rest_user(request: httpx.Request) -> httpx.Response | None:
    """`/users/{login}` of REST."""
    path, _, login = request.url.path.rpartition("/")
    if path != "/users":
        return None
    account = {"login": login, "node_id": f"U_{login}", "type": "User", "html_url": f"https://github.com/{login}"}
    return httpx.Response(200, json={**account, "email": f"{login}@rest.example"}, headers={"etag": f'"{login}"'})


def codes(failures: tuple[ItemFailure, ...]) -> dict[str, str]:
    return {failure.item: failure.code for failure in failures}


def test_a_hundred_people_cost_one_point() -> None:
    world, meter = World(people=[user(login) for login in many(100)]), Meter()
    profiles, failures = look_up(world, *by_id(*many(100)), meter=meter)
    assert ([profile.login for profile in profiles], failures) == (many(100), ())
    assert (world.points, len(world.requests), meter.snapshot()["github_points"]) == (1, 1, 1)


def test_people_known_by_id_and_by_login_share_a_document_and_keep_their_order() -> None:
    world = World(people=[user(login) for login in many(4)])
    keys = [PersonKey(login="dev3"), *by_id("dev1"), PersonKey(login="DEV0"), *by_id("dev2")]
    profiles, _ = look_up(world, *keys)
    assert [profile.login for profile in profiles] == ["dev3", "dev1", "dev0", "dev2"]
    assert len(world.requests) == 1


@pytest.mark.parametrize(("count", "asked"), [(33, True), (34, False)])
def test_more_counts_are_asked_for_only_while_they_are_free(count: int, asked: bool) -> None:
    world = World(people=[user(login) for login in many(count)])
    look_up(world, *by_id(*many(count)))
    assert (b"following" in world.requests[0].content) is asked


def test_whether_counts_are_asked_for_does_not_depend_on_what_is_kept() -> None:
    world, cache = World(people=[user(login) for login in many(40)]), FakeCache()
    look_up(world, *by_id(*many(39)), cache=cache)
    look_up(world, *by_id(*many(40)), cache=cache)
    assert b"following" not in world.requests[1].content


def test_who_cannot_be_had_is_told_apart_and_costs_the_others_nothing() -> None:
    world = World(
        people=[
            user("ann"),
            {"__typename": "Organization", "id": "U_acme", "login": "acme"},
            {"__typename": "Bot", "id": "U_app"},
            {"__typename": "Repository", "id": "U_repo"},
            {**user("odd"), "url": None},
        ]
    )
    world.people[2]["login"] = "app"
    world.people[3]["login"] = "repo"
    keys = by_id("ann", "acme", "app", "repo", "odd", "ghost", "dependabot[bot]")
    profiles, failures = look_up(world, *keys)
    assert [profile.login for profile in profiles] == ["ann"]
    assert codes(failures) == {
        "acme": "organisation",
        "app": "bot",
        "repo": "not_a_person",
        "odd": "malformed",
        "ghost": "not_found",
        "dependabot[bot]": "bot",
    }


def test_a_renamed_account_is_found_by_its_id_under_its_new_login() -> None:
    (profile,), failures = look_up(World(people=[user("new", id="U_old")]), *by_id("old"))
    assert (profile.login, profile.user_id, failures) == ("new", "U_old", ())


def test_a_login_that_is_none_is_not_asked_for() -> None:
    world = World()
    _, failures = look_up(world, PersonKey(login="no login"), PersonKey(login="ci[bot]"))
    assert codes(failures) == {"no login": "not_found", "ci[bot]": "bot"}
    assert world.requests == []


def test_a_profile_is_kept_for_a_week_under_id_and_login() -> None:
    world, cache, meter = World(people=[user("ann")]), FakeCache(), Meter()
    look_up(world, *by_id("ann"), cache=cache)
    world.clock.advance(6 * 86_400)
    profiles, _ = look_up(world, PersonKey(login="Ann"), cache=cache, meter=meter)
    assert (len(profiles), len(world.requests), meter.snapshot()) == (1, 1, {"cache_hits": 1})
    world.clock.advance(86_400)
    look_up(world, *by_id("ann"), cache=cache)
    assert len(world.requests) == 2


def test_who_is_gone_is_asked_for_again_the_next_day_only() -> None:
    world, cache = World(), FakeCache()
    for _ in range(2):
        assert codes(look_up(world, *by_id("ghost"), cache=cache)[1]) == {"ghost": "not_found"}
    assert len(world.requests) == 1
    world.clock.advance(86_400)
    look_up(world, *by_id("ghost"), cache=cache)
    assert len(world.requests) == 2


def test_a_kept_login_that_belongs_to_another_account_now_is_not_used() -> None:
    world, cache = World(people=[user("ann", id="U_2")]), FakeCache()
    look_up(world, PersonKey(login="ann"), cache=cache)
    _, failures = look_up(world, PersonKey(login="ann", user_id="U_1"), cache=cache)
    assert codes(failures) == {"ann": "not_found"}


def test_what_is_in_the_cache_of_another_version_is_read_anew() -> None:
    world, cache = World(people=[user("ann")]), FakeCache()
    look_up(world, *by_id("ann"), cache=cache)
    cache.answers = {key: kept.model_copy(update={"body": "{"}) for key, kept in cache.answers.items()}
    assert len(look_up(world, *by_id("ann"), cache=cache)[0]) == 1


def test_without_the_scope_the_address_comes_by_rest_and_the_document_fails_once() -> None:
    world = World(people=[user(login) for login in many(5)], troubles=[once(httpx.Response(200, json=SCOPES))])
    world.route = rest_user
    profiles, _ = look_up(world, *by_id(*many(5)))
    assert [profile.email for profile in profiles] == [f"dev{n}@rest.example" for n in range(5)]
    assert [b"email" in request.content for request in world.requests][:2] == [True, False]
    assert (len(world.documents), len(world.paths)) == (2, 5)


def test_a_token_that_says_it_lacks_the_scope_is_not_tried() -> None:
    world = World(people=[user("ann"), user("ben")], headers={"x-oauth-scopes": "repo, gist"}, route=rest_user)

    async def act() -> None:
        async with client(world) as github:
            await github.fetch_profiles(by_id("nobody"))
            world.requests.clear()
            await github.fetch_profiles(by_id("ann"))

    asyncio.run(act())
    assert b"email" not in world.requests[0].content


def test_a_refusal_for_scopes_that_has_nothing_to_do_with_addresses_is_told() -> None:
    world = World(route=lambda request: httpx.Response(200, json=SCOPES))
    with pytest.raises(ProviderRejected):
        look_up(world, *by_id("ann"))


def test_a_limit_while_addresses_come_loses_no_profile() -> None:
    people = [user(login) for login in many(6)]
    world, cache = World(people=people, troubles=[once(httpx.Response(200, json=SCOPES))]), FakeCache()
    refusal = httpx.Response(403, json={"message": "You have exceeded a secondary rate limit."})
    limited = [once(refusal, when="/users/dev3")]
    world.route = lambda request: (
        limited.pop()(request) if limited and "dev3" in request.url.path else rest_user(request)
    )
    with pytest.raises(RateLimited) as caught:
        look_up(world, *by_id(*many(6)), cache=cache)
    world.clock.advance(caught.value.retry_after_s)
    profiles, _ = look_up(world, *by_id(*many(6)), cache=cache)
    assert all(profile.email for profile in profiles)
    assert len(world.documents) == 2
    assert sorted(world.paths) == sorted([*(f"/users/dev{n}" for n in range(6)), "/users/dev3"])


def test_without_graphql_profiles_come_by_rest() -> None:
    def route(request: httpx.Request) -> httpx.Response | None:
        accounts = {"acme": {"login": "acme", "type": "Organization"}}
        login = request.url.path.rpartition("/")[2]
        if request.method == "POST":
            return httpx.Response(404, text="no such page")
        return httpx.Response(200, json=accounts[login]) if login in accounts else rest_user(request)

    world = World(route=route)
    profiles, failures = look_up(world, *by_id("ann", "acme"), PersonKey(login="ben", user_id="U_other"))
    assert [profile.email for profile in profiles] == ["ann@rest.example"]
    assert codes(failures) == {"acme": "organisation", "ben": "renamed"}
    assert len(world.documents) == 1


def test_a_look_up_that_is_too_much_is_halved() -> None:
    world = World(people=[user(login) for login in many(100)], troubles=[once(timed_out())] * 2)
    profiles, _ = look_up(world, *by_id(*many(100)))
    assert len(profiles) == 100
    assert sorted(len(variables["ids"]) for variables in world.variables("Profiles")) == [50, 50, 100, 100]


@pytest.mark.parametrize("data", [{"nodes": None}, {"nodes": [None] * 10}])
def test_people_that_github_did_not_get_to_are_asked_for_again(data: dict[str, Any]) -> None:
    answer = {"data": data, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["nodes"]}]}
    world = World(people=[user(login) for login in many(10)], troubles=[once(httpx.Response(200, json=answer))])
    assert len(look_up(world, *by_id(*many(10)))[0]) == 10


def test_people_that_graphql_never_gets_to_come_by_rest() -> None:
    answer = {"data": {"nodes": None}, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "path": ["nodes"]}]}
    world = World(route=lambda request: rest_user(request) or httpx.Response(200, json=answer))
    assert len(look_up(world, *by_id("ann", "ben"))[0]) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(404, json={}), "not_found"),
        (httpx.Response(451, json={}), "blocked"),
        (httpx.Response(200, json=["odd"]), "malformed"),
        (httpx.Response(200, json={"type": "User"}), "malformed"),
    ],
)
def test_rest_tells_who_cannot_be_had(answer: httpx.Response, code: str) -> None:
    world = World(route=lambda request: answer if request.method == "GET" else httpx.Response(404))
    assert codes(look_up(world, *by_id("ann"))[1]) == {"ann": code}


def test_an_account_that_github_blocks_is_told() -> None:
    blocked = {
        "data": {"nodes": [None]},
        "errors": [{"type": "FORBIDDEN", "message": "access blocked", "path": ["nodes", 0]}],
    }
    world = World(troubles=[once(httpx.Response(200, json=blocked))])
    assert codes(look_up(world, *by_id("ann"))[1]) == {"ann": "blocked"}


def test_somebody_github_stumbles_over_costs_the_others_nothing_and_is_asked_for_again() -> None:
    def stumble(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500, json={}) if b"U_bad" in request.content or "bad" in request.url.path else None

    world, cache = World(people=[user(login) for login in many(7)], route=stumble), FakeCache()
    profiles, failures = look_up(world, *by_id(*many(7), "bad"), cache=cache)
    assert (len(profiles), codes(failures)) == (7, {"bad": "unavailable"})
    world.route, world.people = lambda request: None, [user("bad")]
    assert len(look_up(world, *by_id("bad"), cache=cache)[0]) == 1


def test_an_outage_is_an_error_and_blames_nobody() -> None:
    with pytest.raises(ProviderUnavailable):
        look_up(World(route=lambda request: httpx.Response(500, json={})), *by_id("ann"))
