"""`cmo sync`: write people to the CRM's list, and a note on each mail that left."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo.cli.asking import opened_job, short_ref
from cmo.cli.diagnostics import DONE, PARTLY, REFUSED, UNREACHABLE
from cmo.cli.draft_picks import job_of
from cmo.cli.driving import Stop
from cmo.cli.options import DryRun, Fields, JobArg, Yes
from cmo.cli.output import Column
from cmo.cli.send import agree_to_leave, leave_if_asked
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.service.sending import Sending, opened, require_unlocked, unlock_steps
from cmo.service.syncing import Syncing, SyncPreview
from cmo.store.send_views import CameOf

_COLUMNS = [
    Column("login", head="who", least=8),
    Column("operation", least=12),
    Column("effect", least=8, tone=lambda row: "dim" if row["effect"] in ("skip", "noop") else "ok"),
    Column("rule", least=8),
    Column("message", least=12, drop=1),
    Column("locked", extra=True),
]


def sync(
    job: JobArg = None,
    list_id: Annotated[str | None, typer.Option("--list", metavar="ID", help="The list; default: the job's.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    fields: Fields = None,
) -> int:
    """Write people to the CRM.

    A record for each person, their place on the list, and a note on each mail that is confirmed. People on HOLD and
    those who must not be contacted are left out. Exit code 3 when some failed, 77 while sending is locked.
    """
    here = session()
    found_job, settings = job_of(here, job)
    with opened_job(here, found_job.id) as (conn, job_id):
        ref = short_ref(conn, job_id)
    stop = Stop(here.say, here.world.leave)
    with opened(settings, job_id, check=lambda: leave_if_asked(stop, ref, "sync")) as delivery:
        if not dry_run:
            require_unlocked(Sending(delivery), ref, what="sync")
        syncing = Syncing(delivery, list_id)
        preview = syncing.preview()
        if dry_run:
            way = f"Do it: cmo sync {ref}"
            if preview.locked:
                way = "   ".join(unlock_steps(Sending(delivery), preview.locked[0], ref))
            return _rehearse(here, syncing, preview, way, fields)
        _announce(here, preview)
        if preview.writing:
            agree_to_leave(here, "record", preview.writing, is_limited=True, yes=yes)
        started = delivery.found.clock.now()
        with stop.installed():
            stopped = syncing.sync(preview)
        return _tell(here, job_id, syncing.came_of(since=started), stopped, ref)


def _rehearse(here: Session, syncing: Syncing, preview: SyncPreview, way: str, fields: str | None) -> int:
    syncing.note(preview, is_dry=True)
    locked = preview.locked[0].rule if preview.locked else None
    rows = [{**row.model_dump(), "locked": locked} for row in preview.rows]
    here.out.table("cmo.sync.preview/1", _COLUMNS, rows, fields=fields, total=len(rows))
    if preview.locked:
        here.say.warn(
            f"Nothing would be written now: {preview.locked[0].message}", hint="This is what would be without it."
        )
    here.say.note("Nothing was written. It would be like this:")
    _announce(here, preview)
    here.say.hint(way)
    return DONE


def _announce(here: Session, preview: SyncPreview) -> None:
    where = f"{preview.crm}, list {safe_line(preview.list_id)}" if preview.list_id else f"{preview.crm}, no list"
    here.say.note(f"{preview.writing:,} records for {where}.")
    for what, count in preview.effects.items():
        here.say.note(f"  {count:,} {what}")


def _tell(here: Session, job_id: str, came: CameOf, stopped: str, ref: str) -> int:
    """What came of it; returns the exit code."""
    here.out.document("cmo.sync/1", {"job_id": job_id, **came.model_dump(mode="json"), "stopped": stopped}, text=[])
    effects = ", ".join(f"{count:,} {effect}" for effect, count in came.effects.items())
    here.say.note(f"{came.confirmed:,} confirmed{f' ({effects})' if effects else ''}.")
    trouble = {"tried again later": came.later, "unknown": came.unknown, "held for you": came.held}
    trouble["refused by the CRM"] = came.failed
    for word, count in trouble.items():
        if count:
            here.say.note(f"{count:,} {word}.")
    for one in came.refused:
        here.say.note(f"{one.count:,} skipped, {one.rule}: {safe_line(one.message)}")
    if stopped:
        here.say.warn(stopped)
        here.say.hint(f"Go on: cmo sync {ref}")
        return UNREACHABLE
    if any(trouble.values()):
        here.say.hint(f"cmo outbox list --job {ref} --where state:unknown   cmo errors list")
        return PARTLY
    here.say.hint(f"Check: cmo reconcile {ref}")
    return REFUSED if came.refused and not came.confirmed else DONE
