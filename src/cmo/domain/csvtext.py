"""CSV that a spreadsheet shows and does not run.

RFC 4180 with `\\n` as line end (every reader we know takes it, and files stay diffable) in UTF-8. A text cell that a
spreadsheet would take for a formula gets a leading apostrophe, which is how spreadsheets themselves mark text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum

_STARTS_A_FORMULA = frozenset("=+-@")
_NEEDS_QUOTES = frozenset(',"\n\r\t;')


def csv_cell(value: object) -> str:
    """One cell, quoted where needed. None is empty; times are UTC in whole seconds, `2026-11-20T09:00:00Z`."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if value is None:
        return ""
    if isinstance(value, Enum):
        return csv_cell(value.value)
    if isinstance(value, int | float):
        return str(value)
    text = harmless_text(str(value))
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES & set(text) else text


def csv_line(values: Iterable[object]) -> str:
    """One record, with its line end."""
    return ",".join(csv_cell(value) for value in values) + "\n"


def harmless_text(text: str) -> str:
    """`text` such that no spreadsheet takes it for a formula, also behind spaces or in full-width form."""
    kept = "".join(c for c in text if c != "\0" and not "\ud800" <= c <= "\udfff")
    first = next((c for c in kept if unicodedata.category(c)[0] not in "CZ"), "")  # behind controls and spaces
    is_formula = bool(first) and unicodedata.normalize("NFKC", first)[:1] in _STARTS_A_FORMULA
    return "'" + kept if is_formula or kept[:1] in ("\t", "\r", "\n") else kept
