"""`cmo rehearse`: a job file from plan to CRM in a throw-away sandbox, and what would have come of it.

Nothing of it can leave: its home is a folder that is removed at the end, every service is the sandbox's, and the
approvals in it are the rehearsal's own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from cmo.clock import ScaledClock
from cmo.config import Settings, Sources, find_paths, load
from cmo.domain.job import Job, Mode, Plan
from cmo.errors import PolicyRefused, ProviderError
from cmo.ids import short_hash
from cmo.paths import ensure_folder
from cmo.service import drafts as verbs
from cmo.service.arrivals import arrived
from cmo.service.controls import resume_sending
from cmo.service.delivery import Delivery
from cmo.service.jobs import PlanCard, plan_file, run_job, set_job, start_job
from cmo.service.rehearsal_report import Group, Rehearsal, advice_of, missing_of
from cmo.service.sending import opened
from cmo.service.store import reader, summary
from cmo.service.tickets import ticket_writes
from cmo.service.world import keep_world, sandbox_world
from cmo.store.draft_views import DraftRow, list_drafts
from cmo.store.groups import error_groups
from cmo.store.outbox_views import OutboxRow, list_outbox
from cmo.store.send_views import came_of, mail_standing
from cmo.store.standing_views import stops

MOST_DAYS = 30
"""Simulated days after which a rehearsal stops sending."""
NAME = "rehearsal"
TICKET = "linear.issue"
Faults = Literal["none", "heavy"]
_STEP = timedelta(minutes=15)
"""The clock is moved at least so far between two hand-overs."""
_PATIENCE_S = 60.0
_MOST_TRIES = 60
"""Hand-overs in a row of which nothing comes."""
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
    drafts: list[DraftRow] = field(default_factory=list)
    """As they were before anybody looked at them."""
    approved: int = 0
    approved_again: int = 0
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
        _send_and_sync(settings, course, options, tell)
        return _report(load(sources), settings, course, options)


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
        assert isinstance(delivery.found.clock, ScaledClock)
        stage = _Stage(settings, delivery, delivery.found.clock, course)
        course.drafts = list_drafts(delivery.conn, course.job.id, now=stage.clock.now(), limit=-1)[0]
        stage.send(options, tell)
        tell("Telling the CRM.")
        stage.sync()


@dataclass(frozen=True)
class _Stage:
    """The throw-away sandbox while its services run."""

    settings: Settings
    delivery: Delivery
    clock: ScaledClock
    course: _Course

    def send(self, options: Options, tell: Callable[[str], None]) -> None:
        """Approve, hand over, move the clock to when more may leave; again, until nothing waits for a time."""
        ends, tries = self.clock.now() + timedelta(days=MOST_DAYS), 0
        while tries < _MOST_TRIES:
            now, before = self.clock.now(), self._confirmed()
            self._approve(options, now)
            went = self._try(self._hand_over)
            sent = self._confirmed() - before
            if sent:
                tell(f"{_day(now, self.settings)}: {sent} sent.")
            tries = 0 if sent else tries + 1
            next_at = self._next(went, mail=True)
            self.course.is_cut = next_at is not None and next_at > ends
            if next_at is None or self.course.is_cut:
                return
            self._move(next_at)

    def sync(self) -> None:
        """Write people, places on the list and notes until nothing waits for a time; then tickets."""
        for _ in range(_MOST_TRIES):
            next_at = self._next(self._try(self._tell_crm), mail=False)
            if next_at is None:
                break
            self._move(next_at)
        if self.settings.linear_team:
            self._try(self._file_tickets)

    def _hand_over(self) -> str:
        return asyncio.run(self.delivery.send(due_at=self.clock.now(), patience_s=_PATIENCE_S)).outcome.stopped

    def _tell_crm(self) -> str:
        done = asyncio.run(self.delivery.sync(patience_s=_PATIENCE_S))
        return next((outcome.stopped for outcome in done.outcomes.values() if outcome.stopped), "")

    def _file_tickets(self) -> str:
        if writes := ticket_writes(self.delivery):
            done = asyncio.run(self.delivery.tickets(writes, patience_s=_PATIENCE_S))
            return done.outcomes[TICKET].stopped
        return ""

    def _try(self, act: Callable[[], str]) -> bool:
        """Whether it went to its end. What stopped it is kept; a pause of sending is lifted, as the operator would."""
        try:
            stopped = act()
        except (ProviderError, PolicyRefused) as error:
            stopped = error.message
        for pause in stops(self.delivery.conn, self.clock.now()).pauses:
            stopped = f"Sending paused itself ({pause.reason}); the rehearsal let it go on."
            self._move(self.clock.now() + _STEP)
            resume_sending(self.settings)
        if stopped and stopped not in self.course.troubles:
            self.course.troubles.append(stopped)
        return not stopped

    def _next(self, went: bool, *, mail: bool) -> datetime | None:
        """When to go on; None where nothing waits for a time, a retry or a look-up."""
        now, job = self.clock.now(), self.delivery.job
        came = came_of(self.delivery.conn, job.id, since=now, mail=mail)
        if came.next_at is not None:
            return max(came.next_at, now + _STEP)
        doubtful = came_of(self.delivery.conn, job.id, since=job.created_at, mail=mail).unknown
        return None if went and not came.later and not doubtful else now + _STEP

    def _confirmed(self) -> int:
        """Mails that arrived."""
        return mail_standing(self.delivery.conn, self.delivery.job.id).outbox.get("confirmed", 0)

    def _move(self, to: datetime) -> None:
        """Move the clock, and the time that other readers of the world see."""
        self.clock.advance((to - self.clock.now()).total_seconds())
        keep_world(self.settings, replace(sandbox_world(self.settings), now=self.clock.now()))

    def _approve(self, options: Options, now: datetime) -> None:
        """Approve what passes the checks, and again what ran out before a quota let it leave."""
        course = self.course
        rows = list_drafts(self.delivery.conn, course.job.id, now=now, limit=-1)[0]
        expired = [row.choice for row in rows if row.state == "expired"]
        fresh = [] if course.approved else [row for row in rows if row.state == "pending" and not row.blocked]
        if not options.approve_all:
            fresh = [row for row in fresh if not row.flag]
        if options.sample is not None:
            fresh = sorted(fresh, key=lambda row: short_hash(row.login))[: options.sample]
        if not expired and not fresh:
            return
        done = verbs.approve(self.settings, course.job.id, [*expired, *(row.choice for row in fresh)])
        again = {choice.draft_id for choice in expired} & set(done.done)
        course.approved += len(done.done) - len(again)
        course.approved_again += len(again)
        course.troubles += [f"Draft {one.draft_id} was not approved: {one.message}." for one in done.refused]


def _report(own: Settings, settings: Settings, course: _Course, options: Options) -> Rehearsal:
    job = course.job
    mailer = job.plan.mailer or settings.mailer
    with reader(settings) as conn:
        stands = summary(settings, conn, job.id)
        rows, _ = list_outbox(conn, now=sandbox_world(settings).now, job_id=job.id, limit=-1)
        groups = error_groups(conn, job.id)
    mails = [row for row in rows if row.draft_id is not None]
    writes = [row for row in rows if row.draft_id is None and row.operation != TICKET]
    stuck = {row.rule: row.reason for row in mails if row.rule}
    days = Counter(_day(row.claimed_at, settings) for row in mails if row.claimed_at and row.state == "confirmed")
    books = arrived(settings, mailer, job.plan.sequence_id)
    rehearsal = Rehearsal(
        goal=job.plan.goal,
        faults=options.faults,
        mailer=mailer,
        status=str(stands.job.status),
        replaced=course.replaced,
        good_leads=stands.progress.good_leads,
        held_leads=stands.progress.held_leads,
        drafts=len(course.drafts),
        approved=course.approved,
        approved_again=course.approved_again,
        flagged=Counter(row.flag for row in course.drafts if row.flag and not row.blocked),
        blocked=Counter(row.flag for row in course.drafts if row.blocked),
        refused=Counter(row.rule for row in mails if row.rule),
        refused_because=stuck,
        sent={day.isoformat(): count for day, count in sorted(days.items())},
        days=(max(days) - min(days)).days + 1 if days else 0,
        is_cut=course.is_cut,
        waiting=sum(row.state == "planned" for row in mails),
        failed=sum(row.state == "failed" and not row.rule for row in mails),
        doubtful=sum(row.state == "unknown" for row in mails),
        arrived=sum(books.values()),
        doubles=sum(count - 1 for count in books.values()),
        crm=_effects(writes),
        crm_ambiguous=sum(row.state == "unknown" and row.is_held for row in writes),
        crm_failed=sum(row.state == "failed" for row in writes),
        tickets=sum(row.state == "confirmed" for row in rows if row.operation == TICKET),
        errors=tuple(
            Group(key=group.key, stage=group.stage, count=group.count, message=group.message) for group in groups
        ),
        troubles=tuple(dict.fromkeys(course.troubles)),
        missing=missing_of(own),
    )
    return rehearsal.model_copy(update={"advice": advice_of(rehearsal, own, settings, course.card.plan)})


def _effects(writes: Sequence[OutboxRow]) -> dict[str, dict[str, int]]:
    """Operation -> created, updated, noop, or `found` where only a look-up told that it is there -> records."""
    found: dict[str, Counter[str]] = {}
    for row in writes:
        if row.state == "confirmed":
            found.setdefault(row.operation, Counter())[row.effect or "found"] += 1
    return {operation: dict(effects) for operation, effects in found.items()}


def _day(at: datetime, settings: Settings) -> date:
    return at.astimezone(ZoneInfo(settings.sender_time_zone)).date()
