"""Histories of many repositories: complete, cheap, the same whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cmo.domain.lead import ActivityState, RepoActivity, RepoRef
from cmo.errors import ProviderUnavailable, RateLimited
from cmo.providers.ports import Meter, ResponseCache
from tests.fakes.cache import FakeCache
from tests.providers.github.world import (
    SINCE,
    FakeRepo,
    Trouble,
    World,
    client,
    evidence,
    not_found,
    once,
    repo,
    timed_out,
)

SECONDARY = {"message": "You have exceeded a secondary rate limit."}


def read(
    world: World,
    refs: Sequence[RepoRef] | None = None,
    *,
    cache: ResponseCache | None = None,
    meter: Meter | None = None,
) -> tuple[RepoActivity, ...]:
    async def act() -> tuple[RepoActivity, ...]:
        async with client(world, cache=cache, meter=meter) as github:
            return await github.fetch_activity(refs or [entry.ref for entry in world.repos], since=SINCE)

    return asyncio.run(act())


def mixed() -> list[FakeRepo]:
    """Ordinary, empty and long histories."""
    return [repo(n, commits=(3, 0, 120, 12, 1500, 640)[n % 6]) for n in range(60)]


def bare(activities: Sequence[RepoActivity]) -> list[dict[str, Any]]:
    return [activity.model_dump(exclude={"fetched_at"}) for activity in activities]


EXPECTED = bare(read(World(repos=mixed())))


def test_an_activity_says_who_committed_and_who_maintains() -> None:
    (activity,) = read(World(repos=[repo(1, commits=9)]))
    assert (activity.state, activity.commits_seen, activity.truncated) == (ActivityState.OK, 9, False)
    assert [(seen.login, seen.user_id, seen.commits) for seen in activity.sightings][:3] == [
        ("dev0", "U_dev0", 2),
        ("dev1", "U_dev1", 2),
        ("dev2", "U_dev2", 1),
    ]
    assert (activity.mergers, activity.releasers, activity.codeowners) == ({"dev0": 1}, {"dev0": 1}, ("dev0",))
    assert activity.pull_authors == {"dev1": 1}


def test_ordinary_histories_come_by_the_dozen_for_a_point() -> None:
    world, meter = World(repos=[repo(n) for n in range(300)]), Meter()
    read(world, meter=meter)
    assert world.points == meter.snapshot()["github_points"] <= 10


def test_all_later_pages_of_all_long_histories_share_documents() -> None:
    world = World(repos=[repo(n, commits=900) for n in range(8)])
    activities = read(world)
    assert {activity.commits_seen for activity in activities} == {900}
    assert len(world.documents) <= 4


def test_cursors_that_cannot_be_guessed_after_all_cost_a_page_at_a_time_and_nothing_else() -> None:
    world = World(repos=[repo(1, commits=700)])

    def route(request: httpx.Request) -> httpx.Response | None:
        variables = json.loads(request.content)["variables"]
        if "after1" not in variables:
            return None
        first = {name: variables[name] for name in ("id0", "first0", "after0", "since")}
        told = json.loads(world.answer_history(first).content)
        wrong = [{"type": "INVALID_CURSOR_ARGUMENTS", "path": [f"p{i}"]} for i in range(1, 6)]
        return httpx.Response(200, json={**told, "errors": wrong})

    world.route = route
    assert read(world)[0].commits_seen == 700
    assert len(world.documents) == 7
    assert world.paths == []


def test_a_history_is_cut_at_a_thousand_commits_and_says_so() -> None:
    activity, other = read(World(repos=[repo(1, commits=1001), repo(2, commits=1000)]))
    assert (activity.commits_seen, activity.truncated) == (1000, True)
    assert (other.commits_seen, other.truncated) == (1000, False)


def test_answers_come_in_the_order_given_each_under_the_name_given() -> None:
    world = World(repos=[repo(n) for n in range(5)])
    refs = [RepoRef(id=f"R_{n}", full_name=f"old{n}/name") for n in (3, 1, 4, 1)]
    assert [activity.repo for activity in read(world, refs)] == refs


def test_gone_blocked_and_foreign_ids_are_states_not_errors() -> None:
    world = World(
        repos=[repo(n) for n in range(4)],
        errors={"R_1": [not_found()], "R_2": [{"type": "FORBIDDEN", "message": "Repository access blocked"}]},
    )
    refs = [*(entry.ref for entry in world.repos), RepoRef(id="R_9", full_name="a/b")]
    states = [activity.state for activity in read(world, refs)]
    assert states == [ActivityState.OK, ActivityState.GONE, ActivityState.BLOCKED, ActivityState.OK, ActivityState.GONE]


def test_a_node_that_is_no_repository_is_gone() -> None:
    world = World(troubles=[once(httpx.Response(200, json={"data": {"p0": {}}}))])
    assert read(world, [repo(1).ref])[0].state is ActivityState.GONE


def test_a_repository_without_commits_is_empty() -> None:
    assert read(World(repos=[repo(1, commits=0)]))[0].state is ActivityState.EMPTY


def test_without_an_id_a_repository_is_found_by_its_name() -> None:
    node = {"__typename": "Repository", "defaultBranchRef": None, **evidence()}
    world = World(troubles=[once(httpx.Response(200, json={"data": {"p0": node}}))])
    read(world, [RepoRef(id="", full_name="acme/tool")])
    assert world.variables("History")[0]["owner0"] == "acme"


@pytest.mark.parametrize(
    "troubles",
    [
        [once(timed_out())] * 3,
        [once(httpx.Response(504, text="<html>"))] * 2,
        [once(httpx.Response(200, json={"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED"}]}))],
        [once(httpx.ReadTimeout("slow"))] * 2,
        [once(httpx.ReadError("reset")), once(httpx.Response(200, text="{")), once(httpx.Response(500))] * 2,
    ],
    ids=["timeouts", "504", "node_limit", "read_timeout", "mixed"],
)
def test_faults_change_the_cost_and_not_the_answer(troubles: list[Trouble]) -> None:
    assert bare(read(World(repos=mixed(), troubles=troubles))) == EXPECTED


@pytest.mark.parametrize("heaviest", [1, 2, 7])
def test_a_server_that_manages_little_gets_little(heaviest: int) -> None:
    world = World(repos=mixed(), heaviest=heaviest)
    assert bare(read(world)) == EXPECTED


def test_a_slow_server_gets_smaller_documents() -> None:
    world = World(repos=[repo(n, seconds_each=0.5) for n in range(120)])
    read(world)
    sizes = [sum(name.startswith("id") for name in variables) for variables in world.variables("History")]
    assert all(5 <= size <= 12 for size in sizes[3:-1])


def broken_off(request: httpx.Request) -> httpx.Response | None:
    """The second half of the fields is null, as when GitHub's resource limit strikes."""
    if b"$id3" not in request.content:
        return None
    data = {"p0": {"__typename": "Repository", "defaultBranchRef": None, **evidence()}}
    return httpx.Response(200, json={"data": data, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED"}]})


def test_what_github_did_not_get_to_is_asked_for_again_and_what_came_is_kept() -> None:
    world = World(repos=[repo(0, commits=0), *(repo(n) for n in range(1, 8))], troubles=[broken_off])
    assert [activity.state for activity in read(world)] == [ActivityState.EMPTY, *[ActivityState.OK] * 7]
    assert "R_0" not in {value for variables in world.variables("History")[1:] for value in variables.values()}


def test_a_limit_in_the_middle_loses_nothing_and_nothing_is_asked_for_twice() -> None:
    world, cache = World(repos=mixed()), FakeCache()
    documents = 0

    def limited(request: httpx.Request) -> httpx.Response | None:
        nonlocal documents
        documents += 1
        return httpx.Response(403, json=SECONDARY) if documents % 3 == 0 else None

    world.route = limited
    activities: tuple[RepoActivity, ...] = ()
    while not activities:
        try:
            activities = read(world, cache=cache)
        except RateLimited as exc:
            world.clock.advance(exc.retry_after_s)
    assert bare(activities) == EXPECTED
    pages = [
        (variables[f"id{i}"], variables[f"after{i}"])
        for variables, answered in zip(world.variables("History"), _answered(world), strict=True)
        for i in range(sum(name.startswith("id") for name in variables))
        if answered
    ]
    assert len(pages) == len(set(pages))


def _answered(world: World) -> list[bool]:
    """Which documents were let through, by the rule of the test above."""
    return [number % 3 != 0 for number in range(1, len(world.requests) + 1)]


def test_what_was_read_is_never_read_again_on_the_same_day() -> None:
    world, cache, meter = World(repos=mixed()), FakeCache(), Meter()
    first = read(world, cache=cache)
    requests = len(world.requests)
    world.clock.advance(3 * 86_400)
    assert read(world, cache=cache, meter=meter) == first
    assert len(world.requests) == requests
    assert meter.snapshot() == {"cache_hits": 60}


def test_jobs_of_one_day_share_what_they_read_and_count_from_midnight() -> None:
    world, cache = World(repos=[repo(1)]), FakeCache()

    async def act() -> list[RepoActivity]:
        async with client(world, cache=cache) as github:
            times = (SINCE + timedelta(hours=3), SINCE + timedelta(hours=23))
            return [(await github.fetch_activity([repo(1).ref], since=at))[0] for at in times]

    morning, evening = asyncio.run(act())
    assert morning == evening
    assert morning.since == SINCE
    assert len(world.requests) == 1


def test_another_window_is_read_anew() -> None:
    world, cache = World(repos=[repo(1)]), FakeCache()

    async def act() -> None:
        async with client(world, cache=cache) as github:
            for days in (0, 1):
                await github.fetch_activity([repo(1).ref], since=SINCE + timedelta(days=days))

    asyncio.run(act())
    assert len(world.requests) == 2


def test_entries_of_another_version_are_read_anew() -> None:
    world, cache = World(repos=[repo(1, commits=150)]), FakeCache()
    first = read(world, cache=cache)
    cache.answers = {key: kept.model_copy(update={"body": '{"odd": 1}'}) for key, kept in cache.answers.items()}
    assert bare(read(world, cache=cache)) == bare(first)


def by_rest(world: World, **answers: Any) -> None:
    """Have GraphQL fail for histories, or altogether, and REST answer by the last word of the path."""

    def route(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST":
            wants_history = b"$since" in request.content
            return answers["graphql"]() if wants_history or answers.get("everything") else None
        name = request.url.path.rpartition("/")[2]
        answer = answers.get(name)
        if isinstance(answer, list):
            page = int(request.url.params.get("page", 1))
            link = f'<{request.url.copy_set_param("page", page + 1)}>; rel="next"'
            return httpx.Response(200, json=answer[page - 1], headers={"link": link} if page < len(answer) else {})
        return answer if isinstance(answer, httpx.Response) else None

    world.route = route


def rest_commits(entry: FakeRepo, start: int, stop: int) -> list[dict[str, Any]]:
    rows = []
    for n in range(start, stop):
        node = entry.commit(n)
        author = {"name": node["author"]["name"], "email": node["author"]["email"]}
        account = {"login": node["author"]["user"]["login"], "node_id": node["author"]["user"]["id"], "type": "User"}
        inner = {"author": author, "committer": {"date": node["committedDate"]}}
        rows.append({"sha": node["oid"], "commit": inner, "author": account})
    return rows


def test_a_history_that_graphql_never_manages_comes_by_rest_and_is_the_same() -> None:
    entry = repo(1, commits=150)
    world = World(repos=[entry])
    by_rest(world, graphql=timed_out, commits=[rest_commits(entry, 0, 100), rest_commits(entry, 100, 150)])
    assert bare(read(world)) == bare(read(World(repos=[entry])))
    params = [dict(request.url.params) for request in world.requests if request.method == "GET"]
    assert params[0] == {"since": "2026-08-22T00:00:00Z", "per_page": "100"}


def test_without_graphql_everything_but_pull_requests_comes_by_rest() -> None:
    entry = repo(1, commits=20)
    world = World(repos=[entry])
    released = [{"author": {"login": "dev0", "type": "User"}}, {"author": {"login": "x[bot]", "type": "Bot"}}]
    by_rest(
        world,
        everything=True,
        graphql=lambda: httpx.Response(404, json={"message": "Not Found"}),
        commits=[rest_commits(entry, 0, 20)],
        releases=[released],
        CODEOWNERS=httpx.Response(200, json={"content": "KiBAZGV2MCBAb3JnL3RlYW0K\n"}),
    )
    (activity,) = read(world)
    assert activity.sightings == read(World(repos=[entry]))[0].sightings
    assert (activity.releasers, activity.codeowners, activity.mergers) == ({"dev0": 1}, ("dev0",), {})
    assert world.paths == [
        "/repos/org1/proj1/commits",
        "/repos/org1/proj1/releases",
        "/repos/org1/proj1/contents/.github/CODEOWNERS",
    ]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(404, json={}), ActivityState.GONE),
        (httpx.Response(409, json={"message": "Git Repository is empty."}), ActivityState.EMPTY),
        (httpx.Response(451, json={}), ActivityState.BLOCKED),
        (httpx.Response(403, json={"message": "Repository access blocked"}), ActivityState.BLOCKED),
    ],
)
def test_rest_tells_the_same_states(answer: httpx.Response, state: ActivityState) -> None:
    world = World(repos=[repo(1)])
    by_rest(world, everything=True, graphql=lambda: httpx.Response(404), commits=answer)
    assert read(world)[0].state is state


