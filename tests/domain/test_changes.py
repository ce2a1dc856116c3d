from __future__ import annotations

import pytest

from cmo.domain.changes import change_plan
from cmo.domain.job import Mode, Plan
from cmo.errors import ConfigError

PLAN = Plan(goal="find people")


def test_caps_profile_and_mode_change_together() -> None:
    text = {"max_repos": "800", "stars_range": "50..500", "topics": "ci, Pytest", "mode": "dry_run", "target": "12"}
    plan = change_plan(PLAN, text)
    assert (plan.caps.max_repos, str(plan.icp.stars_range), plan.icp.topics) == (800, "50..500", ("ci", "pytest"))
    assert (plan.mode, plan.target) == (Mode.DRY_RUN, 12)


def test_none_empties_what_may_be_empty() -> None:
    located = change_plan(PLAN, {"location": "Berlin"})
    assert change_plan(located, {"location": "none"}).icp.location is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_repo": "5"}, "no setting `max_repo`"),
        ({"max_repos": "many"}, "max_repos"),
        ({"max_repos": "0"}, "max_repos"),
        ({"stars_range": "5-6"}, "no range"),
        ({"stars_range": "9..5"}, "below its start"),
        ({"mode": "yolo"}, "mode"),
        ({"start_on": "someday"}, "start_on"),
    ],
)
def test_a_bad_change_names_the_setting_and_changes_nothing(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        change_plan(PLAN, changes)
    assert words in caught.value.message
    assert caught.value.hint


def test_an_unknown_setting_gets_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        change_plan(PLAN, {"max_repo": "5"})
    assert caught.value.hint == "Did you mean max_repos?"
