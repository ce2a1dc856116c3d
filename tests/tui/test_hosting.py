"""Starting a run from the screen, and leaving the screen while it works."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.domain.job import JobStatus
from tests.tui.hosted import newest
from tests.tui.runs import HOSTILE, at_work, clock_of_the_run, tell
from tests.tui.screen import Seen, check_golden, play, seeded


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    return place


def run_scene(name: str, home: Path) -> None:
    command = [sys.executable, "-m", "tests.tui.hosted", name, str(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]


def test_a_run_is_started_by_keys_and_seen_to_finish(home: Path) -> None:
    run_scene("finish", home)

    job = newest(home)
    assert job is not None
    assert job.status is JobStatus.FINISHED


def test_what_runs_here_pauses_goes_on_and_outlives_the_screen(home: Path) -> None:
    run_scene("leave", home)

    for _ in range(600):
        job = newest(home)
        if job is not None and job.status is JobStatus.FINISHED:
            return
        time.sleep(0.1)
    pytest.fail("nobody finished it")


def test_a_plan_is_changed_and_given_up_before_anything_is_stored(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("N", *"hello there", "enter")
        assert "whom to find" in seen.told
        await seen.press(*["backspace"] * 11, *"find 50 py maintainers", "enter")
        check_golden("plan-80x24", seen.text)
        await seen.press("d")
        assert "mode DRY-RUN" in seen.text
        await seen.press("d")
        assert "mode DRAFT-ONLY" in seen.text
        await seen.press("e", *" in berlin", "enter")
        assert "find 50 py maintainers in berlin" in seen.text
        await seen.press("escape")
        assert newest(home) is None

    play(home, "jobs", scene, CMO_SANDBOX="1")


def test_without_a_key_nothing_is_stored_and_the_way_to_one_is_told(home: Path) -> None:
    conn, _ = seeded(home, 1)

    async def scene(seen: Seen) -> None:
        await seen.press("N", *"find 50 py maintainers", "enter", "enter")
        assert "cmo auth set github" in seen.told
        assert conn.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] == 1

    play(home, "run", scene)


def test_a_job_that_another_process_runs_is_not_run_twice(home: Path) -> None:
    at_work(home)

    async def scene(seen: Seen) -> None:
        await seen.press("r")
        assert "is run by process" in seen.told
        assert seen.app.crew.jobs == []

    play(home, "run", scene, clock=clock_of_the_run(), GITHUB_TOKEN="t" * 40)


def test_a_job_that_pauses_or_waits_is_told_once(home: Path) -> None:
    conn, job_id = at_work(home)

    async def scene(seen: Seen) -> None:
        tell(conn, job_id, 99, ev.JobWaiting(provider="github", resource="graphql", until=seen.app.desk.now()))
        await seen.settled()
        assert "000000 waits: github limit (graphql)." in seen.told
        tell(conn, job_id, 99, ev.JobPaused(reason="error", message=f"No more. {HOSTILE}"))
        await seen.settled()
        await seen.settled()
        assert seen.told.count("is paused. No more. ]52;c;aGk=[/] dependabot[bot]") == 1

    play(home, "review", scene, clock=clock_of_the_run())
