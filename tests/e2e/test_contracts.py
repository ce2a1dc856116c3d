"""Everything that a job sends is what GitHub's own descriptions allow."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import graphql
import pytest

from cmo.domain.job import Caps, Icp, JobStatus
from cmo.sandbox import Books, FaultKind, FaultRule
from tests.e2e.driver import Api, Site, outside_of, sandbox, small_plan

DATA = Path(__file__).parents[2].parent / "shared" / "contracts" / "data"
MOST_NODES = 500_000
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the contracts are not beside the project")


@cache
def schema() -> graphql.GraphQLSchema:
    return graphql.build_schema((DATA / "github.graphql").read_text(encoding="utf-8"), assume_valid=True)


@cache
def operations() -> dict[str, Any]:
    described: dict[str, Any] = json.loads((DATA / "github.openapi.json").read_text(encoding="utf-8"))
    return described


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> list[Books]:
    """What was asked for by GraphQL, by GraphQL that fails a lot, without the scope for addresses, and by REST."""
    plan = small_plan(icp=Icp(topics=("ci", "llm")), caps=Caps(max_repos=20))
    kept = []
    ways: list[tuple[Api, list[FaultRule], dict[str, Any]]] = [
        ("graphql", [], {}),
        ("graphql", [FaultRule(kind=FaultKind.RESOURCE_LIMITS, share=0.5)], {}),
        ("graphql", [], {"scopes": ()}),
        ("rest", [], {}),
    ]
    for n, (api, rules, settings) in enumerate(ways):
        with sandbox(*rules, **settings) as running:
            site = Site(tmp_path_factory.mktemp(f"way{n}"), outside_of(running, api=api), plan=plan)
            assert site.run().status is JobStatus.FINISHED
            kept.append(running.books)
    return kept


def test_every_graphql_document_is_valid_by_githubs_schema(books: list[Books]) -> None:
    documents = {text for kept in books for text in kept.documents}
    problems = [error.message for text in documents for error in graphql.validate(schema(), graphql.parse(text))]
    assert len(documents) >= 6
    assert problems == []


def test_every_graphql_document_asks_for_its_own_cost(books: list[Books]) -> None:
    for text in {text for kept in books for text in kept.documents}:
        assert re.search(r"rateLimit \{[^}]*cost[^}]*\}", text)


def test_every_rest_request_is_one_that_github_documents(books: list[Books]) -> None:
    asked = {entry.path for kept in books for entry in kept.entries if entry.method == "GET"}
    shapes = {template for path in asked for template in templates_of(path)}
    assert {"/search/repositories", "/users/{username}", "/repos/{owner}/{repo}/commits"} <= shapes
    assert [path for path in asked if not templates_of(path)] == []


def test_no_rest_page_is_larger_than_github_allows(books: list[Books]) -> None:
    sizes = [
        int(value)
        for kept in books
        for entry in kept.entries
        for name, value in parse_qsl(urlsplit(entry.path).query)
        if name == "per_page"
    ]
    assert sizes
    assert all(1 <= size <= 100 for size in sizes)


def test_nothing_but_reads_is_sent(books: list[Books]) -> None:
    sent = {(entry.method, urlsplit(entry.path).path) for kept in books for entry in kept.entries}
    assert {path for method, path in sent if method != "GET"} == {"/graphql", "/missing"}
    for text in {text for kept in books for text in kept.documents}:
        kinds = [node.operation.value for node in graphql.parse(text).definitions if hasattr(node, "operation")]
        assert kinds == ["query"]


def templates_of(target: str) -> list[str]:
    """The documented paths that `target` is one of, with every parameter it has."""
    path, query = urlsplit(target).path, {name for name, _ in parse_qsl(urlsplit(target).query, keep_blank_values=True)}
    path = re.sub(r"^/repositories/\d+/", "/repos/o/r/", path)  # what page links lead to
    return [
        template
        for template, methods in operations()["paths"].items()
        if "get" in methods and re.fullmatch(_pattern(template), path) and query <= _parameters(methods["get"])
    ]


def _pattern(template: str) -> str:
    return re.sub(r"\{path\}", ".+", re.sub(r"\{(?!path)[a-z_]+\}", "[^/]+", template))


def _parameters(operation: dict[str, Any]) -> set[str]:
    shared = operations()["components"]["parameters"]
    return {
        (shared[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry)["name"]
        for entry in operation.get("parameters", [])
    }
