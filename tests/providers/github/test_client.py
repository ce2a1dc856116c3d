"""The client as a whole: what it says of its keys and budgets, and what it closes."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from cmo.errors import AuthRejected, ConfigError, ContractBroken
from cmo.providers.github import GitHub
from cmo.providers.github.client import TokenFacts
from cmo.providers.ports import BudgetLeft, CodeHost, HistorySource
from cmo.providers.registry import PROVIDERS, factory
from tests.fakes.clock import NOON
from tests.providers.github.world import World, client, once

RESET = int(NOON.timestamp()) + 600
RESOURCES = {
    "core": {"limit": 5000, "used": 1, "remaining": 4999, "reset": RESET},
    "graphql": {"limit": 5000, "used": 100, "remaining": 4900, "reset": RESET},
    "odd": None,
}


def answers(request: httpx.Request) -> httpx.Response | None:
    if request.url.path == "/rate_limit":
        return httpx.Response(200, json={"resources": RESOURCES})
    if request.url.path == "/user":
        headers = {
            "x-oauth-scopes": "read:user, gist",
            "github-authentication-token-expiration": "2027-01-01 00:00:00 UTC",
        }
        return httpx.Response(200, json={"login": "ann"}, headers=headers)
    return None


def check(world: World) -> tuple[TokenFacts, ...]:
    async def act() -> tuple[TokenFacts, ...]:
        async with client(world) as github:
            return await github.check_tokens()

    return asyncio.run(act())


def test_it_is_the_code_host_that_tools_are_given() -> None:
    github = client(World())
    host: CodeHost = github
    source: HistorySource = github
    assert host is source
    asyncio.run(github.close())


def test_a_key_is_checked_with_its_owner_scopes_and_limits() -> None:
    (facts,) = check(World(route=answers))
    assert (facts.login, facts.scopes, facts.expires) == ("ann", ("gist", "read:user"), "2027-01-01 00:00:00 UTC")
    assert {budget.resource: budget.remaining for budget in facts.budgets} == {"core": 4999, "graphql": 4900}


def test_an_apps_key_belongs_to_nobody_and_has_no_scopes() -> None:
    refused = httpx.Response(403, json={"message": "Resource not accessible by integration"})
    world = World(troubles=[once(refused, when="/user")], route=lambda r: answers(r) if r.url.path != "/user" else None)
    (facts,) = check(world)
    assert (facts.login, facts.scopes) == (None, None)


def test_an_account_that_is_no_object_breaks_the_contract() -> None:
    with pytest.raises(ContractBroken):
        check(World(route=lambda request: httpx.Response(200, json=[])))


def test_a_wrong_key_is_an_error() -> None:
    with pytest.raises(AuthRejected):
        check(World(route=lambda request: httpx.Response(401, json={})))


def test_budgets_are_what_was_told_last_and_full_again_after_the_reset() -> None:
    world = World(route=answers)

    async def act() -> tuple[tuple[BudgetLeft, ...], tuple[BudgetLeft, ...]]:
        async with client(world) as github:
            assert github.budgets() == ()
            before = await github.rate_limit()
            world.clock.advance(601)
            return before, github.budgets()

    before, after = asyncio.run(act())
    assert [budget.remaining for budget in before] == [4999, 4900]
    assert [budget.remaining for budget in after] == [5000, 5000]
    assert {budget.provider for budget in after} == {"github"}


def test_the_registry_makes_the_client_by_name() -> None:
    assert factory("github") is GitHub
    assert all(factory(name) for name in PROVIDERS)
    with pytest.raises(ConfigError, match="nowhere"):
        factory("nowhere")
