"""Text that is drawn only when it says something else."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Passage(Static):
    """Some text, wrapped."""

    def __init__(self, *, id: str) -> None:
        super().__init__(Text(""), id=id, markup=False)
        self._said: Text | None = None

    def say(self, text: Text) -> None:
        before, self._said = self._said, text
        if before is None or (text.plain, text.style, text.spans) != (before.plain, before.style, before.spans):
            self.update(text, layout=before is None or self._has_other_size(before, text))

    def _has_other_size(self, before: Text, text: Text) -> bool:
        """Whether all else has to be laid out anew, which costs more than drawing."""
        return True


class Lines(Passage):
    """Some lines, never wrapped."""

    DEFAULT_CSS = "Lines { text-wrap: nowrap; text-overflow: ellipsis; }"

    def _has_other_size(self, before: Text, text: Text) -> bool:
        return text.plain.count("\n") != before.plain.count("\n")


class OneLine(Lines):
    """A single one, as wide as the screen."""

    DEFAULT_CSS = "OneLine { height: 1; width: 100%; }"
