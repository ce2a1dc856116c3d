from __future__ import annotations

import pytest
from graphql import OperationDefinitionNode, parse

from cmo.sandbox.github_graphql import load_schema
from cmo.sandbox.pricing import Price, price

REPO = "id nameWithOwner"


def _price(text: str, **variables: object) -> Price:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return price(load_schema(), document, operation, variables)


def _search(inside: str) -> str:
    return f'{{ search(query: "x", type: REPOSITORY, first: 100) {{ nodes {{ ... on Repository {{ {inside} }} }} }} }}'


def _history(inside: str, first: int = 100) -> str:
    return f"defaultBranchRef {{ target {{ ... on Commit {{ history(first: {first}) {{ nodes {{ {inside} }} }} }} }} }}"


@pytest.mark.parametrize(
    ("query", "requests", "points", "nodes"),
    [
        (_search(REPO), 1, 1, 100),
        (_search(_history("author { email user { id } }")), 101, 1, 10_100),
        (_search(_history("author { user { followers { totalCount } } }")), 10_101, 101, 10_100),
        (_search(_history("authors(first: 2) { nodes { email } }")), 10_101, 101, 30_100),
    ],
)
def test_the_published_formula_on_searches(query: str, requests: int, points: int, nodes: int) -> None:
    bill = _price(query)
    assert (bill.requests, bill.points, bill.nodes) == (requests, points, nodes)


def test_aliases_are_priced_one_by_one() -> None:
    history = _history("oid")
    many = " ".join(f'r{number}: repository(owner: "a", name: "b") {{ {history} }}' for number in range(149))
    assert (_price(f"{{ {many} }}").requests, _price(f"{{ {many} }}").points) == (149, 1)
    people = " ".join(f'u{number}: user(login: "a") {{ login name }}' for number in range(100))
    assert (_price(f"{{ {people} }}").requests, _price(f"{{ {people} }}").points) == (0, 1)


def test_a_hundred_ids_cost_one_point_and_multiply_what_is_below_them() -> None:
    ids = [f"U_{number}" for number in range(100)]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { login %s } } }"
    assert _price(query % "", ids=ids).points == 1
    assert (
        _price(query % "followers { totalCount } organizations(first: 5) { nodes { login } }", ids=ids).requests == 200
    )


def test_the_documents_example_of_5101_requests_costs_51_points() -> None:
    query = """{ viewer { repositories(first: 100) { nodes {
        pullRequests(first: 50) { nodes { repository { stargazers { totalCount } } } } } } } }"""
    assert (_price(query).requests, _price(query).points) == (5101, 51)


def test_fragments_and_edges_are_followed() -> None:
    query = """query { viewer { ...two } }
        fragment two on User { repositories(first: 10) {
            edges { node { languages(first: 3) { nodes { name } } } } } }"""
    assert (_price(query).requests, _price(query).nodes) == (11, 40)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("{ viewer { repositories { nodes { id } } } }", "MISSING_PAGINATION_BOUNDARIES"),
        ("{ viewer { repositories(first: 101) { nodes { id } } } }", "EXCESSIVE_PAGINATION"),
        (_search(_history("authors(first: 100) { nodes { name } }")), "MAX_NODE_LIMIT_EXCEEDED"),
    ],
)
def test_a_query_that_asks_too_much_is_refused(query: str, kind: str) -> None:
    assert [problem["type"] for problem in _price(query).problems] == [kind]


def test_more_than_a_hundred_ids_are_refused() -> None:
    bill = _price("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)
    assert [problem["type"] for problem in bill.problems] == ["ARGUMENT_LIMIT"]


def test_a_bare_count_needs_no_first() -> None:
    assert not _price("{ viewer { followers { totalCount } } }").problems
