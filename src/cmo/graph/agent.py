"""One turn of the agent: catch up with events, obey the operator, plan a step, run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmo.domain.costs import usd_for
from cmo.domain.event import (
    CheckpointWritten,
    Event,
    FollowUpRead,
    JobCancelled,
    JobFinished,
    JobPaused,
    PlannerTroubled,
    RequestAllowed,
    RequestAsked,
    SearchWidened,
    StageEntered,
    StepPlanned,
    StepRefused,
)
from cmo.domain.follow_up import parse_follow_up
from cmo.domain.job import Job
from cmo.domain.plan_changes import changes_between, held_firm, with_changes
from cmo.domain.requests import RequestEvent, answered_by, event_id
from cmo.domain.widening import narrower_part, widen
from cmo.errors import AuthRejected, ConfigError, ProviderError
from cmo.graph import rails
from cmo.graph.executor import Asked, Executor, Interrupted
from cmo.graph.planner import Planner, Situation
from cmo.graph.planners.rules import next_call
from cmo.graph.reducer import reduce
from cmo.graph.state import GraphState, new_state
from cmo.graph.wishes import for_money, for_room, for_steps
from cmo.store import journal, messages
from cmo.store.commit import commit
from cmo.store.db import Connection
from cmo.store.events import iter_events, last_seq
from cmo.store.jobs import get_job
from cmo.store.journal import Lease, Step
from cmo.store.pages import accepted_leads, count_unsettled
from cmo.store.progress import batches, calls_per_tool, counters, final_files, progress, stale_files, used_budgets
from cmo.store.request_views import list_requests
from cmo.store.requests import audit_of
from cmo.store.searches import current_search
from cmo.tools.base import Ports, Tool
from cmo.tools.export_csv import prospects_csv

REFUSALS_BEFORE_RULES = 2
"""Calls of one planner in a row that the rails refuse before the rules planner takes the step."""


@dataclass(frozen=True)
class Agent:
    """Everything a turn needs; holds no state of its own."""

    conn: Connection
    lease: Lease
    planner: Planner
    tools: Mapping[str, Tool[Any, Any, Any]]
    ports: Ports
    listen: Callable[[], tuple[Asked | None, str]]

    async def turn(self, state: GraphState) -> tuple[GraphState, bool]:
        """One step of the job.

        Returns:
            The new state, and whether the run must stop here (paused; the job is not over).
        """
        state = self._caught_up(state)
        if state["ended"] is not None:
            return state, True
        try:
            stops = await self._work()
        except Interrupted as exc:
            self._obey(exc.asked, exc.by)
            stops = True
        except (ProviderError, ConfigError) as exc:
            self._commit(JobPaused(reason=_pause_reason(exc), message=_sentences(exc.message, exc.hint)))
            stops = True
        return self._caught_up(state), stops

    def _caught_up(self, state: GraphState) -> GraphState:
        """`state` with all run events of the store folded in. A bookmark that is ahead of the store is void."""
        job_id = state["job_id"]
        if state["applied_seq"] > last_seq(self.conn):
            state = new_state(job_id)
        state = reduce(state, list(iter_events(self.conn, job_id, after_seq=state["applied_seq"], run_only=True)))
        status = get_job(self.conn, job_id).status
        return {**state, "ended": status.value if status.is_over else None}

    async def _work(self) -> bool:
        asked, by = self.listen()
        if asked is not None:
            raise Interrupted(asked, by)
        self._read_follow_ups()
        job = get_job(self.conn, self.lease.job_id)
        step = journal.unfinished_step(self.conn, job.id)
        if step is None:
            if (paused := self._out_of_steps(job) or self._out_of_money(job)) is not None:
                return not self._ask(job, paused)
            step = await self._plan(job)
        if step is None:
            return False
        job = get_job(self.conn, job.id)
        tool = self.tools[step.tool]
        if tool.stage is not job.stage:
            self._commit(StageEntered(stage=tool.stage))
        executor = Executor(self.conn, self.lease, self.ports, self.listen, self._write_due_checkpoints, self._at_end)
        await executor.run_step(job, step, tool)
        return False

    def _out_of_steps(self, job: Job) -> JobPaused | None:
        if journal.last_step_number(self.conn, job.id) < job.plan.caps.max_steps:
            return None
        hint = f"max_steps={job.plan.caps.max_steps} is reached; `cmo jobs set {job.id} max_steps=…`, then resume."
        return JobPaused(reason="max_steps", message=hint)

    def _out_of_money(self, job: Job) -> JobPaused | None:
        budget = job.plan.caps.budget_usd
        if budget is None:
            return None
        spent = usd_for(counters(self.conn, job.id).get("tokens_used", 0))
        if spent < budget:
            return None
        hint = f"budget_usd={budget:g} is spent; `cmo jobs set {job.id} budget_usd=…`, then resume."
        return JobPaused(reason="budget", message=hint)

    def _ask(self, job: Job, paused: JobPaused) -> bool:
        """Pause for a cap and ask for more of it; whether a permission gave it, and the job goes on."""
        wishes = for_steps if paused.reason == "max_steps" else for_money
        asked = self._answered(job, wishes(self.situation(job), used_budgets(self.conn, job.id), job.id))
        self._commit(*asked, *([] if _is_given(asked) else [paused]))
        return _is_given(asked)

    def _answered(self, job: Job, wishes: Sequence[RequestAsked]) -> list[RequestAsked | RequestAllowed]:
        """What of `wishes` was not asked before, each with the answer that a permission of the operator gives."""
        if not wishes:
            return []
        plan, before = job.plan, list_requests(self.conn, job.id)
        events: list[RequestAsked | RequestAllowed] = []
        for wish in wishes:
            if any(request.id == wish.request for request in before):
                continue
            events.append(wish)
            answer = answered_by(before, plan, wish)
            if answer is not None:
                events.append(answer)
                plan = with_changes(plan, answer.changes)
        return events

    async def _plan(self, job: Job) -> Step | None:
        """Decide the next step and store it; None when the rails refused the call."""
        situation = self.situation(job)
        asked = self._answered(job, for_room(situation, used_budgets(self.conn, job.id), job.id))
        if _is_given(asked):
            self._commit(*asked)
            return None
        decision = await self.planner.decide(situation)
        call, planner = decision.call, decision.planner
        events: list[Event] = [
            *asked,
            *(PlannerTroubled(step=situation.step, trouble=t.kind, message=t.message) for t in decision.troubles),
        ]
        if planner != "rules" and self._refused_in_a_row() >= REFUSALS_BEFORE_RULES:
            call, planner = next_call(situation), "rules"
        missing = rails.what_is_missing(call, situation)
        if missing is not None:
            events.append(StepRefused(step=situation.step, tool=call.tool, missing=missing, usage=decision.usage))
            self._commit(*events)
            return None
        if call.tool == "search_github_repos" and not situation.search_open:
            events.append(self._widening(job, situation))
        planned = StepPlanned(step=situation.step, tool=call.tool, args=call.args, planner=planner, why=call.why)
        events.append(planned.model_copy(update={"usage": decision.usage}))
        self._commit(*events)
        return journal.unfinished_step(self.conn, job.id)

    def _widening(self, job: Job, situation: Situation) -> SearchWidened:
        wider = widen(job.plan.icp)
        assert wider is not None, "the rails let no search through that cannot be widened"
        good, target = situation.progress.good_leads, job.plan.target
        return SearchWidened(
            knob=wider.knob,
            before=wider.before,
            after=wider.after,
            why=f"{good} of {target} good leads and the search is exhausted",
            changes=changes_between(job.plan, job.plan.model_copy(update={"icp": wider.icp})),
            search=wider.search.model_dump(mode="json"),
        )

    def _refused_in_a_row(self) -> int:
        steps = journal.recent_steps(self.conn, self.lease.job_id, limit=REFUSALS_BEFORE_RULES)
        return len(steps) if all(step.state == "refused" for step in steps) else 0

    def situation(self, job: Job) -> Situation:
        """What a planner is told."""
        caps = job.plan.caps
        counts = progress(self.conn, job.id, now=self.ports.clock.now())
        made = calls_per_tool(self.conn, job.id)
        step = journal.last_step_number(self.conn, job.id) + 1
        return Situation(
            plan=job.plan,
            step=step,
            steps_left=caps.max_steps - step + 1,
            stage=job.stage,
            progress=counts,
            people_unsettled=count_unsettled(self.conn, job.id) if counts.emails_unverified else 0,
            tool_calls_left={n: rails.call_cap(job.plan, n) - made.get(n, 0) for n in self.tools},
            room_repos=max(0, caps.max_repos - counts.repos),
            room_people=max(0, caps.max_people - counts.candidates),
            search_open=current_search(self.conn, job.id) is not None,
            tools_called=frozenset(made),
            can_draft=self.ports.drafting is not None,
            writes=self.ports.outgoing.tools(job.plan) if self.ports.outgoing else (),
            can_widen=widen(job.plan.icp) is not None,
            files=self._true_files(job.id),
            messages=tuple(self._messages()),
            follow_ups=tuple(messages.recent_texts(self.conn, job.id, limit=5)),
        )

    def _messages(self) -> list[dict[str, Any]]:
        steps = journal.recent_steps(self.conn, self.lease.job_id, limit=10)
        return [
            {"step": s.n, "tool": s.tool, "args": s.args, "state": s.state, "result": s.result or {}} for s in steps
        ]

    def _true_files(self, job_id: str) -> dict[str, int]:
        stale = stale_files(self.conn, job_id)
        return {path: rows for path, rows in final_files(self.conn, job_id).items() if path not in stale}

    def _read_follow_ups(self) -> None:
        job = get_job(self.conn, self.lease.job_id)
        running = journal.unfinished_step(self.conn, job.id)
        step = running.n if running is not None else journal.last_step_number(self.conn, job.id) + 1
        for message in messages.queued(self.conn, job.id):
            if message.is_later and message.queued_stage == job.stage:
                continue
            found = progress(self.conn, job.id, now=self.ports.clock.now()).repos
            today = self.ports.clock.now().date()
            read = parse_follow_up(message.text, job.plan, today=today, repos_found=found)
            plan = job.plan if read.plan is None else held_firm(job.plan, read.plan)
            search = narrower_part(job.plan.icp, plan.icp)
            self._commit(
                FollowUpRead(
                    message_id=message.id,
                    step=step,
                    effect=f"{read.effect} {read.question}".strip(),
                    changes=changes_between(job.plan, plan),
                    search=None if search is None else search.model_dump(mode="json"),
                )
            )
            job = get_job(self.conn, job.id)

    def _write_due_checkpoints(self) -> None:
        """A CSV of each full batch of accepted leads that has none yet."""
        job = get_job(self.conn, self.lease.job_id)
        size = job.plan.caps.checkpoint_every
        while (done := batches(self.conn, job.id)).newest_lead >= done.upto + size:
            batch, upto = done.written + 1, done.upto + size
            rows, _ = accepted_leads(self.conn, job.id, after=done.upto, limit=size)
            rows = [row for row in rows if row.number is not None and row.number <= upto]
            path = f"leads_batch_{batch}.csv"
            self.ports.artifacts.write(path, prospects_csv(rows))
            self._commit(CheckpointWritten(batch=batch, path=path, rows=len(rows), upto=upto))

    def _at_end(self, step: Step) -> list[Event]:
        """The job ends in the transaction that ends its `done` step, unless a cap was raised since that was planned."""
        if step.tool != "done":
            return []
        situation = self.situation(get_job(self.conn, self.lease.job_id))
        if rails.still_to_do(situation) is not None:
            return []
        counts = situation.progress
        held = f", {counts.held_leads} of them HOLD (commit address only)" if counts.held_leads else ""
        finished = JobFinished(
            summary=f"{counts.good_leads} good leads{held}, from {counts.people_scored} people"
            f" of {counts.repos_read} repositories.",
            good_leads=counts.good_leads,
            shortfall=rails.shortfall(situation),
        )
        return [finished]

    def _obey(self, asked: Asked, by: str) -> None:
        match asked:
            case "pause":
                self._commit(JobPaused(reason="asked", message=f"Paused by {by.removeprefix('operator:')}."))
            case "cancel":
                self._commit(JobCancelled(by=by))

    def _commit(self, *events: Event) -> None:
        """Commit run events that happen once in this place of the run, and requests, which happen once in a job."""
        at, job_id, epoch = self.ports.clock.now(), self.lease.job_id, self.lease.epoch
        number = last_seq(self.conn)
        numbered: list[tuple[str, Event]] = []
        for i, event in enumerate(events):
            here = f"{job_id}/{event.kind}/{epoch}/{number}/{i}"
            numbered.append((event_id(job_id, event) if isinstance(event, RequestEvent) else here, event))
        asked = {event.request: event for event in events if isinstance(event, RequestAsked)}
        told = [audit_of(job_id, asked[ev.request], ev) for ev in events if isinstance(ev, RequestAllowed)]
        commit(self.conn, job_id, numbered, at=at, epoch=epoch, audit=told)


def _is_given(asked: Sequence[Event]) -> bool:
    return any(isinstance(event, RequestAllowed) for event in asked)


def _pause_reason(exc: Exception) -> str:
    return "key_rejected" if isinstance(exc, AuthRejected | ConfigError) else "provider"


def _sentences(*texts: str) -> str:
    """`texts` one after the other, each ended."""
    return " ".join(text if text[-1] in ".!?…)" else f"{text}." for text in texts if text)
