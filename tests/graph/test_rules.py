from __future__ import annotations

from typing import Any

import pytest

from cmo.domain.job import Caps, Stage
from cmo.graph.planner import Situation
from cmo.graph.planners.rules import FIRST_SHARE, next_call, repos_needed
from cmo.graph.rails import shortfall, still_to_do, what_is_missing
from cmo.store.progress import Progress
from cmo.tools.registry import TOOLS
from tests.fakes.jobs import plan_factory

FILES = {"prospects.csv": 10, "attio_people.csv": 10}


def progress_factory(**counts: int) -> Progress:
    return Progress.model_validate({**dict.fromkeys(Progress.model_fields, 0), **counts})


def situation_factory(*, counts: dict[str, int] | None = None, **changes: Any) -> Situation:
    values: dict[str, Any] = {
        "plan": plan_factory(target=100),
        "step": 1,
        "steps_left": 40,
        "stage": Stage.DISCOVER,
        "progress": progress_factory(**(counts or {})),
        "tool_calls_left": {tool.name: 5 for tool in TOOLS},
        "room_repos": 600,
        "room_people": 3000,
        "search_open": True,
        "can_widen": True,
        "files": {},
        "messages": (),
        "follow_ups": (),
    }
    return Situation.model_validate({**values, **changes})


@pytest.mark.parametrize(
    ("counts", "tool"),
    [
        ({}, "search_github_repos"),
        ({"repos": 40, "repos_unread": 40}, "extract_people"),
        ({"repos_read": 40, "candidates_new": 3}, "enrich_github_user"),
        ({"repos_read": 40, "people_without_email": 3}, "find_commit_emails"),
        ({"repos_read": 40, "emails_unverified": 3, "people_unscored": 3}, "mx_check"),
        ({"repos_read": 40, "people_unscored": 3}, "score_icp"),
        ({"repos_read": 40, "good_leads": 20}, "search_github_repos"),
        ({"repos_read": 40, "good_leads": 100}, "export_csv"),
    ],
)
def test_the_order_is_search_extract_enrich_emails_mx_score_export(counts: dict[str, int], tool: str) -> None:
    assert next_call(situation_factory(counts=counts)).tool == tool


@pytest.mark.parametrize("calls", [0, 1])
def test_a_cap_that_was_raised_meanwhile_keeps_a_job_from_ending_while_items_wait(calls: int) -> None:
    left = {tool.name: 5 for tool in TOOLS} | {"mx_check": calls, "search_github_repos": 0}
    counts = {"good_leads": 3, "emails_unverified": 2, "people_unscored": 2}
    situation = situation_factory(counts=counts, tool_calls_left=left, people_unsettled=2, files=FILES)
    assert (still_to_do(situation) is not None) is bool(calls)
    assert next_call(situation).tool == ("mx_check" if calls else "done")


def test_a_job_with_its_target_and_files_is_done() -> None:
    assert next_call(situation_factory(counts={"good_leads": 100}, files=FILES)).tool == "done"


def test_the_first_round_searches_a_part_of_the_need_and_later_rounds_go_by_the_measured_yield() -> None:
    first = repos_needed(situation_factory())
    later = repos_needed(situation_factory(counts={"repos_read": 40, "good_leads": 20}))
    assert first == round(100 / 1.5 * 1.1 * FIRST_SHARE + 0.5)
    assert later == 176


def test_no_search_is_wider_than_the_caps_allow() -> None:
    assert repos_needed(situation_factory(room_repos=7)) == 7
    assert repos_needed(situation_factory(room_people=0)) == 0
    assert repos_needed(situation_factory(search_open=False, can_widen=False)) == 0


def test_a_plan_that_stops_after_a_stage_exports_then() -> None:
    plan = plan_factory(target=100, until=Stage.EXTRACT)
    counts = {"repos_read": 40, "candidates_new": 50}
    assert next_call(situation_factory(plan=plan, counts=counts)).tool == "export_csv"


@pytest.mark.parametrize(
    ("tool", "counts", "words"),
    [
        ("extract_people", {}, "search_github_repos first"),
        ("enrich_github_user", {}, "extract_people first"),
        ("find_commit_emails", {}, "enrich_github_user first"),
        ("mx_check", {}, "find_commit_emails first"),
        ("score_icp", {"emails_unverified": 2}, "mx_check first"),
        ("export_csv", {"people_unscored": 2}, "score_icp"),
        ("done", {"repos_read": 1}, "not exported"),
        ("search_github_repos", {"good_leads": 100}, "target is reached"),
    ],
)
def test_a_tool_out_of_order_is_told_what_is_missing(tool: str, counts: dict[str, int], words: str) -> None:
    call = next_call(situation_factory()).model_copy(update={"tool": tool})
    missing = what_is_missing(call, situation_factory(counts=counts))
    assert missing is not None
    assert words in missing


def test_whatever_the_rules_plan_passes_the_rails() -> None:
    for counts in ({}, {"repos_unread": 3}, {"candidates_new": 2}, {"people_unscored": 4}, {"good_leads": 100}):
        situation = situation_factory(counts=counts)
        assert what_is_missing(next_call(situation), situation) is None


def test_done_is_refused_while_the_search_can_go_on() -> None:
    call = next_call(situation_factory()).model_copy(update={"tool": "done"})
    missing = what_is_missing(call, situation_factory(counts={"good_leads": 20}, files=FILES))
    assert missing is not None
    assert "80 good leads are missing" in missing


def test_a_tool_called_as_often_as_its_cap_is_refused() -> None:
    situation = situation_factory(tool_calls_left={})
    missing = what_is_missing(next_call(situation), situation)
    assert missing is not None
    assert "max_tool_calls" in missing


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"room_repos": 0, "plan": plan_factory(target=100, caps=Caps(max_repos=50))}, "max_repos=50"),
        ({"room_people": 0}, "max_people=3000"),
        ({"search_open": False, "can_widen": False}, "no further repository matches"),
    ],
)
def test_a_shortfall_names_its_reason_and_the_way_out(changes: dict[str, Any], words: str) -> None:
    told = shortfall(situation_factory(counts={"good_leads": 40}, **changes))
    assert told is not None
    assert told.startswith("60 fewer")
    assert words in told
