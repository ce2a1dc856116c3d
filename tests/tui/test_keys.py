"""The keys that mean the same on every screen: each does what it says, or says why not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cmo.store.audit import iter_audit
from cmo.tui.actions import NOT_HERE, SCREENS
from cmo.tui.widgets.table import RowTable
from tests.tui.screen import Seen, play, seeded, settings_in, store_of

EVERYWHERE = {"u", "ctrl+r", "slash", "n", "o", "z", "p", "P", "ctrl+e", "y", "question_mark", "ctrl+z", "ctrl+p"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    seeded(tmp_path / "place")[0].close()
    return tmp_path / "place"


def test_every_key_of_the_table_is_bound_on_every_screen(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        for name in SCREENS:
            await seen.go(name)
            assert seen.app.page is not None
            seen.app.page.set_focus(seen.app.page.table)
            await seen.settled()
            bound = set(seen.app.page.active_bindings)
            assert EVERYWHERE | {"space", "v", "asterisk", "g", "G", "ctrl+d", "ctrl+u", "tab"} <= bound, name
            assert "ctrl+q" not in bound, name

    play(home, "run", scene)


def test_keys_that_can_do_nothing_here_say_what_can(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        for key, told in zip(("u", "ctrl+r", "slash"), NOT_HERE.values(), strict=True):
            await seen.press(key)
            assert seen.told == told
            await seen.press("escape")
        await seen.press("o")
        assert seen.told == "No web page is on record for this."
        await seen.press("ctrl+q")
        assert not seen.app._exit

    play(home, "limits", scene)


def test_u_takes_back_ctrl_r_does_it_again_and_u_takes_that_back(home: Path) -> None:
    conn = store_of(home)

    def approved() -> int:
        return int(conn.execute("SELECT COUNT(*) FROM drafts WHERE state = 'approved'").fetchone()[0])

    async def scene(seen: Seen) -> None:
        await seen.press("G", "a", "u")
        assert "ctrl+r does it again" in seen.told
        await seen.press("ctrl+r")
        assert approved() == 1
        assert "Did batch 1 again: approve of draft" in seen.told
        await seen.press("u")
        assert approved() == 0
        await seen.press("escape", "s", "ctrl+r")
        assert seen.told == "Nothing is taken back that could be done again."

    play(home, "review", scene)


def test_z_gives_the_panel_in_hand_the_screen_and_tab_passes_it_on(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        before = seen.text
        await seen.press("z")
        assert "Subject:" not in seen.text
        assert seen.lines[:2] == before.splitlines()[:2]
        await seen.press("tab")
        assert "Subject:" in seen.text
        assert "maint2 " not in seen.text
        await seen.press("escape", "shift+tab")
        assert seen.text == before
        await seen.press("0", "z")
        assert seen.app.page is not None
        assert not seen.app.page.query(".-away RowTable")

    play(home, "review", scene)


def test_n_goes_to_the_next_flag_round_the_end_and_under_a_filter_to_the_next_match(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        table = seen.app.screen.query_one(RowTable)
        await seen.press("G", "n")
        assert table.cursor == 0
        await seen.press("N")
        assert table.cursor == 3
        await seen.press("slash", *"-flag:claim", "enter", "g", "n", "n", "N")
        assert table.cursor == 1

    play(home, "review", scene)


def test_ctrl_e_writes_what_is_marked_and_puts_it_on_the_record(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def scene(seen: Seen) -> None:
        await seen.press("g", "space", "space", "ctrl+e", "enter")
        assert "Wrote 2 rows" in seen.told
        await seen.press("escape", "7", "ctrl+e", "enter")

    play(home, "review", scene)
    rows = list(csv.DictReader((tmp_path / "review.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["state"] for row in rows] == ["pending", "pending"]
    assert rows[0]["address"].endswith(".example")
    assert (tmp_path / "limits.csv").exists()
    conn = store_of(home)
    told = [(row.object, "@" in str(row.detail)) for row in iter_audit(conn, action="export.write")]
    assert told == [("list:limits", False), ("list:review", False)]
    assert str(tmp_path / "review.csv") in (settings_in(home).paths.state_dir / "exports.json").read_text()


def test_notices_keep_away_from_the_cursor_and_line_1_is_as_bright_under_a_dialog(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        bright = [(char, style.color, style.bgcolor) for char, style in seen.cells[0]]
        await seen.press("G", "y")
        assert seen.is_asked
        assert [(char, style.color, style.bgcolor) for char, style in seen.cells[0]] == bright
        for key, is_low in (("G", True), ("g", False)):
            await seen.press("escape", key)
            assert seen.app.screen.has_class("-low") is is_low

    play(home, "leads", scene)
