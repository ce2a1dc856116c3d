"""Figures and ids in whichever form a service sends them; what cannot be used is None or empty, never an exception."""

from __future__ import annotations

from collections.abc import Mapping

from cmo.domain.text import clean_line


def record_id(row: Mapping[str, object]) -> str:
    """What the service calls a record; empty where it does not say."""
    return clean_line(text(row.get("id")), limit=80)


def whole(value: object) -> int | None:
    """A count or an id that came as a number or as digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 19:
        return int(value)
    return None


def text(value: object) -> str:
    """Text or a number as text; empty for everything else."""
    if isinstance(value, str):
        return value
    number = whole(value)
    return str(number) if number is not None else ""


def rows_of(value: object) -> list[object]:
    """A list, or none where it is something else."""
    return value if isinstance(value, list) else []
