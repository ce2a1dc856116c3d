from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from cmo.sandbox import FaultKind, FaultPlan, FaultRule
from cmo.sandbox.faults import PROFILES, FaultPlayer
from tests.sandbox.conftest import Bench, StartSandbox

PATH = "/users/jabbott"
VIEWER = "{ a: viewer { login } b: viewer { login } }"


def _bench(start: StartSandbox, kind: FaultKind, **rule: Any) -> Bench:
    """A sandbox whose first matching request meets that fault."""
    return start(faults=FaultPlan((FaultRule(kind=kind, nth=(1,), **rule),)))


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        (FaultKind.SERVER_ERROR, 500, "application/json; charset=utf-8"),
        (FaultKind.BAD_GATEWAY, 502, "text/html"),
        (FaultKind.UNAVAILABLE, 503, "application/json; charset=utf-8"),
        (FaultKind.GATEWAY_TIMEOUT, 504, "application/json; charset=utf-8"),
    ],
)
def test_server_errors(start: StartSandbox, kind: FaultKind, status: int, content_type: str) -> None:
    bench = _bench(start, kind)
    answer = bench.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    assert bench.get(PATH).status_code == 200


@pytest.mark.parametrize(("kind", "charged"), [(FaultKind.RESET_BEFORE, 0), (FaultKind.RESET_AFTER, 1)])
def test_a_reset_before_is_not_charged_and_one_after_is(start: StartSandbox, kind: FaultKind, charged: int) -> None:
    bench = _bench(start, kind)
    with pytest.raises(httpx.TransportError):
        bench.get(PATH)
    assert bench.sandbox.books.totals().rest_cost == charged
    assert bench.sandbox.books.entries[0].status == 0
    assert bench.get(PATH).status_code == 200


def test_a_truncated_body_breaks_the_connection(start: StartSandbox) -> None:
    with pytest.raises(httpx.TransportError):
        _bench(start, FaultKind.TRUNCATED_BODY).get(PATH)


def test_malformed_json_has_status_200(start: StartSandbox) -> None:
    answer = _bench(start, FaultKind.MALFORMED_JSON).get(PATH)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_slow_answer_is_right_but_late(start: StartSandbox) -> None:
    bench = _bench(start, FaultKind.SLOW, seconds=25.0)
    before = bench.clock.monotonic()
    assert bench.get(PATH).status_code == 200
    assert bench.clock.monotonic() - before >= 25.0


@pytest.mark.parametrize(
    ("kind", "waits"), [(FaultKind.SECONDARY_LIMIT, True), (FaultKind.SECONDARY_LIMIT_SILENT, False)]
)
def test_a_secondary_limit_blocks_for_a_minute(start: StartSandbox, kind: FaultKind, waits: bool) -> None:
    bench = _bench(start, kind)
    refused = bench.get(PATH)
    assert refused.status_code == 403
    assert ("retry-after" in refused.headers) == waits
    assert bench.get(PATH).status_code in (403, 429)
    bench.clock.advance(61)
    assert bench.get(PATH).status_code == 200


def test_a_primary_limit_empties_the_bucket_until_its_window_ends(start: StartSandbox) -> None:
    bench = _bench(start, FaultKind.PRIMARY_LIMIT)
    refused = bench.get(PATH)
    assert refused.headers["x-ratelimit-remaining"] == "0"
    bench.clock.advance(1800)
    assert bench.get(PATH).status_code in (403, 429)
    bench.clock.advance(1801)
    assert bench.get(PATH).status_code == 200


def test_incomplete_results(start: StartSandbox) -> None:
    bench = _bench(start, FaultKind.INCOMPLETE_RESULTS, route="/search")
    answer = bench.get("/search/repositories", q="topic:llm", per_page=20).json()
    assert answer["incomplete_results"]
    assert len(answer["items"]) == 10


def test_graphql_faults(start: StartSandbox) -> None:
    null = _bench(start, FaultKind.NULL_DATA, route="/graphql").ask(VIEWER)
    assert (null.status_code, null.json()["data"]) == (200, None)
    partial = _bench(start, FaultKind.RESOURCE_LIMITS, route="/graphql").ask(VIEWER).json()
    assert partial["data"] == {"a": {"login": "jabbott"}, "b": None}
    assert partial["errors"][0]["type"] == "RESOURCE_LIMITS_EXCEEDED"


def test_a_graphql_timeout_costs_extra_and_strikes_only_heavy_queries(start: StartSandbox) -> None:
    bench = _bench(start, FaultKind.GRAPHQL_TIMEOUT, route="/graphql")
    assert bench.ask(VIEWER).status_code in (502, 504)
    assert bench.sandbox.books.totals().graphql_points == 11
    spared = _bench(start, FaultKind.GRAPHQL_TIMEOUT, route="/graphql", min_server_s=1.0)
    assert spared.ask(VIEWER).status_code == 200


def test_a_rule_strikes_only_its_route_and_at_most_so_often() -> None:
    rule = FaultRule(kind=FaultKind.SLOW, route="/search", share=1.0, most=2)
    player = FaultPlayer(FaultPlan((rule,)))
    assert player.pick("/users/x", "a") == []
    assert [player.play(number) for _ in range(3) for number, _ in player.pick("/search/users", "a")] == [
        True,
        True,
        False,
    ]


def test_shares_do_not_depend_on_the_order_of_requests() -> None:
    plan = FaultPlan.named("heavy")
    contents = [f"GET /users/u{number}" for number in range(300)]
    forward, backward = FaultPlayer(plan), FaultPlayer(plan)
    shares = {number for number, rule in enumerate(plan.rules) if rule.share}
    there = {one: [n for n, _ in forward.pick("/users", one) if n in shares] for one in contents}
    back = {one: [n for n, _ in backward.pick("/users", one) if n in shares] for one in reversed(contents)}
    assert there == back
    assert any(there.values())


def test_the_heavy_profile_mixes_every_kind() -> None:
    assert {rule.kind for rule in PROFILES["heavy"]} == set(FaultKind)


def test_under_the_heavy_profile_most_requests_still_work(start: StartSandbox) -> None:
    bench = start(faults=FaultPlan.named("heavy"))
    good = 0
    for number in range(60):
        try:
            good += bench.get(f"/users/{bench.world.population.login_of(number)}").status_code == 200
        except httpx.TransportError:
            continue
        if bench.sandbox.books.entries[-1].refused:
            bench.clock.advance(3700)
    assert 30 < good < 60
    assert any(entry.fault for entry in bench.sandbox.books.entries)
