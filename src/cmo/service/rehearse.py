"""`cmo rehearse`: a job file from plan to CRM in a throw-away sandbox, and what would have come of it.

Nothing of it can leave: its home is a folder that is removed at the end, every service is the sandbox's, and the
approvals in it are the rehearsal's own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from cmo.clock import ScaledClock
from cmo.config import Settings, Sources, find_paths, load
from cmo.domain.job import Job, Mode, Plan
from cmo.errors import CmoError, PolicyRefused, ProviderError
from cmo.ids import short_hash
from cmo.paths import ensure_folder
from cmo.service import drafts as verbs
from cmo.service.arrivals import arrived
from cmo.service.delivery import Delivery
from cmo.service.jobs import PlanCard, plan_file, run_job, set_job, start_job
from cmo.service.rehearsal_report import Group, Rehearsal, advice_of, missing_of
from cmo.service.sending import opened
from cmo.service.store import reader, summary
from cmo.service.tickets import ticket_writes
from cmo.service.world import WorldTime, keep_world, sandbox_world
from cmo.store.draft_views import DraftRow, list_drafts
from cmo.store.groups import error_groups
from cmo.store.outbox_views import came_of, mail_standing

MOST_DAYS = 30
"""Simulated days after which a rehearsal stops sending."""
NAME = "rehearsal"
Faults = Literal["none", "heavy"]
_STEP = timedelta(minutes=15)
"""The clock is moved at least so far between two hand-overs."""
_PATIENCE_S = 60.0
_MOST_SYNCS = 20
_MOST_LOOKS = 8
"""Hand-overs in which nothing is due and only doubtful mail is looked up."""
READY: dict[str, tuple[str, str]] = {
    "instantly": ("instantly", "ACTIVE_ID"),
    "smartlead": ("smartlead", "ACTIVE_ID"),
    "attio": ("attio", "LIST_ID"),
}
"""Provider -> module below `cmo.sandbox.vendors`, and the name of its sequence or list that is ready."""


@dataclass(frozen=True)
class Options:
    """How to rehearse."""

    faults: Faults = "heavy"
    approve_all: bool = False
    """Approve flagged drafts too; blocked ones never."""
    sample: int | None = None
    """Approve so many of what may be approved, drawn by a hash of who they are for; None: all of it."""


@dataclass
class _Course:
    """What happened on the way."""

    card: PlanCard
    job: Job
    replaced: tuple[str, ...]
    rows: list[DraftRow] = field(default_factory=list)
    approved: int = 0
    approved_again: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    crm: dict[str, Counter[str]] = field(default_factory=dict)
    tickets: int = 0
    troubles: list[str] = field(default_factory=list)
    is_cut: bool = False


def rehearse(sources: Sources, file: Path, options: Options, *, tell: Callable[[str], None]) -> Rehearsal:
    """Run `file` in a throw-away sandbox with the operator's own settings, sender, templates and quotas.

    Args:
        sources: The operator's.
        tell: Called with a line for each step.
    Raises:
        JobFileError, ConfigError
    """
    home = ensure_folder(find_paths(replace(sources, sandbox=True)).data_dir)
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-", dir=home, ignore_cleanup_errors=True) as folder:
        settings = throw_away(sources, Path(folder))
        keep_world(settings, replace(sandbox_world(settings), faults=options.faults))
        card = plan_file(settings, file)
        settings = throw_away(sources, Path(folder), job=card.plan)
        course = _work(settings, card, tell)
        began = sandbox_world(settings).now
        _send_and_sync(settings, course, options, tell)
        return _report(load(sources), settings, course, options, began)


def throw_away(sources: Sources, folder: Path, *, job: Plan | None = None) -> Settings:
    """The operator's settings with everything that is written or reached moved into a sandbox below `folder`."""
    own = find_paths(sources)
    config = sources.config_file
    if config is None and not sources.env.get("CMO_CONFIG") and own.config_file.exists():
        config = own.config_file
    settings = load(
        replace(
            sources,
            env={**sources.env, "CMO_HOME": str(folder)},
            sandbox=True,
            config_file=config,
            flags={"mode.sending": Mode.SEND_ALLOWED.value, "operator.name": NAME},
            job=job.settings if job else None,
        )
    )
    return replace(settings, paths=replace(settings.paths, config_dir=own.config_dir))


