"""What we send is what GitHub's own schemas allow; what it really answered is understood."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

import graphql
import httpx
import pytest

from cmo.domain.lead import RepoRef
from cmo.errors import AuthRejected, ProviderError, ProviderUnavailable, RateLimited
from cmo.providers.github.limits import Kind, classify
from cmo.providers.github.parse import Malformed, parse_rest_commit, parse_rest_profile, parse_rest_repo
from cmo.providers.github.queries import PROBE, SEARCH, PageAsk, count_document, history_document, profiles_document
from cmo.providers.github.rest import RestAnswer
from cmo.providers.ports import PersonKey, RepoQuery
from tests.contracts.files import DATA, contract, needs_contracts
from tests.fakes.clock import NOON
from tests.providers.github.world import SINCE, World, client, repo, user

BY_ID, BY_NAME = RepoRef(id="R_1", full_name="o/r"), RepoRef(id="", full_name="o/r")
SINCE_TEXT = "2026-08-22T00:00:00Z"
EXCHANGES = contract("github.recorded.json").get("exchanges", [])


def documents() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every kind of document we send, with its variables."""
    yield "probe", PROBE, {}
    yield "search", SEARCH, {"q": "x", "first": 100, "after": None}
    yield "count", *count_document(["a", "b"])
    yield "histories", *history_document([PageAsk(BY_ID), PageAsk(BY_NAME), PageAsk(BY_ID, after="c")], SINCE_TEXT)
    yield "later_pages", *history_document([PageAsk(BY_ID, after="c")], SINCE_TEXT)
    yield "evidence", *history_document([PageAsk(BY_ID, with_history=False)], SINCE_TEXT)
    for email in (True, False):
        for counts in (True, False):
            yield f"people_{email}_{counts}", *profiles_document(["U_1"], ["ann"], email=email, counts=counts)
    yield "people_by_id", *profiles_document(["U_1"], [], email=True, counts=False)
    yield "people_by_login", *profiles_document([], ["ann"], email=True, counts=False)


each_document = pytest.mark.parametrize(
    ("document", "variables"), [row[1:] for row in documents()], ids=[row[0] for row in documents()]
)


@lru_cache
def full_schema() -> graphql.GraphQLSchema:
    return graphql.build_schema((DATA / "github.graphql").read_text(encoding="utf-8"))


@lru_cache
def sandbox_schema() -> graphql.GraphQLSchema:
    text = files("cmo.sandbox").joinpath("schema.graphql").read_text(encoding="utf-8")
    return graphql.build_schema(text, assume_valid=True)


def problems(schema: graphql.GraphQLSchema, document: str, variables: dict[str, Any]) -> list[str]:
    """What is wrong with a document and its variables."""
    parsed = graphql.parse(document)
    (operation,) = [node for node in parsed.definitions if isinstance(node, graphql.OperationDefinitionNode)]
    coerced = graphql.execution.get_variable_values(schema, operation.variable_definitions or (), variables)
    wrong = coerced if isinstance(coerced, list) else []
    return [error.message for error in [*graphql.validate(schema, parsed), *wrong]]


@needs_contracts
@pytest.mark.parametrize(
    ("document", "variables"), [row[1:] for row in documents()], ids=[row[0] for row in documents()]
)
def test_every_document_is_valid_by_githubs_schema(document: str, variables: dict[str, Any]) -> None:
    assert problems(full_schema(), document, variables) == []


@pytest.mark.parametrize(
    ("document", "variables"), [row[1:] for row in documents()], ids=[row[0] for row in documents()]
)
def test_every_document_is_valid_by_the_sandboxs_schema(document: str, variables: dict[str, Any]) -> None:
    assert problems(sandbox_schema(), document, variables) == []


def test_names_that_are_asked_for_are_always_variables_never_part_of_the_document() -> None:
    evil = '") { id } } mutation { x(a: "'
    history, _ = history_document([PageAsk(RepoRef(id=evil, full_name="o/r"), after=evil)], SINCE_TEXT)
    profiles, _ = profiles_document([evil], [evil], email=True, counts=True)
    assert evil not in history + profiles + count_document([evil])[0]


@needs_contracts
def test_every_rest_request_has_a_path_and_parameters_that_github_documents() -> None:
    world = World(repos=[repo(1)], people=[user("ann")])
    world.route = rest_only
    asyncio.run(everything(world))
    seen = {(request.url.path, *request.url.params) for request in world.requests if request.method == "GET"}
    undocumented = [request for request in seen if not _is_documented(*request)]
    assert len(seen) >= 8
    assert undocumented == []


