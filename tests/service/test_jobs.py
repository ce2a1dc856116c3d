from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmo import service
from cmo.clock import SystemClock
from cmo.config import Settings, Sources, load
from cmo.domain.job import Environment, JobStatus, Mode, Plan, StarsRange
from cmo.errors import ConfigError, JobLeased, JobNotFound, JobNotResumable, PolicyRefused
from cmo.store import journal
from cmo.store.audit import iter_audit
from cmo.store.jobs import get_job
from cmo.store.messages import list_messages
from tests.fakes.jobs import plan_factory


def settings_in(home: Path, env: Mapping[str, str] | None = None) -> Settings:
    return load(Sources(env={"CMO_HOME": str(home), "CMO_OPERATOR": "ana", **(env or {})}, folder=home))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def test_a_started_job_is_stored_with_who_and_when(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    assert (job.created_by, job.status, job.environment) == ("operator:ana", JobStatus.PLANNED, Environment.LIVE)
    assert (job.anchor_at.hour, job.anchor_at.minute) == (0, 0)


def test_a_second_job_in_the_same_second_gets_a_number(settings: Settings) -> None:
    ids = [service.start_job(settings, plan_factory()).id for _ in range(3)]
    assert len(set(ids)) == 3


def test_flags_beat_the_sentence(settings: Settings) -> None:
    flags = service.Overrides(target=7, stars=StarsRange(low=5, high=9), topics=("ci",), max_repos=3)
    plan = service.plan_goal(settings, "find 2k go maintainers", flags).plan
    assert (plan.target, str(plan.icp.stars_range), plan.icp.topics, plan.caps.max_repos) == (7, "5..9", ("ci",), 3)
    assert plan.icp.languages == ("go",)


def test_a_flag_that_no_plan_can_have_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="max_repos"):
        service.plan_goal(settings, "find 5 py maintainers", service.Overrides(max_repos=0))


def test_no_goal_rises_above_the_ceiling_of_the_settings(settings: Settings) -> None:
    card = service.plan_goal(settings, "find 5 py maintainers", service.Overrides(mode=Mode.SEND_ALLOWED))
    assert card.plan.mode is Mode.DRAFT_ONLY
    assert any("ceiling" in text for text in card.plan.assumptions)


