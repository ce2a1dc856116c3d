"""Feasibility: what a plan allows, costs, and how it could fit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.grammar.compile import changed
from cmo.domain.job import Caps, Icp, Mode, Plan, Role, Stage
from cmo.domain.plan import Feasibility, ModelPrice, Quotas, Yields, change_plan, feasibility
from cmo.domain.quotas import sending_time

STAGES = ("repos", "people", "addresses", "mx_ok", "good", "sendable", "held")


def plan(target: int = 200, *, icp: dict[str, Any] | None = None, **caps: Any) -> Plan:
    return Plan(goal="find people", target=target, icp=Icp(**(icp or {})), caps=Caps(**caps))


def cost(result: Feasibility, unit: str) -> tuple[float, float]:
    found = next(cost for cost in result.costs if cost.unit == unit)
    return found.low, found.high


def test_the_usual_goal_of_the_usual_caps_is_within_reach() -> None:
    assert feasibility(plan(200)).fits


def test_the_stages_come_in_the_order_of_the_work_each_with_a_reason() -> None:
    result = feasibility(plan())
    assert tuple(estimate.name for estimate in result.reach) == STAGES
    assert all(estimate.reason for estimate in result.reach)


def test_a_place_or_role_is_a_stage_of_its_own() -> None:
    for icp in ({"location": "Berlin"}, {"roles": (Role.MAINTAINER,)}):
        result = feasibility(plan(icp=icp))
        assert result.of("matching").high < result.of("people").high


def test_two_thousand_do_not_fit_the_usual_caps_and_the_way_out_is_named() -> None:
    result = feasibility(plan(2000))
    assert result.verdict == "does_not_fit"
    assert "This goal does not fit these caps" in result.reason
    best = result.changes[0]
    assert set(best.settings) == {"caps.max_repos", "caps.max_people"}
    assert best.command == f"cmo run … --max-repos {best.settings['caps.max_repos']} --max-people " + str(
        best.settings["caps.max_people"]
    )
    assert "repositories ×" in best.why


def test_nothing_is_promised_while_nobody_knows_how_many_repositories_match() -> None:
    reason = feasibility(plan(50)).reason
    assert "at least" not in reason
    assert "if the search finds 122 repositories or more" in reason
    assert feasibility(plan(50), observed=Yields(repos_matching=122)).of("good").low >= 50
    assert feasibility(plan(50), observed=Yields(repos_matching=121)).of("good").low < 50


def test_at_least_is_said_of_counts_only() -> None:
    observed = Yields(
        repos_matching=5000, repos_read=300, people=1100, people_matching=1100, with_address=720, published=300,
        mx_ok=680, good=400,
    )  # fmt: skip
    assert "at least" in feasibility(plan(50), observed=observed).reason
    assert "at least" not in feasibility(plan(50), observed=Yields(repos_matching=5000)).reason


def test_a_change_can_be_pasted_and_says_what_it_would_reach() -> None:
    start = plan(2000)
    for change in feasibility(start).changes:
        pasted = change_plan(start, dict(pair.split("=") for pair in change.label.split(" ")))
        after = feasibility(pasted)
        assert after.fits
        if "target" not in change.settings:
            assert f"{after.of('good').low:,} to {after.of('good').high:,} good leads then" in change.why


def test_a_place_can_be_given_up_by_the_change_that_is_shown() -> None:
    narrow = plan(400, icp={"location": "Paris", "roles": (Role.MAINTAINER,)})
    assert change_plan(narrow, {"location": "any", "roles": "any"}).icp == Icp()


def test_more_authors_are_offered_once() -> None:
    labels = [change.label for change in feasibility(plan(400, icp={"location": "Paris"})).changes]
    assert sum("authors" in label for label in labels) <= 1
    assert "location=any" in labels


@pytest.mark.parametrize(
    ("mode", "words"), [(Mode.DRY_RUN, "Dry run"), (Mode.DRAFT_ONLY, "nothing leaves"), (Mode.SEND_ALLOWED, "approved")]
)
def test_a_note_says_what_the_mode_lets_leave(mode: Mode, words: str) -> None:
    result = feasibility(plan().model_copy(update={"mode": mode}))
    assert any(words in note for note in result.notes)


def test_a_dry_run_has_no_days_of_sending() -> None:
    assert feasibility(plan().model_copy(update={"mode": Mode.DRY_RUN})).sending.high_days == 0


def test_a_smaller_goal_is_always_among_the_ways_out() -> None:
    smaller = next(change for change in feasibility(plan(2000)).changes if "target" in change.settings)
    assert 1 <= smaller.settings["target"] < 2000
    assert "--target" in smaller.command


def test_a_narrow_filter_is_offered_to_be_dropped_where_that_suffices() -> None:
    narrow = plan(400, icp={"location": "Berlin"})
    offered = {change.label: change for change in feasibility(narrow).changes}
    wide = changed(narrow, offered["location=any"].settings, narrow)
    assert wide.icp.location is None
    assert "anywhere" in offered["location=any"].command


def test_too_few_steps_are_an_obstacle_of_their_own() -> None:
    result = feasibility(plan(50, max_steps=5))
    assert not result.fits
    assert [change.settings for change in result.changes] == [{"caps.max_steps": 40}]


def test_a_budget_below_the_cheapest_run_is_an_obstacle_where_a_model_is_used() -> None:
    poor = plan(100, budget_usd=0.01)
    assert feasibility(poor).fits
    result = feasibility(poor, uses_model=True)
    assert not result.fits
    assert result.changes[0].command.startswith("cmo run … --budget ")


def test_rules_cost_no_tokens() -> None:
    assert {cost.provider for cost in feasibility(plan()).costs} == {"github", "dns"}


def test_a_dearer_model_costs_more() -> None:
    usual = cost(feasibility(plan(), uses_model=True), "usd")
    dear = cost(feasibility(plan(), uses_model=True, price=ModelPrice(usd_per_million_in=10)), "usd")
    assert dear[0] > usual[0]
    assert dear[1] > usual[1]


def test_nothing_is_drafted_where_the_job_stops_before() -> None:
    short = plan().model_copy(update={"until": Stage.SCORE})
    assert cost(feasibility(short, uses_model=True), "tokens") < cost(feasibility(plan(), uses_model=True), "tokens")


def test_github_stays_far_below_one_hour_for_the_usual_caps() -> None:
    low, high = cost(feasibility(plan(2000)), "points")
    assert 10 <= low <= high <= 500


def test_more_than_an_hours_points_means_waiting_for_the_next() -> None:
    result = feasibility(plan(100_000, max_repos=40_000, max_people=150_000))
    assert cost(result, "points")[1] > 5000
    assert result.minutes.high >= 60


def test_counts_of_the_job_itself_narrow_the_ranges() -> None:
    observed = Yields(
        repos_matching=5000, repos_read=300, people=1100, people_matching=1100, with_address=720, published=300,
        mx_ok=680, good=400,
    )  # fmt: skip
    before, after = feasibility(plan()).of("good"), feasibility(plan(), observed=observed).of("good")
    assert before.low < after.low <= after.high < before.high
    assert not after.guessed


def test_a_search_that_matches_too_little_is_not_cured_by_a_higher_cap() -> None:
    observed = Yields(repos_matching=90)
    result = feasibility(plan(2000), observed=observed)
    assert result.of("repos").high == 90
    assert not any("caps.max_repos" in change.settings for change in result.changes)
    assert any("matches 90 repositories" in note for note in result.notes)


@pytest.mark.parametrize(("mode", "word"), [(Mode.DRY_RUN, "Dry run"), (Mode.DRAFT_ONLY, "Draft only")])
def test_the_mode_is_part_of_the_answer(mode: Mode, word: str) -> None:
    assert feasibility(plan().model_copy(update={"mode": mode})).notes[0].startswith(word)


# --- sending


def test_the_workspace_quota_binds_by_default() -> None:
    sending = feasibility(plan(1000, max_repos=5000, max_people=20_000)).sending
    assert sending.binding == "max_emails_per_day"
    assert sending.high_days == 50


def test_few_mails_an_inbox_bind_where_the_workspace_allows_more() -> None:
    quotas = Quotas(max_emails_per_day=500, per_inbox_daily=10)
    assert feasibility(plan(1000), quotas=quotas).sending.binding == "per_inbox_daily"


def test_a_company_quota_binds_where_all_else_is_wide() -> None:
    quotas = Quotas(max_emails_per_day=5000, per_inbox_daily=5000, per_company_daily=1)
    assert feasibility(plan(1000), quotas=quotas).sending.binding == "per_company_daily"


def test_a_new_inbox_takes_longer() -> None:
    wide = Quotas(max_emails_per_day=5000)
    warming = wide.model_copy(update={"new_inboxes": 1})
    warm_days = feasibility(plan(1000), quotas=wide).sending.high_days
    new_days = feasibility(plan(1000), quotas=warming).sending.high_days
    assert warm_days is not None
    assert new_days is not None
    assert new_days > warm_days


@pytest.mark.parametrize("name", ["max_emails_per_day", "per_inbox_daily", "per_company_daily"])
def test_a_quota_of_zero_means_never(name: str) -> None:
    sending = feasibility(plan(), quotas=Quotas(**{name: 0})).sending
    assert sending.high_days is None
    assert sending.binding == name


def test_an_inbox_that_never_warms_up_means_never() -> None:
    quotas = Quotas(max_emails_per_day=500, new_inboxes=1, new_inbox_daily=0)
    assert feasibility(plan(), quotas=quotas).sending.high_days is None


# --- what holds for every plan

plans = st.builds(
    Plan,
    goal=st.just("x"),
    target=st.integers(1, 10_000_000),
    icp=st.builds(
        Icp,
        languages=st.lists(st.sampled_from(["python", "go"]), unique=True).map(tuple),
        topics=st.lists(st.sampled_from(["ci", "llm", "cli"]), unique=True).map(tuple),
        activity_days=st.integers(1, 3650),
        location=st.none() | st.just("Berlin"),
        roles=st.sampled_from([(), (Role.MAINTAINER,), (Role.CONTRIBUTOR,)]),
    ),
    caps=st.builds(
        Caps,
        max_steps=st.integers(1, 200),
        max_repos=st.integers(1, 1_000_000),
        max_people=st.integers(1, 1_000_000),
        top_authors_per_repo=st.integers(1, 100),
        budget_usd=st.none() | st.floats(0, 100),
    ),
    until=st.none() | st.sampled_from(list(Stage)),
)


@st.composite
def counts(draw: st.DrawFn) -> Yields:
    names = ("repos_read", "people", "people_matching", "with_address", "mx_ok", "good")
    values, ceiling = {}, 100_000
    for name in names:
        ceiling = values[name] = draw(st.integers(0, ceiling if name != "people" else 100_000))
    published = draw(st.integers(0, values["with_address"]))
    return Yields(**values, published=published, repos_matching=draw(st.none() | st.integers(0, 100_000)))


quotas_ = st.builds(
    Quotas,
    max_emails_per_day=st.integers(0, 200),
    per_inbox_daily=st.integers(0, 100),
    per_company_daily=st.integers(0, 20),
    inboxes=st.integers(1, 10),
    new_inboxes=st.integers(0, 10),
    new_inbox_daily=st.integers(0, 10),
)


@given(plans, st.none() | counts(), quotas_, st.booleans())
def test_every_range_is_ordered_and_no_stage_grows(
    plan: Plan, observed: Yields | None, quotas: Quotas, uses_model: bool
) -> None:
    result = feasibility(plan, observed=observed, quotas=quotas, uses_model=uses_model)
    assert all(0 <= estimate.low <= estimate.high for estimate in (*result.reach, result.minutes))
    assert all(0 <= cost.low <= cost.high for cost in result.costs)
    shares = [estimate for estimate in result.reach if estimate.name not in ("repos", "held")]
    for before, after in pairwise(shares):
        assert after.low <= before.low
        assert after.high <= before.high
    assert result.of("repos").high <= plan.caps.max_repos
    assert result.of("people").high <= plan.caps.max_people
    sending = result.sending
    assert sending.high_days is None or (sending.low_days is not None and sending.low_days <= sending.high_days)


@given(plans, st.none() | counts(), st.sampled_from(["max_repos", "max_people"]), st.integers(1, 100_000))
def test_a_higher_cap_never_lowers_what_is_reached_or_what_it_may_cost(
    plan: Plan, observed: Yields | None, name: str, more: int
) -> None:
    raised = min(getattr(plan.caps, name) + more, 1_000_000)
    wider = plan.model_copy(update={"caps": plan.caps.model_copy(update={name: raised})})
    before = feasibility(plan, observed=observed, uses_model=True)
    after = feasibility(wider, observed=observed, uses_model=True)
    for old, new in zip(before.reach, after.reach, strict=True):
        assert new.low >= old.low
        assert new.high >= old.high
    for cost_before, cost_after in zip(before.costs, after.costs, strict=True):
        assert cost_after.high >= cost_before.high
    order = ("does_not_fit", "may_fall_short", "fits")
    if plan.caps.budget_usd is None:
        assert order.index(after.verdict) >= order.index(before.verdict)


@given(plans, st.integers(1, 1000))
def test_a_higher_goal_never_fits_better(plan: Plan, more: int) -> None:
    order = ("does_not_fit", "may_fall_short", "fits")
    higher = plan.model_copy(update={"target": min(plan.target + more, 10_000_000)})
    assert order.index(feasibility(higher).verdict) <= order.index(feasibility(plan).verdict)


@given(st.integers(0, 5000), st.integers(0, 5000), quotas_, st.integers(0, 50))
def test_more_people_or_stricter_quotas_never_make_sending_shorter(
    people: int, more: int, quotas: Quotas, wider: int
) -> None:
    def days(count: int, of: Quotas) -> float:
        found = sending_time(0, count, of).high_days
        return float("inf") if found is None else found

    assert days(people + more, quotas) >= days(people, quotas)
    for name in ("max_emails_per_day", "per_inbox_daily", "per_company_daily", "new_inbox_daily"):
        looser = quotas.model_copy(update={name: getattr(quotas, name) + wider})
        assert days(people, looser) <= days(people, quotas)


@given(plans, st.none() | counts(), st.booleans())
def test_every_change_it_names_really_makes_the_goal_fit(plan: Plan, observed: Yields | None, uses_model: bool) -> None:
    for change in feasibility(plan, observed=observed, uses_model=uses_model).changes:
        assert change.settings
        assert change.command.startswith("cmo run ")
        assert change.label
        assert change.why
        assert feasibility(changed(plan, change.settings, plan), observed=observed, uses_model=uses_model).fits


@given(plans, st.none() | counts())
def test_it_answers_the_same_every_time(plan: Plan, observed: Yields | None) -> None:
    assert feasibility(plan, observed=observed) == feasibility(plan, observed=observed)
