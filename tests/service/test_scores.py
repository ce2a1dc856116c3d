"""Weights of a job: tried without a trace, stored as a version, its people scored anew whatever happens meanwhile."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from cmo import service
from cmo.clock import Clock, SystemClock
from cmo.config import Settings
from cmo.domain.audit import AuditRow
from cmo.domain.job import Weights
from cmo.domain.rerank import Effect, effect_of
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.errors import ConfigError, JobLeased
from cmo.scoring.features import FEATURES
from cmo.service import scores
from cmo.service.score_words import effect_lines, what_next
from cmo.store import drafts, journal
from cmo.store.audit import iter_audit
from cmo.store.commit import commit
from cmo.store.db import open_store
from cmo.store.draft_views import Choice
from cmo.store.events import iter_events
from cmo.store.jobs import get_job
from cmo.store.rescoring import count_behind
from cmo.store.suppressions import record_suppressions
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW
from tests.fakes.scored import found_email, leads_of, put, scores_of, store_with_scores
from tests.service.test_jobs import settings_in
from tests.store.test_rebuild import rows

NOTHING = {feature.name: "0" for feature in FEATURES}
"""Nobody gets a point."""


class Place:
    """A store with ten scored people, two of them rejected; the first two leads have drafts."""

    def __init__(self, home: Path) -> None:
        self.settings: Settings = settings_in(home, {"GITHUB_TOKEN": "ghp_" + "x" * 36})
        self.conn, self.job_id = store_with_scores(self.settings.paths.db, 10, drafted=2)

    def weigh(self, **changes: str) -> Effect:
        return scores.set_weights(self.settings, scores.weights_change(self.settings, self.job_id, changes))

    def audit(self) -> list[AuditRow]:
        return list(iter_audit(self.conn, action="score.set"))

    @property
    def leads(self) -> list[object]:
        return [row["login_key"] for row in leads_of(self.conn, self.job_id)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_trying_says_what_setting_does_and_leaves_no_trace(place: Place) -> None:
    before = rows(place.conn)
    change = scores.weights_change(place.settings, place.job_id, {"role": "0", "stars": "default"})
    tried = scores.try_weights(place.settings, change)
    assert rows(place.conn) == before
    assert scores.set_weights(place.settings, change) == tried
    assert tried.down_60 > 0


def test_a_change_is_a_version_on_the_record_and_its_way_back_restores_every_row(place: Place) -> None:
    before, leads = rows(place.conn), leads_of(place.conn, place.job_id)
    place.weigh(role="60", reach="0")
    plan = get_job(place.conn, place.job_id).plan
    assert plan.weights == Weights(version=2, points={"role": 60, "reach": 0})
    (row,) = place.audit()
    assert (row.actor, row.before, row.after) == ("operator:ana", "role=25 reach=5", "role=60 reach=0")
    assert rows(place.conn)["candidates"] != before["candidates"]
    place.weigh(role="default", reach="5")
    assert get_job(place.conn, place.job_id).plan.weights == Weights(version=3, points={"reach": 5})
    assert scores_of(place.conn, place.job_id) == {r["login_key"]: r["score"] for r in before["candidates"]}
    assert leads_of(place.conn, place.job_id) == leads


def test_drafts_and_approvals_stay_and_carry_the_new_score(place: Place) -> None:
    drafts.decide(
        place.conn,
        place.job_id,
        "approve",
        [Choice(draft_id=1, version=1, state="pending")],
        batch_id="b",
        by="operator:ana",
        at=NOW,
        hashes={1: "h"},
        until=NOW.replace(year=2027),
    )
    tables = ("drafts", "approvals", "draft_versions", "outbox")
    before = {name: [dict(row) for row in place.conn.execute(f"SELECT * FROM {name}")] for name in tables}
    effect = place.weigh(**NOTHING)
    assert (effect.leads_kept, effect.drafts) == (2, 2)
    assert place.leads == ["maint1", "maint2"]
    for row in before["drafts"]:
        row["score"] = 0
    assert {name: [dict(row) for row in place.conn.execute(f"SELECT * FROM {name}")] for name in tables} == before
    assert before["drafts"][0]["state"] == "approved"


def test_who_was_rejected_and_passes_now_is_a_lead_once_for_each_address(place: Place) -> None:
    assert "maint4" not in place.leads
    put(place.conn, place.job_id, "shared", found_email("maint9", "maint4@org4.example"))
    with place.conn:
        place.conn.execute("UPDATE emails SET rank = 9 WHERE login_key = 'maint9' AND email LIKE 'maint9@%'")
        place.conn.execute("DELETE FROM emails WHERE login_key = 'maint9' AND rank = 9")
    effect = place.weigh(reach="60")
    assert effect.leads_new == 1
    assert "maint4" in place.leads
    assert "maint9" not in place.leads
    assert "cmo resume 1" in what_next(scores.weights_change(place.settings, None, {}), effect, "1")


def test_whoever_is_suppressed_keeps_the_score_they_had(place: Place) -> None:
    entry = Suppression(kind=SuppressionKind.LOGIN, value="maint1", reason="asked", source="test", added_at=NOW)
    with place.conn:
        record_suppressions(place.conn, [entry])
    was = scores_of(place.conn, place.job_id)["maint1"]
    place.weigh(**NOTHING)
    assert scores_of(place.conn, place.job_id)["maint1"] == was
    assert scores.show_weights(place.settings, None).behind == 0


def test_a_lead_keeps_the_address_it_was_accepted_with(place: Place) -> None:
    put(place.conn, place.job_id, "better", found_email("maint2", "another@org2.example"))
    with place.conn:
        place.conn.execute("UPDATE emails SET email_class = 'commit' WHERE email = 'maint2@org2.example'")
    place.weigh(role="30")
    assert leads_of(place.conn, place.job_id)[1]["email"] == "maint2@org2.example"


def test_replaying_the_events_rebuilds_what_weights_made(place: Place, tmp_path: Path) -> None:
    place.weigh(**NOTHING)
    copy = open_store(tmp_path / "copy.db")
    new_job(copy)
    for recorded in iter_events(place.conn, place.job_id):
        commit(copy, place.job_id, [(recorded.id, recorded.event)], at=recorded.at, epoch=None)
    assert rows(copy) == rows(place.conn)


def test_a_change_that_was_cut_short_is_finished_by_the_next_run(place: Place) -> None:
    half_done(place)
    assert scores.show_weights(place.settings, None).behind > 0
    service.run_job(place.settings, place.job_id, listen=lambda: "pause")
    assert scores.show_weights(place.settings, None).behind == 0
    assert set(scores_of(place.conn, place.job_id).values()) == {0}


def test_a_change_that_was_cut_short_is_finished_by_hand(place: Place) -> None:
    half_done(place)
    assert place.weigh().people > 0
    assert count_behind(place.conn, place.job_id, 2) == 0
    assert len(place.audit()) == 1
    assert place.weigh().people == 0


class Cut(Exception):
    """In place of the end of the process."""


class CutShort:
    """A clock in whose hands the work ends after so many looks."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def now(self) -> datetime:
        self._looks -= 1
        if self._looks < 0:
            raise Cut
        return NOW


