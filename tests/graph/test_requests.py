"""The agent meets a cap before its goal: what it asks, what an answer does, and that killing it changes neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.event import RequestAllowed, RequestAsked, RequestDenied, StepPlanned
from cmo.domain.job import Caps, Icp, Job, JobStatus
from cmo.domain.lead import RepoActivity, RepoRef
from cmo.domain.requests import Request, answered_by
from cmo.graph.planner import Decision, Situation
from cmo.graph.planners.rules import RulesPlanner
from cmo.store.audit import iter_audit
from cmo.store.db import Connection
from cmo.store.events import iter_events
from cmo.store.jobs import get_job
from cmo.store.progress import progress
from cmo.store.request_views import list_requests, open_requests, permissions
from cmo.store.requests import allow_request, deny_request, revoke_permission
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, FakeCodeHost
from tests.fakes.rigs import Rig

ANA = "operator:ana"


@dataclass
class Spent(RulesPlanner):
    """Decides by the rules; each decision takes as many tokens as a tenth of a dollar pays."""

    tokens: int = 10_000

    async def decide(self, situation: Situation) -> Decision:
        return (await super().decide(situation)).model_copy(update={"usage": {"tokens_used": self.tokens}})


@dataclass
class Asking(RulesPlanner):
    """Answers the job's first open request once it is stored, between two steps."""

    conn: Connection | None = None
    for_job: bool = False
    before: str = ""
    """Only once this tool is planned."""
    seen: list[str] = field(default_factory=list)

    async def decide(self, situation: Situation) -> Decision:
        assert self.conn is not None
        decision = await super().decide(situation)
        if self.before and decision.call.tool != self.before:
            return decision
        for (job_id,) in self.conn.execute("SELECT id FROM jobs").fetchall():
            for request in open_requests(self.conn, job_id)[:1]:
                allow_request(self.conn, request.id, by=ANA, for_job=self.for_job, at=NOW)
                self.seen.append(request.id)
        return decision


class Thinning(FakeCodeHost):
    """Later repositories give one person each."""

    def _activity(self, repo: RepoRef, since: datetime) -> RepoActivity:
        found = super()._activity(repo, since)
        return found if repo.id <= "R_0004" else found.model_copy(update={"sightings": found.sightings[:1]})


def ran(
    home: Path, *, repos: int = 30, host: FakeCodeHost | None = None, planner: Any = None, **changes: Any
) -> tuple[Rig, Connection, Job]:
    """A job under tight caps, run until it stops."""
    host = host or FakeCodeHost(repos=repos)
    rig = Rig(home, plan=plan_factory(**changes), host=host, planner=planner or RulesPlanner())
    conn = rig.open()
    if isinstance(planner, Asking):
        planner.conn = conn
    return rig, conn, rig.run(conn, new_job(conn, rig.plan))


def only(conn: Connection, job: Job) -> Request:
    (request,) = list_requests(conn, job.id)
    return request


def good(conn: Connection, job: Job) -> int:
    return progress(conn, job.id, now=NOW).good_leads


def test_a_job_that_meets_max_repos_asks_for_what_its_yield_says_and_still_ends(tmp_path: Path) -> None:
    _, conn, job = ran(tmp_path, target=20, caps=Caps(max_repos=4))
    found, request = good(conn, job), only(conn, job)
    assert job.status is JobStatus.FINISHED
    assert (request.state, request.asked.setting, request.asked.before) == ("open", "max_repos", 4)
    assert request.asked.asked >= 4 + (20 - found) * 4 / found
    assert request.asked.why == f"{20 - found} good leads are missing; 4 repositories gave {found}."
    assert request.asked.effect.startswith("about ")
    steps = [r.event for r in iter_events(conn, job.id) if isinstance(r.event, StepPlanned | RequestAsked)]
    at = [event.kind for event in steps].index("request_asked")
    assert steps[at + 1].kind == "step_planned"
    assert steps[at + 1].step == request.asked.step


@pytest.mark.parametrize("before", ["export_csv", "done"])
def test_what_the_operator_allows_while_it_runs_lets_the_same_run_search_again(tmp_path: Path, before: str) -> None:
    planner = Asking(before=before)
    _, conn, job = ran(tmp_path, planner=planner, target=20, caps=Caps(max_repos=4))
    assert len(planner.seen) == 1
    assert job.status is JobStatus.FINISHED
    assert job.ended_reason is None
    assert good(conn, job) >= 20


def test_a_job_that_ended_short_goes_on_once_its_request_is_allowed(tmp_path: Path) -> None:
    rig, conn, job = ran(tmp_path, target=20, caps=Caps(max_repos=4))
    request = only(conn, job)
    assert allow_request(conn, request.id, by=ANA, for_job=False, at=NOW)
    assert only(conn, job).state == "allowed"
    again = get_job(conn, job.id)
    assert (again.status, again.plan.caps.max_repos) == (JobStatus.PAUSED, request.asked.asked)
    ended = rig.run(conn, again)
    assert ended.status is JobStatus.FINISHED
    assert ended.ended_reason is None
    text = (tmp_path / "runs" / job.id / "artifacts" / "prospects.csv").read_text()
    assert text.count("\n") == good(conn, job) + 1 > 20


