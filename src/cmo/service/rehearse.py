"""`cmo rehearse`: a job file from plan to CRM in a throw-away sandbox, and what would have come of it.

Nothing of it can leave: its home is a folder that is removed at the end, every service is the sandbox's, and the
approvals in it are the rehearsal's own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cmo.clock import ScaledClock
from cmo.config import Settings, Sources, find_paths, load
from cmo.domain.job import Mode, Plan
from cmo.paths import ensure_folder
from cmo.service.arrivals import arrived
from cmo.service.job_hand import set_job
from cmo.service.jobs import PlanCard, plan_file, run_job, start_job
from cmo.service.rehearsal_report import Group, Rehearsal, advice_of, missing_of
from cmo.service.rehearsal_stage import TICKET, Course, Options, Stage, day_of
from cmo.service.sending import opened
from cmo.service.store import reader, summary
from cmo.service.world import keep_world, sandbox_world
from cmo.store.draft_views import list_drafts
from cmo.store.groups import error_groups
from cmo.store.outbox_views import OutboxRow, list_outbox

NAME = "rehearsal"
READY: dict[str, tuple[str, str]] = {
    "instantly": ("instantly", "ACTIVE_ID"),
    "smartlead": ("smartlead", "ACTIVE_ID"),
    "attio": ("attio", "LIST_ID"),
}
"""Provider -> module below `cmo.sandbox.vendors`, and the name of its sequence or list that is ready."""


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


def _work(settings: Settings, card: PlanCard, tell: Callable[[str], None]) -> Course:
    """Find, enrich, score and draft, as the job file asks."""
    plan, replaced = inside(card.plan, settings)
    job = start_job(settings, plan)
    tell("Finding, checking and drafting, as the job file says.")
    job = run_job(settings, job.id, listen=lambda: None)
    course = Course(plan=card.plan, job=job, replaced=replaced)
    if not job.status.is_over:
        course.troubles.append(f"The job is {job.status} at {job.stage}: {job.ended_reason or 'no reason was given'}")
    return course


def _send_and_sync(settings: Settings, course: Course, options: Options, tell: Callable[[str], None]) -> None:
    set_job(settings, course.job.id, {"mode": Mode.SEND_ALLOWED.value})
    with opened(settings, course.job.id) as delivery, asyncio.Runner() as loop:
        assert isinstance(delivery.found.clock, ScaledClock)
        stage = Stage(settings, delivery, delivery.found.clock, course, loop)
        course.drafts = list_drafts(delivery.conn, course.job.id, now=stage.clock.now(), limit=-1)[0]
        stage.send(options, tell)
        tell("Telling the CRM.")
        stage.sync()


def _report(own: Settings, settings: Settings, course: Course, options: Options) -> Rehearsal:
    job = course.job
    mailer = job.plan.mailer or settings.mailer
    with reader(settings) as conn:
        stands = summary(settings, conn, job.id)
        rows, _ = list_outbox(conn, now=sandbox_world(settings).now, job_id=job.id, limit=-1)
        groups = error_groups(conn, job.id)
    mails = [row for row in rows if row.draft_id is not None]
    writes = [row for row in rows if row.draft_id is None and row.operation != TICKET]
    stuck = {row.rule: row.reason for row in mails if row.rule}
    days = Counter(day_of(row.claimed_at, settings) for row in mails if row.claimed_at and row.state == "confirmed")
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
        approved_again=len(course.approved_again),
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
        missing=missing_of(own, course.plan),
    )
    return rehearsal.model_copy(update={"advice": advice_of(rehearsal, own, settings, course.plan)})


def _effects(writes: Sequence[OutboxRow]) -> dict[str, dict[str, int]]:
    """Operation -> created, updated, noop, or `found` where only a look-up told that it is there -> records."""
    found: dict[str, Counter[str]] = {}
    for row in writes:
        if row.state == "confirmed":
            found.setdefault(row.operation, Counter())[row.effect or "found"] += 1
    return {operation: dict(effects) for operation, effects in found.items()}
