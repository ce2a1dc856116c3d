"""What the settings change of the full screen: keys, movement, order of review, theme."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cmo.tui.background import answer_in_time, theme_for
from tests.tui.screen import Seen, play, seeded, settings_in, store_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    seeded(tmp_path / "place")
    return tmp_path / "place"


def with_file(home: Path, text: str) -> None:
    settings_in(home).paths.config_file.parent.mkdir(parents=True, exist_ok=True)
    settings_in(home).paths.config_file.write_text(text, encoding="utf-8")


def states(home: Path) -> dict[int, str]:
    return {row["id"]: row["state"] for row in store_of(home).execute("SELECT id, state FROM drafts")}


def test_a_key_map_gives_an_action_another_key_and_the_footer_and_help_show_it(home: Path) -> None:
    with_file(home, '[ui.keys]\n"drafts.approve" = "ctrl+g"\n')

    async def scene(seen: Seen) -> None:
        assert "^g Approve" in seen.lines[-1]
        shown = seen.lines[4].split()[0]
        await seen.press("j", "j", "j", "j", "a")
        assert "approved" not in states(home).values()
        await seen.press("ctrl+g")
        assert "approved" in states(home).values(), shown

    play(home, "review", scene)


def test_an_id_that_nothing_has_is_named_at_the_start(home: Path) -> None:
    with_file(home, '[ui.keys]\n"drafts.aprove" = "b"\n')

    async def scene(seen: Seen) -> None:
        assert "ui.keys names nothing that can be done: drafts.aprove." in seen.told

    play(home, "review", scene)


def test_the_plain_key_map_moves_by_named_keys_only(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        before = seen.text
        await seen.press("j", "G")
        assert seen.text == before
        await seen.press("end")
        assert seen.text != before

    play(home, "review", scene, CMO_KEYMAP="plain")


def test_review_begins_with_what_the_order_says(home: Path) -> None:
    async def by_age(seen: Seen) -> None:
        assert seen.lines[3].split()[0] == "1"
        assert [row.split()[0] for row in seen.lines[3:6]] == ["1", "2", "3"]

    play(home, "review", by_age, CMO_REVIEW_ORDER="oldest")


def test_without_auto_advance_the_decided_draft_stays_in_view(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("end")
        last = seen.app.page.values()["id"]  # type: ignore[union-attr]
        await seen.press("a")
        assert seen.app.page.values()["id"] == last  # type: ignore[union-attr]
        assert states(home)[int(str(last))] == "approved"

    play(home, "review", scene, CMO_AUTO_ADVANCE="no")


@pytest.mark.parametrize(
    ("answer", "theme"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;c", "cmo-light"),
        (b"\x1b]11;rgb:12/12/12\x07\x1b[?62;c", "cmo-dark"),
        (b"\x1b[?1;2c", "cmo-dark"),
        (b"", "cmo-dark"),
    ],
)
def test_the_theme_follows_the_background_that_the_terminal_tells(answer: bytes, theme: str) -> None:
    assert theme_for(answer) == theme


def test_an_answer_that_comes_late_is_taken_off_the_line_and_not_believed() -> None:
    seconds = itertools.count(0.0, 0.09)
    parts = [b"", b"\x1b]11;rgb:ffff/ffff/", b"ffff\x07", b"\x1b[?62;c", b"a"]

    answer = answer_in_time(lambda left: parts.pop(0), now=lambda: next(seconds))

    assert theme_for(answer) == "cmo-dark"
    assert parts == [b"a"]


@pytest.mark.parametrize("theme", ["terminal", "cmo-light", "high-contrast"])
def test_every_theme_shows_the_screens(home: Path, theme: str) -> None:
    async def scene(seen: Seen) -> None:
        assert "a Approve" in seen.text
        assert ("done DONE" in seen.lines[0]) == (theme == "terminal"), "the terminal's own theme has words for signs"
        await seen.press("question_mark")

    play(home, "review", scene, theme=theme)


def test_the_palette_changes_the_theme_of_what_is_seen(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        commands = {command.title: command.callback for command in seen.app.get_system_commands(seen.app.screen)}
        change = commands["view: another theme until you leave; ui.theme keeps one"]
        for theme in ("cmo-light", "high-contrast", "terminal"):
            await change()
            await seen.settled()
            assert f"cmo config set ui.theme {theme}" in seen.told
        assert "done DONE" in seen.lines[0]

    play(home, "review", scene)