def test_a_job_that_nobody_runs_is_paused_and_cancelled_at_once(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    assert service.pause_job(settings, job.id).status is JobStatus.PAUSED
    assert service.cancel_job(settings, "last").status is JobStatus.CANCELLED
    with pytest.raises(JobNotResumable):
        service.pause_job(settings, job.id)


def test_a_running_job_is_asked_instead(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    with service.writer(settings) as conn:
        journal.acquire_lease(conn, job.id, owner="elsewhere:1", now_s=SystemClock().now().timestamp())
        assert service.pause_job(settings, job.id).status is JobStatus.PLANNED
        assert journal.read_control(conn, job.id) == ("pause", "operator:ana")
    with pytest.raises(JobLeased, match="elsewhere:1"):
        service.require_resumable(settings, job.id)
    with pytest.raises(JobLeased):
        service.remove_job(settings, job.id)


def test_a_message_waits_until_it_is_read_and_can_be_taken_back(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    first = service.say(settings, "last", "skip\x1b[31m crypto repos")
    assert service.drop_message(settings, job.id, first)
    assert not service.drop_message(settings, job.id, first)
    with service.reader(settings) as conn:
        (message,) = list_messages(conn, job.id)
    assert (message.state, message.text) == ("dropped", "skip[31m crypto repos")


def test_settings_of_a_job_change_and_are_on_record(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    assert service.set_job(settings, "last", {"max_repos": "800"}).plan.caps.max_repos == 800
    with service.reader(settings) as conn:
        row = conn.execute("SELECT kind FROM events WHERE job_id = ?", (job.id,)).fetchone()
    assert row["kind"] == "settings_changed"


def test_a_mode_above_the_ceiling_is_refused_by_policy(settings: Settings) -> None:
    service.start_job(settings, plan_factory())
    with pytest.raises(PolicyRefused, match="ceiling"):
        service.set_job(settings, "last", {"mode": "send_allowed"})


def test_settings_of_an_ended_job_are_history(settings: Settings) -> None:
    service.start_job(settings, plan_factory())
    service.cancel_job(settings, "last")
    with pytest.raises(JobNotResumable, match="only crm"):
        service.set_job(settings, "last", {"max_repos": "800"})


def test_what_drafts_leave_by_can_be_set_after_the_end(settings: Settings) -> None:
    service.start_job(settings, plan_factory())
    service.cancel_job(settings, "last")

    job = service.set_job(settings, "last", {"mailer": "smtp", "list_id": "abc"})

    assert (job.plan.mailer, job.plan.list_id) == ("smtp", "abc")


def test_a_removed_job_leaves_no_row_and_no_file(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    folder = settings.paths.run_dir(job.id)
    folder.mkdir(parents=True)
    service.remove_job(settings, job.id)
    assert not folder.exists()
    with service.reader(settings) as conn, pytest.raises(JobNotFound):
        get_job(conn, job.id)


def test_a_job_is_named_by_a_unique_part_of_its_id(settings: Settings) -> None:
    jobs = [service.start_job(settings, plan_factory()) for _ in range(2)]
    with service.reader(settings) as conn:
        assert service.resolve_job(conn, jobs[0].id) == jobs[0].id
        assert service.resolve_job(conn, "last") in {job.id for job in jobs}
        with pytest.raises(JobNotFound) as caught:
            service.resolve_job(conn, "cmo-")
    assert sorted(caught.value.details["candidates"]) == sorted(job.id for job in jobs)


def test_a_live_run_without_a_key_says_how_to_get_one(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    with pytest.raises(ConfigError) as caught:
        service.run_job(settings, job.id, listen=lambda: None)
    assert "GITHUB_TOKEN" in caught.value.hint


def test_a_sandbox_job_does_not_run_in_the_live_home(tmp_path: Path) -> None:
    sandbox = settings_in(tmp_path, {"CMO_SANDBOX": "1"})
    assert sandbox.paths.db != settings_in(tmp_path).paths.db
    job = service.start_job(sandbox, Plan(goal="g"))
    assert job.environment is Environment.SANDBOX


def test_what_is_done_to_a_job_is_in_the_audit_log_without_its_goal_or_what_was_said(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory(goal="find ana@org.example"))
    service.drop_message(settings, job.id, service.say(settings, job.id, "skip ana@org.example"))
    service.set_job(settings, job.id, {"max_repos": "800", "mode": "dry_run"})
    service.pause_job(settings, job.id)
    with service.writer(settings) as conn:
        lease = journal.acquire_lease(conn, job.id, owner="elsewhere:1", now_s=SystemClock().now().timestamp())
        service.cancel_job(settings, job.id)
        journal.release_lease(conn, lease)
        service.remove_job(settings, job.id)
        rows = list(iter_audit(conn))[::-1]

    assert [(row.action, row.before, row.after) for row in rows] == [
        ("jobs.new", "", "planned"),
        ("chat.say", "", "queued"),
        ("chat.drop", "queued", "dropped"),
        ("mode.set", "draft_only", "dry_run"),
        ("limits.set", "600", "800"),
        ("jobs.pause", "planned", "paused"),
        ("jobs.cancel", "paused", "paused"),
        ("jobs.remove", "paused", "removed"),
    ]
    assert {(row.actor, row.object) for row in rows} == {("operator:ana", f"job:{job.id}")}
    assert rows[4].detail == {"setting": "max_repos"}
    assert rows[6].detail == {"is_asked": True}
    assert "ana@" not in "".join(row.model_dump_json() for row in rows)


def test_what_is_not_done_leaves_no_row(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory())
    assert not service.drop_message(settings, job.id, 7)
    with pytest.raises(PolicyRefused):
        service.set_job(settings, job.id, {"mode": "send_allowed"})
    with service.reader(settings) as conn:
        assert [row.action for row in iter_audit(conn)] == ["jobs.new"]
