"""Who runs a job: a thread of this process, or a worker in the background that outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Literal

from cmo import service  # its verbs are loaded when they are used
from cmo.config import Settings
from cmo.domain.job import Job, JobStatus, Plan
from cmo.errors import ConfigError, JobLeased, WorkerEnded
from cmo.paths import ensure_folder
from cmo.service.store import reader, summary
from cmo.store.jobs import get_job
from cmo.store.journal import read_control

PROVES_ITSELF_S = 2.0
LOOK_S = 0.1


@dataclass(frozen=True)
class Launch:
    """How this process was started: a worker has to see the same world."""

    flags: tuple[str, ...]
    """Global flags."""
    folder: Path
    """The project folder."""
    env: Mapping[str, str]


@dataclass(frozen=True)
class Worker:
    """A process in the background."""

    pid: int
    log: Path
    """Where its messages go."""


def require_github(settings: Settings) -> None:
    """Before anything is asked or saved: raises ConfigError where the key that a run needs is missing."""
    if not settings.sandbox and not settings.github_tokens():
        raise ConfigError(
            "No credential for `github`.",
            hint="Set GITHUB_TOKEN, or run: cmo auth set github\nWithout one: cmo demo   or any command with --sandbox",
        )


def detach(settings: Settings, job_id: str, launch: Launch, *, sleep: Callable[[float], None] = time.sleep) -> Worker:
    """Start a worker for the job in a process group of its own; it is at work, or about to be.

    Raises:
        WorkerEnded: it ended at once; `details` has its `exit` code.
    """
    log = ensure_folder(settings.paths.logs_dir) / f"{job_id}.log"
    command = [sys.executable, "-m", "cmo", *launch.flags, "resume", job_id, "--no-input", "--plain"]
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        start = os.fstat(handle).st_size
        worker = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, cwd=launch.folder, env=dict(launch.env),
            start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(handle)
    waited = 0.0
    while worker.poll() is None and waited < PROVES_ITSELF_S:
        sleep(LOOK_S)
        waited += LOOK_S
        with reader(settings) as conn:
            if summary(settings, conn, job_id).holder is not None:
                break
    if worker.poll() not in (None, 0):
        raise _ended(worker.returncode, log, start)
    return Worker(worker.pid, log)


def _ended(exit_code: int, log: Path, start: int) -> WorkerEnded:
    """Why the worker ended, as it said itself."""
    said = log.read_text(encoding="utf-8", errors="replace")[start:].splitlines()
    words = next((line.partition("cmo: ")[2] for line in said if "cmo: " in line), "The worker ended at once.")
    return WorkerEnded(words, hint=f"All it said: {log}", details={"exit": exit_code})


class Hosted:
    """A job that runs in a thread of this process, until it is over, paused, or asked to leave."""

    def __init__(self, settings: Settings, job: Job, *, ended: Callable[[Exception | None], None]) -> None:
        """Begin to run it.

        Args:
            ended: Called from the thread when it no longer runs here, with what went wrong.
        """
        self._settings = settings
        self.job_id = job.id
        self._ended = ended
        self._asked = Event()
        self._is_wanted = False
        self._thread = Thread(target=self._run, name=f"run {job.id}")
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def ask_to_leave(self) -> None:
        """Finish the piece of work under way, save, and stop."""
        with reader(self._settings) as conn:
            self._is_wanted = self.is_alive and read_control(conn, self.job_id)[0] is None
        self._asked.set()

    def has_left(self) -> bool:
        """Wait until it has; whether somebody else should go on with it: nobody asked it to pause or to end."""
        self._thread.join()
        with reader(self._settings) as conn:
            return self._is_wanted and get_job(conn, self.job_id).status is JobStatus.PAUSED

    def _run(self) -> None:
        error: Exception | None = None
        try:
            service.run_job(self._settings, self.job_id, listen=self._listen)
        except Exception as exc:  # told where somebody sees it
            error = exc
        self._ended(error)

    def _listen(self) -> Literal["pause"] | None:
        return "pause" if self._asked.is_set() else None


class Crew:
    """The jobs that this process runs, and how they go on when it ends."""

    def __init__(
        self, launch: Launch, settings_of: Callable[[Plan], Settings], ended: Callable[[str, Exception | None], None]
    ) -> None:
        self._launch = launch
        self._settings_of = settings_of
        self._ended = ended
        self._hosted: dict[str, Hosted] = {}

    @property
    def jobs(self) -> list[str]:
        """The ids of those that run here now."""
        return [job_id for job_id, hosted in self._hosted.items() if hosted.is_alive]

    def take(self, settings: Settings, job_id: str) -> Job:
        """Run a job here.

        Raises:
            JobLeased, JobNotResumable, JobNotFound
            ConfigError: a key is missing.
        """
        require_github(settings)
        if job_id in self.jobs:
            raise JobLeased(f"Job {job_id} runs here already.")
        job = service.require_resumable(settings, job_id)
        self._hosted[job_id] = Hosted(self._settings_of(job.plan), job, ended=lambda error: self._ended(job_id, error))
        return job

    def hand_over(self, settings: Settings, job_id: str) -> Worker:
        """Have a worker in the background run a job.

        Raises:
            WorkerEnded
            As `take`.
        """
        require_github(settings)
        service.require_resumable(settings, job_id)
        return detach(settings, job_id, self._launch)

    def leave(self, settings: Settings) -> list[tuple[str, Worker | WorkerEnded]]:
        """Stop all that runs here at the next boundary and have workers in the background go on with it.

        Returns: job id and its worker, or why there is none.
        """
        left: list[tuple[str, Worker | WorkerEnded]] = []
        for hosted in self._hosted.values():
            hosted.ask_to_leave()
        for job_id, hosted in self._hosted.items():
            if hosted.has_left():
                try:
                    left.append((job_id, detach(settings, job_id, self._launch)))
                except WorkerEnded as error:
                    left.append((job_id, error))
        self._hosted.clear()
        return left
