from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    default_field_resolver,
    parse,
    validate,
    validate_schema,
)

from cmo.sandbox.github_graphql import load_schema

CONTRACTS = Path(__file__).parents[2].parent / "shared" / "contracts" / "data"
needs_contracts = pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the contracts are not beside the project")


@lru_cache(maxsize=1)
def _full() -> GraphQLSchema:
    return build_schema((CONTRACTS / "github.graphql").read_text(encoding="utf-8"), assume_valid=True)


def _types() -> list[str]:
    return [name for name in load_schema().type_map if not name.startswith("__")]


def test_the_trimmed_schema_is_valid() -> None:
    assert validate_schema(load_schema()) == []


@needs_contracts
@pytest.mark.parametrize("name", _types())
def test_a_type_of_the_trimmed_schema_is_the_same_in_the_full_one(name: str) -> None:
    ours, theirs = load_schema().type_map[name], _full().type_map[name]
    assert type(ours) is type(theirs)
    if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
        assert set(ours.values) == set(theirs.values)
    if isinstance(ours, GraphQLUnionType) and isinstance(theirs, GraphQLUnionType):
        assert {kind.name for kind in ours.types} <= {kind.name for kind in theirs.types}
    if isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
        assert {key: str(field.type) for key, field in ours.fields.items()} == {
            key: str(field.type) for key, field in theirs.fields.items()
        }
    if isinstance(ours, (GraphQLObjectType, GraphQLInterfaceType)):
        assert isinstance(theirs, (GraphQLObjectType, GraphQLInterfaceType))
        assert {kind.name for kind in ours.interfaces} <= {kind.name for kind in theirs.interfaces}
        for key, field in ours.fields.items():
            other = theirs.fields[key]
            assert str(field.type) == str(other.type), key
            for argument, described in field.args.items():
                assert str(described.type) == str(other.args[argument].type), (key, argument)
                assert described.default_value == other.args[argument].default_value, (key, argument)


@needs_contracts
def test_the_projects_own_operations_are_valid_here() -> None:
    operations = (CONTRACTS / "github.operations.graphql").read_text(encoding="utf-8")
    assert validate(load_schema(), parse(operations)) == []


def test_every_field_of_an_object_that_is_no_plain_record_has_a_resolver() -> None:
    resolved = (
        "Query",
        "User",
        "Organization",
        "Bot",
        "Repository",
        "Ref",
        "Commit",
        "Blob",
        "GitActor",
        "PullRequest",
    )
    for name in (*resolved, "Release", "RepositoryTopic"):
        kind = load_schema().type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        assert not [key for key, field in kind.fields.items() if field.resolve in (None, default_field_resolver)]
