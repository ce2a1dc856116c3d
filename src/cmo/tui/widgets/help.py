"""The keys of a screen, as they are bound now, with what each does on the command line."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cmo.tui.actions import Action, actions_of, command_line
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Dialog


class Help(Dialog[None]):
    """Closes by any of `?`, `q`, Esc and Enter; moves as every list does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q,enter", "no", show=False),
        Binding("j", "move('scroll_down')", show=False),
        Binding("k", "move('scroll_up')", show=False),
        Binding("g", "move('scroll_home')", show=False),
        Binding("G", "move('scroll_end')", show=False),
    ]

    def __init__(self, page: Page) -> None:
        super().__init__(f"Keys of {page.NAME}")
        self._page = page

    def question(self) -> ComposeResult:
        with VerticalScroll(id="keys"):
            yield Static(self._rows(), markup=False)
        yield Static(Text("j k PgDn PgUp g G  move    Esc, Enter  close", style="dim"), markup=False)

    def action_move(self, how: str) -> None:
        getattr(self.query_one("#keys", VerticalScroll), how)(animate=False)

    def _rows(self) -> Group:
        bound: dict[str, list[str]] = {}
        for active in self._page.active_bindings.values():
            if active.binding.id:
                bound.setdefault(active.binding.id, []).append(self.app.get_key_display(active.binding))
        rows = Table.grid(padding=(0, 1, 0, 0))
        rows.add_column(style="bold", width=_KEYS)
        rows.add_column()
        for action in (*actions_of(self._page.NAME), *actions_of(None), *actions_of("table")):
            if action.id in bound:
                rows.add_row(Text(" ".join(bound[action.id])), Text(action.about) + _typed(action, self._page))
        return Group(rows, Text("\n" + _MORE, "dim"))


_KEYS = 10
_MORE = "Colours, key map and words instead of signs: cmo help accessibility"


def _typed(action: Action, page: Page) -> Text:
    command = command_line(action, page.values())
    return Text(f"   {page.workplace.qualify(command)}" if command else "", "dim")
