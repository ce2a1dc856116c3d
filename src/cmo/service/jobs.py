"""Verbs on jobs: plan, start, run. What an operator does to one that is stored: `job_hand`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cmo.clock import Clock, SystemClock
from cmo.config import Settings
from cmo.domain.audit import AuditEntry
from cmo.domain.goal import Question, parse_goal
from cmo.domain.job import Environment, Job, JobStatus, Mode, Plan, Stage, StarsRange, Weights
from cmo.domain.letters import Route
from cmo.domain.plan import Feasibility, Quotas, feasibility
from cmo.errors import ConfigError, JobLeased, JobNotResumable
from cmo.ids import job_id
from cmo.service.heralds import Ears, heralded
from cmo.service.store import installation_key, reader, summary_at, writer
from cmo.service.wiring import machinery, outside, require_credentials
from cmo.service.world import sandbox_world
from cmo.store import journal
from cmo.store.cache import prune_answers
from cmo.store.db import Connection
from cmo.store.events import last_moment
from cmo.store.jobs import create_job, get_job
from cmo.store.request_views import open_requests
from cmo.store.snapshot import iter_state_json
from cmo.store.views import JobSummary

Listen = Callable[[], Any]
"""What this process's signals ask for: `pause`, `cancel` or None."""
TICK_S = 0.5
ANSWERS_KEPT = timedelta(days=30)
"""How long providers' answers are kept."""
LOOK_SHARE = 20
"""A live view may take a twentieth of the time."""


@dataclass(frozen=True)
class PlanCard:
    """A plan before it runs: what was understood, assumed and asked, and whether it can be met."""

    plan: Plan
    feasibility: Feasibility
    route: Route
    """By what approved mail will leave."""
    questions: tuple[Question, ...] = ()
    unread: tuple[str, ...] = ()
    """Words of the goal that mean nothing to the grammar."""


@dataclass(frozen=True)
class Overrides:
    """What flags say; None leaves the goal's or file's word."""

    target: int | None = None
    languages: tuple[str, ...] | None = None
    topics: tuple[str, ...] | None = None
    stars: StarsRange | None = None
    active_days: int | None = None
    location: str | None = None
    max_steps: int | None = None
    max_repos: int | None = None
    max_people: int | None = None
    budget_usd: float | None = None
    until: Stage | None = None
    mode: Mode | None = None
    sequence_id: str | None = None
    list_id: str | None = None

    def top(self) -> dict[str, Any]:
        """Field of the plan -> what its flag says."""
        names = ("target", "until", "mode", "sequence_id", "list_id")
        return {name: getattr(self, name) for name in names}

    def icp(self) -> dict[str, Any]:
        """The same for the profile, dotted."""
        return {
            "icp.languages": self.languages,
            "icp.topics": self.topics,
            "icp.stars_range": self.stars,
            "icp.activity_days": self.active_days,
            "icp.location": self.location,
        }

    def caps(self) -> dict[str, Any]:
        """The same for the caps, dotted."""
        names = ("max_steps", "max_repos", "max_people", "budget_usd")
        return {f"caps.{name}": getattr(self, name) for name in names}


def plan_goal(settings: Settings, sentence: str, overrides: Overrides | None = None) -> PlanCard:
    """The plan that a sentence means.

    Raises:
        GoalUnclear: it means none.
    """
    flags = overrides or Overrides()
    settled = [name for name, value in {**flags.icp(), **flags.caps(), **flags.top()}.items() if value is not None]
    reading = parse_goal(sentence, defaults=_defaults(settings), today=_today(settings), settled=settled)
    card = plan_card(settings, _overridden(reading.plan, flags))
    return replace(card, questions=reading.questions, unread=reading.unread)


def plan_file(settings: Settings, path: Path, overrides: Overrides | None = None) -> PlanCard:
    """The plan of a job file.

    Raises:
        JobFileError: file, line and key are named.
    """
    from cmo.config.jobfile import load_job_file

    file = load_job_file(path, defaults=_defaults(settings), today=_today(settings))
    notify = {} if file.notify is None else {"notify": file.notify}
    weights = file.settings.get("scoring.weights")
    own = {} if weights is None else {"weights": Weights(points=weights)}
    plan = file.plan.model_copy(update={"settings": {**file.settings, **notify}, **own})
    card = plan_card(settings, _overridden(plan, overrides or Overrides()))
    return replace(card, questions=file.questions, unread=file.unread)


def plan_card(settings: Settings, plan: Plan) -> PlanCard:
    """A plan with what comes of it, its mode held to the ceiling of the settings."""
    ceiling = settings.mode()
    order = list(Mode)
    if order.index(plan.mode) > order.index(ceiling):
        note = f"Mode {plan.mode} is above the ceiling {ceiling} of your settings; {ceiling} it is."
        plan = plan.model_copy(update={"mode": ceiling, "assumptions": (*plan.assumptions, note)})
    own = plan.settings
    quotas = Quotas(
        max_emails_per_day=own.get("quota.max_emails_per_day", settings.max_emails_per_day),
        per_inbox_daily=own.get("quota.per_inbox_daily", settings.per_inbox_daily),
        per_company_daily=own.get("quota.max_per_company_daily", settings.max_per_company_daily),
    )
    uses_model = own.get("model.provider", settings.planner()) != "rules"
    return PlanCard(
        plan=plan,
        feasibility=feasibility(plan, quotas=quotas, uses_model=uses_model),
        route=Route(mailer=plan.mailer or own.get("mail.provider", settings.mailer), sequence_id=plan.sequence_id),
    )


def _defaults(settings: Settings) -> Plan:
    return Plan(goal="", icp=settings.icp(), caps=settings.caps(), weights=settings.weights())


