"""Groups of failures as lines: how one stands, what there is to say of it, its members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cmo.cli.terminal import Terminal, pad, safe_line, wrapped

if TYPE_CHECKING:
    from cmo.store.groups import FailedItem, StoredGroup

SIGNS = {"retrying": "▶", "needs you": "◆", "dead": "✗", "skipped": "·"}
TONES = {"retrying": "bold", "needs you": "needs", "dead": "error", "skipped": "dim"}
_LABEL = 17
_LEAST_WIDTH = 20


def state_text(state: str, *, glyphs: bool) -> str:
    """How a group stands, as sign and word or as a word."""
    return f"{SIGNS[state]} {state}" if glyphs else state


def head(group: StoredGroup, terminal: Terminal) -> str:
    """Which group, how many, where, how it stands."""
    state = terminal.paint(state_text(group.state, glyphs=terminal.glyphs), TONES[group.state])
    return f"{group.key}  {group.count:,} at {group.stage}, {safe_line(group.tool)}  {state}"


def labelled(
    parts: Sequence[tuple[str, Sequence[str]]], terminal: Terminal, qualify: Callable[[str], str]
) -> list[str]:
    """Labels with their lines beside them.

    Args:
        qualify: Adds the global flags in force to commands.
    """
    rows: list[str] = []
    for label, texts in parts:
        lines = [line for text in texts for line in wrapped(qualify(safe_line(text)), _room(terminal))]
        rows += [pad(label if n == 0 else "", _LABEL) + line for n, line in enumerate(lines)]
    return rows


def member(item: FailedItem, when: str) -> str:
    """One member, how often it was tried, what became of it.

    Args:
        when: It failed last.
    """
    tried = f"{item.tries} attempt{'' if item.tries == 1 else 's'}, {when}"
    state = f", {item.state}" if item.state else ""
    mark = f", {item.mark}: {safe_line(item.mark_reason or 'no reason given')}" if item.mark else ""
    return f"{safe_line(item.item)}  {tried}{state}{mark}"


def _room(terminal: Terminal) -> int:
    return max(_LEAST_WIDTH, terminal.width - _LABEL)
