"""Searching: every topic gets its share, nothing useless comes out, and a walk ends when its queries do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cmo.domain.event import ItemFailed, RepoFound
from cmo.domain.job import Icp, Plan, StarsRange
from cmo.domain.lead import Repo
from cmo.errors import ToolInputInvalid
from cmo.providers.ports import RepoQuery
from cmo.tools.search_github_repos import TOOL, SearchIn, SearchOut, SearchPlanned, queries_of, reason_to_drop
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import NOW, repo_factory
from tests.fakes.ports import ScriptedHost, context_factory, ports_factory, run_tool


def plan(**icp: Any) -> Plan:
    return plan_factory(icp=Icp(**icp))


def repos(start: int, count: int) -> list[Repo]:
    return [repo_factory(n) for n in range(start, start + count)]


def run(call: SearchIn, host: ScriptedHost) -> SearchOut:
    return run_tool(TOOL, call, ports_factory(host))


def walk(host: ScriptedHost, job_plan: Plan, *, room: int, planned: SearchPlanned | None = None) -> list[SearchOut]:
    """As the executor does: pages until no cursor or no room is left; a repository counts once."""
    outs: list[SearchOut] = []
    found: set[str] = set()
    cursor = None
    while len(found) < room:
        context = context_factory(job_plan, cursor=cursor, room=room - len(found), page=len(outs) + 1)
        outs.append(run(TOOL.layout(planned or SearchPlanned(), (), context), host))
        found |= {repo.id for repo in outs[-1].repos}
        cursor = TOOL.cursor(outs[-1])
        if cursor is None:
            break
    return outs


def test_there_is_one_query_for_each_language_and_topic() -> None:
    queries = queries_of(Icp(languages=("python", "rust"), topics=("ci", "llm")), as_of=NOW)
    assert [(query.language, query.topic) for query in queries] == [
        ("python", "ci"),
        ("python", "llm"),
        ("rust", "ci"),
        ("rust", "llm"),
    ]


def test_a_query_carries_stars_window_keywords_and_exclusions() -> None:
    icp = Icp(
        keywords=("async", "web server", 'x:"y'),
        stars_range=StarsRange(low=10, high=20),
        activity_days=60,
        pushed_before_days=30,
        topics=(),
        exclude=("crypto", "machine learning", "c++"),
    )
    (query,) = queries_of(icp, as_of=NOW)
    assert query.text == 'async "web server" "x  y" in:name,description'
    assert (query.stars_low, query.stars_high, query.topic) == (10, 20, None)
    assert (query.pushed_after, query.pushed_before) == (NOW - timedelta(days=60), NOW - timedelta(days=30))
    assert query.exclude_topics == ("crypto", "machine-learning")


def test_topics_share_the_room_fairly() -> None:
    host = ScriptedHost(found={topic: repos(1000 * n, 500) for n, topic in enumerate(("a", "b", "c"))})
    outs = walk(host, plan(topics=("a", "b", "c")), room=180)
    assert [len(out.repos) for out in outs] == [60, 60, 60]


def test_a_small_room_is_not_cut_into_pages_that_each_cost_a_point() -> None:
    host = ScriptedHost(found={topic: repos(1000 * n, 500) for n, topic in enumerate(("a", "b", "c"))})
    outs = walk(host, plan(topics=("a", "b", "c")), room=60)
    assert [len(out.repos) for out in outs] == [45, 15]


def test_what_one_topic_does_not_use_the_others_get() -> None:
    host = ScriptedHost(found={"a": repos(0, 5), "b": repos(1000, 500)})
    outs = walk(host, plan(topics=("a", "b")), room=60)
    assert sum(len(out.repos) for out in outs) == 60


def test_repositories_found_by_two_topics_do_not_use_up_the_room() -> None:
    host = ScriptedHost(found={"a": repos(0, 40), "b": repos(0, 40)})
    outs = walk(host, plan(topics=("a", "b")), room=40)
    assert len({repo.id for out in outs for repo in out.repos}) == 40


def test_the_walk_ends_when_every_query_is_exhausted_and_not_before() -> None:
    host = ScriptedHost(found={"a": repos(0, 150), "b": repos(1000, 3)})
    outs = walk(host, plan(topics=("a", "b")), room=1000)
    assert sum(len(out.repos) for out in outs) == 153
    assert [out.cursor is None for out in outs] == [False, False, True]


def test_a_walk_can_go_on_after_its_room_was_used() -> None:
    host = ScriptedHost(found={"a": repos(0, 30)})
    first = walk(host, plan(topics=("a",)), room=10)[-1]
    context = context_factory(plan(topics=("a",)), cursor=TOOL.cursor(first), room=10)
    second = run(TOOL.layout(SearchPlanned(), (), context), host)
    assert [repo.id for repo in second.repos] == [repo.id for repo in repos(10, 10)]


def test_a_topic_may_be_taken_first() -> None:
    host = ScriptedHost(found={"a": repos(0, 50), "b": repos(1000, 5)})
    outs = walk(host, plan(topics=("a", "b")), room=20, planned=SearchPlanned(topic="b"))
    assert [out.query for out in outs] == ["topic:b", "topic:a"]


def test_a_topic_that_the_plan_does_not_have_is_refused() -> None:
    with pytest.raises(ToolInputInvalid, match="none of the plan's: ci"):
        TOOL.layout(SearchPlanned(topic="crypto"), (), context_factory(plan(topics=("ci",))))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"archived": True}, "archived"),
        ({"fork": True}, "fork"),
        ({"topics": ("crypto",)}, "excluded"),
        ({"description": "A Cryptocurrency bot"}, "excluded"),
        ({"full_name": "org/crypto-tools"}, "excluded"),
        ({"topics": ("machine-learning",)}, "excluded"),
        ({"description": "an ai agent"}, "excluded"),
        ({"description": "air quality, said plainly"}, None),
        ({"description": "encrypts mail"}, None),
    ],
)
def test_archived_forked_and_excluded_repositories_are_dropped(changes: dict[str, Any], reason: str | None) -> None:
    assert reason_to_drop(repo_factory(**changes), ("crypto", "ai", "machine learning", " ")) == reason


def test_dropped_repositories_are_counted_by_reason() -> None:
    found = [repo_factory(1), repo_factory(2, archived=True), repo_factory(3, fork=True), repo_factory(4, fork=True)]
    out = run(SearchIn(q=RepoQuery(topic="a")), ScriptedHost(found={"a": found}))
    assert [repo.id for repo in out.repos] == ["R_0001"]
    assert out.dropped == {"archived": 1, "fork": 2}


def test_a_search_by_hand_takes_github_syntax() -> None:
    host = ScriptedHost(found={None: repos(0, 3)})
    out = run(SearchIn.model_validate({"q": "language:python stars:>10", "max_repos": 2}), host)
    assert host.searches == [(RepoQuery(text="language:python stars:>10"), 2)]
    assert len(out.repos) == 2


def test_a_query_that_github_refuses_does_not_stop_the_others() -> None:
    host = ScriptedHost(found={"b": repos(0, 3)}, refuses=frozenset({"a"}))
    outs = walk(host, plan(topics=("a", "b")), room=50)
    assert [failure.code for failure in outs[0].failed] == ["rejected"]
    assert len(outs[1].repos) == 3
    (event,) = TOOL.events(SearchIn(q="x"), outs[0])
    assert isinstance(event, ItemFailed)


def test_no_room_asks_for_nothing() -> None:
    host = ScriptedHost()
    assert run(SearchIn(q="x", max_repos=0), host).repos == ()
    assert host.searches == []


def test_each_repository_is_an_event_with_its_query() -> None:
    call = SearchIn(q=RepoQuery(topic="a"))
    out = run(call, ScriptedHost(found={"a": repos(0, 2)}))
    events = TOOL.events(call, out)
    assert [event.query for event in events if isinstance(event, RepoFound)] == ["topic:a", "topic:a"]
