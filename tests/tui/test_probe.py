"""Text of others on every screen and in every dialog: shown whole, obeyed by nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cmo.domain.text import clean_line
from cmo.tui.actions import SCREENS
from tests.fakes.campaign import Campaign
from tests.fakes.clock import NOON, StillClock
from tests.fakes.terminal import PATIENCE_S, Terminal, foreign, letters
from tests.tui.hostile import ATTACKS, BOT, HOSTILE, spoil
from tests.tui.house import THERE, full_house, tour, tried_on
from tests.tui.screen import Seen, play


@pytest.fixture
def made(tmp_path: Path) -> Campaign:
    made = full_house(tmp_path / "place")
    conn = made.open()
    spoil(conn)
    conn.close()
    return made


def test_every_screen_and_dialog_shows_hostile_text_and_nothing_of_it_is_a_control(made: Campaign) -> None:
    showed = set()

    async def scene(seen: Seen) -> None:
        async for place in tour(seen):
            bad = {char for char in seen.raw if not is_harmless(char)}
            assert not bad, place
            if BOT in "".join(seen.lines[1:]):
                showed.add(place.partition(",")[0])

    home = made.settings.paths.data_dir
    play(home, THERE[0], scene, size=(120, 40), settings=made.settings, clock=StillClock(NOON))
    assert showed == set(THERE)


def test_no_byte_that_reaches_a_terminal_does_what_others_wrote(made: Campaign, tmp_path: Path) -> None:
    env = {name: os.environ[name] for name in ("PATH", "HOME")}
    env |= {"CMO_HOME": str(tmp_path / "place"), "CMO_OPERATOR": "ana", "CMO_SANDBOX": "1"}
    command = (sys.executable, "-m", "cmo", "tui", "--screen", THERE[0])
    with Terminal(command, env=env, folder=tmp_path, size=(120, 40)) as terminal:
        terminal.until(lambda out: BOT.encode() in out)
        for name in THERE:
            began = len(terminal.out)
            terminal.press(SCREENS[name][0])
            terminal.until_quiet()
            for action in tried_on(name):
                terminal.press(action.keys[0])
                terminal.until_quiet()
                terminal.press("escape", "escape", SCREENS[name][0])
                terminal.until_quiet()
            assert BOT in letters(terminal.out[began:]), name
        terminal.press("q", "q")
        terminal.until(lambda out: b"\x1b[?1049l" in out)
        assert foreign(terminal.out) == set()
        for _ in range(100):  # its last words have to be read before it can end
            if terminal.process.poll() is None:
                terminal.until_quiet()
        assert terminal.process.wait(PATIENCE_S) == 0


def test_a_new_column_is_probed_unless_it_is_named_as_ours(made: Campaign) -> None:
    conn = made.open()
    conn.execute("ALTER TABLE leads ADD COLUMN told_by TEXT")
    spoil(conn)
    assert {HOSTILE} == {row[0] for row in conn.execute("SELECT told_by FROM leads")}
    assert {f"{made.job_id}"} == {row[0] for row in conn.execute("SELECT job_id FROM leads")}


def is_harmless(char: str) -> bool:
    """Whether our own cleaning lets it through, and it is no break of a line."""
    return char == " " or clean_line(char) == char


@pytest.mark.parametrize("attack", ATTACKS[:5])
def test_the_probe_itself_sees_every_attack(attack: str) -> None:
    assert foreign(f"\x1b[0m\x1b[3;1H{attack}".encode()) != set()
    assert foreign(b"\x1b[0m\x1b[3;1Hdependabot[bot]\x1b[?25l") == set()
