"""When paused sending goes on: after some minutes with one mail first, when a person says so, or now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from cmo.tui.paint import line
from cmo.tui.widgets.dialogs import Ask, Choose

WAITS_MIN = (5, 15, 60)
"""Minutes to choose from."""
LONGEST_WAIT_MIN = 7 * 24 * 60
_OTHERS = ("in as many minutes as I type", "when I say", "now")


def ask_when(screen: Screen[Any], answered: Callable[[int | None], None], refuse: Callable[[str, str], None]) -> None:
    """Ask over `screen`.

    Args:
        answered: Gets the minutes; 0: now, None: when a person says so. Not called where nobody chose.
        refuse: Gets what is wrong with what was typed, and the way out.
    """

    def typed(text: str | None) -> None:
        if text is None:
            return
        if text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= LONGEST_WAIT_MIN:
            answered(int(text))
        else:
            refuse(f"{line(text)} is no number of minutes.", f"1 to {LONGEST_WAIT_MIN:,}. Nothing was changed.")

    def chosen(number: int | None) -> None:
        if number is None:
            return
        if number <= len(WAITS_MIN):
            answered(WAITS_MIN[number - 1])
        elif number == len(WAITS_MIN) + 1:
            screen.app.push_screen(Ask("Sending goes on", "In how many minutes? One mail goes first."), typed)
        else:
            answered(None if number == len(WAITS_MIN) + 2 else 0)

    waits = [f"in {minutes} minutes, one mail first" for minutes in WAITS_MIN]
    screen.app.push_screen(Choose("Sending is paused. When does it go on?", [*waits, *_OTHERS]), chosen)
