"""A whole job over a fake outside, with the real store, tools and graph."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cmo.clock import SystemClock
from cmo.domain.event import JobPaused, JobWaiting, MessageQueued, SearchWidened, StepPlanned, StepRefused
from cmo.domain.job import Caps, Icp, Job, JobStatus, Stage
from cmo.domain.lead import MxState, MxVerdict, RepoActivity, RepoRef
from cmo.errors import (
    AuthRejected,
    JobLeased,
    JobNotResumable,
    OutputUnwritable,
    ProviderUnavailable,
    RateLimited,
    StoreBusy,
)
from cmo.graph.planner import Decision, Situation, ToolCall
from cmo.graph.planners.rules import RulesPlanner
from cmo.graph.run import run_job
from cmo.graph.state import RunState
from cmo.providers.ports import RepoPage, RepoQuery
from cmo.service.folder import JobFolder
from cmo.store import journal
from cmo.store.commit import commit
from cmo.store.db import transaction
from cmo.store.events import iter_events
from cmo.store.jobs import get_job
from cmo.store.messages import list_messages
from cmo.store.progress import counters, progress
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, FakeCodeHost, FakeResolver
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
    assert set(state) == set(RunState.__annotations__)
    assert state["ended"] == "finished"
    assert {"search_github_repos", "score_icp"} <= {entry["action"] for entry in state["history"]}
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


def test_an_address_where_nobody_ever_answered_pauses_at_once(tmp_path: Path) -> None:
    @dataclass
    class Nowhere(FakeCodeHost):
        async def search_repos(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
            raise ProviderUnavailable(
                "github: search: no connection to 127.0.0.1:9", provider="github", operation="search",
                details={"connected": False},
            )  # fmt: skip

    rig = Rig(tmp_path, host=Nowhere())
    job = finished(rig)
    assert job.status is JobStatus.PAUSED
    assert not kinds(rig, job, JobWaiting)
    assert job.ended_reason is not None
    assert "127.0.0.1:9" in job.ended_reason


def test_repositories_left_out_while_the_job_runs_are_not_read_and_their_people_not_accepted(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=500), host=FakeCodeHost(repos=30, page=100))
    conn = rig.open()
    job = new_job(conn, rig.plan)

    def listen() -> None:
        if counters(conn, job.id).get("repo_found") == 30 and not list_messages(conn, job.id):
            said = MessageQueued(by="operator:test", text="skip proj3 repos", later=False)
            commit(conn, job.id, [("m", said)], at=NOW, epoch=None)

    rig.run(conn, job, listen=listen)
    states = dict(conn.execute("SELECT full_name, state FROM repos").fetchall())
    assert {name for name, state in states.items() if state == "excluded"} == {"org3/proj3", "org30/proj30"}
    assert conn.execute("SELECT COUNT(*) FROM leads").fetchone()[0] == 28 * 2
    conn.close()


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


class FullDisk(JobFolder):
    """Cannot write its snapshot while `is_full`."""

    is_full = True

    def write_snapshot(self, chunks: Iterable[str]) -> None:
        if self.is_full:
            raise OutputUnwritable("Cannot write: the disk is full.", hint="Free some space.")
        super().write_snapshot(chunks)


@dataclass
class RigOnFullDisk(Rig):
    def folder(self, job: Job) -> JobFolder:
        return FullDisk(self.home / "runs" / job.id)


def test_a_full_disk_pauses_the_job_and_room_lets_it_end(tmp_path: Path) -> None:
    rig = RigOnFullDisk(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)
    with pytest.raises(OutputUnwritable):
        rig.run(conn, job)
    assert get_job(conn, job.id).status is JobStatus.PAUSED
    assert Rig(tmp_path).run(conn, job).status is JobStatus.FINISHED
    conn.close()


def test_a_restored_backup_goes_on_though_the_bookmark_is_ahead(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(caps=Caps(max_steps=4)))
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    conn.execute("UPDATE jobs SET plan = ?", (plan_factory().model_dump_json(),))
    backup = sqlite3.connect(tmp_path / "backup.db")
    conn.backup(backup)
    assert rig.run(conn, job).status is JobStatus.FINISHED
    backup.backup(conn)
    backup.close()
    assert rig.run(conn, job).status is JobStatus.FINISHED
    conn.close()


def test_a_damaged_graph_file_costs_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(caps=Caps(max_steps=4)))
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    (tmp_path / "graph" / f"{job.id}.db").write_bytes(b"not a database at all, really" * 200)
    conn.execute("UPDATE jobs SET plan = ?", (plan_factory().model_dump_json(),))
    assert rig.run(conn, job).status is JobStatus.FINISHED
    conn.close()


def test_a_cancel_asked_of_a_dead_holder_is_obeyed_on_resume(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn = rig.open()
    job = new_job(conn, rig.plan)
    journal.set_control(conn, job.id, "cancel", by="operator:ana")

    def listen() -> str | None:
        return journal.read_control(conn, job.id)[0]

    assert rig.run(conn, job, listen=listen).status is JobStatus.CANCELLED
    with pytest.raises(JobNotResumable):
        rig.run(conn, job)
    assert get_job(conn, job.id).status is JobStatus.CANCELLED
    conn.close()


def test_a_cap_on_calls_ends_the_job_instead_of_spending_its_steps(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=500, caps=Caps(max_tool_calls=1)))
    job = finished(rig)
    assert job.status is JobStatus.FINISHED
    assert not kinds(rig, job, StepRefused)
    assert job.ended_reason is not None
    assert "max_tool_calls" in job.ended_reason


@dataclass
class DeadResolver(FakeResolver):
    """Answers nothing for the first `silent` calls: two pages, each with the question whether DNS is there at all."""

    silent: int = 4

    async def check(self, emails: Sequence[str]) -> tuple[MxVerdict, ...]:
        verdicts = await super().check(emails)
        if self.calls["check"] > self.silent:
            return verdicts
        return tuple(v.model_copy(update={"state": MxState.UNKNOWN, "reason": "no answer"}) for v in verdicts)


def test_a_dns_outage_is_waited_out_and_loses_nobody(tmp_path: Path) -> None:
    rig = Rig(tmp_path, resolver=DeadResolver())
    job = finished(rig)
    conn = rig.open()
    assert progress(conn, job.id, now=NOW).good_leads >= 10
    conn.close()
    assert [event.provider for event in kinds(rig, job, JobWaiting)] == ["dns", "dns"]


def test_a_narrowing_follow_up_narrows_the_search_that_runs(tmp_path: Path) -> None:
    plan = plan_factory(target=500, icp=Icp(topics=("testing", "ci")))
    rig = Rig(tmp_path, plan=plan)
    conn = rig.open()
    job = new_job(conn, plan)
    said = MessageQueued(by="operator:test", text="only repos with more than 1000 stars", later=False)
    commit(conn, job.id, [("m", said)], at=NOW, epoch=None)
    done = rig.run(conn, job)
    search = conn.execute("SELECT icp FROM searches ORDER BY n LIMIT 1").fetchone()["icp"]
    assert Icp.model_validate_json(search).stars_range.low >= 1000
    assert done.plan.icp.stars_range.low >= 1000
    conn.close()


def test_a_limit_without_a_wait_can_still_be_paused(tmp_path: Path) -> None:
    @dataclass
    class AlwaysLimited(FakeCodeHost):
        async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
            raise RateLimited("limited", provider="github", operation="q", retry_after_s=0)

    rig = Rig(tmp_path, host=AlwaysLimited())
    conn = rig.open()
    job = new_job(conn, rig.plan)

    def listen() -> str | None:
        return "pause" if counters(conn, job.id).get("waits", 0) >= 3 else None

    assert rig.run(conn, job, listen=listen).status is JobStatus.PAUSED
    assert counters(conn, job.id)["waits"] <= 4
    conn.close()


def test_the_crm_file_is_written_anew_when_the_target_is_raised_after_the_export(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=4), host=FakeCodeHost(repos=40))
    conn = rig.open()
    job = new_job(conn, rig.plan)

    def listen() -> None:
        exported = conn.execute("SELECT COUNT(*) FROM checkpoints WHERE batch = 0").fetchone()[0]
        if exported == 2 and not list_messages(conn, job.id):
            said = MessageQueued(by="operator:test", text="make it 70", later=False)
            commit(conn, job.id, [("m", said)], at=NOW, epoch=None)

    rig.run(conn, job, listen=listen)
    rows = dict(conn.execute("SELECT path, row_count FROM checkpoints WHERE batch = 0").fetchall())
    assert rows["prospects.csv"] == rows["attio_people.csv"] >= 70
    conn.close()


def test_changing_the_batch_size_overwrites_no_batch_and_skips_nobody(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=20, caps=Caps(checkpoint_every=4, max_steps=6)), host=FakeCodeHost(40))
    conn = rig.open()
    job = rig.run(conn, new_job(conn, rig.plan))
    wider = rig.plan.model_copy(update={"target": 70, "caps": Caps(checkpoint_every=10)})
    conn.execute("UPDATE jobs SET plan = ?", (wider.model_dump_json(),))
    rig.run(conn, job)
    spans = conn.execute("SELECT row_count, upto FROM checkpoints WHERE batch > 0 ORDER BY batch").fetchall()
    assert [row["upto"] for row in spans] == [sum(r["row_count"] for r in spans[: n + 1]) for n in range(len(spans))]
    conn.close()


def test_until_a_stage_does_not_waive_the_stages_before_it(tmp_path: Path) -> None:
    class Hasty:
        async def decide(self, situation: Situation) -> Decision:
            return Decision(call=ToolCall(tool="done", args={"summary": "."}), planner="openai")

    rig = Rig(tmp_path, planner=Hasty(), plan=plan_factory(until=Stage.SCORE))
    job = finished(rig)
    conn = rig.open()
    assert progress(conn, job.id, now=NOW).good_leads >= 10
    conn.close()


def test_a_spent_budget_pauses(tmp_path: Path) -> None:
    class Costly(RulesPlanner):
        async def decide(self, situation: Situation) -> Decision:
            decision = await super().decide(situation)
            return decision.model_copy(update={"usage": {"tokens_used": 1_000_000}})

    rig = Rig(tmp_path, planner=Costly(), plan=plan_factory(caps=Caps(budget_usd=15)))
    job = finished(rig)
    (paused,) = kinds(rig, job, JobPaused)
    assert (job.status, paused.reason) == (JobStatus.PAUSED, "budget")


def test_a_store_held_by_another_process_for_a_while_does_not_end_the_run(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    conn, other = rig.open(), rig.open()
    conn.execute("PRAGMA busy_timeout=20")
    job = new_job(conn, rig.plan)
    with pytest.raises(StoreBusy), transaction(other):
        rig.run(conn, job)
    assert rig.run(conn, job).status is JobStatus.FINISHED
    conn.close()
    other.close()
