from __future__ import annotations

import pytest

from cmo.clock import ScaledClock
from cmo.sandbox import SandboxSettings
from cmo.sandbox.limits import Caller, Limiter, Refusal, Resource
from cmo.sandbox.refusals import refuse
from tests.sandbox.conftest import ANCHOR, StartSandbox

TOKEN = "t"
FIRST = Caller(connection=1, heard_at=0.0)


def _limiter(**settings: float) -> tuple[Limiter, ScaledClock]:
    clock = ScaledClock(ANCHOR)
    return Limiter(SandboxSettings(anchor_at=ANCHOR, **settings), clock), clock  # type: ignore[arg-type]


def _use(limiter: Limiter, resource: Resource, times: int) -> list[Refusal | None]:
    """Make and finish `times` requests one after the other."""
    answers = []
    for _ in range(times):
        refusal = limiter.admit(TOKEN, resource, FIRST)
        if refusal is None:
            limiter.charge(TOKEN, resource, 1)
            limiter.leave(TOKEN)
        answers.append(refusal)
    return answers


def test_the_primary_limit_is_per_resource_and_ends_with_its_window() -> None:
    limiter, clock = _limiter(core_limit=3)
    assert [refusal is None for refusal in _use(limiter, Resource.CORE, 5)] == [True, True, True, False, False]
    assert _use(limiter, Resource.SEARCH, 1) == [None]
    clock.advance(3601)
    assert _use(limiter, Resource.CORE, 1) == [None]


def test_the_search_window_is_a_minute() -> None:
    limiter, clock = _limiter()
    assert sum(refusal is None for refusal in _use(limiter, Resource.SEARCH, 40)) == 30
    clock.advance(61)
    assert _use(limiter, Resource.SEARCH, 1) == [None]


def test_each_token_has_its_own_bucket() -> None:
    limiter, _ = _limiter(core_limit=1)
    _use(limiter, Resource.CORE, 2)
    assert limiter.admit("other", Resource.CORE, FIRST) is None


@pytest.mark.parametrize(
    ("resource", "setting"),
    [(Resource.FREE, "rest_points_per_minute"), (Resource.GRAPHQL, "graphql_points_per_minute")],
)
def test_too_many_points_in_a_minute_start_a_secondary_block_of_a_minute(resource: Resource, setting: str) -> None:
    limiter, clock = _limiter(**{setting: 5})
    answers = _use(limiter, resource, 8)
    assert [refusal is None for refusal in answers] == [True] * 5 + [False] * 3
    assert all(refusal.secondary for refusal in answers if refusal)
    clock.advance(60)
    assert _use(limiter, resource, 1) == [None]


def test_too_many_requests_at_once_start_a_secondary_block() -> None:
    limiter, _ = _limiter(concurrency_limit=2)
    answers = [limiter.admit(TOKEN, Resource.CORE, FIRST) for _ in range(3)]
    assert [refusal is None for refusal in answers] == [True, True, False]


def test_sixty_seconds_of_graphql_work_in_a_minute_start_a_secondary_block() -> None:
    limiter, _ = _limiter()
    limiter.note_work(TOKEN, 55.0, graphql=True)
    assert _use(limiter, Resource.GRAPHQL, 1) == [None]
    limiter.note_work(TOKEN, 6.0, graphql=True)
    assert limiter.admit(TOKEN, Resource.CORE, FIRST) is not None


def test_work_older_than_a_minute_is_forgotten() -> None:
    limiter, clock = _limiter()
    limiter.note_work(TOKEN, 70.0, graphql=True)
    clock.advance(60)
    assert _use(limiter, Resource.GRAPHQL, 1) == [None]


def test_a_request_counts_as_made_while_limited_only_once_the_client_could_know() -> None:
    limiter, _ = _limiter(core_limit=1)
    _use(limiter, Resource.CORE, 1)
    crossing = limiter.admit(TOKEN, Resource.CORE, FIRST)
    limiter.note_told(TOKEN, Resource.CORE, crossing, FIRST)
    same = limiter.admit(TOKEN, Resource.CORE, FIRST)
    other_at_once = limiter.admit(TOKEN, Resource.CORE, Caller(connection=2, heard_at=0.001))
    other_later = limiter.admit(TOKEN, Resource.CORE, Caller(connection=2, heard_at=1.0))
    asked = [refusal.while_limited for refusal in (crossing, same, other_at_once, other_later) if refusal]
    assert asked == [False, True, False, True]


