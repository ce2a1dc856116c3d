"""Steering a job: `pause`, `cancel`, `say`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

import typer

from cmo import service
from cmo.cli.asking import agree, opened_job, seconds, short_ref
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, JobArg, JobNeeded, Yes
from cmo.cli.session import Session, session
from cmo.domain.job import Job, JobStatus
from cmo.errors import JobNotResumable
from cmo.service import steering
from cmo.service.steering import Said
from cmo.store import views

_LONGEST = 10_000
_STOPS = re.compile(r"^\W*(?:please\s+)?(?:stop|halt|pause|quit|cancel|abort|end)\b", re.IGNORECASE)


def pause(
    job: JobArg = None,
    sending: Annotated[
        bool, typer.Option("--sending", help="Only hold back what leaves; every job, or the named.")
    ] = False,
    for_: Annotated[str | None, typer.Option("--for", metavar="TIME", help="With --sending: e.g. 30m, 2h.")] = None,
    dry_run: DryRun = False,
) -> int:
    """Pause a job, or all sending.

    A running job finishes its step first; `cmo resume` goes on from there. With --sending work goes on and only what
    would leave is held back, at once.
    """
    here = session()
    if sending:
        return _pause_sending(here, job, for_, dry_run=dry_run)
    if for_ is not None:
        raise UsageProblem("--for says how long sending is paused.", hint="cmo pause --sending --for 30m")
    job_id, ref = _named(here, job)
    if dry_run:
        here.say.note(f"Would pause {job_id}.")
        return DONE
    found = service.pause_job(here.settings, job_id)
    is_asked = found.status is JobStatus.RUNNING
    here.say.note(f"{job_id} {'pauses after its present step' if is_asked else 'is paused'}.")
    here.say.hint(f"Go on: cmo resume {ref}")
    return _state(here, "cmo.pause/1", found)


def _pause_sending(here: Session, job: str | None, for_: str | None, *, dry_run: bool) -> int:
    from cmo.service import controls

    length = None if for_ is None else timedelta(seconds=seconds(for_))
    if dry_run:
        here.say.note("Would pause sending.")
        return DONE
    switch = controls.pause_sending(here.settings, job, for_=length)
    until = f" until {switch.until.astimezone():%H:%M}" if switch.until else ""
    here.say.note(f"Sending is paused{until}{f' for {job}' if job else ', every job'}.")
    here.say.hint(f"Go on: cmo resume {job or ''} --sending".replace("  ", " "))
    here.out.document("cmo.pause.sending/1", switch.model_dump(mode="json"), text=[])
    return DONE


def cancel(job: JobNeeded, yes: Yes = False, dry_run: DryRun = False) -> int:
    """Cancel a job.

    It cannot be resumed afterwards. What it found, and its files, stay.
    """
    here = session()
    with opened_job(here, job) as (conn, job_id):
        ref = short_ref(conn, job_id)
        status = views.get_job(conn, job_id).status
    if status.is_over:
        raise JobNotResumable(f"Job {job_id} is {status} already.", hint=f"Its results: cmo export {ref}")
    if dry_run:
        here.say.note(f"Would cancel {job_id}. What it found would stay.")
        return DONE
    agree(here, f"Cancel {job_id} for good? It cannot be resumed; what it found stays.", yes=yes)
    found = service.cancel_job(here.settings, job_id)
    is_asked = found.status is JobStatus.RUNNING
    here.say.note(f"{job_id} {'ends after its present step' if is_asked else 'is cancelled'}. What it found stays.")
    here.say.hint(f"Its results: cmo export {ref}")
    return _state(here, "cmo.cancel/1", found)


def say(
    job: JobNeeded,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to do; - reads standard input.")] = None,
    later: Annotated[bool, typer.Option("--later", help="After the present stage.")] = False,
    now: Annotated[bool, typer.Option("--now", help="At the next step (default).")] = False,
    drop: Annotated[int | None, typer.Option("--drop", metavar="ID", help="Take back a message not read yet.")] = None,
) -> int:
    """Tell a job something.

    Understood are changes of what it looks for, e.g. "skip crypto repos", "only maintainers", "at least 500 stars".
    `cmo logs JOB` shows what each message changed.
    """
    here = session()
    if later and now:
        raise UsageProblem("--now and --later exclude each other.", hint='cmo say last "skip crypto repos" --later')
    job_id, ref = _named(here, job)
    if drop is not None:
        if not service.drop_message(here.settings, job_id, drop):
            raise NothingMatched(f"Message {drop} is not waiting.", hint=f"cmo jobs show {ref}")
        here.say.note(f"Message {drop} was taken back.")
        here.out.document("cmo.say/1", {"job_id": job_id, "message": drop, "state": "dropped"}, text=[])
        return DONE
    words = _words(here, text)
    said = steering.tell(here.settings, job_id, words, later=later)
    tell_said(here, said, words, ref)
    here.say.hint(f"Take it back: cmo say {ref} --drop {said.message}   See: cmo jobs show {ref}")
    here.out.document("cmo.say/1", _queued(job_id, said), text=[])
    return DONE


def tell_said(here: Session, said: Said, words: str, ref: str) -> None:
    """Say when a message is read, and what it will mean."""
    queued = f"Message {said.message} is queued; it is read {said.when}."
    if said.reading.understood:
        here.say.note(f"{queued} It means: {said.reading.effect}")
    else:
        here.say.note(queued)
        hint = f"To stop the job: cmo pause {ref}" if _STOPS.search(words) else said.reading.question
        here.say.warn(f"The rules make nothing of it. {said.reading.effect}", hint)


def _queued(job_id: str, said: Said) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "message": said.message,
        "state": "queued",
        "understood": said.reading.understood,
        "effect": said.reading.effect,
    }


def _words(here: Session, text: str | None) -> str:
    if text == "-":
        text = here.world.stdin.read(_LONGEST)
    if not text or not text.strip():
        raise UsageProblem("There is nothing to say.", hint='cmo say last "skip crypto repos"')
    return text


def _named(here: Session, ref: str | None) -> tuple[str, str]:
    """The job's id, and the short form that is typed."""
    with opened_job(here, ref) as (conn, job_id):
        return job_id, short_ref(conn, job_id)


def _state(here: Session, schema: str, job: Job) -> int:
    here.out.document(schema, {"job_id": job.id, "status": job.status.value, "stage": job.stage.value}, text=[])
    return DONE