def test_a_request_is_answered_once_and_a_second_answer_changes_nothing(tmp_path: Path) -> None:
    _, conn, job = ran(tmp_path, target=20, caps=Caps(max_repos=4))
    request = only(conn, job)
    assert [deny_request(conn, request.id, by=ANA, reason="enough", at=NOW) for _ in range(2)] == [True, False]
    assert not allow_request(conn, request.id, by=ANA, for_job=True, at=NOW)
    assert isinstance(only(conn, job).answer, RequestDenied)
    assert get_job(conn, job.id).plan.caps.max_repos == 4
    assert get_job(conn, job.id).status is JobStatus.FINISHED
    rows = list(iter_audit(conn, action="request."))
    assert [(row.action, row.actor, row.object) for row in rows] == [("request.deny", ANA, f"request:{request.id}")]


def test_people_and_repositories_are_asked_for_together_where_both_stop_it(tmp_path: Path) -> None:
    _, conn, job = ran(tmp_path, target=20, caps=Caps(max_repos=4, max_people=6))
    asked = {request.asked.setting: request.asked for request in list_requests(conn, job.id)}
    assert set(asked) == {"max_people", "max_repos"}
    assert asked["max_people"].before == 6


def test_a_search_that_has_no_more_or_gave_nobody_asks_for_nothing(tmp_path: Path) -> None:
    nowhere = Icp(topics=("testing",), location="Antarctica")
    for n, (repos, icp) in enumerate(((3, Icp(topics=("testing",))), (30, nowhere))):
        _, conn, job = ran(tmp_path / str(n), repos=repos, target=20, caps=Caps(max_repos=4), icp=icp)
        assert list_requests(conn, job.id) == []


def test_max_steps_pauses_asks_and_goes_on_where_it_was_once_allowed(tmp_path: Path) -> None:
    rig, conn, job = ran(tmp_path, caps=Caps(max_steps=3))
    request = only(conn, job)
    assert (request.asked.setting, job.status) == ("max_steps", JobStatus.PAUSED)
    assert rig.run(conn, job).status is JobStatus.PAUSED
    assert only(conn, job).id == request.id
    allow_request(conn, request.id, by=ANA, for_job=False, at=NOW)
    assert rig.run(conn, job).status is JobStatus.FINISHED


def test_a_budget_that_is_spent_asks_for_what_the_turns_that_are_left_cost(tmp_path: Path) -> None:
    _, conn, job = ran(tmp_path, planner=Spent(), caps=Caps(budget_usd=0.3, max_steps=13))
    asked = only(conn, job).asked
    assert asked.setting == "budget_usd"
    assert asked.asked == pytest.approx(1.3)
    assert asked.effect == "$1.00 more for 10 planner turns, $0.10 each so far"


def test_a_cap_on_calls_of_one_tool_is_asked_for_where_items_wait_for_it(tmp_path: Path) -> None:
    caps = Caps(max_tool_calls_per_kind={"search_github_repos": 1})
    _, conn, job = ran(tmp_path, repos=60, target=100, caps=caps)
    request = only(conn, job)
    assert request.asked.setting == "max_tool_calls_per_kind.search_github_repos"
    allow_request(conn, request.id, by=ANA, for_job=False, at=NOW)
    raised = get_job(conn, job.id).plan.caps.max_tool_calls_per_kind
    assert raised == {"search_github_repos": request.asked.asked}


def test_nobody_is_scored_again_and_again_whose_address_may_not_be_verified_and_a_yes_goes_on_with_them(
    tmp_path: Path,
) -> None:
    planner, caps = Asking(before="done"), Caps(max_repos=8, max_tool_calls_per_kind={"mx_check": 1})
    rig, conn, job = ran(tmp_path, planner=planner, target=20, caps=caps)
    assert (job.status, good(conn, job)) == (JobStatus.FINISHED, 16)
    (request,) = open_requests(conn, job.id)
    assert request.asked.why == "6 items wait for mx_check."
    allow_request(conn, request.id, by=ANA, for_job=False, at=NOW)
    ended = rig.run(conn, get_job(conn, job.id))
    assert (ended.status, ended.ended_reason) == (JobStatus.FINISHED, None)
    steps = [r.event.tool for r in iter_events(conn, job.id) if isinstance(r.event, StepPlanned)]
    assert steps.count("score_icp") == 2


def test_a_permission_for_the_job_answers_later_requests_up_to_double_and_not_once_it_is_revoked(
    tmp_path: Path,
) -> None:
    host, planner = Thinning(repos=60), Asking(for_job=True)
    _, conn, job = ran(tmp_path, host=host, planner=planner, target=20, caps=Caps(max_repos=4))
    first, second = list_requests(conn, job.id)
    assert (job.status, job.ended_reason) == (JobStatus.FINISHED, None)
    assert isinstance(second.answer, RequestAllowed)
    assert (second.answer.by, second.answer.permission) == ("system", first.id)
    assert first.permits_upto == 2 * first.asked.asked
    assert second.asked.before == first.asked.asked
    rows = list(iter_audit(conn, action="request.allow"))
    assert [(row.actor, row.object) for row in rows] == [("system", f"request:{second.id}"), (ANA, rows[1].object)]
    assert [given.id for given in permissions(conn)] == [first.id]

    huge = first.asked.model_copy(update={"before": first.asked.asked, "asked": 1_000_000})
    answer = answered_by(list_requests(conn, job.id), job.plan, huge)
    assert answer is not None
    assert answer.value == 2 * first.asked.asked
    assert answered_by([first], job.plan, huge.model_copy(update={"before": 2 * first.asked.asked})) is None
    assert [revoke_permission(conn, first.id, by=ANA, at=NOW) for _ in range(2)] == [True, False]
    assert permissions(conn) == []
    assert answered_by(list_requests(conn, job.id), job.plan, huge) is None
