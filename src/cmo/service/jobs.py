"""Verbs on jobs: plan, start, run, pause, cancel, steer, remove."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cmo.clock import Clock, SystemClock
from cmo.config import Settings
from cmo.domain.audit import AuditEntry
from cmo.domain.event import (
    Event,
    FailuresRetried,
    JobCancelled,
    JobPaused,
    MessageDropped,
    MessageQueued,
    SettingsChanged,
)
from cmo.domain.goal import Question, parse_goal
from cmo.domain.grammar.tokens import looks_secret
from cmo.domain.job import Environment, Job, Mode, Plan, Stage, StarsRange
from cmo.domain.letters import Route
from cmo.domain.plan import Feasibility, Quotas, change_plan, feasibility
from cmo.domain.plan_changes import changes_between, held_firm
from cmo.domain.text import clean_line
from cmo.domain.widening import narrower_part
from cmo.errors import ConfigError, JobLeased, JobNotResumable, PolicyRefused
from cmo.ids import job_id
from cmo.service.heralds import Ears, heralded
from cmo.service.next_steps import raise_ceiling
from cmo.service.store import clock_of, installation_key, reader, resolve_job, summary_at, writer
from cmo.service.wiring import machinery, outside, require_credentials
from cmo.service.world import sandbox_world
from cmo.store import journal
from cmo.store.cache import prune_answers
from cmo.store.commit import commit
from cmo.store.db import Connection
from cmo.store.events import last_moment
from cmo.store.jobs import create_job, get_job
from cmo.store.jobs import remove_job as remove_rows
from cmo.store.messages import list_messages, queued
from cmo.store.request_views import open_requests
from cmo.store.retry import count_failures
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


AFTER_THE_END = frozenset({"mode", "mailer", "sequence_id", "crm", "list_id"})
"""What of a finished job may still be set: what its drafts leave by, and whether they may."""


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
    plan = file.plan.model_copy(update={"settings": {**file.settings, **notify}})
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
    return Plan(goal="", icp=settings.icp(), caps=settings.caps())


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

    harden()
    with writer(settings) as conn:
        job = get_job(conn, job_id_)
        prune_answers(conn, before=SystemClock().now() - ANSWERS_KEPT)
        if (job.environment is Environment.SANDBOX) != settings.sandbox:
            raise ConfigError(f"Job {job.id} belongs to the {job.environment} environment.", hint=_other_home(job))
        installation_key(settings, conn)  # without it the erased would be collected again
        with outside(settings, not_before=last_moment(conn)) as found:
            require_credentials(found)
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


def pause_job(settings: Settings, ref: str | None) -> Job:
    """Ask the job to pause at its next boundary; one that nobody runs is paused at once."""
    return _ask(settings, ref, "pause", JobPaused(reason="asked", message=f"Paused by {settings.actor}."))


def cancel_job(settings: Settings, ref: str) -> Job:
    """End the job for good; what it found stays."""
    return _ask(settings, ref, "cancel", JobCancelled(by=settings.actor))


def _ask(settings: Settings, ref: str | None, control: journal.Control, event: Event) -> Job:
    with writer(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        if job.status.is_over:
            raise JobNotResumable(f"Job {job.id} is {job.status} already.", hint=f"Its results: cmo export {job.id}")
        if journal.live_holder(conn, job.id, now_s=SystemClock().now().timestamp()) is not None:
            journal.set_control(conn, job.id, control, by=settings.actor)
        else:
            _operate(settings, conn, job.id, event)
        return get_job(conn, job.id)


def say(settings: Settings, ref: str | None, text: str, *, later: bool = False) -> int:
    """Steer the job: read at its next step, or after its present stage; the message's id."""
    words = clean_line(text, limit=1_000)
    if looks_secret(words):
        raise ConfigError("That looks like a key; it was not stored.", hint="Keys: cmo auth set NAME")
    if not words:
        raise ConfigError("There is nothing to say.", hint='cmo say last "skip crypto repos"')
    with writer(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        if job.status.is_over:
            raise JobNotResumable(f"Job {job.id} is {job.status}; it reads nothing any more.")
        told = AuditEntry(actor=settings.actor, action="chat.say", object=f"job:{job.id}")
        _operate(settings, conn, job.id, MessageQueued(by=settings.actor, text=words, later=later), audit=[told])
        return list_messages(conn, job.id)[-1].id


def drop_message(settings: Settings, ref: str | None, message_id: int) -> bool:
    """Take back a message that was not read yet; whether it could be."""
    with writer(settings) as conn:
        job_id_ = resolve_job(conn, ref)
        if message_id not in [message.id for message in queued(conn, job_id_)]:
            return False
        told = AuditEntry(
            actor=settings.actor, action="chat.drop", object=f"job:{job_id_}", detail={"message": message_id}
        )
        dropped = MessageDropped(by=settings.actor, message_id=message_id)
        _operate(settings, conn, job_id_, dropped, audit=[told])
        states = {message.id: message.state for message in list_messages(conn, job_id_)}
        return states[message_id] == "dropped"


def set_job(settings: Settings, ref: str, changes: dict[str, str]) -> Job:
    """Change settings of a job, running or not; they take effect at its next step.

    Args:
        changes: Setting -> text, e.g. `{"max_repos": "800", "stars_range": "50..500"}`.
    Raises:
        ConfigError: an unknown setting or a bad value.
        PolicyRefused: a mode above the ceiling.
    """
    with writer(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        if job.status.is_over and not set(changes) <= AFTER_THE_END:
            raise JobNotResumable(
                f"Job {job.id} is {job.status}; of what it was only {', '.join(sorted(AFTER_THE_END))} can be set.",
                hint=f"Its results: cmo export {job.id}",
            )
        plan = change_plan(job.plan, changes)
        order = list(Mode)
        if order.index(plan.mode) > order.index(settings.mode()):
            raise PolicyRefused(
                f"Mode {plan.mode} is above the ceiling {settings.mode()}.",
                hint=f"Raise the ceiling first: {raise_ceiling(settings, plan.mode)}",
            )
        plan = held_firm(job.plan, plan)
        search = narrower_part(job.plan.icp, plan.icp)
        event = SettingsChanged(
            by=settings.actor,
            changes=changes_between(job.plan, plan),
            search=None if search is None else search.model_dump(mode="json"),
        )
        _operate(settings, conn, job.id, event, audit=_told_of(settings, job, event.changes))
        return get_job(conn, job.id)


def _told_of(settings: Settings, job: Job, changes: Mapping[str, Any]) -> list[AuditEntry]:
    """Another mode, and each other cap, for the audit log."""
    before = job.plan.model_dump(mode="json")
    rows = []
    for key, value in changes.items():
        group, _, name = key.rpartition(".")
        if key == "mode" or group == "caps":
            old = (before[group] if group else before)[name]
            rows.append(
                AuditEntry(
                    actor=settings.actor,
                    action="limits.set" if group else "mode.set",
                    object=f"job:{job.id}",
                    before=str(old),
                    after=str(value),
                    detail={"setting": name} if group else {},
                )
            )
    return rows


def remove_job(settings: Settings, ref: str) -> str:
    """Delete a job with its files; its id.

    Raises:
        JobLeased: it runs.
    """
    with writer(settings) as conn:
        id_ = resolve_job(conn, ref)
        holder = journal.live_holder(conn, id_, now_s=SystemClock().now().timestamp())
        if holder is not None:
            raise JobLeased(f"Job {id_} is run by process {holder}.", hint=f"cmo pause {id_} first.")
        remove_rows(conn, id_)
    shutil.rmtree(settings.paths.run_dir(id_), ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        (settings.paths.graph_dir / f"{id_}.db{suffix}").unlink(missing_ok=True)
    return id_


def retry_errors(settings: Settings, job_id_: str) -> int:
    """Make what failed in the job pending again; how many items."""
    with writer(settings) as conn:
        count = count_failures(conn, job_id_)
        if count:
            _operate(settings, conn, job_id_, FailuresRetried(by=settings.actor))
        return count


def iter_run_state(settings: Settings, job_id_: str) -> Iterator[str]:
    """The whole RunState as pieces of a JSON document."""
    from cmo.graph.state import SCHEMA_VERSION

    with reader(settings) as conn:
        yield from iter_state_json(conn, job_id_, schema_version=SCHEMA_VERSION)


def _operate(settings: Settings, conn: Connection, id_: str, event: Event, *, audit: Sequence[AuditEntry] = ()) -> None:
    now = clock_of(settings).now()
    commit(conn, id_, [(f"{id_}/operator/{uuid.uuid4()}", event)], at=now, epoch=None, audit=audit)


def _other_home(job: Job) -> str:
    if job.environment is Environment.SANDBOX:
        return f"cmo --sandbox resume {job.id}"
    return f"Leave --sandbox away: cmo resume {job.id}"
