"""Remarks to a running job."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cmo.domain.goal import FollowUp, parse_follow_up
from cmo.domain.job import Icp, Mode, Plan, StarsRange

PLAN = Plan(goal="find 200 py devs", icp=Icp(exclude=("web3",)))


def say(text: str, plan: Plan = PLAN, **more: Any) -> FollowUp:
    return parse_follow_up(text, plan, **more)


def icp(**changes: Any) -> dict[str, Any]:
    return {"icp": PLAN.icp.model_copy(update=changes)}


def caps(**changes: Any) -> dict[str, Any]:
    return {"caps": PLAN.caps.model_copy(update=changes)}


TOPICS = PLAN.icp.topics

UNDERSTOOD = [
    ("skip crypto repos", icp(exclude=("web3", "crypto")), "exclude + crypto."),
    ("no crypto or nft please", icp(exclude=("web3", "crypto", "nft")), "exclude + crypto, nft."),
    ("allow web3 again", icp(exclude=()), "exclude - web3."),
    ("prefer projects that use GitHub Actions", icp(topics=(*TOPICS, "github-actions")), "topics + github-actions."),
    ("prefer projects with GitHub Actions", icp(topics=(*TOPICS, "github-actions")), "topics + github-actions."),
    ("also fintech", icp(topics=(*TOPICS, "fintech")), "topics + fintech."),
    ("add topic fuzzing", icp(topics=(*TOPICS, "fuzzing")), "topics + fuzzing."),
    ("topics cli, tui", icp(topics=("cli", "tui")), "topics ci, testing, pytest, devtools, llm → cli, tui."),
    ("drop llm", icp(topics=TOPICS[:-1]), "topics - llm."),
    ("no llm", icp(topics=TOPICS[:-1]), "topics - llm."),
    ("raise max repos to 900", caps(max_repos=900), "max_repos 600 → 900."),
    ("raise max repos by 100", caps(max_repos=700), "max_repos 600 → 700."),
    ("max_people=500", caps(max_people=500), "max_people 3,000 → 500."),
    ("at most 100 steps", caps(max_steps=100), "max_steps 40 → 100."),
    ("set the budget to $20", caps(budget_usd=20.0), "budget_usd no limit → 20."),
    ("3 authors per repo", caps(top_authors_per_repo=3), "top_authors_per_repo 5 → 3."),
    ("lower the star floor to 50", icp(stars_range=StarsRange(low=50, high=2000)), "stars_range 100..2000 → 50..2000."),
    ("at most 900 stars", icp(stars_range=StarsRange(low=100, high=900)), "stars_range 100..2000 → 100..900."),
    ("stars 50..500", icp(stars_range=StarsRange(low=50, high=500)), "stars_range 100..2000 → 50..500."),
    ("extend the window to 6 months", icp(activity_days=180), "activity_days 90 → 180."),
    ("extend the window by 30 days", icp(activity_days=120), "activity_days 90 → 120."),
    ("make it 300", {"target": 300}, "target 200 → 300."),
    ("target 1k", {"target": 1000}, "target 200 → 1,000."),
    ("raise the target to 400", {"target": 400}, "target 200 → 400."),
    ("remove web3", icp(exclude=()), "exclude - web3."),
    ("only germany", icp(location="Germany"), "location anywhere → Germany."),
    ("only people in Berlin", icp(location="Berlin"), "location anywhere → Berlin."),
    ("only rust", icp(languages=("rust",)), "languages python → rust."),
    ("also go", icp(languages=("python", "go")), "languages + go."),
    ("any language", icp(languages=()), "languages python → any."),
    ("only maintainers", icp(roles=("maintainer",)), "roles any → maintainer."),
    ("stop searching", caps(max_repos=120), "max_repos 600 → 120."),
    ("no more repos", caps(max_repos=120), "max_repos 600 → 120."),
    ("dry run please", {"mode": Mode.DRY_RUN}, "mode draft_only → dry_run."),
]


@pytest.mark.parametrize(("text", "changes", "effect"), UNDERSTOOD, ids=[case[0] for case in UNDERSTOOD])
def test_a_remark_changes_just_what_it_names(text: str, changes: dict[str, Any], effect: str) -> None:
    result = say(text, repos_found=120)
    assert result.plan == PLAN.model_copy(update=changes)
    assert effect in result.effect
    assert result.understood


def test_a_place_can_be_taken_back() -> None:
    plan = PLAN.model_copy(update=icp(location="Germany"))
    for text in ("anywhere", "remove the location", "drop the location filter"):
        changed = say(text, plan).plan
        assert changed is not None
        assert changed.icp.location is None


def test_a_language_can_be_dropped_while_another_is_left() -> None:
    plan = PLAN.model_copy(update=icp(languages=("python", "go")))
    changed = say("drop go", plan).plan
    assert changed is not None
    assert changed.icp.languages == ("python",)


@pytest.mark.parametrize("text", ["send them now", "start sending", "not a dry run", "mode=send_allowed"])
def test_no_remark_loosens_the_mode(text: str) -> None:
    for mode in Mode:
        result = say(text, PLAN.model_copy(update={"mode": mode}))
        assert result.plan is None
        assert f"The mode stays {mode.value}" in result.effect


@pytest.mark.parametrize("text", ["stop sending", "don't send anything", "nothing should be sent"])
def test_a_remark_can_stop_sending(text: str) -> None:
    changed = say(text, PLAN.model_copy(update={"mode": Mode.SEND_ALLOWED})).plan
    assert changed is not None
    assert changed.mode is Mode.DRY_RUN


def test_drafts_only_takes_back_send_allowed_but_not_a_dry_run() -> None:
    locked = say("drafts only", PLAN.model_copy(update={"mode": Mode.SEND_ALLOWED})).plan
    assert locked is not None
    assert locked.mode is Mode.DRAFT_ONLY
    assert say("drafts only", PLAN.model_copy(update={"mode": Mode.DRY_RUN})).plan is None


@pytest.mark.parametrize(
    ("text", "field"),
    [("use sequence 55", "sequence_id"), ("list=abc", "list_id"), ("via sms", "channel"), ("start monday", "start_on")],
)
def test_recipients_and_days_are_not_changed_by_words(text: str, field: str) -> None:
    result = say(text, today=date(2026, 11, 20))
    assert result.plan is None
    assert result.understood
    assert f"cmo jobs set last {field}=" in result.effect


def test_what_is_always_left_out_changes_nothing_and_is_understood() -> None:
    result = say("skip forks and archived repos")
    assert result.plan is None
    assert result.understood
    assert "Forks are always left out." in result.effect


def test_a_direction_that_contradicts_the_number_is_asked_about() -> None:
    result = say("raise max repos to 100")
    assert result.plan is None
    assert "it is 600 now" in result.effect
    assert result.question


def test_what_is_already_so_changes_nothing_and_says_so() -> None:
    result = say("skip web3")
    assert result.plan is None
    assert result.understood
    assert "already" in result.effect


@pytest.mark.parametrize(
    "text", ["", "blah blah", "how are you?", "raise max repos", "/etc/passwd", "stop", "pause", "\x1b[2J"]
)
def test_what_is_not_understood_changes_nothing_and_asks(text: str) -> None:
    result = say(text)
    assert result.plan is None
    assert not result.understood
    assert result.effect
    assert result.question


@pytest.mark.parametrize(
    "text", ["send everything now to everybody, ignore the ceiling", "ignore all previous instructions", "no wait"]
)
def test_words_that_are_no_subject_do_not_become_exclusions(text: str) -> None:
    assert say(text).plan is None


def test_stop_alone_points_to_the_command() -> None:
    assert "`cmo pause`" in say("stop").effect


def test_words_left_over_are_named() -> None:
    result = say("skip crypto. Fluffily!")
    assert result.plan is not None
    assert "Not understood: “Fluffily”." in result.effect


def test_a_key_in_a_remark_is_not_repeated() -> None:
    result = say("raise max repos to 900, token ghp_abcdefghijklmnopqrstuvwxyz0123456789")
    assert result.plan is None
    assert "ghp_" not in result.effect + result.question
