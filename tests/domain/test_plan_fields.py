"""Settings of a job changed by name, as `cmo jobs set` does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.job import Mode, Plan, Role, Stage, StarsRange
from cmo.domain.plan import change_plan
from cmo.domain.plan_fields import FIELDS, check_field, find_field
from cmo.errors import ConfigError

PLAN = Plan(goal="find people", sequence_id="7", start_on=date(2026, 12, 1))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("target", "2k", 2000),
        ("max_repos", "800", 800),
        ("caps.max_repos", "1,200", 1200),
        ("max-people", "two thousand", 2000),
        ("budget_usd", "$5.50", 5.5),
        ("budget_usd", "none", None),
        ("max_tool_calls_per_kind", "mx_check=50, send_smtp=1", {"mx_check": 50, "send_smtp": 1}),
        ("languages", "py, Go", ("python", "go")),
        ("topics", "ci, GitHub-Actions", ("ci", "github-actions")),
        ("include_topics", "k8s", ("k8s",)),
        ("exclude", "", ()),
        ("roles", "maintainers", (Role.MAINTAINER,)),
        ("stars_range", "50..500", StarsRange(low=50, high=500)),
        ("stars", "1k..2k", StarsRange(low=1000, high=2000)),
        ("activity_days", "30", 30),
        ("location", "São Paulo, Brazil", "São Paulo, Brazil"),
        ("mode", "send-allowed", Mode.SEND_ALLOWED),
        ("channel", "SMS", "sms"),
        ("mailer", "smtp", "smtp"),
        ("sequence_id", "none", None),
        ("list_id", "Python people", "Python people"),
        ("start_on", "2026-12-24", date(2026, 12, 24)),
        ("start_on", "", None),
        ("until", "draft", Stage.DRAFT),
    ],
)
def test_a_setting_is_changed_by_its_name(name: str, text: str, value: Any) -> None:
    plan = change_plan(PLAN, {name: text})
    group, _, field = (find_field(name.replace("-", "_")) or "").rpartition(".")
    assert getattr(getattr(plan, group) if group else plan, field) == value


@pytest.mark.parametrize(
    ("name", "text", "expects"),
    [
        ("max_repos", "0", "a whole number from 1 to 1,000,000"),
        ("max_repos", "1.5", "a whole number"),
        ("max_repos", "many", "a whole number"),
        ("budget_usd", "-1", "an amount in US dollars"),
        ("budget_usd", "nan", "an amount in US dollars"),
        ("budget_usd", "1/0", "an amount in US dollars"),
        ("stars_range", "500..50", "a range such as 100..2000"),
        ("stars_range", "500", "a range such as 100..2000"),
        ("topics", "a b/c", "a list of GitHub topics"),
        ("languages", "py(thon]", "a list of languages"),
        ("roles", "king", "maintainer and contributor"),
        ("mode", "yolo", "dry_run, draft_only, send_allowed"),
        ("sequence_id", "../../etc/passwd", "an id"),
        ("start_on", "tomorrow", "a day such as 2026-12-01"),
        ("start_on", "2026-02-30", "a day such as 2026-12-01"),
        ("max_tool_calls_per_kind", "mx_check", "tools with whole numbers"),
        ("target", "", "a whole number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_what_fits_is_said(name: str, text: str, expects: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be .*{expects}"):
        change_plan(PLAN, {name: text})


def test_an_unknown_setting_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ConfigError) as refusal:
        change_plan(PLAN, {"max_reops": "5"})
    assert refusal.value.hint == "Did you mean max_repos?"


@pytest.mark.parametrize("name", ["goal", "assumptions", "icp", "caps", "icp.pushed_before_days", "", "__class__"])
def test_what_is_not_a_setting_cannot_be_set(name: str) -> None:
    with pytest.raises(ConfigError):
        change_plan(PLAN, {name: "x"})


def test_several_changes_are_all_or_nothing() -> None:
    with pytest.raises(ConfigError):
        change_plan(PLAN, {"target": "5", "max_repos": "x"})


@given(st.sampled_from([*FIELDS, "x"]), st.text(max_size=30))
def test_any_text_is_a_valid_plan_or_a_refusal(name: str, text: str) -> None:
    try:
        plan = change_plan(PLAN, {name: text})
    except ConfigError as refusal:
        if not refusal.hint:
            raise
    else:
        assert Plan.model_validate(plan.model_dump()) == plan


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FIELDS)), json_values)
def test_any_typed_value_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        check_field(name, value)
    except ValueError:
        pass
    else:
        assert value is not True
        assert value is not False


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("icp.keywords",)])
def test_a_refusal_shows_a_value_that_the_field_takes(name: str) -> None:
    plan = Plan(goal="x")
    with pytest.raises(ConfigError) as refusal:
        change_plan(plan, {name: "@" * 101 + ","})
    shown, _, value = refusal.value.hint.removeprefix("For example: ").partition("=")
    assert shown == name
    change_plan(plan, {shown: value})


def test_a_comma_after_a_pasted_number_does_no_harm() -> None:
    assert change_plan(Plan(goal="x"), {"max_repos": "2000,"}).caps.max_repos == 2000
