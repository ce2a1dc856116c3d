"""The sandbox's Linear is strict where the contract is, and its schema is a part of the real one."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema, build_schema, validate_schema

from cmo.sandbox.vendors.linear import API_KEY, OAUTH_TOKEN, TEAM_ID, LinearVendor
from cmo.sandbox.vendors.linear.schema import load_schema
from cmo.sandbox.wire import Request, Response
from tests.fakes.clock import NOON

CONTRACTS = Path(__file__).parents[3].parent / "shared" / "contracts" / "data"
needs_contracts = pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the contracts are not beside the project")

UUID = "5f0c2a52-7d11-4b3e-9a58-20c4be7f1d03"
CREATE = "mutation ($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id identifier } } }"


@lru_cache(maxsize=1)
def _full() -> GraphQLSchema:
    return build_schema((CONTRACTS / "linear.graphql").read_text(encoding="utf-8"), assume_valid=True)


def _ask(vendor: LinearVendor, query: str, key: str = API_KEY, at_s: float = 0.0, **variables: Any) -> Response:
    body = json.dumps({"query": query, "variables": variables}).encode()
    return vendor.answer(Request("POST", "/graphql", {"authorization": key}, body), NOON + timedelta(seconds=at_s))


def _create(vendor: LinearVendor, **given: Any) -> dict[str, Any]:
    answer = _ask(vendor, CREATE, input={"teamId": TEAM_ID, "title": "One", **given})
    told: dict[str, Any] = json.loads(answer.body)
    return told


def test_the_served_schema_is_valid() -> None:
    assert validate_schema(load_schema()) == []


@needs_contracts
@pytest.mark.parametrize("name", [name for name in load_schema().type_map if not name.startswith("__")])
def test_a_served_type_is_a_part_of_the_real_one(name: str) -> None:
    ours, theirs = load_schema().type_map[name], _full().type_map[name]
    assert type(ours) is type(theirs)
    if isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
        assert {key: str(field.type) for key, field in ours.fields.items()}.items() <= {
            key: str(field.type) for key, field in theirs.fields.items()
        }.items()
    if isinstance(ours, GraphQLObjectType) and isinstance(theirs, GraphQLObjectType):
        for key, field in ours.fields.items():
            assert str(field.type) == str(theirs.fields[key].type), key
            for argument, described in field.args.items():
                assert str(described.type) == str(theirs.fields[key].args[argument].type), (key, argument)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"id": "5f0c2a52-7d11-5b3e-9a58-20c4be7f1d03"}, "UUID v4"),
        ({"title": None}, "title"),
        ({"title": " "}, "title"),
        ({"teamId": "other"}, "Team"),
        ({"parentId": "CMO-77"}, "Issue"),
        ({"priority": 5}, "priority"),
    ],
)
def test_an_issue_that_will_not_do_is_an_error_in_a_200(given: dict[str, Any], words: str) -> None:
    vendor = LinearVendor()
    told = _create(vendor, **given)
    assert told["data"] is None
    assert told["errors"][0]["extensions"]["type"] == "invalid input"
    assert words in told["errors"][0]["message"]
    assert vendor.issues == ()


def test_a_taken_id_is_an_error() -> None:
    vendor = LinearVendor()
    assert _create(vendor, id=UUID)["data"]["issueCreate"]["issue"] == {"id": UUID, "identifier": "CMO-1"}
    assert "taken" in _create(vendor, id=UUID.upper())["errors"][0]["message"]
    assert len(vendor.issues) == 1


def test_a_parent_may_be_named_by_identifier() -> None:
    vendor = LinearVendor()
    _create(vendor, id=UUID)
    _create(vendor, parentId="CMO-1")
    assert vendor.issues[1].parent_id == UUID


def test_archived_issues_are_hidden_unless_asked_for() -> None:
    vendor = LinearVendor()
    _create(vendor, id=UUID)
    vendor.archive(UUID, NOON)
    for asked, shown in (("", []), ("(includeArchived: true)", [{"id": UUID, "archivedAt": NOON.isoformat()}])):
        answer = _ask(vendor, f"{{ issues{asked} {{ nodes {{ id archivedAt }} }} }}")
        assert json.loads(answer.body)["data"]["issues"]["nodes"] == shown


def test_a_key_is_sent_raw_and_a_token_as_bearer() -> None:
    statuses = {
        key: _ask(LinearVendor(), "{ viewer { id } }", key).status
        for key in (API_KEY, f"Bearer {OAUTH_TOKEN}", f"Bearer {API_KEY}", OAUTH_TOKEN, "")
    }
    assert list(statuses.values()) == [200, 200, 400, 401, 401]


def test_an_unknown_field_is_a_400() -> None:
    answer = _ask(LinearVendor(), "{ viewer { shoeSize } }")
    assert (answer.status, json.loads(answer.body)["errors"][0]["extensions"]["type"]) == (400, "graphql error")


def test_a_limit_is_a_400_with_the_reset_in_milliseconds_and_refills_continuously() -> None:
    vendor = LinearVendor(requests_per_hour=2)
    statuses = [_ask(vendor, "{ viewer { id } }").status for _ in range(3)]
    refused = _ask(vendor, "{ viewer { id } }")
    assert statuses == [200, 200, 400]
    assert json.loads(refused.body)["errors"][0]["extensions"]["code"] == "RATELIMITED"
    assert int(refused.headers["X-RateLimit-Requests-Reset"]) == (NOON.timestamp() + 3600) * 1000
    assert _ask(vendor, "{ viewer { id } }", at_s=1800).status == 200


def test_a_query_costs_points_by_what_it_asks_for() -> None:
    vendor = LinearVendor(points_per_hour=150)
    page = "{ issues(first: 50) { nodes { id identifier } } }"  # 50 x (1 + 1 + 0.2)
    answer = _ask(vendor, page)
    assert (answer.headers["X-Complexity"], _ask(vendor, page).status) == ("110", 400)
    assert _ask(LinearVendor(), page.replace("50", "9000")).status == 400


def test_what_it_holds_survives_a_restart() -> None:
    vendor, after = LinearVendor(), LinearVendor()
    _create(vendor, id=UUID)
    link = "mutation ($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { success } }"
    _ask(vendor, link, input={"issueId": "CMO-1", "title": "t", "url": "https://a.example/"})
    note = "mutation ($input: CommentCreateInput!) { commentCreate(input: $input) { success } }"
    _ask(vendor, note, input={"issueId": UUID, "body": "b"})
    after.load_json(json.loads(json.dumps(vendor.to_json())))
    assert (after.issues, after.comments, after.links) == (vendor.issues, vendor.comments, vendor.links)
    assert len(after.links) == len(after.comments) == 1
    assert after.to_json() == vendor.to_json()