def inside(plan: Plan, settings: Settings) -> tuple[Plan, tuple[str, ...]]:
    """The plan with the sandbox's own sequence and list in place of real ones, and a line on each."""
    from importlib import import_module

    told, changes = [], dict[str, str]()
    mailer, crm = plan.mailer or settings.mailer, plan.crm or settings.crm
    for name, attribute, what in ((mailer, "sequence_id", "sequence"), (crm, "list_id", "list")):
        given = getattr(plan, attribute)
        if name not in READY or (attribute == "list_id" and given is None):
            continue
        module, ready = READY[name]
        changes[attribute] = getattr(import_module(f"cmo.sandbox.vendors.{module}"), ready)
        whose = f"the {what} {given}" if given else f"a {what}"
        told.append(f"The sandbox's own {what} at {name} stood in for {whose}; yours was not looked at.")
    return plan.model_copy(update=changes), tuple(told)


def _work(settings: Settings, card: PlanCard, tell: Callable[[str], None]) -> _Course:
    """Find, enrich, score and draft, as the job file asks."""
    plan, replaced = inside(card.plan, settings)
    job = start_job(settings, plan)
    tell("Finding, checking and drafting, as the job file says.")
    job = run_job(settings, job.id, listen=lambda: None)
    course = _Course(card=card, job=job, replaced=replaced)
    if not job.status.is_over:
        course.troubles.append(f"The job is {job.status} at {job.stage}: {job.ended_reason or 'no reason was given'}")
    return course


def _send_and_sync(settings: Settings, course: _Course, options: Options, tell: Callable[[str], None]) -> None:
    set_job(settings, course.job.id, {"mode": Mode.SEND_ALLOWED.value})
    with opened(settings, course.job.id) as delivery:
        clock = delivery.found.clock
        assert isinstance(clock, ScaledClock)
        course.rows = list_drafts(delivery.conn, course.job.id, now=clock.now(), limit=-1)[0]
        _send(settings, delivery, clock, course, options, tell)
        tell("Telling the CRM.")
        _sync(settings, delivery, clock, course)


def _send(
    settings: Settings,
    delivery: Delivery,
    clock: ScaledClock,
    course: _Course,
    options: Options,
    tell: Callable[[str], None],
) -> None:
    """Approve, hand over, move the clock to when more may leave; again, until nothing waits for a time."""
    ends, looks, zone = clock.now() + timedelta(days=MOST_DAYS), 0, ZoneInfo(settings.sender_time_zone)
    while True:
        now = clock.now()
        _approve(settings, delivery, course, options, now)
        sent = _hand_over(delivery, course, now)
        if sent:
            day = now.astimezone(zone).date().isoformat()
            if day not in course.sent:
                tell(f"Sending on {day}.")
            course.sent[day] += sent
        next_at = came_of(delivery.conn, course.job.id, since=clock.now(), mail=True).next_at
        if next_at is None:
            doubtful = mail_standing(delivery.conn, course.job.id).outbox.get("unknown", 0)
            if not doubtful or looks == _MOST_LOOKS:
                return
            looks, next_at = looks + 1, clock.now() + _STEP
        if next_at > ends:
            course.is_cut = True
            return
        _move(settings, clock, max(next_at, clock.now() + _STEP))


def _approve(settings: Settings, delivery: Delivery, course: _Course, options: Options, now: datetime) -> None:
    """Approve what passes the checks, and again what ran out before a quota let it leave."""
    rows = list_drafts(delivery.conn, course.job.id, now=now, limit=-1)[0]
    expired = [row.choice for row in rows if row.state == "expired"]
    fresh = [
        row for row in rows if row.state == "pending" and not row.blocked and (options.approve_all or not row.flag)
    ]
    if course.approved:
        fresh = []
    elif options.sample is not None:
        fresh = sorted(fresh, key=lambda row: short_hash(row.login))[: options.sample]
    if choices := [*expired, *(row.choice for row in fresh)]:
        done = verbs.approve(settings, course.job.id, choices)
        course.approved += len(done.done) - len(expired) if fresh else 0
        course.approved_again += len(expired)
        for refused in done.refused:
            course.troubles.append(f"Draft {refused.draft_id} could not be approved: {refused.message}.")


