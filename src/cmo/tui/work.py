"""What the hand does to jobs, and what it tells then."""

from __future__ import annotations

from cmo import service
from cmo.config import Settings
from cmo.domain.job import JobStatus, Plan
from cmo.paths import ensure_folder
from cmo.service.hosting import Crew, require_github
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
