"""A screen as a picture in letters, and a walk that takes one of each screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from rich.style import Style

from tests.tui.house import THERE
from tests.tui.screen import Seen, check_golden

Look = Callable[[str, Seen], None]
"""Looks at the screen of that name."""


def walk(look: Look) -> Callable[[Seen], Awaitable[None]]:
    """A scene that goes to every screen and looks."""

    async def scene(seen: Seen) -> None:
        for name in THERE:
            await seen.go(name)
            look(name, seen)

    return scene


def agreed(state: str, *, styles: bool = False) -> Look:
    """A look that compares with the golden file of the screen in `state`.

    Args:
        styles: How each cell looks stands below the text.
    """

    def look(name: str, seen: Seen) -> None:
        check_golden(f"looks/{name}-{state}", f"{seen.text}\n\n{styles_of(seen)}" if styles else seen.text)

    return look


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
