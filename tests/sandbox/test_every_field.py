"""Documents that ask for everything the schema has: no field may fail, whatever object it is asked of."""

from __future__ import annotations

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
)

from cmo.sandbox import World
from cmo.sandbox.accounts import Account
from cmo.sandbox.github_graphql import load_schema
from cmo.sandbox.history import Commit
from cmo.sandbox.node_ids import node_id
from cmo.sandbox.repos import Repo
from tests.sandbox.conftest import Bench

REQUIRED = {
    ("Repository", "pullRequest"): "number: 4000",
    ("Repository", "ref"): 'qualifiedName: "main"',
    ("Repository", "release"): 'tagName: "v1.0.0"',
    ("User", "repository"): 'name: "x"',
    ("Organization", "repository"): 'name: "x"',
    ("RepositoryOwner", "repository"): 'name: "x"',
}


def _selection(kind: GraphQLObjectType, depth: int) -> str:
    return (
        "{ __typename " + " ".join(_field(kind.name, name, field, depth) for name, field in kind.fields.items()) + " }"
    )


def _field(owner: str, name: str, field: GraphQLField, depth: int) -> str:
    inner = get_named_type(field.type)
    required = any(is_required_argument(argument) for argument in field.args.values())
    arguments = REQUIRED[owner, name] if required else "first: 2" if "first" in field.args else ""
    call = f"{name}({arguments})" if arguments else name
    if isinstance(inner, GraphQLObjectType):
        return f"{call} {_selection(inner, depth - 1)}" if depth else ""
    return f"{call} {{ __typename }}" if isinstance(inner, (GraphQLInterfaceType, GraphQLUnionType)) else call


def _node(world: World, kind: str) -> Account | Repo | Commit:
    person = world.population.person(1)
    repo = next(
        repo
        for repo in world.repos
        if world.releases(repo) and repo.license and repo.language and repo.default_branch == "main"
        if not (repo.deleted or repo.blocked or repo.heavy)
    )
    nodes: dict[str, Account | Repo | Commit] = {
        "User": person,
        "Organization": world.population.orgs[0],
        "Bot": world.population.bots[0],
        "Repository": repo,
        "Commit": world.history(repo).month(0)[0],
    }
    return nodes[kind]


@pytest.mark.parametrize("kind", ["User", "Organization", "Bot", "Repository", "Commit"])
def test_every_field_of_a_node_answers(bench: Bench, kind: str) -> None:
    described = load_schema().type_map[kind]
    assert isinstance(described, GraphQLObjectType)
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on {kind} {_selection(described, 4)} }} }}"
    answer = bench.ask(query, id=node_id(_node(bench.world, kind))).json()
    failed = [error for error in answer.get("errors", []) if error.get("type") != "NOT_FOUND"]
    assert not failed
    assert answer["data"]["node"]["__typename"] == kind


def test_every_field_of_the_root_answers(bench: Bench) -> None:
    repo = _node(bench.world, "Repository")
    assert isinstance(repo, Repo)
    answer = bench.data(
        """query($owner: String!, $name: String!, $id: ID!) {
        id relay { id } topic(name: "ci") { id name relatedTopics(first: 2) { name } } viewer { login }
        organization(login: "quillharrow") { login } repositoryOwner(login: $owner) { login }
        repository(owner: $owner, name: $name) { name } node(id: $id) { id }
        search(query: "talbot", type: USER, first: 5) { userCount edges { cursor node { __typename } } } }""",
        owner=repo.owner.login,
        name=repo.name,
        id=node_id(repo),
    )
    assert all(value is not None for value in answer.values())
    assert [topic["name"] for topic in answer["topic"]["relatedTopics"]] == ["github-actions", "continuous-integration"]
