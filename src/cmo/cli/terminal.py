"""What a stream can show, and text made safe and fitting for it."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from cmo.cli.flags import GlobalFlags

_DEFAULT_SIZE = (80, 24)
_TONES = {"ok": "34", "warn": "33", "error": "31", "dim": "2", "bold": "1", "needs": "7"}
_ORDERS = re.compile("\x1b(?!\\[[0-9;]*m)|[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_PAINT = re.compile("(\x1b\\[[0-9;]*m)")
_LEFT_COLUMNS = re.compile(r" +(?:\S+(?: \S+)* {2,})+(?=\S)")
"""What stands left of the last column, in a line that starts with spaces."""
_WORDS = re.compile(r"\s*\S+")
_APART = re.compile(r" {3,}")
_UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)


@dataclass(frozen=True)
class Terminal:
    """A stream as a place to show things."""

    is_tty: bool
    color: bool
    glyphs: bool
    """Signs such as ✓ may be used; else words."""
    width: int
    height: int
    spoken: bool = False
    """Somebody may listen to it: sentences, and nothing that only eyes make sense of, such as bars."""

    def paint(self, text: str, tone: str) -> str:
        """`text` in a tone: ok, warn, error, dim, bold, needs (reverse); unchanged without colour."""
        return f"\x1b[{_TONES[tone]}m{text}\x1b[0m" if self.color and tone in _TONES else text


def judge(
    stream: TextIO, env: Mapping[str, str], flags: GlobalFlags, *, ascii_only: bool = False, spoken: bool = False
) -> Terminal:
    """What `stream` can show. Each stream is judged alone."""
    is_tty = stream.isatty()
    width, height = _size(stream, env) if is_tty else _DEFAULT_SIZE
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    plain = flags.plain or ascii_only or spoken
    return Terminal(
        is_tty=is_tty,
        color=_color(is_tty, env, flags),
        glyphs=not plain and encoding.startswith("utf") and env.get("TERM") != "dumb",
        width=width,
        height=height,
        spoken=spoken,
    )


def _color(is_tty: bool, env: Mapping[str, str], flags: GlobalFlags) -> bool:
    if flags.no_color or flags.plain or env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_tty and env.get("TERM") != "dumb"


def _size(stream: TextIO, env: Mapping[str, str]) -> tuple[int, int]:
    columns, lines = env.get("COLUMNS", ""), env.get("LINES", "")
    try:
        size = os.get_terminal_size(stream.fileno())
        found = (size.columns or _DEFAULT_SIZE[0], size.lines or _DEFAULT_SIZE[1])
    except (OSError, ValueError):
        found = _DEFAULT_SIZE
    return (
        int(columns) if columns.isdecimal() and int(columns) else found[0],
        int(lines) if lines.isdecimal() and int(lines) else found[1],
    )


def safe_line(text: str) -> str:
    """`text` on one line without anything a terminal could obey or hide."""
    if text.isascii() and text.isprintable():
        return text
    from cmo.domain.text import clean_line

    return clean_line(text, limit=max(len(text), 1) + 1)


def guarded(line: str) -> str:
    """`line` with colours and line breaks as they are, and without anything else a terminal could obey.

    The last net under lines that are put together from parts: each part is made safe where it is put in.
    """
    return line if line.isascii() and line.isprintable() else _ORDERS.sub("", line)


def safe_json(value: Any) -> str:
    """`value` as one line of JSON; what a terminal could obey is escaped, so nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_jsonable)
    return safe_piece(text)


def safe_piece(json_text: str) -> str:
    """JSON text with what a terminal could obey escaped; the value stays the same."""
    return _UNSAFE_IN_JSON.sub(_escape, json_text)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _jsonable(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "isoformat"):
        return iso(value) if hasattr(value, "tzinfo") else value.isoformat()
    return list(value) if isinstance(value, (set, frozenset)) else str(value)


def iso(moment: Any) -> str:
    """ISO 8601 with offset; UTC as `Z`, without fractions."""
    text = str(moment.isoformat(timespec="seconds"))
    return text.replace("+00:00", "Z")


def cells(text: str) -> int:
    """How many columns `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, width: int, *, glyphs: bool = True) -> str:
    """`text` in at most `width` columns; a cut shows as `…` (`...` without signs)."""
    if cells(text) <= width:
        return text
    mark = "…" if glyphs else "..."
    room = max(0, width - len(mark))
    kept, used = [], 0
    for char in text:
        used += _cells(char)
        if used > room:
            break
        kept.append(char)
    return ("".join(kept).rstrip() + mark)[: max(width, 0)]


def fit_painted(line: str, width: int, *, glyphs: bool = True) -> str:
    """As `fit`, for a line with colours; they take no room and are not cut."""
    parts = _PAINT.split(line)
    if sum(cells(part) for part in parts[::2]) <= width:
        return line
    kept, room = [], width
    for number, part in enumerate(parts):
        if number % 2:
            kept.append(part)
        elif room > 0:
            rest = any(parts[number + 2 :: 2])
            cut = fit(part + "  " if rest and cells(part) >= room else part, room, glyphs=glyphs)
            kept.append(cut)
            room = 0 if cut != part else room - cells(cut)
    return "".join(kept)


def wrapped(text: str, width: int, *, hanging: int = 0) -> list[str]:
    """`text` in lines of at most `width` columns, broken between words; those after the first start at `hanging`.

    A word that is longer stays whole, so that it can be copied.
    """
    rows, row = [], ""
    for piece in _WORDS.findall(text):
        if row.strip() and cells(row + piece) > width:
            rows.append(row)
            row = " " * hanging + piece.lstrip()
        else:
            row += piece
    return [*rows, row]


def hung(text: str, width: int) -> list[str]:
    """The lines of `text` in at most `width` columns: a paragraph, or a row of columns, that is wider is filled anew
    between words; what goes on stands below its column."""
    parts: list[list[str]] = []
    for line in text.split("\n"):
        if line and parts and parts[-1][-1] and _indent(line) == _hanging(parts[-1][0]):
            parts[-1].append(line)
        else:
            parts.append([line])
    rows: list[str] = []
    for part in parts:
        below = _hanging(part[0])
        whole = " ".join([part[0], *(line.lstrip() for line in part[1:])])
        fits = max(map(cells, part)) <= width
        rows += part if fits else wrapped(whole, width, hanging=below if 2 * below <= width else _indent(part[0]))
    return rows


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _hanging(line: str) -> int:
    """Where what goes on from `line` starts: its last column."""
    left = _LEFT_COLUMNS.match(line)
    return left.end() if left else _indent(line)


def laid(text: str, width: int) -> list[str]:
    """Narration in lines that fit: parts that stand apart each on a line, prose between words, commands whole."""
    if cells(text) <= width:
        return [text]
    body = text.lstrip()
    indent = " " * (len(text) - len(body))
    rows: list[str] = []
    for part in _APART.split(body):
        head, colon, command = part.partition(": cmo ")
        if cells(indent + part) <= width:
            rows.append(indent + part)
        elif colon:
            rows += [f"{indent}{head}:", f"{indent}  cmo {command}"]
        elif "cmo " in part and part.startswith(("cmo ", '"cmo ')):
            rows.append(indent + part)
        else:
            rows += wrapped(indent + part, width, hanging=len(indent) + 2)
    return rows


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns."""
    gap = " " * max(0, width - cells(text))
    return gap + text if right else text + gap


def thousands(count: float) -> str:
    """12400 -> `12,400`."""
    return f"{count:,.0f}" if isinstance(count, float) else f"{count:,}"
