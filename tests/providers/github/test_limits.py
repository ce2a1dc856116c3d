"""What GitHub's answers mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.providers.github.limits import LONGEST_WAIT_S, Kind, classify, seconds
from tests.contracts.files import contract, needs_contracts

NOW = 1_790_000_000.0
CASES = contract("github.error-cases.json").get("cases", [])
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


def graphql(**body: Any) -> tuple[int, dict[str, str], Any]:
    return 200, {}, body


def error(kind: str | None, message: str = "no") -> list[dict[str, Any]]:
    return [{"type": kind, "message": message}] if kind else [{"message": message}]


@needs_contracts
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_documented_answer_is_understood(case: dict[str, Any]) -> None:
    body = case.get("json", case.get("text"))
    verdict = classify(case["status"], case["headers"], body, case["api"], NOW)
    expected = case["expect"]
    assert verdict.kind == expected["class"]
    if "wait_s" in expected:
        assert verdict.wait_s == expected["wait_s"]
    assert (verdict.wait_s or 0) >= expected.get("wait_min_s", 0)


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "wait_s"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000900"}, {}, Kind.PRIMARY_LIMIT, 900),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1789999000"}, {}, Kind.PRIMARY_LIMIT, 0),
        (403, {"x-ratelimit-remaining": "0"}, {}, Kind.PRIMARY_LIMIT, 60),
        (403, {}, {"message": "API Rate Limit Exceeded for 203.0.113.9"}, Kind.PRIMARY_LIMIT, 60),
        (403, {"retry-after": "5", "x-ratelimit-remaining": "4999"}, {"message": "x"}, Kind.SECONDARY_LIMIT, 5),
        (403, {"retry-after": "60"}, {"message": "abuse detection mechanism"}, Kind.SECONDARY_LIMIT, 60),
        (403, {}, {"message": SECONDARY}, Kind.SECONDARY_LIMIT, 60),
        (429, {}, "<html>", Kind.SECONDARY_LIMIT, 60),
        (200, {}, {"message": SECONDARY}, Kind.SECONDARY_LIMIT, 60),
        (403, {}, {"message": "The contributor list is too large"}, Kind.PERMANENT, None),
        (403, {}, {"message": "Repository access blocked"}, Kind.BLOCKED, None),
        (451, {}, {}, Kind.BLOCKED, None),
        (401, {}, {}, Kind.AUTH, None),
        (404, {}, {}, Kind.NOT_FOUND, None),
        (409, {}, {"message": "Git Repository is empty."}, Kind.EMPTY, None),
        (409, {}, {"message": "conflict"}, Kind.PERMANENT, None),
        (422, {}, {"message": "Only the first 1000 search results are available"}, Kind.SEARCH_WINDOW, None),
        (422, {}, {"message": "Validation Failed"}, Kind.VALIDATION, None),
        (301, {"location": "/x"}, {}, Kind.REDIRECT, None),
        (304, {}, None, Kind.NOT_MODIFIED, None),
        (202, {}, {}, Kind.NOT_READY, None),
        (204, {}, None, Kind.OK, None),
        (410, {}, {}, Kind.PERMANENT, None),
        (500, {}, {"error": "Server Error"}, Kind.TRANSIENT, None),
        (503, {"retry-after": "7"}, "<html>", Kind.TRANSIENT, 7),
        (501, {}, {}, Kind.PERMANENT, None),
        (200, {}, "<html>", Kind.TRANSIENT, None),
        (200, {}, None, Kind.TRANSIENT, None),
        (200, {}, [{"message": SECONDARY}], Kind.OK, None),
    ],
)
def test_a_rest_answer(status: int, headers: dict[str, str], body: object, kind: Kind, wait_s: float | None) -> None:
    verdict = classify(status, headers, body, "rest", NOW)
    assert (verdict.kind, verdict.wait_s) == (kind, wait_s)


@pytest.mark.parametrize(
    ("body", "kind", "shrink"),
    [
        ({"data": {"a": 1}}, Kind.OK, False),
        ({"data": {"a": 1, "b": None}, "errors": error("NOT_FOUND")}, Kind.PARTIAL, False),
        ({"data": {"a": 1, "b": None}, "errors": error("RESOURCE_LIMITS_EXCEEDED")}, Kind.PARTIAL, True),
        ({"errors": error("MAX_NODE_LIMIT_EXCEEDED")}, Kind.TRANSIENT, True),
        (
            {"data": None, "errors": error(None, "Something went wrong while executing your query.")},
            Kind.TRANSIENT,
            True,
        ),
        ({"data": None, "errors": error(None, "Something went wrong.")}, Kind.TRANSIENT, False),
        ({"data": None}, Kind.TRANSIENT, False),
        ({"data": {}, "errors": error(None, "Something went wrong.")}, Kind.TRANSIENT, False),
        ({"data": None, "errors": error("INSUFFICIENT_SCOPES")}, Kind.SCOPES, False),
        ({"errors": error("INSUFFICIENT_SCOPES", "not been granted the required scopes")}, Kind.SCOPES, False),
        ({"errors": [{"extensions": {"code": "undefinedField"}, "message": "x"}]}, Kind.PERMANENT, False),
        ({"data": None, "errors": error("NOT_FOUND")}, Kind.NOT_FOUND, False),
        ({"hello": 1}, Kind.TRANSIENT, False),
        ("<html>", Kind.TRANSIENT, False),
        ({"errors": error("RATE_LIMITED")}, Kind.PRIMARY_LIMIT, False),
        ({"errors": error("RATE_LIMIT")}, Kind.PRIMARY_LIMIT, False),
        ({"errors": [{"code": "graphql_rate_limit"}]}, Kind.PRIMARY_LIMIT, False),
        ({"errors": [{"message": SECONDARY}]}, Kind.SECONDARY_LIMIT, False),
        ({"data": None, "errors": [{"message": SECONDARY}]}, Kind.SECONDARY_LIMIT, False),
        ({"data": {"a": {"description": SECONDARY}}}, Kind.OK, False),
    ],
)
def test_a_graphql_answer_with_status_200(body: object, kind: Kind, shrink: bool) -> None:
    verdict = classify(200, {}, body, "graphql", NOW)
    assert (verdict.kind, verdict.shrink) == (kind, shrink)


def test_a_typed_limit_waits_for_the_reset_even_when_something_seems_left() -> None:
    headers = {"x-ratelimit-remaining": "7", "x-ratelimit-reset": str(int(NOW) + 1200)}
    assert classify(200, headers, {"errors": error("RATE_LIMIT")}, "graphql", NOW).wait_s == 1200


@pytest.mark.parametrize("status", [502, 504])
def test_a_query_that_took_too_long_is_to_be_made_smaller(status: int) -> None:
    assert classify(status, {}, "<html>", "graphql", NOW).shrink
    assert not classify(status, {}, "<html>", "rest", NOW).shrink


def test_a_retry_after_may_be_a_date_and_is_held_in_bounds() -> None:
    assert seconds("Fri, 13 Feb 2009 23:31:40 GMT", 1234567890.0) == 10
    assert [seconds(text, 0.0) for text in ("-5", "1e99", "nan", "soon", "")] == [0.0, LONGEST_WAIT_S, None, None, None]


def test_words_of_the_server_are_harmless_in_the_verdict() -> None:
    verdict = classify(403, {}, {"message": "no \x1b[2J token=abcdefghijk " + "x" * 999}, "rest", NOW)
    assert "\x1b" not in verdict.message
    assert "abcdefghijk" not in verdict.message
    assert len(verdict.message) <= 300


KEYS = st.sampled_from(["data", "errors", "message", "type", "code", "extensions", "path"])
HEADERS = st.sampled_from(["retry-after", "Retry-After", "x-ratelimit-remaining", "x-ratelimit-reset", "location"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(HEADERS, st.text(max_size=30) | st.floats().map(str), max_size=4),
    body=anything,
    api=st.sampled_from(["rest", "graphql"]),
)
def test_any_answer_has_a_meaning_and_a_bounded_wait(status: int, headers: Any, body: object, api: Any) -> None:
    verdict = classify(status, headers, body, api, NOW)
    assert isinstance(verdict.kind, Kind)
    assert verdict.wait_s is None or 0 <= verdict.wait_s <= LONGEST_WAIT_S
    assert verdict.is_limit <= (verdict.wait_s is not None)
