"""How the full screen behaves in its terminal, and what it shows of what is broken."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from cmo.service.troubles import find_troubles
from cmo.tui.widgets.too_small import TooSmall
from tests.fakes.clock import NOON
from tests.tui.screen import ROOM, Seen, play, seeded, settings_in, store_of
from tests.tui.terminal import Terminal


@pytest.fixture
def home(tmp_path: Path) -> Path:
    seeded(tmp_path / "place")[0].close()
    return tmp_path / "place"


def test_a_terminal_that_is_too_small_gets_one_line_and_no_key_decides_anything_there(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        await seen.pilot.resize_terminal(59, 12)
        await seen.press("a", "x", "1")
        assert seen.lines[0] == "needs 60x16, is 59x12; `cmo watch` works in any size"
        assert not "".join(seen.lines[1:])
        assert conn.execute("SELECT COUNT(*) FROM drafts WHERE state <> 'pending'").fetchone()[0] == 0
        await seen.pilot.resize_terminal(80, 24)
        await seen.settled()
        assert "a Approve" in seen.lines[-1]
        assert not any(isinstance(screen, TooSmall) for screen in seen.app.screen_stack)

    play(home, "review", scene)


def test_a_terminal_that_is_too_small_from_the_start_can_be_left_and_stops_sending(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert seen.lines[0].startswith("needs 60x16, is 60x15")
        await seen.press("exclamation_mark")
        await seen.until(lambda: seen.app.frame.kill is not None)
        await seen.press("q")
        assert seen.app._exit

    play(home, "review", scene, size=(60, 15))


def test_ctrl_c_says_how_to_leave_and_ends_nothing(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("ctrl+c")
        assert seen.told == "q leaves, and jobs go on. ! stops all sending."
        assert not seen.app._exit

    play(home, "review", scene)


def test_ctrl_c_copies_what_the_mouse_selected(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        pane = seen.app.screen.query_one("DraftPane Static")
        await seen.pilot.mouse_down(pane, offset=(0, 0))
        await seen.pilot.hover(pane, offset=(20, 0))
        await seen.pilot.mouse_up(pane, offset=(20, 0))
        await seen.press("ctrl+c")
        assert seen.app.clipboard
        assert seen.app.clipboard in seen.text
        assert not seen.told

    play(home, "review", scene)


def test_a_store_that_another_process_holds_is_told_and_read_as_soon_as_it_is_free(home: Path) -> None:
    path = settings_in(home).paths.db
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("UPDATE jobs SET stage = stage")

    async def scene(seen: Seen) -> None:
        assert "is held by" in seen.lines[2]
        assert seen.lines[2].endswith("Try again; `cmo jobs list` shows who runs what.")
        holder.close()
        await seen.settled()
        assert "is held by" not in seen.text
        assert "maint1" in seen.text

    play(home, "review", scene, size=(120, 40))


def test_a_disk_that_fills_up_is_told_without_anybody_committing_anything(home: Path) -> None:
    free = [ROOM]

    async def scene(seen: Seen) -> None:
        assert "disk" not in seen.text
        free[0] = 499_000_000
        seen.app.look()
        seen.app.tick()
        await seen.pilot.pause()
        assert seen.lines[2] == " ✗ 499 MB of disk free: a job may need more.  Free some space."

    play(home, "review", scene, free=lambda folder: free[0])


def test_a_key_that_was_refused_and_a_clock_that_was_set_back_are_told_with_what_to_do(home: Path) -> None:
    conn = store_of(home)
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    conn.execute(
        "INSERT INTO failures (job_id, tool, item, stage, group_key, code, message, tries, last_at)"
        " VALUES (?, 'github.users', '[/]\x1b[2J', 'enrich', 'abc123', 'auth_rejected', '[/]\x1b[2J', 1, ?)",
        (job_id, NOON.isoformat()),
    )
    conn.execute("PRAGMA foreign_keys=OFF")
    conn.execute("INSERT INTO decisions VALUES (1, 'quota', '', ?, NULL, 1)", (NOON.timestamp(),))

    (key,) = find_troubles(conn, job_id, now=NOON, free=ROOM)
    clock, _ = find_troubles(conn, job_id, now=NOON - timedelta(minutes=3), free=ROOM)

    assert key.message.startswith("GitHub refused the key")
    assert key.fix == "give another key: cmo auth set github"
    assert clock.message.startswith("The clock says")
    assert clock.fix == "Set it right: cmo doctor"


def test_read_only_refuses_every_verb_but_the_kill_switch_and_shows_what_is_stored(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        for keys in ("a", "x1", "s", "e", "R", "u", "P"):
            await seen.press(*keys)
            assert seen.told == "read-only: start without --read-only", keys
            await seen.press("escape")
        assert "✓0  ✗0  ↷0" in seen.text
        assert conn.execute("SELECT COUNT(*) FROM audit").fetchone()[0] == 0
        await seen.press("y", "1")
        assert seen.app.clipboard.endswith(".example")
        assert not list(home.rglob("clipboard.txt"))
        await seen.press("exclamation_mark")
        await seen.until(lambda: seen.app.frame.kill is not None)

    play(home, "review", scene, read_only=True)


def test_in_a_terminal_q_puts_everything_back_and_ctrl_z_suspends(home: Path) -> None:
    with Terminal("tui", "--screen", "review", home=home) as terminal:
        before = terminal.modes()
        terminal.until("maint1")
        assert terminal.modes() != before
        terminal.type("\x1a")
        terminal.until_stopped()
        assert terminal.modes() == before
        terminal.go_on()
        terminal.until("maint1")
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.modes() == before
        assert all(sequence in terminal.text for sequence in ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l"))


def test_a_terminal_that_is_closed_loses_nothing_that_was_decided_and_leaves_no_process(home: Path) -> None:
    conn = store_of(home)
    with Terminal("tui", "--screen", "review", home=home) as terminal:
        terminal.until("maint1")
        conn.execute("BEGIN IMMEDIATE")
        terminal.type("s?")
        terminal.until("put it off for a day")
        terminal.close()
        conn.rollback()
        assert terminal.ended() == 0
    assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert conn.execute("SELECT COUNT(*) FROM drafts WHERE put_off_until IS NOT NULL").fetchone()[0] == 1