def _hand_over(delivery: Delivery, course: _Course, now: datetime) -> int:
    """Deliver what may leave now; how many arrived."""
    try:
        done = asyncio.run(delivery.send(due_at=now, patience_s=_PATIENCE_S))
    except (ProviderError, PolicyRefused) as error:
        _note(course, error)
        return 0
    if done.outcome.stopped:
        course.troubles.append(done.outcome.stopped)
    return done.outcome.fates["confirmed"] + done.outcome.fates["looked_up_confirmed"]


def _sync(settings: Settings, delivery: Delivery, clock: ScaledClock, course: _Course) -> None:
    """Write people, places on the list and notes until nothing waits for a time; then tickets."""
    for _ in range(_MOST_SYNCS):
        try:
            done = asyncio.run(delivery.sync(patience_s=_PATIENCE_S))
            for operation, outcome in done.outcomes.items():
                course.crm.setdefault(operation, Counter()).update(outcome.effects)
        except (ProviderError, PolicyRefused) as error:
            _note(course, error)
        left = came_of(delivery.conn, course.job.id, since=clock.now(), mail=False)
        if left.next_at is None and not left.unknown:
            break
        _move(settings, clock, max(left.next_at or clock.now(), clock.now() + _STEP))
    if settings.linear_team and (writes := ticket_writes(delivery)):
        try:
            done = asyncio.run(delivery.tickets(writes, patience_s=_PATIENCE_S))
            course.tickets = sum(outcome.fates["confirmed"] for outcome in done.outcomes.values())
        except (ProviderError, PolicyRefused) as error:
            _note(course, error)


def _note(course: _Course, error: CmoError) -> None:
    if error.message not in course.troubles:
        course.troubles.append(error.message)


def _move(settings: Settings, clock: ScaledClock, to: datetime) -> None:
    """Move the clock, and the time that other readers of the world see."""
    clock.advance((to - clock.now()).total_seconds())
    keep_world(settings, replace(sandbox_world(settings), now=clock.now()))


def _report(own: Settings, settings: Settings, course: _Course, options: Options, began: datetime) -> Rehearsal:
    mailer = course.job.plan.mailer or settings.mailer
    world: WorldTime = sandbox_world(settings)
    with reader(settings) as conn:
        stands = summary(settings, conn, course.job.id)
        mail = mail_standing(conn, course.job.id)
        told = came_of(conn, course.job.id, since=began, mail=True)
        writes = came_of(conn, course.job.id, since=began, mail=False)
        groups = error_groups(conn, course.job.id)
    books = arrived(settings, mailer)
    rehearsal = Rehearsal(
        goal=course.job.plan.goal,
        faults=options.faults,
        mailer=mailer,
        status=str(stands.job.status),
        replaced=course.replaced,
        good_leads=stands.progress.good_leads,
        held_leads=stands.progress.held_leads,
        drafts=len(course.rows),
        approved=course.approved,
        approved_again=course.approved_again,
        flagged=Counter(row.flag for row in course.rows if row.flag and not row.blocked),
        blocked=Counter(row.flag for row in course.rows if row.blocked),
        refused={one.rule: one.count for one in told.refused},
        refused_because={one.rule: one.message for one in told.refused},
        sent=dict(course.sent),
        days=(world.now - began).days + 1 if course.sent else None,
        is_cut=course.is_cut,
        waiting=mail.outbox.get("planned", 0),
        failed=told.failed,
        doubtful=mail.outbox.get("unknown", 0) + mail.outbox.get("held", 0),
        arrived=sum(books.values()),
        doubles=sum(count - 1 for count in books.values()),
        crm={operation: dict(effects) for operation, effects in course.crm.items()},
        crm_ambiguous=writes.held,
        crm_failed=writes.failed + writes.later,
        tickets=course.tickets,
        errors=tuple(
            Group(key=group.key, stage=group.stage, count=group.count, message=group.message) for group in groups
        ),
        troubles=tuple(dict.fromkeys(course.troubles)),
        missing=missing_of(own),
    )
    return rehearsal.model_copy(update={"advice": advice_of(rehearsal, own, settings, course.job.plan)})
