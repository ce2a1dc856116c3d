"""A whole job over a fake outside, with the real store, tools and graph."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cmo.clock import SystemClock
from cmo.domain.event import JobPaused, JobWaiting, MessageQueued, SearchWidened, StepPlanned, StepRefused
from cmo.domain.job import Caps, Job, JobStatus, Mode
from cmo.domain.lead import RepoActivity, RepoRef
from cmo.errors import AuthRejected, JobLeased, JobNotResumable, ProviderUnavailable, RateLimited
from cmo.graph.planner import Decision, Situation, ToolCall
from cmo.graph.run import run_job
from cmo.store import journal
from cmo.store.commit import commit
from cmo.store.events import iter_events
from cmo.store.jobs import get_job
from cmo.store.progress import counters, progress
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, FakeCodeHost
from tests.fakes.rigs import Rig


def kinds(rig: Rig, job: Job, kind: type[Any]) -> list[Any]:
    conn = rig.open()
    found = [r.event for r in iter_events(conn, job.id) if isinstance(r.event, kind)]
    conn.close()
    return found


def finished(rig: Rig) -> Job:
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    conn.close()
    return job


def test_a_goal_within_reach_ends_with_its_leads_in_a_csv(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    job = finished(rig)
    text = (tmp_path / "runs" / job.id / "artifacts" / "prospects.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert job.status is JobStatus.FINISHED
    assert len(rows) >= 10
    assert {row["mx_state"] for row in rows} == {"ok"}
    assert all(row["source_url"].startswith("https://github.com/") for row in rows)


def test_zero_leads_is_a_finished_run_with_its_reason(tmp_path: Path) -> None:
    job = finished(Rig(tmp_path, host=FakeCodeHost(repos=0)))
    assert job.status is JobStatus.FINISHED
    assert job.ended_reason is not None
    assert "no further repository matches" in job.ended_reason
    assert (tmp_path / "runs" / job.id / "artifacts" / "prospects.csv").read_text().count("\n") == 1


def test_the_search_widens_step_by_step_when_it_is_exhausted(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=500))
    job = finished(rig)
    knobs = [event.knob for event in kinds(rig, job, SearchWidened)]
    assert knobs == ["stars_range"] * 3 + ["topics"] + ["activity_days"] * (len(knobs) - 4)


def test_max_repos_ends_the_job_with_the_shortfall_stated(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=500, caps=Caps(max_repos=4)))
    job = finished(rig)
    conn = rig.open()
    assert progress(conn, job.id, now=NOW).repos == 4
    conn.close()
    assert job.ended_reason is not None
    assert "max_repos=4" in job.ended_reason


def test_max_people_is_never_exceeded(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=500, caps=Caps(max_people=7)))
    job = finished(rig)
    conn = rig.open()
    assert progress(conn, job.id, now=NOW).candidates == 7
    conn.close()


def test_max_steps_pauses_and_a_raised_cap_lets_the_job_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(caps=Caps(max_steps=3)))
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    assert job.status is JobStatus.PAUSED
    wider = job.plan.model_copy(update={"caps": Caps(max_steps=40)})
    conn.execute("UPDATE jobs SET plan = ?", (wider.model_dump_json(),))
    assert rig.run(conn, job).status is JobStatus.FINISHED
    conn.close()


def test_a_csv_checkpoint_is_written_for_each_full_batch(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(caps=Caps(checkpoint_every=4)))
    job = finished(rig)
    batches = sorted((tmp_path / "runs" / job.id / "artifacts").glob("leads_batch_*.csv"))
    assert len(batches) >= 2
    assert all(len(batch.read_text().splitlines()) == 5 for batch in batches)


def test_the_snapshot_holds_the_whole_state_and_the_log_no_address(tmp_path: Path) -> None:
    job = finished(Rig(tmp_path))
    folder = tmp_path / "runs" / job.id
    state = json.loads((folder / "state.json").read_text())
    assert state["ended"] == "finished"
    assert len(state["leads"]) >= 10
    log = (folder / "logs" / "events.ndjson").read_text()
    assert [json.loads(line)["kind"] for line in log.splitlines()][-1] == "job_finished"
    assert "@" not in log


def test_a_finished_job_cannot_be_run_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    with pytest.raises(JobNotResumable):
        rig.run(conn, job)
    conn.close()


def test_a_second_runner_of_a_live_job_is_refused(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)
    journal.acquire_lease(conn, job.id, owner="elsewhere:1", now_s=SystemClock().now().timestamp())
    with pytest.raises(JobLeased, match="elsewhere:1"):
        rig.run(conn, job)
    conn.close()


def test_losing_the_graph_file_loses_no_fact(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(caps=Caps(max_steps=4)))
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    (tmp_path / "graph" / f"{job.id}.db").unlink()
    conn.execute("UPDATE jobs SET plan = ?", (plan_factory().model_dump_json(),))
    assert rig.run(conn, job).status is JobStatus.FINISHED
    assert counters(conn, job.id)["repo_found"] == progress(conn, job.id, now=NOW).repos
    conn.close()


def test_a_pause_asked_from_outside_stops_at_a_boundary_and_resumes(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)
    asked = iter([None] * 6 + ["pause"] + [None] * 10_000)
    paused = rig.run(conn, job, listen=lambda: next(asked))
    assert paused.status is JobStatus.PAUSED
    assert rig.run(conn, job).status is JobStatus.FINISHED
    conn.close()


def test_a_cancelled_job_keeps_what_it_found(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)
    asked = iter([None] * 6 + ["cancel"] * 10)
    assert rig.run(conn, job, listen=lambda: next(asked)).status is JobStatus.CANCELLED
    assert progress(conn, job.id, now=NOW).repos > 0
    conn.close()


@dataclass
class LimitedHost(FakeCodeHost):
    """Says once that the hour's budget is spent."""

    error: Exception | None = None

    async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return await super().fetch_activity(repos, since=since)


