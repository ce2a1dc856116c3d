"""When paused sending goes on: after some minutes with one mail first, when a person says so, or now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from cmo.service.pausing import CHOICES, TYPED, minutes_chosen, minutes_of, not_minutes
from cmo.tui.paint import line
from cmo.tui.widgets.dialogs import Ask, Choose


def ask_when(screen: Screen[Any], answered: Callable[[int | None], None], refuse: Callable[[str, str], None]) -> None:
    """Ask over `screen`.

    Args:
        answered: Gets the minutes; 0: now, None: when a person says so. Not called where nobody chose.
        refuse: Gets what is wrong with what was typed, and the way out.
    """

    def typed(text: str | None) -> None:
        if text is None:
            return
        minutes = minutes_of(text)
        if minutes is None:
            refuse(*not_minutes(line(text)))
        else:
            answered(minutes)

    def chosen(number: int | None) -> None:
        if number is None:
            return
        if number - 1 == TYPED:
            screen.app.push_screen(Ask("Sending goes on", "In how many minutes? One mail goes first."), typed)
        else:
            answered(minutes_chosen(number - 1))

    screen.app.push_screen(Choose("Sending is paused. When does it go on?", CHOICES), chosen)
