"""Scenes with a run in the process of the screen: its heartbeat sleeps for real, so they have a process of their own.

python -m tests.tui.hosted SCENE HOME
"""

from __future__ import annotations

import sys
from pathlib import Path

from cmo.domain.job import Job, JobStatus
from cmo.store.audit import iter_audit
from cmo.store.views import list_jobs
from tests.tui.screen import Seen, play, settings_in, store_of

LONG = 6_000
"""Looks until a run has got somewhere."""


def newest(home: Path) -> Job | None:
    """The newest job of the sandbox in `home`, which is there only once one was started."""
    if not settings_in(home, CMO_SANDBOX="1").paths.db.exists():
        return None
    conn = store_of(home, CMO_SANDBOX="1")
    try:
        return next(iter(list_jobs(conn, limit=1)), None)
    finally:
        conn.close()


async def _start(seen: Seen, goal: str) -> None:
    await seen.press("N", *goal, "enter")
    assert "Start this run?" in seen.text
    await seen.press("enter")


async def _comes_to(seen: Seen, home: Path, status: JobStatus) -> None:
    def has_come() -> bool:
        job = newest(home)
        return job is not None and job.status is status

    await seen.until(has_come, looks=LONG)
    await seen.settled()


def finish(home: Path) -> None:
    """Start a run and see it finish."""

    async def scene(seen: Seen) -> None:
        await _start(seen, "find 5 py maintainers")
        await _comes_to(seen, home, JobStatus.FINISHED)
        await seen.until(lambda: "is finished." in seen.told)
        assert "good leads" in seen.text
        assert seen.app.desk.job_id is not None

    play(home, "jobs", scene, CMO_SANDBOX="1")


def leave(home: Path) -> None:
    """Start a run, pause it, go on with it, and leave while it works."""

    async def scene(seen: Seen) -> None:
        await _start(seen, "find 400 py maintainers")
        await _comes_to(seen, home, JobStatus.RUNNING)
        await seen.press("p")
        await _comes_to(seen, home, JobStatus.PAUSED)
        await seen.until(lambda: not seen.app.crew.jobs, looks=LONG)
        await seen.press("r")
        await _comes_to(seen, home, JobStatus.RUNNING)
        await seen.press("ctrl+z")
        assert "would stand still" in seen.text
        await seen.press("n", "ctrl+q")
        assert seen.app.crew.jobs
        await seen.pilot.press("q")
        await seen.until(lambda: bool(seen.app.left_to), looks=LONG)

    play(home, "jobs", scene, CMO_SANDBOX="1")
    conn = store_of(home, CMO_SANDBOX="1")
    done = [row.action for row in iter_audit(conn, action="jobs.")][::-1]
    assert done[:4] == ["jobs.new", "jobs.resume", "jobs.pause", "jobs.resume"]
    conn.close()


if __name__ == "__main__":
    {"finish": finish, "leave": leave}[sys.argv[1]](Path(sys.argv[2]))
