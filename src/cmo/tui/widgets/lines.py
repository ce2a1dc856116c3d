"""Text that is drawn only when it says something else."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Lines(Static):
    """Some lines of text, drawn only when they say something else."""

    DEFAULT_CSS = "Lines { text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(Text(""), id=id, markup=False)
        self._said: Text | None = None

    def say(self, text: Text) -> None:
        if self._said is None or text.plain != self._said.plain or text.spans != self._said.spans:
            self._said = text
            self.update(text)


class OneLine(Lines):
    """A single one, as wide as the screen."""

    DEFAULT_CSS = "OneLine { height: 1; width: 100%; }"
