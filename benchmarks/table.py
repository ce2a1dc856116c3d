"""A measurement, its goal and its yardstick; and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "short", "failed", ""]

SCHEMA = "cmo.bench/1"
HEADINGS = ("what", "goal", "measured", "yardstick", "ratio", "verdict")
WIDEST_WHAT = 62
"""Characters; longer names are cut in the table, never in JSON."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. Everything in it was measured in this run."""

    what: str
    measured: float | None
    """None where the measurement itself broke; `note` says how."""
    unit: str = ""
    at_most: float | None = None
    """The goal, where less is better."""
    at_least: float | None = None
    """The goal, where more is better."""
    yardstick: float | None = None
    """What the naive way needs or reaches, in the same unit and the same run."""
    yardstick_is: str = ""
    """What the yardstick is, in a few words."""
    note: str = ""
    """What one must know to read the number."""

    @property
    def verdict(self) -> Verdict:
        """Whether the goal is met; empty where there is none."""
        if self.measured is None:
            return "failed"
        if self.at_most is None and self.at_least is None:
            return ""
        high = self.at_most is not None and self.measured > self.at_most
        low = self.at_least is not None and self.measured < self.at_least
        return "short" if high or low else "ok"

    @property
    def goal(self) -> str:
        """As the table shows it."""
        if self.at_most is not None:
            return "0" if self.at_most == 0 else f"<= {_number(self.at_most)}{_unit(self.unit)}"
        return "" if self.at_least is None else f">= {_number(self.at_least)}{_unit(self.unit)}"

    @property
    def ratio(self) -> float | None:
        """How many times better than the yardstick; None where one of them is zero or missing."""
        if not self.measured or not self.yardstick or self.measured < 0:
            return None
        return self.measured / self.yardstick if self.at_least is not None else self.yardstick / self.measured

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "goal": self.goal, "ratio": self.ratio, "verdict": self.verdict}


def broken(name: str, error: BaseException) -> Row:
    """What stands in the table where benchmark `name` raised."""
    return Row(what=name, measured=None, note=f"{type(error).__name__}: {error}")


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """All rows as one JSON document."""
    return {"schema": SCHEMA, "data": [row.to_json() for row in rows]}


def render(rows: Sequence[Row]) -> str:
    """The table, then what its yardsticks are and what must be known to read it; ends with a newline."""
    remarks: list[str] = []
    cells = [HEADINGS]
    for row in rows:
        mark = _remark(row, remarks)
        what = row.what if len(row.what) <= WIDEST_WHAT else row.what[: WIDEST_WHAT - 1] + "…"
        measured = "-" if row.measured is None else f"{_number(row.measured)}{_unit(row.unit)}"
        yardstick = "" if row.yardstick is None else f"{_number(row.yardstick)}{_unit(row.unit)}"
        ratio = "" if row.ratio is None else f"{_number(row.ratio)}x"
        cells.append((what + mark, row.goal, measured, yardstick, ratio, row.verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [_line(line, widths) for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", *remarks] if remarks else lines) + "\n"


def _remark(row: Row, remarks: list[str]) -> str:
    """Add the row's remark, and return the mark that points at it."""
    told = "; ".join(part for part in (row.yardstick_is and f"yardstick: {row.yardstick_is}", row.note) if part)
    if not told:
        return ""
    known = [text.partition(" ")[2] for text in remarks]
    if told not in known:
        remarks.append(f"[{len(remarks) + 1}] {told}")
        known.append(told)
    return f" [{known.index(told) + 1}]"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [
        cell.ljust(width) if column in (0, len(cells) - 1) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(shown).rstrip()


def _number(value: float) -> str:
    """Three significant digits, or the whole number."""
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"


def _unit(unit: str) -> str:
    return unit if unit in ("", "%", "x") else f" {unit}"