def test_an_answer_that_shows_nothing_left_is_news_enough() -> None:
    limiter, _ = _limiter(core_limit=1)
    _use(limiter, Resource.CORE, 1)
    limiter.note_told(TOKEN, Resource.CORE, None, FIRST)
    refusal = limiter.admit(TOKEN, Resource.CORE, FIRST)
    assert refusal is not None
    assert refusal.while_limited


def test_every_documented_form_of_a_refusal_is_given() -> None:
    headers = {"X-RateLimit-Remaining": "0"}
    forms = set()
    for secondary in (True, False):
        for resource in (Resource.CORE, Resource.GRAPHQL):
            for form in range(20):
                answer = refuse(Refusal(secondary, 60, form, False), resource, request_id="1", headers=headers)
                waits, shows = "Retry-After" in answer.headers, "X-RateLimit-Remaining" in answer.headers
                forms.add((secondary, resource, answer.status, waits, shows))
    core, graphql = Resource.CORE, Resource.GRAPHQL
    assert forms == {
        (True, core, 403, True, False), (True, core, 429, False, True), (True, core, 403, True, True),
        (True, core, 403, False, False), (True, graphql, 200, True, True), (True, graphql, 403, True, False),
        (True, graphql, 200, False, True), (False, core, 403, False, True), (False, core, 429, False, True),
        (False, graphql, 200, False, True), (False, graphql, 403, False, True),
    }  # fmt: skip


def test_graphql_refusals_carry_both_words_in_use() -> None:
    bodies = [
        refuse(Refusal(False, 60, form, False), Resource.GRAPHQL, request_id="1", headers={}).body for form in range(4)
    ]
    assert any(b'"code":"graphql_rate_limit"' in body for body in bodies)
    assert any(b'"RATE_LIMITED"' in body for body in bodies)


def test_an_empty_bucket_is_refused_over_http_and_counted(start: StartSandbox) -> None:
    bench = start(core_limit=2)
    statuses = [bench.get("/users/jabbott").status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert set(statuses[2:]) <= {403, 429}
    assert bench.sandbox.books.totals().made_while_limited == 2
    bench.clock.advance(3601)
    assert bench.get("/users/jabbott").status_code == 200


def test_graphql_points_run_out_in_a_200(start: StartSandbox) -> None:
    bench = start(graphql_limit=2)
    answers = [bench.ask("{ viewer { login } }") for _ in range(3)]
    assert answers[1].headers["x-ratelimit-remaining"] == "0"
    assert answers[2].status_code == 200
    assert answers[2].json()["errors"][0]["type"] == "RATE_LIMIT"


def test_a_secondary_block_holds_for_rest_and_graphql_together(start: StartSandbox) -> None:
    bench = start(rest_points_per_minute=2)
    for _ in range(3):
        bench.get("/users/jabbott")
    assert "errors" in bench.ask("{ viewer { login } }").json()
    bench.clock.advance(61)
    assert bench.data("{ viewer { login } }")["viewer"]["login"] == "jabbott"


def test_rate_limit_is_free_and_tells_every_bucket(start: StartSandbox) -> None:
    bench = start()
    bench.get("/users/jabbott")
    bench.data("{ viewer { login } }")
    resources = bench.get("/rate_limit").json()["resources"]
    assert {name: bucket["used"] for name, bucket in resources.items()} == {"core": 1, "search": 0, "graphql": 1}


def test_without_a_token_sixty_requests_an_hour(start: StartSandbox) -> None:
    bench = start()
    bench.client.headers.pop("authorization")
    assert bench.get("/users/jabbott").headers["x-ratelimit-limit"] == "60"
    assert bench.ask("{ viewer { login } }").status_code == 401
