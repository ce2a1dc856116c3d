"""What the hand does to jobs and to sending, and what it tells then."""

from __future__ import annotations

from collections.abc import Callable

from cmo import service
from cmo.config import Settings
from cmo.domain.job import JobStatus, Plan
from cmo.paths import ensure_folder
from cmo.service import pausing
from cmo.service.hosting import Crew, require_github
from cmo.service.kill import MEND, NOT_STOPPED, kill
from cmo.tui.messages import Told


def started(crew: Crew, settings: Settings, plan: Plan, *, in_background: bool) -> Told:
    """Store a new job and have it run, here or in the background."""
    require_github(settings)
    ensure_folder(settings.paths.data_dir)
    job = service.start_job(settings, plan)
    if in_background:
        worker = crew.hand_over(settings, job.id)
        return Told("jobs.new", f"{job.id} works in the background (process {worker.pid}).", job_id=job.id)
    crew.take(settings, job.id)
    return Told("jobs.new", f"{job.id} is saved, and runs. Leaving this screen does not end it.", job_id=job.id)


def resumed(crew: Crew, settings: Settings, job_id: str) -> Told:
    """Go on with a job here."""
    crew.take(settings, job_id)
    return Told("jobs.resume", f"{job_id} goes on. Nothing is done twice.", job_id=job_id)


def paused(settings: Settings, job_id: str) -> Told:
    """Have a job pause."""
    is_asked = service.pause_job(settings, job_id).status is JobStatus.RUNNING
    return Told("jobs.pause", "The job pauses after its present step." if is_asked else "The job is paused.")


def cancelled(settings: Settings, job_id: str) -> Told:
    """End a job for good."""
    is_asked = service.cancel_job(settings, job_id).status is JobStatus.RUNNING
    when = "ends after its present step" if is_asked else "is cancelled"
    return Told("jobs.cancel", f"The job {when}. What it found stays.")


def removed(settings: Settings, job_id: str) -> Told:
    """Delete a job with its files."""
    return Told("jobs.remove", f"Removed {service.remove_job(settings, job_id)} and its files.")


def sending_paused(settings: Settings, job_id: str) -> Told:
    """Pause sending of one job."""
    return Told("sending.pause", f"{pausing.pause(settings, job_id)} P: when to go on.")


def sending_goes_on(settings: Settings, job_id: str, minutes: int | None) -> Told:
    """Say when paused sending goes on.

    Args:
        minutes: 0: now; None: when a person says so.
    """
    return Told("sending.resume" if minutes == 0 else "sending.pause", pausing.go_on(settings, job_id, minutes))


def everything_stopped(settings: Settings, tell: Callable[[str], None]) -> Told:
    """Stop all sending of every job, and the campaigns at the providers.

    Args:
        tell: Gets each step in words.
    """
    receipt = kill(settings, "from the full screen", tell=tell)
    if not receipt.is_stopped:
        return Told("kill.on", NOT_STOPPED, MEND, is_refused=True)
    left = sum(sum(states.values()) for states in receipt.left.values())
    bad = [campaign for campaign in receipt.campaigns if campaign.state == "not_confirmed"]
    tail = f" NOT confirmed: {', '.join(f'{row.provider} {row.sequence_id}' for row in bad)}." if bad else ""
    text = f"All sending is stopped; {left} had left before.{tail} Release it: 7 Limits."
    return Told("kill.on", text, is_refused=not receipt.is_confirmed)
