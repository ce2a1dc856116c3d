"""Jobs: all of them on one screen, and the way into one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.store.views import get_job, list_jobs
from tests.fakes.clock import StillClock
from tests.fakes.outside import NOW
from tests.tui.runs import HOSTILE, at_work, tell
from tests.tui.screen import SIZES, Seen, check_golden, play, seeded, store_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three jobs: one whose drafts wait, one that is paused, one whose worker is gone; the second is hostile."""
    seeded(tmp_path / "place", 3)
    conn, paused = at_work(tmp_path / "place", goal=f"find rust maintainers {HOSTILE}", is_held=False)
    tell(conn, paused, 99, ev.JobPaused(reason="asked", message="Paused by ana."))
    at_work(tmp_path / "place", is_held=False)
    return tmp_path / "place"


@pytest.mark.parametrize("size", SIZES)
def test_jobs_look_as_agreed(home: Path, size: str) -> None:
    async def scene(seen: Seen) -> None:
        check_golden(f"jobs-{size}", seen.text)
        assert "\x1b" not in seen.raw

    play(home, "jobs", scene, size=SIZES[size], clock=StillClock(NOW + timedelta(hours=2)))


def test_enter_looks_at_another_job(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("G", "enter")
        assert seen.app.desk.job_id == "cmo-20261120-000000"
        assert "3 wait for you" in seen.text

    play(home, "jobs", scene)


def test_cancelling_asks_and_only_y_is_a_yes(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        await seen.press("x", "enter")
        assert not any(job.status.is_over for job in list_jobs(conn)[:2])
        await seen.press("x", "y")
        assert get_job(conn, list_jobs(conn)[0].id).status == "cancelled"
        await seen.press("x")
        assert not seen.is_asked
        assert "is cancelled: there is nothing to cancel." in seen.told
        assert "What it found stays" in seen.told

    play(home, "jobs", scene)


def test_removing_wants_the_number_of_the_job_typed(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        await seen.press("D", *"yes", "enter")
        assert "nothing was done" in seen.told
        await seen.press(*"000000-3", "enter")
        assert [job.id for job in list_jobs(conn)] == ["cmo-20261120-000000-2", "cmo-20261120-000000"]

    play(home, "jobs", scene)


def test_the_filter_shows_jobs_in_a_state(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"state:paused rust", "enter")
        assert "1 job match" in seen.text
        assert "◆ paused" in seen.text

    play(home, "jobs", scene)


def test_without_a_job_the_screen_says_how_to_begin(tmp_path: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "No job yet. N starts one here" in seen.text

    play(tmp_path / "place", "jobs", scene)