def test_an_hour_long_limit_is_waited_for_with_its_end_told(tmp_path: Path) -> None:
    limit = RateLimited("limited", provider="github", operation="q", retry_after_s=3_600, resource="graphql")
    rig = Rig(tmp_path, host=LimitedHost(error=limit))
    job = finished(rig)
    (waiting,) = kinds(rig, job, JobWaiting)
    assert job.status is JobStatus.FINISHED
    assert (waiting.until - NOW).total_seconds() >= 3_600


def test_a_wait_can_be_paused(tmp_path: Path) -> None:
    limit = RateLimited("limited", provider="github", operation="q", retry_after_s=3_600, resource="graphql")
    rig = Rig(tmp_path, host=LimitedHost(error=limit))
    conn = rig.open()
    job = new_job(conn, rig.plan)

    def listen() -> str | None:
        return "pause" if get_job(conn, job.id).wait_until else None

    assert rig.run(conn, job, listen=listen).status is JobStatus.PAUSED
    assert rig.run(conn, job).status is JobStatus.FINISHED
    conn.close()


def test_a_provider_that_is_down_for_a_while_costs_no_lead(tmp_path: Path) -> None:
    down = ProviderUnavailable("down", provider="github", operation="q", status=503)
    assert finished(Rig(tmp_path, host=LimitedHost(error=down))).status is JobStatus.FINISHED


def test_a_rejected_key_pauses_with_the_way_out(tmp_path: Path) -> None:
    refused = AuthRejected("GitHub refused the token.", provider="github", operation="q", hint="cmo auth set github")
    rig = Rig(tmp_path, host=LimitedHost(error=refused))
    job = finished(rig)
    (paused,) = kinds(rig, job, JobPaused)
    assert job.status is JobStatus.PAUSED
    assert "cmo auth set github" in paused.message


def test_a_follow_up_is_read_at_the_next_step_and_changes_the_plan(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)
    message = MessageQueued(by="operator:test", text="make it 4", later=False)
    commit(conn, job.id, [("m", message)], at=NOW, epoch=None)
    assert rig.run(conn, job).plan.target == 4
    row = conn.execute("SELECT state, step FROM messages").fetchone()
    assert tuple(row) == ("read", 1)
    conn.close()


class StubbornPlanner:
    """Asks for the wrong tool for ever."""

    async def decide(self, situation: Situation) -> Decision:
        return Decision(call=ToolCall(tool="score_icp", args={"selector": "pending"}), planner="openai")


def test_a_planner_that_never_makes_sense_does_not_end_the_job(tmp_path: Path) -> None:
    rig = Rig(tmp_path, planner=StubbornPlanner(), plan=plan_factory(caps=Caps(max_steps=100)))
    job = finished(rig)
    assert job.status is JobStatus.FINISHED
    assert kinds(rig, job, StepRefused)
    assert {event.planner for event in kinds(rig, job, StepPlanned)} == {"rules", "openai"}


def test_the_checkpoint_does_not_grow_with_the_leads(tmp_path: Path) -> None:
    sizes = []
    for repos in (20, 400):
        home = tmp_path / str(repos)
        rig = Rig(home, plan=plan_factory(target=repos), host=FakeCodeHost(repos=repos, page=100))
        job = finished(rig)
        sizes.append((home / "graph" / f"{job.id}.db").stat().st_size)
    assert sizes[1] <= sizes[0] * 1.1


def test_a_dry_run_is_a_mode_of_the_plan_and_stays_so(tmp_path: Path) -> None:
    job = finished(Rig(tmp_path, plan=plan_factory(mode=Mode.DRY_RUN)))
    assert job.plan.mode is Mode.DRY_RUN


def test_a_lost_lease_stops_the_run_without_writing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)

    def steal() -> None:
        row = conn.execute("SELECT COUNT(*) FROM steps").fetchone()
        if row[0] == 2:
            conn.execute("UPDATE jobs SET lease_epoch = lease_epoch + 1, lease_owner = 'thief:1'")

    with pytest.raises(JobLeased):
        asyncio.run(run_job(conn, job.id, rig.machinery(job), by="operator:test", listen=steal))
    assert get_job(conn, job.id).status is JobStatus.RUNNING
    conn.close()