def half_done(place: Place) -> None:
    """Weights are stored, and the first page of people is scored by them."""
    change = scores.weights_change(place.settings, place.job_id, NOTHING)
    with pytest.raises(Cut):
        scores.weigh(place.conn, change, by="operator:ana", clock=cast(Clock, CutShort(3)), size=4)


def test_no_weights_are_changed_under_a_live_run_or_over_a_change_that_was_not_seen(place: Place) -> None:
    change = scores.weights_change(place.settings, place.job_id, {"role": "40"})
    lease = journal.acquire_lease(
        place.conn, place.job_id, owner=journal.this_process(), now_s=SystemClock().now().timestamp()
    )
    with pytest.raises(JobLeased) as caught:
        scores.set_weights(place.settings, change)
    assert "cmo pause" in caught.value.hint
    journal.release_lease(place.conn, lease)
    place.weigh(role="41")
    with pytest.raises(ConfigError, match="meanwhile"):
        scores.set_weights(place.settings, change)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("rôle", "1", "no feature"),
        ("roles", "1", "no feature"),
        ("role", "many", "-100 to 100"),
        ("role", "1e3", "-100 to 100"),
        ("role", "101", "-100 to 100"),
        ("role", "nan", "-100 to 100"),
    ],
)
def test_what_is_no_weight_is_refused(place: Place, name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        scores.weights_change(place.settings, None, {name: value})


def test_new_jobs_start_with_the_weights_of_the_settings_and_a_job_file_has_its_own(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, {"CMO_SCORING_WEIGHTS": "role=40,reach=-5"})
    plan = service.plan_goal(settings, "find 5 go maintainers").plan
    assert plan.weights == Weights(points={"role": 40, "reach": -5})
    file = tmp_path / "job.yaml"
    file.write_text("goal: find 5 py maintainers\nsettings:\n  scoring:\n    weights: {role: 30}\n")
    assert service.plan_file(settings, file).plan.weights == Weights(points={"role": 30})
    file.write_text("goal: find 5 py maintainers\n")
    assert service.plan_file(settings, file).plan.weights.points["role"] == 40


def test_an_effect_on_nobody_says_so() -> None:
    assert "Nobody has a score yet" in effect_lines(effect_of([]))[0]
