"""Two screens as they look in every state: no colour, light, all sending stopped, empty, narrow; letters and styles."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style

from cmo.service.kill import kill
from cmo.store.db import open_store
from cmo.tui.themes import CONTRAST, DARK, LIGHT
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job
from tests.tui.house import full_house
from tests.tui.screen import Seen, check_golden, play, settings_in

TWO = ("review", "errors")
NARROW = (60, 16)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("theme", [DARK, LIGHT, CONTRAST])
def test_colours_say_the_same_in_every_theme(tmp_path: Path, name: str, theme: str) -> None:
    made = full_house(tmp_path / "place")

    async def scene(seen: Seen) -> None:
        check_golden(f"{name}-styles", styles_of(seen))

    home = made.settings.paths.data_dir
    play(home, name, scene, settings=made.settings, clock=StillClock(NOON), theme=theme)


@pytest.mark.parametrize("name", TWO)
def test_without_colour_a_screen_says_the_same_in_grey(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = full_house(tmp_path / "place")
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene(seen: Seen) -> None:
        check_golden(f"{name}-no-colour", f"{seen.text}\n\n{styles_of(seen)}")

    play(made.settings.paths.data_dir, name, scene, settings=made.settings, clock=StillClock(NOON))


@pytest.mark.parametrize("name", TWO)
def test_a_stop_of_all_sending_looks_as_agreed(tmp_path: Path, name: str) -> None:
    made = full_house(tmp_path / "place")
    kill(made.settings, "bounces look odd")

    async def scene(seen: Seen) -> None:
        check_golden(f"{name}-stopped", f"{seen.text}\n\n{styles_of(seen)}")

    play(made.settings.paths.data_dir, name, scene, settings=made.settings, clock=StillClock(NOON))


@pytest.mark.parametrize("name", TWO)
def test_a_narrow_terminal_looks_as_agreed(tmp_path: Path, name: str) -> None:
    made = full_house(tmp_path / "place")

    async def scene(seen: Seen) -> None:
        check_golden(f"{name}-narrow", seen.text)

    home = made.settings.paths.data_dir
    play(home, name, scene, size=NARROW, settings=made.settings, clock=StillClock(NOON))


@pytest.mark.parametrize("name", TWO)
def test_a_job_without_anything_looks_as_agreed(tmp_path: Path, name: str) -> None:
    (tmp_path / "place").mkdir()
    new_job(open_store(settings_in(tmp_path / "place").paths.db))

    async def scene(seen: Seen) -> None:
        check_golden(f"{name}-empty", seen.text)

    play(tmp_path / "place", name, scene, clock=StillClock(NOON))


def styles_of(seen: Seen) -> str:
    """The terminal with a letter for how each cell looks: `.` plain, `o` `w` `e` `d` in the colour of ok, warn, error
    and dim, `?` in another; a capital where it is bold (`B` for plain), `R` and `r` reverse video, `_` underlined."""
    hues = {str(seen.app.theme_variables[f"cmo-{name}"]).lower(): name[0] for name in ("ok", "warn", "error", "dim")}
    plain = {str(seen.app.theme_variables["foreground"]).lower()}
    rows = ["".join(_letter(char, style, hues, plain) for char, style in row).rstrip() for row in seen.cells]
    return "\n".join(rows)


def _letter(char: str, style: Style, hues: dict[str, str], plain: set[str]) -> str:
    if style.reverse:
        return "R" if style.bold else "r"
    if char.isspace():
        return " "
    if style.underline:
        return "_"
    name = style.color.name.lower() if style.color else ""
    letter = hues.get(name, "." if not name or name in plain else "?")
    return letter.upper().replace(".", "B") if style.bold else letter
