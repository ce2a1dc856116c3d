"""The operator's hand on a stored job: pause, cancel, steer, change, remove; each with its row in the audit log.

Audit rows hold no goal and no message: these may name people.
"""

from __future__ import annotations

import shutil
import uuid
from typing import Any

from cmo.clock import SystemClock
from cmo.config import Settings
from cmo.config.secrets import mask_addresses
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
from cmo.domain.grammar.tokens import looks_secret
from cmo.domain.job import Job, JobStatus, Mode
from cmo.domain.plan import change_plan
from cmo.domain.plan_changes import changes_between, held_firm
from cmo.domain.text import clean_line
from cmo.domain.widening import narrower_part
from cmo.errors import ConfigError, JobLeased, JobNotResumable, PolicyRefused
from cmo.service.next_steps import raise_ceiling
from cmo.service.store import clock_of, resolve_job, writer
from cmo.store import journal
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.jobs import get_job
from cmo.store.jobs import remove_job as remove_rows
from cmo.store.messages import list_messages, queued
from cmo.store.retry import count_failures

AFTER_THE_END = frozenset({"mode", "mailer", "sequence_id", "crm", "list_id"})
"""What of a finished job may still be set: what its drafts leave by, and whether they may."""


def pause_job(settings: Settings, ref: str | None) -> Job:
    """Ask the job to pause at its next boundary; one that nobody runs is paused at once."""
    event = JobPaused(reason="asked", message=f"Paused by {settings.actor.removeprefix('operator:')}.")
    return _ask(settings, ref, "pause", event, JobStatus.PAUSED)


def cancel_job(settings: Settings, ref: str) -> Job:
    """End the job for good; what it found stays."""
    return _ask(settings, ref, "cancel", JobCancelled(by=settings.actor), JobStatus.CANCELLED)


def _ask(settings: Settings, ref: str | None, control: journal.Control, event: Event, after: JobStatus) -> Job:
    with writer(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        if job.status.is_over:
            raise JobNotResumable(f"Job {job.id} is {job.status} already.", hint=f"Its results: cmo export {job.id}")
        if journal.live_holder(conn, job.id, now_s=SystemClock().now().timestamp()) is not None:
            asked = _entry(settings, f"jobs.{control}", job.id, job.status, job.status, is_asked=True)
            with transaction(conn):
                journal.set_control(conn, job.id, control, by=settings.actor)
                record_audit(conn, [asked], at=clock_of(settings).now())
        else:
            _operate(settings, conn, job.id, event, [_entry(settings, f"jobs.{control}", job.id, job.status, after)])
        return get_job(conn, job.id)


def say(settings: Settings, ref: str | None, text: str, *, later: bool = False) -> int:
    """Steer the job: read at its next step, or after its present stage; the message's id."""
    words = clean_line(text, limit=1_000)
    if looks_secret(words):
        raise ConfigError("That looks like a key; it was not stored.", hint="Keys: cmo auth set NAME")
    if not words:
        raise ConfigError("There is nothing to say.", hint='cmo say last "skip crypto repos"')
    with writer(settings) as conn, transaction(conn):
        job = get_job(conn, resolve_job(conn, ref))
        if job.status.is_over:
            raise JobNotResumable(f"Job {job.id} is {job.status}; it reads nothing any more.")
        _record(settings, conn, job.id, MessageQueued(by=settings.actor, text=words, later=later), [])
        message = list_messages(conn, job.id)[-1].id
        told = _entry(settings, "chat.say", job.id, "", "queued", message=message, later=later)
        record_audit(conn, [told], at=clock_of(settings).now())
        return message


def drop_message(settings: Settings, ref: str | None, message_id: int) -> bool:
    """Take back a message that was not read yet; whether it could be."""
    with writer(settings) as conn, transaction(conn):
        id_ = resolve_job(conn, ref)
        if message_id not in [message.id for message in queued(conn, id_)]:
            return False
        told = _entry(settings, "chat.drop", id_, "queued", "dropped", message=message_id)
        _record(settings, conn, id_, MessageDropped(by=settings.actor, message_id=message_id), [told])
        return True


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
        _operate(settings, conn, job.id, event, _changes_told(settings, job, event.changes))
        return get_job(conn, job.id)


def _changes_told(settings: Settings, job: Job, changes: dict[str, Any]) -> list[AuditEntry]:
    """The mode is an action of its own, since it decides whether mail may leave, and so is each limit."""
    before, others, told = job.plan.model_dump(mode="json"), {}, []
    for key, value in changes.items():
        group, _, name = key.rpartition(".")
        if key == "mode":
            told.append(_entry(settings, "mode.set", job.id, before["mode"], value))
        elif group == "caps":
            told.append(_entry(settings, "limits.set", job.id, str(before[group][name]), str(value), setting=name))
        else:
            others[key] = mask_addresses(str(value))
    return [*told, _entry(settings, "jobs.set", job.id, "", "", changes=others)] if others else told


def remove_job(settings: Settings, ref: str) -> str:
    """Delete a job with its files; its id.

    Raises:
        JobLeased: it runs.
    """
    with writer(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        holder = journal.live_holder(conn, job.id, now_s=SystemClock().now().timestamp())
        if holder is not None:
            raise JobLeased(f"Job {job.id} is run by process {holder}.", hint=f"cmo pause {job.id} first.")
        told = _entry(settings, "jobs.remove", job.id, job.status, "removed")
        remove_rows(conn, job.id, at=clock_of(settings).now(), audit=[told])
    shutil.rmtree(settings.paths.run_dir(job.id), ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        (settings.paths.graph_dir / f"{job.id}.db{suffix}").unlink(missing_ok=True)
    return job.id


def retry_errors(settings: Settings, job_id_: str) -> int:
    """Make what failed in the job pending again; how many items."""
    with writer(settings) as conn:
        count = count_failures(conn, job_id_)
        if count:
            told = _entry(settings, "errors.retry", job_id_, "", "pending", items=count)
            _operate(settings, conn, job_id_, FailuresRetried(by=settings.actor), [told])
        return count


def _operate(settings: Settings, conn: Connection, id_: str, event: Event, audit: list[AuditEntry]) -> None:
    with transaction(conn):
        _record(settings, conn, id_, event, audit)


def _record(settings: Settings, conn: Connection, id_: str, event: Event, audit: list[AuditEntry]) -> None:
    """The event and its row of the log, inside the caller's transaction."""
    now = clock_of(settings).now()
    record(conn, id_, f"{id_}/operator/{uuid.uuid4()}", event, now)
    record_audit(conn, audit, at=now)


def _entry(settings: Settings, action: str, id_: str, before: str, after: str, **detail: Any) -> AuditEntry:
    object_ = f"job:{id_}"
    return AuditEntry(actor=settings.actor, action=action, object=object_, before=before, after=after, detail=detail)