def _today(settings: Settings) -> date:
    return _now_and_anchor(settings)[0].date()


def _overridden(plan: Plan, flags: Overrides) -> Plan:
    values = {
        "icp": {**plan.icp.model_dump(), **_given(flags.icp())},
        "caps": {**plan.caps.model_dump(), **_given(flags.caps())},
    }
    try:
        return Plan.model_validate({**plan.model_dump(), **values, **_given(flags.top())})
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ConfigError(f"{where}: {problem['msg']}.", hint="Change the flag, or the goal.") from exc


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name.rpartition(".")[2]: value for name, value in values.items() if value is not None}


def start_job(settings: Settings, plan: Plan) -> Job:
    """Store a new job; it does not run yet."""
    now, anchor = _now_and_anchor(settings)
    with writer(settings) as conn:
        return create_job(
            conn,
            plan,
            name=lambda taken: job_id(now, taken=taken),
            environment=Environment.SANDBOX if settings.sandbox else Environment.LIVE,
            by=settings.actor,
            now=now,
            anchor_at=anchor,
            audit=lambda id_: [_created(settings, id_, plan)],
        )


def _created(settings: Settings, id_: str, plan: Plan) -> AuditEntry:
    detail = {"mode": plan.mode.value, "target": plan.target}
    return AuditEntry(
        actor=settings.actor, action="jobs.new", object=f"job:{id_}", after=JobStatus.PLANNED, detail=detail
    )


def _now_and_anchor(settings: Settings) -> tuple[datetime, datetime]:
    if settings.sandbox:
        world = sandbox_world(settings)
        return world.now, world.anchor_at
    now = SystemClock().now()
    return now, now.replace(hour=0, minute=0, second=0, microsecond=0)


def run_job(
    settings: Settings,
    job_id_: str,
    *,
    listen: Listen,
    on_tick: Callable[[JobSummary], None] | None = None,
    ears: Ears | None = None,
) -> Job:
    """Run the job in this process until it is over or paused; the job as it stands then.

    Args:
        on_tick: Called twice a second with where the job stands, and once at the end.
        ears: Who hears of milestones, where `notify` asks for any; web hooks are told in any case.
    Raises:
        JobLeased, JobNotResumable, ConfigError, StoreError, OutputUnwritable.
    """
    from cmo.graph.environment import harden
    from cmo.service.scores import catch_up

    harden()
    with writer(settings) as conn:
        job = get_job(conn, job_id_)
        prune_answers(conn, before=SystemClock().now() - ANSWERS_KEPT)
        if (job.environment is Environment.SANDBOX) != settings.sandbox:
            raise ConfigError(f"Job {job.id} belongs to the {job.environment} environment.", hint=_other_home(job))
        installation_key(settings, conn)  # without it the erased would be collected again
        with outside(settings, not_before=last_moment(conn)) as found:
            require_credentials(found)
            catch_up(conn, job.id, found.clock)
            return asyncio.run(_run(settings, found, conn, job, listen, on_tick, ears or Ears()))


async def _run(
    settings: Settings, found: Any, conn: Connection, job: Job, listen: Listen, on_tick: Any, ears: Ears
) -> Job:
    from cmo.graph.run import run_job as run
    from cmo.service.withdrawing import withdraw_at

    async with (
        machinery(settings, found, conn, job, listen=listen) as parts,
        heralded(settings, conn, job.id, found.clock, ears),
    ):
        ticker = asyncio.ensure_future(_tick(conn, job.id, found.clock, on_tick))
        try:
            ended = await run(conn, job.id, parts, by=settings.actor, listen=listen)
            await withdraw_at(settings, found, conn)  # those who were found to object
            return ended
        finally:
            ticker.cancel()
            await asyncio.gather(ticker, return_exceptions=True)
            if on_tick is not None:
                on_tick(summary_at(conn, job.id, found.clock))


async def _tick(conn: Connection, job_id_: str, clock: Clock, on_tick: Any) -> None:
    """Look twice a second; less often where looking takes long, so that it never takes more than a part of the time."""
    wall = SystemClock()
    while on_tick is not None:
        began = wall.monotonic()
        on_tick(summary_at(conn, job_id_, clock))
        await asyncio.sleep(max(TICK_S, LOOK_SHARE * (wall.monotonic() - began)))


def require_resumable(settings: Settings, job_id_: str) -> Job:
    """The job, if it could be resumed now.

    Raises:
        JobNotResumable: it is over.
        JobLeased: a live process runs it.
    """
    with reader(settings) as conn:
        job = get_job(conn, job_id_)
        if job.status.is_over:
            asking = [
                f"It goes on once you allow it: cmo requests allow {one.id}" for one in open_requests(conn, job.id)
            ]
            results = f"Its results: cmo export {job.id}   What failed is looked up again by a new job: cmo run"
            raise JobNotResumable(
                f"Job {job.id} is {job.status}; there is nothing to resume.", hint="\n".join([*asking, results])
            )
        holder = journal.live_holder(conn, job.id, now_s=SystemClock().now().timestamp())
        if holder is not None:
            raise JobLeased(f"Job {job.id} is run by process {holder}.", hint=f"cmo watch {job.id} follows it.")
        return job


def iter_run_state(settings: Settings, job_id_: str) -> Iterator[str]:
    """The whole RunState as pieces of a JSON document."""
    from cmo.graph.state import SCHEMA_VERSION

    with reader(settings) as conn:
        yield from iter_state_json(conn, job_id_, schema_version=SCHEMA_VERSION)


def _other_home(job: Job) -> str:
    if job.environment is Environment.SANDBOX:
        return f"cmo --sandbox resume {job.id}"
    return f"Leave --sandbox away: cmo resume {job.id}"
