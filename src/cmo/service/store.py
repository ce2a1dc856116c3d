"""Opening the store for a verb, and naming jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cmo.clock import Clock, ScaledClock, SystemClock
from cmo.config import Settings
from cmo.config.installation import FILE, RESTORE, fingerprint, make_secret, read_secret
from cmo.domain.job import JobStatus
from cmo.errors import ConfigError, JobNotFound
from cmo.service.anchor import note_anchor
from cmo.service.world import sandbox_world
from cmo.store.db import BUSY_TIMEOUT_S, Connection, open_reader, open_store
from cmo.store.events import last_moment
from cmo.store.installation import has_erased, keep_fingerprint, key_fingerprint
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
        note_anchor(settings.paths.db, conn)
    finally:
        conn.close()


@contextmanager
def reader(settings: Settings, *, patience_s: float = BUSY_TIMEOUT_S) -> Iterator[Connection]:
    """The store for reading.

    Args:
        patience_s: How long a query waits for another process that holds the store.
    Raises:
        JobNotFound: there is no store yet, hence no job.
    """
    conn = open_reader(settings.paths.db, patience_s=patience_s)
    if conn is None:
        raise JobNotFound("There is no job yet.", hint='Start one: cmo run "find 200 python maintainers"')
    _recognise_erased(settings, conn)
    try:
        yield conn
    finally:
        conn.close()


def installation_key(settings: Settings, conn: Connection) -> bytes:
    """The secret that this store's keyed hashes are made with, made on first use.

    Raises:
        ConfigError: as `known_key`.
    """
    secret = known_key(settings, conn) or make_secret(settings.paths.data_dir)
    kept = key_fingerprint(conn) or keep_fingerprint(conn, fingerprint(secret))
    if kept != fingerprint(secret):  # another process was quicker
        raise _another_key(settings)
    return secret


def known_key(settings: Settings, conn: Connection) -> bytes | None:
    """The same; None where none was needed yet. Changes nothing.

    Raises:
        ConfigError: its file is missing, or is another one's: the erased would silently be written to again.
    """
    secret, kept = read_secret(settings.paths.data_dir), key_fingerprint(conn)
    if secret is None and (kept is not None or has_erased(conn)):
        path = settings.paths.data_dir / FILE
        raise ConfigError(f"The installation's key is missing: {path}. Nothing is sent without it.", hint=RESTORE)
    if secret is not None and kept not in (None, fingerprint(secret)):
        raise _another_key(settings)
    return secret


def usable_key(settings: Settings, conn: Connection) -> bytes | None:
    """The same; None where it is lost, which keeps nobody from being suppressed."""
    try:
        return installation_key(settings, conn)
    except ConfigError:
        return None


def _another_key(settings: Settings) -> ConfigError:
    path = settings.paths.data_dir / FILE
    return ConfigError(f"{path} is not the key that this store was made with. Nothing is sent with it.", hint=RESTORE)


def _recognise_erased(settings: Settings, conn: Connection) -> None:
    """Have queries know the erased. Without the key reading goes on: what sends or collects asks for it and refuses."""
    with suppress(ConfigError):
        secret = known_key(settings, conn)
        if secret is not None:
            recognise_erased(conn, secret)


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


def catch_up(clock: Clock, settings: Settings, conn: Connection) -> None:
    """Put a clock for looking at the sandbox forward to the time that waiting has brought it to; never back."""
    if settings.sandbox and isinstance(clock, ScaledClock):
        last = last_moment(conn)
        reached = max(sandbox_world(settings).now, last) if last else sandbox_world(settings).now
        clock.advance((reached - clock.now()).total_seconds())


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