def test_a_repository_that_nothing_can_read_is_passed_over_while_github_is_up_and_tried_by_the_next_job() -> None:
    world, cache = World(repos=[repo(1), repo(2)]), FakeCache()

    def route(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/rate_limit":
            return httpx.Response(200, json={})
        return httpx.Response(500, json={}) if b"R_1" in request.content or "org1" in request.url.path else None

    world.route = route
    refs = [repo(2).ref, repo(1).ref]
    world.heaviest = 1
    assert [activity.state for activity in read(world, refs, cache=cache)] == [ActivityState.OK, ActivityState.BLOCKED]
    world.route = lambda request: None
    assert [activity.state for activity in read(world, refs, cache=cache)] == [ActivityState.OK, ActivityState.OK]


def test_an_outage_is_an_error_and_blames_no_repository() -> None:
    world = World(repos=[repo(1)], route=lambda request: httpx.Response(500, json={}))
    with pytest.raises(ProviderUnavailable):
        read(world)


def test_a_name_that_leads_elsewhere_is_never_put_into_a_path() -> None:
    world = World()
    by_rest(world, everything=True, graphql=lambda: httpx.Response(404))
    assert read(world, [RepoRef(id="", full_name="../..")])[0].state is ActivityState.GONE
    assert world.paths == []


@pytest.mark.parametrize("commits", [{"odd": 1}, [{"sha": 7}], ["text"]])
def test_an_answer_that_cannot_be_read_costs_one_repository_not_the_page(commits: Any) -> None:
    world = World(repos=[repo(1)])
    by_rest(world, everything=True, graphql=lambda: httpx.Response(404), commits=httpx.Response(200, json=commits))
    original = world.route
    up = httpx.Response(200, json={})
    world.route = lambda request: up if request.url.path == "/rate_limit" else original(request)
    assert read(world)[0].state is ActivityState.BLOCKED


def test_without_graphql_odd_evidence_is_no_evidence() -> None:
    world = World(repos=[repo(1)])
    by_rest(
        world,
        everything=True,
        graphql=lambda: httpx.Response(404),
        commits=[rest_commits(repo(1), 0, 3)],
        releases=httpx.Response(404, json={}),
        CODEOWNERS=httpx.Response(200, json={"content": "no base64"}),
    )
    (activity,) = read(world)
    assert (activity.commits_seen, activity.releasers, activity.codeowners) == (3, {}, ())


def test_a_server_that_loses_its_graphql_half_way_is_read_on_by_rest() -> None:
    entries = [repo(n, commits=3) for n in range(40)]
    world = World(repos=entries)
    documents = 0

    def route(request: httpx.Request) -> httpx.Response | None:
        nonlocal documents
        documents += request.method == "POST"
        if request.method == "POST":
            return httpx.Response(404) if documents > 1 else None
        number = request.url.path.split("/")[2].removeprefix("org")
        is_commits = request.url.path.endswith("/commits")
        return httpx.Response(200, json=rest_commits(entries[int(number)], 0, 3)) if is_commits else None

    world.route = route
    assert [activity.commits_seen for activity in read(world)] == [3] * 40
    assert len(world.documents) == 2
