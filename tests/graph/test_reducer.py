from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.event import (
    Event,
    JobFinished,
    PageFinished,
    Recorded,
    RepoRead,
    SearchWidened,
    StageEntered,
    StepFinished,
    StepPlanned,
)
from cmo.domain.job import Stage
from cmo.graph.reducer import reduce
from cmo.graph.state import MOST_MESSAGES, new_state
from tests.fakes.outside import NOW

EVENTS = st.one_of(
    st.builds(StageEntered, stage=st.sampled_from(Stage)),
    st.builds(
        StepPlanned, step=st.integers(1, 99), tool=st.just("mx_check"), args=st.just({}), planner=st.just("rules")
    ),
    st.builds(
        PageFinished,
        step=st.integers(1, 99),
        page=st.integers(1, 9),
        tool=st.just("mx_check"),
        stage=st.sampled_from(Stage),
        processed=st.integers(0, 9),
        failed=st.integers(0, 9),
        usage=st.dictionaries(st.sampled_from(["api_calls", "tokens_used"]), st.integers(0, 5)),
    ),
    st.builds(
        StepFinished,
        step=st.integers(1, 99),
        tool=st.just("mx_check"),
        stage=st.sampled_from(Stage),
        result=st.just({"processed": 1}),
    ),
    st.builds(
        SearchWidened,
        knob=st.just("topics"),
        before=st.text(max_size=3),
        after=st.text(max_size=3),
        why=st.just(""),
        changes=st.just({}),
        search=st.just({}),
    ),
    st.builds(
        RepoRead, repo_id=st.just("R"), state=st.just("ok"), commits_seen=st.integers(0, 9), people=st.integers(0, 9)
    ),
)


def recorded(events: list[Event]) -> list[Recorded]:
    return [Recorded(seq=n, id=str(n), job_id="j", at=NOW, event=event) for n, event in enumerate(events, start=1)]


@given(st.lists(EVENTS, max_size=30))
def test_folding_twice_equals_folding_once(events: list[Event]) -> None:
    log = recorded(events)
    once = reduce(new_state("j"), log)
    assert reduce(once, log) == once


@given(st.lists(EVENTS, max_size=30), st.data())
def test_any_split_into_pages_gives_one_state(events: list[Event], data: st.DataObject) -> None:
    log = recorded(events)
    cut = data.draw(st.integers(0, len(log)))
    overlap = data.draw(st.integers(0, cut))
    split = reduce(reduce(new_state("j"), log[:cut]), log[overlap:])
    assert split == reduce(new_state("j"), log)


@given(st.lists(EVENTS, max_size=60))
def test_the_arguments_are_never_changed_and_messages_stay_few(events: list[Event]) -> None:
    before = new_state("j")
    after = reduce(before, recorded(events))
    assert before == new_state("j")
    assert len(after["messages"]) <= MOST_MESSAGES


def test_the_end_of_a_job_is_folded_into_ended() -> None:
    state = reduce(new_state("j"), recorded([JobFinished(summary="s", good_leads=3)]))
    assert (state["ended"], state["current_stage"]) == ("finished", "done")


def test_costs_of_pages_add_up_in_counters() -> None:
    page = PageFinished(
        step=1, page=1, tool="x", stage=Stage.MX, processed=1, failed=0, usage={"github_points": 4, "api_calls": 1}
    )
    state = reduce(new_state("j"), recorded([page, page]))
    assert state["counters"] == {"github_points": 8, "api_calls": 2}
