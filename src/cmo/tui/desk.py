"""What every screen reads from: the store as this process sees it, the job in view, and what time it is for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cmo import service
from cmo.clock import Clock
from cmo.config import Settings
from cmo.domain.job import Job, Plan
from cmo.errors import ConfigError, JobNotFound
from cmo.service.troubles import Trouble, find_troubles, free_bytes
from cmo.store.db import Connection
from cmo.store.jobs import get_job

PATIENCE_S = 0.2
"""How long a query of the screen's thread waits for a store that another process holds; then the screen says so."""


class Desk:
    """One reading connection, used on the thread of the screen only; short synchronous queries."""

    def __init__(
        self,
        settings: Settings,
        *,
        settings_of: Callable[[Plan], Settings],
        job: str | None = None,
        clock: Clock | None = None,
        settings_file: Path | None = None,
        reread: Callable[[], Settings] | None = None,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Open nothing yet.

        Args:
            job: As a person names it; None: the only running one, else the last.
            clock: In place of the one that the settings name.
            settings_file: Where a setting that is changed is kept; None: the user's own.
            reread: The settings in force once that file was changed.
            free: Bytes on the disk of a folder.
        """
        self.settings = settings
        self.settings_of = settings_of
        """The settings in force for a job, its own among them."""
        self._ref = job
        self._given_clock = clock
        self.settings_file = settings_file or settings.paths.config_file
        self._reread = reread
        self._settings_seen = _stamp(self.settings_file)
        self._free = free
        self._stack = ExitStack()
        self._conn: Connection | None = None
        self._seen: int | None = None
        self.job_id: str | None = None

    def close(self) -> None:
        self._stack.close()

    @property
    def conn(self) -> Connection:
        """The store.

        Raises:
            JobNotFound: there is none yet.
        """
        if self._conn is None:
            self._conn = self._stack.enter_context(service.reader(self.settings, patience_s=PATIENCE_S))
        return self._conn

    def is_changed(self) -> bool:
        """Whether anybody committed anything since the last time this was asked; also the first time."""
        try:
            version = int(self.conn.execute("PRAGMA data_version").fetchone()[0])
        except JobNotFound:
            return False
        if version == self._seen:
            return False
        self._seen = version
        self._follow_settings()
        service.catch_up(self._clock, self.settings, self.conn)
        if self.job_id is None:
            self._find_job()
        return True

    def forget_what_was_seen(self) -> None:
        """Have everything read anew at the next tick."""
        self._seen = None

    def now(self) -> datetime:
        """What time it is for jobs."""
        return self._clock.now()

    def job(self) -> Job | None:
        """The job in view as it stands; None where there is none."""
        if self.job_id is None:
            return None
        try:
            return get_job(self.conn, self.job_id)
        except JobNotFound:  # removed meanwhile
            self.job_id = None
            return None

    def troubles(self) -> tuple[Trouble, ...]:
        """What is broken here, the worst first."""
        free = self._free(self.settings.paths.data_dir)
        return find_troubles(self.conn, self.job_id, now=self.now(), free=free)

    def view_job(self, job_id: str) -> None:
        """Look at another job from now on."""
        self.job_id = job_id
        self.forget_what_was_seen()

    def reread_settings(self) -> None:
        """Take over what the settings files say now.

        Raises:
            ConfigError
        """
        if self._reread is not None:
            self.settings = self._reread()
        self.forget_what_was_seen()

    def job_settings(self) -> Settings:
        """The settings in force for the job in view."""
        job = self.job()
        return self.settings if job is None else self.settings_of(job.plan)

    def _follow_settings(self) -> None:
        """Take over what another screen or command wrote into the settings file; a limit that was lowered there holds
        here too. A file that cannot be read changes nothing: what is in force stays."""
        stamp = _stamp(self.settings_file)
        if stamp != self._settings_seen and self._reread is not None:
            self._settings_seen = stamp
            with suppress(ConfigError):
                self.settings = self._reread()

    @cached_property
    def _clock(self) -> Clock:
        return self._given_clock or service.clock_of(self.settings)

    def _find_job(self) -> None:
        try:
            self.job_id = service.resolve_job(self.conn, self._ref)
        except JobNotFound:
            if self._ref is not None:
                raise


def _stamp(file: Path) -> tuple[int, int] | None:
    """By which it shows that a file was written again; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
