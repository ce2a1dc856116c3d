"""Colours: told apart by every sight, read on every ground, and never the only sign of anything."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from rich.style import Style

from cmo.tui.themes import CONTRAST, DARK, LIGHT, TERMINAL, THEMES
from tests.fakes.clock import NOON, StillClock
from tests.tui.colours import SIGHTS, contrast, distance, rgb
from tests.tui.house import THERE, full_house, tour
from tests.tui.screen import Seen, play, seeded

LEAST_CONTRAST, LEAST_DISTANCE = 4.5, 40
STATUS = ("cmo-ok", "cmo-warn", "cmo-error")
IN_COLOUR = (DARK, LIGHT, CONTRAST)
_VARIABLES = {theme.name: theme.variables for theme in THEMES}
_DRAWN = range(0x2500, 0x25A0)
"""Lines of boxes, bars and gauges: no text; what they say stands beside them in words."""

Pair = tuple[str, str]
"""Colour of the letter, colour of the ground."""


@pytest.mark.parametrize("theme", IN_COLOUR)
@pytest.mark.parametrize("sight", SIGHTS)
def test_status_colours_are_told_apart(theme: str, sight: str) -> None:
    colours = _VARIABLES[theme]
    apart = {(a, b): distance(rgb(colours[a]), rgb(colours[b]), sight) for a, b in combinations(STATUS, 2)}
    assert min(apart.values()) >= LEAST_DISTANCE, apart


@pytest.mark.parametrize("theme", IN_COLOUR)
def test_every_letter_of_every_screen_and_dialog_is_read_on_its_ground(tmp_path: Path, theme: str) -> None:
    made = full_house(tmp_path / "place")
    seen_in: dict[Pair, str] = {}

    async def scene(seen: Seen) -> None:
        async for place in tour(seen):
            for pair, letter in pairs_in(seen).items():
                seen_in.setdefault(pair, f"{place}: {letter}")

    play(tmp_path / "place", THERE[0], scene, settings=made.settings, clock=StillClock(NOON), theme=theme)
    weak = {
        (pair, place): round(figure, 2)
        for pair, place in seen_in.items()
        if (figure := contrast(rgb(pair[0]), rgb(pair[1]))) < LEAST_CONTRAST
    }
    assert not weak
    assert len(seen_in) > 5


def pairs_in(seen: Seen) -> dict[Pair, str]:
    """The colours of all letters that can be acted on: under a dialog the screen is dimmed, and waits."""
    screen = seen.app.screen
    lit = [box.region for box in screen.query("#box, CommandInput, CommandList")] if seen.is_asked else [screen.region]
    found: dict[Pair, str] = {}
    for y, row in enumerate(seen.cells):
        for x, (char, style) in enumerate(row):
            is_letter = not char.isspace() and ord(char) not in _DRAWN
            if is_letter and any(part.contains(x, y) for part in lit):
                found.setdefault(colours_of(style), f"{char!r} at {x}, {y}")
    return found


def colours_of(style: Style) -> Pair:
    fore, back = (str(colour and colour.name).upper() for colour in (style.color, style.bgcolor))
    return (back, fore) if style.reverse else (fore, back)


async def see_cursor_mark_and_screen(seen: Seen) -> None:
    """Reverse video on the cursor's row and on the current screen's name, a sign before a marked row."""
    await seen.press("space")
    top, marked, under = seen.cells[1], seen.cells[3], seen.cells[4]
    assert "".join(char for char, style in top if style.reverse).startswith("2 Review")
    assert marked[0][0] in "▌*"
    assert [style.reverse for _, style in under[1:20]] == [True] * 19


@pytest.mark.parametrize("theme", [DARK, TERMINAL])
def test_without_colour_the_cursor_marks_and_the_screen_are_still_seen(
    tmp_path: Path, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(tmp_path / "place")
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene(seen: Seen) -> None:
        await see_cursor_mark_and_screen(seen)
        assert {colour for row in seen.cells for _, style in row for colour in hues_of(style)} == set()

    play(tmp_path / "place", "review", scene, theme=theme)


def test_the_terminal_theme_adds_no_colour_of_its_own_on_any_screen(tmp_path: Path) -> None:
    made = full_house(tmp_path / "place")

    async def scene(seen: Seen) -> None:
        async for place in tour(seen):
            own = {str(style) for row in seen.cells for char, style in row if is_own(char, style)}
            assert not own, place

    play(tmp_path / "place", THERE[0], scene, settings=made.settings, clock=StillClock(NOON), theme=TERMINAL)


def hues_of(style: Style) -> list[str]:
    """The colours of a style that are no shade of grey."""
    parts = [part for part in (style.color, style.bgcolor) if part is not None and part.triplet is not None]
    return [part.name for part in parts if part.triplet and len(set(part.triplet)) > 1]


def is_own(char: str, style: Style) -> bool:
    """Whether a colour is seen that the terminal's owner did not choose."""
    parts = (style.bgcolor,) if char.isspace() else (style.color, style.bgcolor)
    return any(part is not None and not part.is_system_defined for part in parts)
