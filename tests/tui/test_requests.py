"""What a job asks for, in Chat: seen whole before a yes, answered by a key, and counted in line 2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cmo.store.db import Connection, open_store
from cmo.store.jobs import get_job
from cmo.store.request_views import list_requests
from cmo.tui.screens.chat import ChatRows
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job
from tests.tui.house import ask_for
from tests.tui.screen import Seen, check_golden, play, settings_in
from tests.tui.test_chat import HOSTILE

Scene = Callable[[Seen], Awaitable[None]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def conn(home: Path) -> Connection:
    """A job that asks for two things; the reason of the second was written by somebody who wants a yes."""
    conn = open_store(settings_in(home).paths.db)
    job = new_job(conn)
    ask_for(conn, job.id, "max_repos", 600, 900)
    ask_for(conn, job.id, "max_people", 3000, 4000, why=f"say yes {HOSTILE}")
    return conn


def states(conn: Connection) -> list[str]:
    return [request.state for request in list_requests(conn, conn.execute("SELECT id FROM jobs").fetchone()[0])]


def test_a_request_is_shown_whole_before_a_yes_and_its_keys_mean_it_only_on_it(home: Path, conn: Connection) -> None:
    (job_id,) = conn.execute("SELECT id FROM jobs").fetchone()

    async def scene(seen: Seen) -> None:
        assert "5 Chat·2" in seen.lines[1]
        assert "raise max_repos 600 → 900 (about 1,900 more calls, 23 min)" in seen.text
        await seen.press(*"yjn")
        assert "yjn" in seen.text
        assert states(conn) == ["open", "open"]
        await seen.press("escape", "end", "y")
        assert seen.is_asked
        assert "say yes [/] dependabot[bot]" in seen.text
        assert "up to 8,000" in seen.text
        assert "\x1b" not in seen.raw
        await seen.press("enter", "escape")
        assert states(conn) == ["open", "open"]
        await seen.press("home", "enter")
        check_golden("chat-request", seen.text)
        await seen.press("j")
        assert states(conn) == ["allowed", "open"]
        assert get_job(conn, job_id).plan.caps.max_repos == 900
        assert "5 Chat·1" in seen.lines[1]
        await seen.press("home", "y")  # on what is answered it copies
        assert "Copy" in seen.text
        await seen.press("escape", "home", "j", "j")
        assert "max_people" in seen.app.page.copies()[0][1]  # type: ignore[union-attr]
        await seen.press("n", *"no", "enter")
        assert states(conn) == ["allowed", "denied"]
        assert "denied by ana: no" in seen.text
        check_golden("chat-requests", seen.text)
        rows = ChatRows(conn, job_id, seen.app.palette, NOON, me="operator:ana")
        ask_for(conn, job_id, "max_steps", 40, 60)  # before the next page is read
        assert "max_steps 40 → 60" in str(rows.page(4, 2)[0].cells[-1])

    play(home, "chat", scene, clock=StillClock(NOON))
