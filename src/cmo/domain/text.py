"""Text from outside, made harmless on entry: what it can still do afterwards is be read."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_BIDI_AND_INVISIBLE = frozenset(
    (
        *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2028, 0x2029, 0x3164, 0xFEFF, 0xFFA0),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
    )
)


def clean_text(text: str, *, limit: int) -> str:
    """`text` in NFC without controls, bidi marks, zero-width characters or unpaired surrogates.

    Line breaks survive as `\\n`, tabs as a space. Idempotent.

    Args:
        limit: Most characters kept; the cut shows as `…`, which counts.
    """
    if text.isascii() and text.isprintable():
        kept = text.strip()
        return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    kept = "".join(c for c in normal if c == "\n" or _is_printable(c))
    kept = unicodedata.normalize("NFC", kept).strip()
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def clean_line(text: str, *, limit: int = 200) -> str:
    """As `clean_text`, on one line: runs of white space become one space."""
    return clean_text(" ".join(clean_text(text, limit=max(limit * 4, 400)).split()), limit=limit)


def span(seconds: float) -> str:
    """A duration in its two largest units: `45s`, `4m40s`, `2h5m`, `3d4h`."""
    whole = max(0, round(seconds))
    for size, unit, small, sub in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size}{unit}" + (f"{rest}{sub}" if rest else "")
    return f"{whole}s"


def ago(seconds: float) -> str:
    """How long ago, in one unit: `now`, `2 min ago`, `3 h ago`, `5 d ago`."""
    if seconds < 60:
        return "now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "now"


def moment(text: str, *, now: datetime) -> datetime:
    """A time given as `10m`, `2h`, `7d` ago, or as ISO 8601.

    Raises:
        ValueError
    """
    back = re.fullmatch(r"([0-9]{1,6})\s*([smhd])", text.strip().lower())
    if back:
        try:
            return now - timedelta(seconds=int(back[1]) * _UNITS[back[2]])
        except OverflowError:
            raise ValueError(f"{text!r} is before all time") from None
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.astimezone()


def _is_printable(char: str) -> bool:
    code = ord(char)
    if code < 0x20 or 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF:
        return False
    return code not in _BIDI_AND_INVISIBLE


def counted(count: int, noun: str) -> str:
    """`1 draft`, `1,200 drafts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def drafts_wait(count: int) -> str:
    """`1 draft waits for you`."""
    return f"{counted(count, 'draft')} {'waits' if count == 1 else 'wait'} for you"
