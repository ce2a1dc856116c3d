"""Opening the store for a verb, and naming jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cmo.clock import Clock, ScaledClock, SystemClock
from cmo.config import Settings
from cmo.config.installation import has_secret, installation_secret
from cmo.domain.job import JobStatus
from cmo.errors import JobNotFound
from cmo.service.world import sandbox_world
from cmo.store.db import Connection, open_reader, open_store
from cmo.store.jobs import list_jobs, match_jobs
from cmo.store.suppressions import recognise_erased
from cmo.store.views import JobSummary, job_summary


@contextmanager
def writer(settings: Settings) -> Iterator[Connection]:
    """The store, made where it is missing."""
    conn = open_store(settings.paths.db)
    _recognise_erased(settings, conn)
    try:
        yield conn
    finally:
        conn.close()


@contextmanager
def reader(settings: Settings) -> Iterator[Connection]:
    """The store for reading.

    Raises:
        JobNotFound: there is no store yet, hence no job.
    """
    conn = open_reader(settings.paths.db)
    if conn is None:
        raise JobNotFound("There is no job yet.", hint='Start one: cmo run "find 200 python maintainers"')
    _recognise_erased(settings, conn)
    try:
        yield conn
    finally:
        conn.close()


def _recognise_erased(settings: Settings, conn: Connection) -> None:
    """Have queries know the erased; where there is no key yet, nobody was."""
    if has_secret(settings.paths.data_dir):
        recognise_erased(conn, installation_secret(settings.paths.data_dir))


def resolve_job(conn: Connection, ref: str | None) -> str:
    """The id of the job that `ref` names.

    Args:
        ref: An id, a unique part of one, `last`, or None: the only running job, else the last.
    Raises:
        JobNotFound: none, or several (`details["candidates"]`).
    """
    if ref is None:
        running = [job.id for job in list_jobs(conn, status=JobStatus.RUNNING)]
        if len(running) > 1:
            raise _ambiguous("Several jobs run", running)
        ref = running[0] if running else "last"
    if ref == "last":
        newest = list_jobs(conn, limit=1)
        if not newest:
            raise JobNotFound("There is no job yet.", hint='Start one: cmo run "find 200 python maintainers"')
        return newest[0].id
    found = match_jobs(conn, ref)
    if not found:
        raise JobNotFound(f"No job matches `{ref}`.", hint="`cmo jobs list` shows all jobs.")
    if len(found) > 1:
        raise _ambiguous(f"`{ref}` matches {len(found)} jobs", found)
    return found[0]


def clock_of(settings: Settings) -> Clock:
    """A clock for looking at jobs: the machine's, or the sandbox's as it last stood."""
    return ScaledClock(sandbox_world(settings).now) if settings.sandbox else SystemClock()


def summary(settings: Settings, conn: Connection, job_id: str) -> JobSummary:
    """Where the job stands, as seen from outside its process."""
    return summary_at(conn, job_id, clock_of(settings))


def summary_at(conn: Connection, job_id: str, clock: Clock) -> JobSummary:
    """Where the job stands on `clock`."""
    return job_summary(conn, job_id, now=clock.now(), wall_s=SystemClock().now().timestamp())


def _ambiguous(what: str, candidates: list[str]) -> JobNotFound:
    shown = ", ".join(candidates[:5]) + (", …" if len(candidates) > 5 else "")
    return JobNotFound(
        f"{what}: {shown}.", hint="Name one by a longer part of its id.", details={"candidates": candidates}
    )
