"""Run: where the job stands, what holds it up, what is used up, and what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.store import journal
from tests.fakes.outside import NOW
from tests.tui.runs import HOSTILE, at_work, clock_of_the_run, tell
from tests.tui.screen import SIZES, Seen, check_golden, play, seeded


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.mark.parametrize("size", SIZES)
def test_a_run_looks_as_agreed(home: Path, size: str) -> None:
    at_work(home)

    async def scene(seen: Seen) -> None:
        check_golden(f"run-{size}", seen.text)

    play(home, "run", scene, size=SIZES[size], clock=clock_of_the_run())


def test_a_stage_without_progress_for_a_minute_says_what_it_waits_for(home: Path) -> None:
    at_work(home)
    clock = clock_of_the_run()

    async def scene(seen: Seen) -> None:
        assert "waits: page" not in seen.text
        clock.advance(75)
        await seen.until(lambda: "waits: page 5 for 1m18s" in seen.text)

    play(home, "run", scene, clock=clock)


def test_what_limits_the_run_is_named_and_a_tight_budget_says_when_work_stops(home: Path) -> None:
    conn, job_id = at_work(home, max_steps=3)

    async def scene(seen: Seen) -> None:
        assert "limited by steps 3/3" in seen.text
        assert "steps 3/3: then the job pauses; cmo jobs set 000000 max_steps=N" in seen.text
        waits = ev.JobWaiting(provider="github", resource="graphql", until=NOW.replace(hour=14, minute=31))
        tell(conn, job_id, 98, waits)
        await seen.until(lambda: "limited by github (graphql) until 14:31" in seen.text)

    play(home, "run", scene, clock=clock_of_the_run(), size=(120, 30))


def test_a_run_whose_worker_is_gone_says_how_to_go_on(home: Path) -> None:
    at_work(home, is_held=False)

    async def scene(seen: Seen) -> None:
        assert "worker gone: r restarts it" in seen.text

    play(home, "run", scene, clock=clock_of_the_run())


def test_pausing_asks_the_process_that_runs_the_job(home: Path) -> None:
    conn, job_id = at_work(home)

    async def scene(seen: Seen) -> None:
        await seen.press("p")
        assert journal.read_control(conn, job_id) == ("pause", "operator:ana")
        assert "pauses after its present step" in seen.told

    play(home, "run", scene, clock=clock_of_the_run())


def test_what_waits_for_a_person_opens_the_screen_where_it_is_decided(home: Path) -> None:
    seeded(home, 3)

    async def scene(seen: Seen) -> None:
        row = next(n for n, line in enumerate(seen.lines[3:]) if "approve" in line)
        await seen.press(*["j"] * row, "enter")
        await seen.until(lambda: "0/3" in seen.text)
        assert "state:pending" in seen.lines[-2]

    play(home, "run", scene)


def test_the_funnel_says_how_many_come_through_and_why_not(home: Path) -> None:
    seeded(home, 12)

    async def scene(seen: Seen) -> None:
        await seen.press("f")
        assert "address found      12  100%" in seen.text
        assert "12 wait for you" in seen.text
        await seen.press("escape")
        assert "From repositories" not in seen.text

    play(home, "run", scene)


def test_a_stage_tells_its_last_results_and_what_others_wrote_stays_text(home: Path) -> None:
    at_work(home, goal=f"find py maintainers {HOSTILE}")

    async def scene(seen: Seen) -> None:
        assert "[/] dependabot[bot]" in seen.text
        assert "\x1b" not in seen.raw
        await seen.press("j", "j", "i")
        assert "enrich_github_user" in seen.text
        assert "maint24: profile read" in seen.text

    play(home, "run", scene, clock=clock_of_the_run(), size=(120, 40))


def test_the_log_follows_filters_shows_json_and_leads_back(home: Path) -> None:
    conn, job_id = at_work(home)

    async def scene(seen: Seen) -> None:
        await seen.press("l")
        assert "100 lines  follows" in seen.text
        tell(conn, job_id, 99, ev.StepRefused(step=4, tool="mx_check", missing="nothing waits"))
        await seen.settled()
        assert "101 lines  follows" in seen.text
        assert "step 4 refused" in seen.lines[-3]
        await seen.press("slash", *"level:error", "enter")
        assert "1 lines match" in seen.text
        assert "[/] dependabot[bot]" in seen.text
        assert "\x1b" not in seen.raw
        await seen.press("enter")
        assert '"kind": "item_failed"' in seen.text
        await seen.press("escape", "escape")
        assert "stage" in seen.lines[2]

    play(home, "run", scene, clock=clock_of_the_run())


def test_without_a_job_the_screen_says_how_to_begin(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "No job yet. Start one:" in seen.text

    play(home, "run", scene)
