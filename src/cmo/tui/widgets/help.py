"""The keys of a screen, as they are bound now, with what each does on the command line."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cmo.tui.actions import Action, actions_of, command_line
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Dialog


class Help(Dialog[None]):
    """Closes by any of `?`, `q`, Esc and Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,q,enter", "no", show=False)]

    def __init__(self, page: Page) -> None:
        super().__init__(f"Keys of {page.NAME}")
        self._page = page

    def question(self) -> ComposeResult:
        with VerticalScroll(id="keys"):
            yield Static(self._rows(), markup=False)

    def _rows(self) -> Text:
        bound: dict[str, list[str]] = {}
        for active in self._page.active_bindings.values():
            if active.binding.id:
                bound.setdefault(active.binding.id, []).append(self.app.get_key_display(active.binding))
        text = Text()
        for action in (*actions_of(self._page.NAME), *actions_of(None), *actions_of("table")):
            if action.id in bound:
                text.append(f"{' '.join(bound[action.id]):<10}", "bold")
                text.append(f" {action.about}")
                text.append(_typed(action, self._page), "dim")
        text.append("\n" + _MORE, "dim")
        return text


_MORE = "Colours, key map and words instead of signs: cmo help accessibility"


def _typed(action: Action, page: Page) -> str:
    command = command_line(action, page.values())
    return f"   {page.workplace.typed(command)}\n" if command else "\n"
