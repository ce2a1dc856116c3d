from __future__ import annotations

from tests.sandbox.conftest import StartSandbox

PATH = "/users/jabbott"


def test_an_etag_that_still_holds_gives_304_free_of_the_limit(start: StartSandbox) -> None:
    bench = start()
    first = bench.get(PATH)
    again = bench.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]


def test_last_modified_gives_304_too(start: StartSandbox) -> None:
    bench = start()
    first = bench.get(PATH)
    assert bench.get(PATH, headers={"If-Modified-Since": first.headers["last-modified"]}).status_code == 304
    assert bench.get(PATH, headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200
    assert bench.get(PATH, headers={"If-Modified-Since": "yesterday"}).status_code == 200


def test_an_etag_does_not_carry_over_to_another_token(start: StartSandbox) -> None:
    bench = start(token="one,two")
    first = bench.get(PATH)
    other = bench.get(PATH, headers={"If-None-Match": first.headers["etag"], "Authorization": "Bearer two"})
    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_search_and_rate_limit_send_no_etag(start: StartSandbox) -> None:
    bench = start()
    assert "etag" not in bench.get("/search/repositories", q="topic:llm").headers
    assert "etag" not in bench.get("/rate_limit").headers


def test_asking_again_without_the_validator_is_counted(start: StartSandbox) -> None:
    bench = start()
    first = bench.get(PATH)
    bench.get(PATH)
    bench.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    totals = bench.sandbox.books.totals()
    assert (totals.unconditional_repeats, totals.conditional_hits, totals.rest_cost) == (1, 1, 2)
