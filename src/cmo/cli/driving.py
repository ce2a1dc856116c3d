"""Running a job in this process: its live view, Ctrl-C, the block at the end; or handing it to a worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal

from cmo import service
from cmo.cli import jobview, live
from cmo.cli.asking import short_ref
from cmo.cli.diagnostics import INTERRUPTED, PIPE_CLOSED, Diagnostics
from cmo.cli.errors import Exits
from cmo.cli.ringing import Bell
from cmo.cli.session import Session
from cmo.domain.job import Job
from cmo.errors import CmoError, WorkerEnded
from cmo.service.heralds import Ears
from cmo.service.hosting import Launch, detach
from cmo.store import views
from cmo.store.events import last_seq, tail
from cmo.store.request_views import open_requests
from cmo.store.views import JobSummary

PAUSING = "Pausing: finishing 1 step, saving. Ctrl-C again to leave now\n"


class Stop:
    """What the operator's signals ask for. The first asks to pause, a second of the same kind leaves at once."""

    def __init__(self, say: Diagnostics, leave: Callable[[int], None]) -> None:
        self._say = say
        self._leave = leave
        self.after_message: Callable[[], None] = lambda: None
        """Called once our message stands on the screen."""
        self.farewell = ""
        """Said where a second signal ends the process: how to go on."""
        self._seen: set[int] = set()
        self._is_asked = False

    def listen(self) -> Literal["pause"] | None:
        """Asked by the run between two pieces of work."""
        return "pause" if self._is_asked else None

    def ask(self) -> None:
        """Ask to pause, without a word."""
        self._is_asked = True

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if number in self._seen:
            self._write(self.farewell)
            self._leave(INTERRUPTED)
        self._seen.add(number)
        self._is_asked = True
        self._tell()

    def _tell(self) -> None:
        self._write("\n" + PAUSING)
        self.after_message()

    def _write(self, text: str) -> None:
        """At once, past Python's buffers: the main thread may be in the middle of a write."""
        try:
            os.write(self._say.stream.fileno(), text.encode())
        except (OSError, ValueError):
            self._say.write(text)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Signals come here for a `with` block."""
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {name: signal.signal(getattr(signal, name), self.on_signal) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)


class Watcher:
    """Feeds a live view from the store while the job runs in this thread."""

    def __init__(self, here: Session, job: Job, stop: Stop) -> None:
        here.say.tag = jobview.tags(job)
        foot = "Ctrl-C pauses and saves"
        self._view = live.choose(here.say, here.out, now=here.now, accessible=here.accessible, foot=foot)
        self._stop = stop
        stop.after_message = self._view.step_aside
        self._settings = here.settings
        self._seen = 0
        self.is_broken = False
        """The reader of our events went away."""

    def on_tick(self, summary: JobSummary) -> None:
        """Show where the job stands; never raises for what the screen does."""
        if self.is_broken:
            return
        try:
            with service.reader(self._settings) as conn:
                events = tail(conn, summary.job.id, after_seq=self._seen, run_only=True)
            self._seen = events[-1].seq if events else self._seen
            self._view.show(summary, events)
        except OSError:
            self.is_broken = True
            self._stop.ask()

    def skip_to_now(self) -> None:
        """Leave out what happened before this run."""
        with service.reader(self._settings) as conn:
            self._seen = last_seq(conn)

    def close(self) -> None:
        self._view.close()


def drive(here: Session, job: Job) -> int:
    """Run the job here until it is over or paused; prints the block at the end; the exit code."""
    stop = Stop(here.say, here.world.leave)
    with service.reader(here.settings) as conn:
        stop.farewell = here.qualify(f"\nLeft; cmo resume {short_ref(conn, job.id)}\n")
    watcher = Watcher(here, job, stop)
    watcher.skip_to_now()
    settings = here.settings_of(job.plan)
    untold: list[str] = []
    ears = Ears(Bell(here, settings, job.id).ring, untold.append)

    def tell_untold() -> None:
        for text in untold:
            here.say.warn(text, "cmo config get notify")

    try:
        with stop.installed():
            service.run_job(settings, job.id, listen=stop.listen, on_tick=watcher.on_tick, ears=ears)
    except CmoError:
        watcher.close()
        tell_untold()
        tell_end(here, job.id)
        raise
    watcher.close()
    tell_untold()
    code = tell_end(here, job.id)
    return PIPE_CLOSED if watcher.is_broken else code


def tell_end(here: Session, job_id: str) -> int:
    """Print the block that every end of a run has; the exit code."""
    with service.reader(here.settings) as conn:
        summary = service.summary(here.settings, conn, job_id)
        ref = short_ref(conn, job_id)
        groups = views.failure_groups(conn, job_id)
        asking = open_requests(conn, job_id)
    code = jobview.exit_code(summary)
    here.say.block(jobview.end_block(summary, ref, groups=groups, asking=asking))
    if here.flags.json:
        here.out.event({"schema": "cmo.run/1", "kind": "run_ended", "exit": code, **jobview.document(summary)}, "")
    if summary.files:
        folder = here.settings.paths.run_dir(job_id) / "artifacts"
        here.say.block([f"  {rows:,} rows  {folder / path}" for path, rows in summary.files.items()])
    return code


def hand_over(here: Session, job: Job) -> int:
    """Start a worker in a process group of its own, and say how to follow it.

    Raises:
        Exits: the worker ended at once; says why.
    """
    try:
        worker = detach(here.settings, job.id, launch_of(here), sleep=here.world.sleep)
    except WorkerEnded as error:
        raise Exits(error.message, exit_code=error.details["exit"], hint=error.hint) from error
    with service.reader(here.settings) as conn:
        ref = short_ref(conn, job.id)
    here.say.note(f"{job.id} works in the background (process {worker.pid}). Closing this terminal does not end it.")
    here.say.hint(f"cmo watch {ref}   cmo pause {ref}   Its messages: {worker.log}")
    return 0


def launch_of(here: Session) -> Launch:
    """How to start another process that sees what this one does."""
    flags = ["--sandbox"] if here.settings.sandbox else []
    if here.flags.profile:
        flags += ["--profile", here.flags.profile]
    if here.flags.config:
        flags += ["--config", str(here.flags.config)]
    return Launch(tuple(flags), here.folder, here.env)
