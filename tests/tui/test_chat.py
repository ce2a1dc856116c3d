"""Chat: what is typed reaches the job, what came of it is seen, and calls are shown whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.messages import list_messages
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW
from tests.tui.screen import SIZES, Seen, check_golden, play, settings_in

Scene = Callable[[Seen], Awaitable[None]]
HOSTILE = "[/] dependabot[bot] \x1b]52;c;aGk=\x07 \u202egnp.exe [link=https://evil.example]here"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def conn(home: Path) -> Connection:
    """A running job: a message that was read, one the rules made nothing of, two calls and one that runs."""
    conn = open_store(settings_in(home).paths.db)
    job = new_job(conn)
    question = "Nothing changes: the remark holds no wish that a job can follow. What should change?"
    happened: list[ev.Event] = [
        ev.JobStarted(by="operator:ana", resumed=False),
        ev.MessageQueued(by="operator:ana", text="Prefer projects that use GitHub Actions.", later=False),
        ev.FollowUpRead(message_id=1, step=1, effect="topics: testing -> testing, github-actions."),
        ev.StepPlanned(step=1, tool="search_github_repos", args={"language": "python", "topics": ["ci", "testing"],
                       "stars": {"low": 100, "high": 2000}}, planner="rules", why="no repositories yet"),
        ev.StepFinished(
            step=1, tool="search_github_repos", stage=Stage.DISCOVER, result={"processed": 30, "failed": 2}
        ),
        ev.MessageQueued(by="operator:bo", text=f"be nice {HOSTILE}", later=False),
        ev.FollowUpRead(message_id=2, step=2, effect=question),
        ev.StepRefused(step=2, tool="send_smtp", missing="an approval"),
        ev.StepPlanned(step=3, tool="extract_people", args={"note": HOSTILE}, planner="rules"),
    ]  # fmt: skip
    for n, event in enumerate(happened):
        commit(conn, job.id, [(f"{job.id}/{n}", event)], at=NOW + timedelta(seconds=n), epoch=None)
    return conn


def play_on(home: Path, scene: Scene, size: str = "80x24") -> None:
    play(home, "chat", scene, size=SIZES[size], clock=StillClock(NOON))


def said(conn: Connection) -> list[tuple[str, bool, str]]:
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    return [(message.text, message.is_later, message.state) for message in list_messages(conn, job_id)][2:]


@pytest.mark.parametrize("size", SIZES)
def test_chat_looks_as_agreed(home: Path, conn: Connection, size: str) -> None:
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    queued = ev.MessageQueued(by="operator:ana", text="skip archived repositories", later=True)
    commit(conn, job_id, [("queued", queued)], at=NOW + timedelta(minutes=1), epoch=None)

    async def scene(seen: Seen) -> None:
        check_golden(f"chat-{size}", seen.text)

    play_on(home, scene, size)


def test_what_is_typed_is_queued_for_the_next_step_and_its_meaning_is_told(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"skip", "space", *"crypto", "enter")
        assert said(conn) == [("skip crypto", False, "queued")]
        assert "Read at the next step. It means: " in seen.told
        assert "queued, read at the next step" in seen.text
        assert "queued: “skip crypto” (at the next step)" in seen.text

    play_on(home, scene)


def test_what_is_typed_right_behind_the_key_of_chat_is_said_and_presses_no_key(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("c", *"prefer", "enter")
        await seen.press("escape", "1")
        await seen.press("c", *"prefer", "space", "!", "enter")
        assert [text for text, _, _ in said(conn)] == ["prefer", "prefer !"]
        assert seen.app.frame.kill is None

    play(home, "run", scene, clock=StillClock(NOON))


def test_a_call_of_a_paused_job_is_not_said_to_run(home: Path, conn: Connection) -> None:
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]

    async def scene(seen: Seen) -> None:
        assert "▶ extract_people" in seen.text
        paused = ev.JobPaused(reason="asked", message="Paused by ana.")
        commit(conn, job_id, [("paused", paused)], at=NOW + timedelta(minutes=1), epoch=None)
        await seen.settled()
        assert "· extract_people goes on with the job" in seen.text

    play_on(home, scene)


def test_tab_says_it_after_the_present_stage_and_without_words_only_moves(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"any", "tab")
        assert said(conn) == [("any", True, "queued")]
        assert "What should change?" in seen.told
        await seen.press("tab", "x")
        assert said(conn) == [("any", True, "dropped")]

    play_on(home, scene)


def test_a_queued_message_is_dropped_by_one_key_once_the_field_is_left(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"xx", "enter")
        assert said(conn) == [("xx", False, "queued")]
        assert "x Drop" not in seen.lines[-1]
        await seen.press("escape")
        assert "x Drop" in seen.lines[-1]
        await seen.press("x")
        assert said(conn) == [("xx", False, "dropped")]
        assert "taken back before it was read" in seen.text
        await seen.press("x")
        assert "No message waits" in seen.told

    play_on(home, scene)


def test_a_call_is_one_line_and_enter_shows_it_whole(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        assert "✓ search_github_repos  30, 2 failed in 1 s  language:python" in seen.text
        assert "✗ send_smtp  refused: an approval" in seen.text
        await seen.press("escape", "g", "j", "j", "enter")
        assert "no repositories yet" in seen.text
        assert "processed: 30" in seen.text
        await seen.press("escape")
        assert "called with" not in seen.text

    play_on(home, scene)


def test_what_others_wrote_is_shown_as_it_is_and_obeyed_by_nothing(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        assert "[/] dependabot[bot]" in seen.text
        await seen.press("escape", "enter")
        assert "[link=https://evil.example]here" in seen.text
        assert "\x1b" not in seen.raw
        assert "\u202e" not in seen.raw

    play_on(home, scene)


def test_what_is_refused_comes_back_into_the_field(home: Path, conn: Connection) -> None:
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    commit(conn, job_id, [("over", ev.JobCancelled(by="operator:ana"))], at=NOW + timedelta(minutes=1), epoch=None)

    async def scene(seen: Seen) -> None:
        assert "it reads nothing any more" in seen.text
        await seen.press(*"more", "enter")
        assert "reads nothing any more" in seen.told
        assert seen.lines[-2].strip() == "more"
        assert said(conn) == []

    play_on(home, scene)


def test_what_a_running_job_reads_meanwhile_appears_below_without_a_key(home: Path, conn: Connection) -> None:
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]

    async def scene(seen: Seen) -> None:
        await seen.press(*"any", "enter")
        read = ev.FollowUpRead(message_id=3, step=4, effect="target: 10 -> 20.")
        commit(conn, job_id, [("read", read)], at=NOW + timedelta(minutes=1), epoch=None)
        seen.app.tick()
        await seen.pilot.pause()
        assert "read at step 4 · target: 10 -> 20." in seen.text

    play_on(home, scene)


def test_without_a_job_the_screen_says_how_to_start_one(home: Path) -> None:
    open_store(settings_in(home).paths.db)

    async def scene(seen: Seen) -> None:
        assert "There is no job yet." in seen.text
        await seen.press(*"hello", "enter")
        assert "There is no job that could read it." in seen.told

    play_on(home, scene)
