"""How things look: signs and words of states, colours by meaning, and text of others as plain cells.

Nothing here or above it reads markup: what others wrote becomes `Text` or a table's cell, never a string that a widget
would parse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from cmo.domain.text import clean_line, clean_text

Meaning = Literal["plain", "dim", "bold", "ok", "warn", "error", "needs", "accent"]
"""What a colour says. `needs` (it waits for a person) is reverse video, not a hue."""

SIGNS: Mapping[str, tuple[str, str, Meaning]] = {
    "done": ("✓", "done", "ok"),
    "running": ("▶", "run", "accent"),
    "needs_you": ("◆", "you", "needs"),
    "waiting": ("▶", "wait", "warn"),
    "flag": ("⚠", "flag", "warn"),
    "failed": ("✗", "fail", "error"),
    "locked": ("■", "lock", "warn"),
    "later": ("↷", "later", "dim"),
    "idle": ("·", "-", "dim"),
}
"""State -> sign, word for it where signs cannot be shown, meaning."""

LONGEST_LINE, LONGEST_TEXT = 4_000, 200_000


@dataclass(frozen=True)
class Palette:
    """The styles of the theme in use."""

    styles: Mapping[Meaning, Style]
    ascii: bool = False
    """Words instead of signs."""

    def __getitem__(self, meaning: Meaning) -> Style:
        return self.styles[meaning]

    def sign(self, state: str) -> tuple[str, Style]:
        """The sign (or word) of a state, with its style."""
        glyph, word, meaning = SIGNS[state]
        return (word if self.ascii else glyph), self.styles[meaning]

    def labelled(self, state: str, word: str) -> tuple[str, Meaning]:
        """A cell that says `word` of a state, behind its sign; the word alone where signs cannot be shown."""
        glyph, _, meaning = SIGNS[state]
        return (word if self.ascii else f"{glyph} {word}"), meaning

    def ellipsis(self) -> str:
        return "~" if self.ascii else "…"


def palette_of(variables: Mapping[str, str], *, ascii: bool = False) -> Palette:
    """The palette of a theme.

    Args:
        variables: `App.theme_variables`.
    """

    def hue(name: str) -> Style:
        value = variables[name]
        return Style(color=value) if value.startswith("#") else Style()

    return Palette(
        {
            "plain": Style(),
            "dim": hue("cmo-dim"),
            "bold": Style(bold=True),
            "ok": hue("cmo-ok"),
            "warn": hue("cmo-warn"),
            "error": hue("cmo-error"),
            "needs": Style(reverse=True, bold=True),
            "accent": hue("cmo-ok") + Style(bold=True),
        },
        ascii=ascii,
    )


def line(text: object) -> str:
    """Text of anybody on one line, without anything a terminal could obey or hide."""
    words = str(text)
    return words if words.isascii() and words.isprintable() else clean_line(words, limit=LONGEST_LINE)


def block(text: str) -> str:
    """As `line`, with its line breaks."""
    return clean_text(text, limit=LONGEST_TEXT)


def when(at: datetime, now: datetime) -> str:
    """A moment in local time, in at most six cells: `14:02`, or another day's date."""
    local = at.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%d %b}"


def cut(text: str, width: int, *, more: str = "…") -> str:
    """`text` (already made safe) in exactly `width` cells; what does not fit ends in `more`."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - 1).rstrip() + more, width)


def words(*parts: str | tuple[str, Style]) -> Text:
    """One line of pieces, each plain or with a style; never wrapped, cut with an ellipsis."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for part in parts:
        piece, style = (part, Style()) if isinstance(part, str) else part
        text.append(line(piece) if piece.strip() else piece, style)
    return text


def pieces(*parts: str | tuple[str, Style]) -> Text:
    """As `words`, of pieces that were made safe already; their spaces stay as they are."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for part in parts:
        text.append(*((part, Style()) if isinstance(part, str) else part))
    return text
