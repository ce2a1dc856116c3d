from __future__ import annotations

from collections.abc import Callable

import pytest

from cmo.sandbox import World
from cmo.sandbox.repos import Repo
from cmo.sandbox.search import SearchIndex, SearchRefused, parse_query
from tests.sandbox.conftest import Bench

DEFAULT = "language:python topic:testing stars:100..2000"


@pytest.fixture(scope="module")
def index(world: World) -> SearchIndex:
    return SearchIndex(world)


def _find(index: SearchIndex, text: str, **how: str) -> tuple[Repo, ...]:
    return index.repos(parse_query(text, **how))


def test_one_default_query_matches_more_than_a_search_can_show(index: SearchIndex) -> None:
    assert len(_find(index, DEFAULT)) > 1200
    assert len(_find(index, f"{DEFAULT} pushed:>=2026-08-19 archived:false")) > 1000


def test_slices_by_stars_are_disjoint_and_complete(index: SearchIndex) -> None:
    bands = ("100..200", "201..500", "501..2000")
    slices = [_find(index, f"language:python topic:testing stars:{band}") for band in bands]
    assert max(len(part) for part in slices) < 1000
    assert {repo.index for part in slices for repo in part} == {repo.index for repo in _find(index, DEFAULT)}
    assert sum(len(part) for part in slices) == len(_find(index, DEFAULT))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("language:go", lambda repo: repo.language == "Go"),
        ("topic:ci topic:automation", lambda repo: {"ci", "automation"} <= set(repo.topics)),
        ("topic:ci -topic:automation", lambda repo: "automation" not in repo.topics),
        ("topic:ci NOT language:python", lambda repo: repo.language != "Python"),
        ("stars:>=5000", lambda repo: repo.stars >= 5000),
        ("stars:<10", lambda repo: repo.stars < 10),
        ("stars:*..3", lambda repo: repo.stars <= 3),
        ("archived:true", lambda repo: repo.archived),
        ("fork:only", lambda repo: repo.fork),
        ("fork:false", lambda repo: not repo.fork),
        ("created:<2020-01-01", lambda repo: repo.created_at < 1577836800),
        ("pushed:2026-11-01..2026-11-05", lambda repo: 1793491200 <= repo.pushed_at < 1793923200),
        ("user:quillharrow", lambda repo: repo.owner.login == "quillharrow"),
        ('"runner" in:name,description', lambda repo: "runner" in f"{repo.name} {repo.description}".lower()),
    ],
)
def test_a_qualifier_keeps_only_what_it_says(index: SearchIndex, text: str, holds: Callable[[Repo], bool]) -> None:
    found = _find(index, text)
    assert found
    assert all(holds(repo) for repo in found)


def test_forks_are_left_out_unless_asked_for(index: SearchIndex) -> None:
    assert not any(repo.fork for repo in _find(index, DEFAULT))
    assert any(repo.fork for repo in _find(index, f"{DEFAULT} fork:true"))


def test_sorting_by_stars_both_ways(index: SearchIndex) -> None:
    down = [repo.stars for repo in _find(index, "topic:llm", sort="stars")]
    up = [repo.stars for repo in _find(index, "topic:llm sort:stars-asc")]
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)


@pytest.mark.parametrize(
    "text", ["", "x " * 200, "a OR b OR c OR d OR e OR f OR g", "stars:many", "nosuch:thing", "user:no-such-account-x"]
)
def test_a_query_that_makes_no_sense_is_refused(index: SearchIndex, text: str) -> None:
    with pytest.raises(SearchRefused):
        _find(index, text)


def test_rest_search_pages_to_a_thousand_and_not_beyond(bench: Bench) -> None:
    last = bench.get("/search/repositories", q=DEFAULT, per_page=100, page=10)
    assert last.json()["total_count"] > 1200
    assert len(last.json()["items"]) == 100
    assert 'rel="next"' not in last.headers["link"]
    beyond = bench.get("/search/repositories", q=DEFAULT, per_page=100, page=11)
    assert beyond.status_code == 422
    assert beyond.json()["message"] == "Only the first 1000 search results are available"


def test_graphql_search_pages_to_a_thousand_and_not_beyond(bench: Bench) -> None:
    query = """query($q: String!, $after: String) { search(query: $q, type: REPOSITORY, first: 100, after: $after) {
        repositoryCount pageInfo { hasNextPage endCursor } nodes { ... on Repository { id } } } }"""
    seen, found, after, has_next = 0, 0, None, True
    while has_next:
        page = bench.data(query, q=DEFAULT, after=after)["search"]
        seen, found = seen + len(page["nodes"]), page["repositoryCount"]
        after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == 1000
    assert found > 1200


def test_a_count_costs_one_point_and_no_nodes(bench: Bench) -> None:
    query = (
        "query($q: String!) { rateLimit { cost } search(query: $q, type: REPOSITORY, first: 0) { repositoryCount } }"
    )
    answer = bench.data(query, q=DEFAULT)
    assert answer["rateLimit"]["cost"] == 1
    assert answer["search"]["repositoryCount"] > 1200


def test_a_deleted_repository_is_null_in_a_graphql_search(bench: Bench) -> None:
    deleted = next(repo for repo in bench.world.repos if repo.deleted and not repo.fork)
    query = (
        "query($q: String!) { search(query: $q, type: REPOSITORY, first: 10) { nodes { ... on Repository { id } } } }"
    )
    assert None in bench.data(query, q=f"repo:{deleted.full_name}")["search"]["nodes"]


def test_users_are_found_by_location_and_sorted_by_followers(bench: Bench) -> None:
    answer = bench.get("/search/users", q="location:berlin type:user", sort="followers", per_page=5).json()
    assert answer["total_count"] > 50
    logins = [item["login"] for item in answer["items"]]
    followers = [bench.get(f"/users/{login}").json()["followers"] for login in logins]
    assert followers == sorted(followers, reverse=True)
