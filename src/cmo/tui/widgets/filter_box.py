"""The field behind `/`: a filter in the language of `--where`. Enter keeps it, Esc clears it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterBox(Input):
    """Hidden until `/`; the filter in force stays in it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", show=False)]

    @dataclass
    class Wanted(Message):
        """Another filter is wanted; empty for none."""

        text: str

    def __init__(self, example: str) -> None:
        super().__init__(id="filter", placeholder=example, select_on_focus=False)
        self.compact = True

    def open(self, text: str | None = None) -> None:
        """Have it typed in.

        Args:
            text: What stands in it, to be changed; None: the filter in force.
        """
        if text is not None:
            self.value = text
            self.cursor_position = len(text)
        self.add_class("-open")
        self.screen.set_focus(self)  # at once: `focus()` would let keys that are typed fast pass by

    def put(self, text: str) -> None:
        """Filter by `text`, as if somebody had typed it."""
        self.value = text
        self._leave()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave()

    def action_clear(self) -> None:
        self.value = ""
        self._leave()

    def _leave(self) -> None:
        self.set_class(bool(self.value), "-open")
        self.post_message(self.Wanted(self.value))
        self.screen.focus_next("RowTable")