def rest_only(request: httpx.Request) -> httpx.Response | None:
    """No GraphQL; REST answers as little as it can."""
    path = request.url.path
    if request.method == "POST":
        return httpx.Response(404)
    if path == "/search/repositories":
        return httpx.Response(200, json={"total_count": 0, "items": []})
    lists = path.endswith(("/commits", "/releases"))
    return httpx.Response(200, json=[] if lists else {}) if lists or path in ("/user", "/rate_limit") else None


async def everything(world: World) -> None:
    """Every kind of request the client can make."""
    async with client(world, tokens=2) as github:
        await github.search_repos(RepoQuery(topic="ci"), cursor=None, limit=10)
        await github.fetch_activity([repo(1).ref], since=SINCE)
        await github.fetch_profiles([PersonKey(login="ann")])
        await github.check_tokens()


def _is_documented(path: str, *params: str) -> bool:
    for template, operations in contract("github.openapi.json")["paths"].items():
        pattern = re.sub(r"\\\{path\\\}", ".+", re.escape(template))
        if re.fullmatch(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", pattern), path):
            shared = {"#/components/parameters/per-page": "per_page", "#/components/parameters/order": "order"}
            known = {shared.get(entry.get("$ref", ""), entry.get("name")) for entry in operations["get"]["parameters"]}
            return set(params) <= known
    return False


def replayed(number: int) -> httpx.Response:
    """The recorded answer of that number."""
    recorded = EXCHANGES[number]["response"]
    headers = [(name, value) for name, value in recorded["headers"] if name.lower() != "transfer-encoding"]
    body = json.dumps(recorded["json"]) if "json" in recorded else recorded["text"]
    return httpx.Response(recorded["status"], headers=headers, content=body.encode())


def get(number: int) -> RestAnswer:
    """What our client makes of a recorded answer."""

    async def act() -> RestAnswer:
        async with client(World(route=lambda request: replayed(number))) as github:
            return await github.get("/meta")

    return asyncio.run(act())


REFUSED: dict[int, type[ProviderError]] = {0: RateLimited, 1: RateLimited, 2: AuthRejected, 16: ProviderUnavailable}
REFUSED |= {19: ProviderUnavailable, 17: ProviderError, 21: ProviderError}
OTHER = {3: Kind.PERMANENT, 5: Kind.NOT_MODIFIED, 15: Kind.NOT_FOUND}


@needs_contracts
@pytest.mark.parametrize("number", range(len(EXCHANGES)), ids=[entry["about"] for entry in EXCHANGES])
def test_recorded_answers_are_understood(number: int) -> None:
    if number in REFUSED:
        with pytest.raises(REFUSED[number]):
            get(number)
    else:
        assert get(number).kind is OTHER.get(number, Kind.OK)


@needs_contracts
@pytest.mark.parametrize("number", [11, 12, 13, 14])
def test_recorded_graphql_answers_are_understood(number: int) -> None:
    answer = replayed(number)
    assert classify(answer.status_code, answer.headers, answer.json(), "graphql", NOON.timestamp()).kind is Kind.OK


@needs_contracts
@pytest.mark.off_contract
def test_recorded_pages_are_followed_by_their_links_to_the_end() -> None:
    async def act() -> int:
        numbers = iter(range(23, 28))
        async with client(World(route=lambda request: replayed(next(numbers)))) as github:
            answer, pages = await github.get("/repos/o/r/issues", {"per_page": "3"}), 1
            while answer.next_url:
                answer, pages = await github.get(answer.next_url), pages + 1
            return pages

    assert asyncio.run(act()) == 5


@needs_contracts
@pytest.mark.parametrize("number", [10, 20])
def test_recorded_commits_are_read_with_their_authors(number: int) -> None:
    commits = [parse_rest_commit(item) for item in replayed(number).json()]
    assert commits
    assert all(commit.email.endswith("@example.com") for commit in commits)


@needs_contracts
def test_a_recorded_profile_is_read() -> None:
    profile = parse_rest_profile(replayed(18).json(), fetched_at=NOON)
    assert (profile.login, profile.user_id) == ("jacquev6", "MDQ6VXNlcjMyNzE0Ng==")


@needs_contracts
def test_a_recorded_search_from_before_node_ids_is_malformed_entry_by_entry() -> None:
    items = replayed(6).json()["items"]
    with pytest.raises(Malformed):
        parse_rest_repo(items[0])
    assert parse_rest_repo({**items[0], "node_id": "R_1"}).full_name == "kennethreitz/legit"
