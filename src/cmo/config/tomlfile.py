"""Settings files as text: reading with line numbers, and changing one value while comments stay."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmo.errors import ConfigError

MAX_BYTES = 1_000_000
_HEADER = re.compile(r"^\s*\[\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\s*(?:#.*)?$")
_PAIR = re.compile(r"^\s*([A-Za-z0-9_.\-\"']+)\s*=")


@dataclass(frozen=True)
class TomlFile:
    """A settings file that parses."""

    path: Path
    values: dict[str, Any]
    """`section.name` -> value; tables below a section stay tables."""
    lines: dict[str, int]
    """`section.name` -> line, from 1, where it could be found."""


def read_toml(path: Path) -> TomlFile | None:
    """The settings in `path`, or None where there is no such file.

    Raises:
        ConfigError: the file cannot be read or is no TOML; the message names the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"Cannot read {path}: {exc.strerror or exc}.", hint="Check who owns it.") from exc
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path} is too large for a settings file.", hint="Settings are a page of TOML.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise _unreadable(path, line, "not UTF-8 text") from exc
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"\s*\(at line (\d+), column (\d+)\)", str(exc))
        line = int(found[1]) if found else max(1, text.count("\n"))
        what = re.sub(r"\s*\(at .*\)$", "", str(exc))
        raise _unreadable(path, line, what) from exc
    return TomlFile(path, _flatten(tree), _find_lines(text))


def _unreadable(path: Path, line: int, what: str) -> ConfigError:
    is_twice = "overwrite" in what or "twice" in what
    return ConfigError(
        f"{path}, line {line}: {'a key that stands there already' if is_twice else what}.",
        hint=f"{'Keep one of the two' if is_twice else 'Correct that line'}: cmo config edit",
        details={"file": str(path), "line": line},
    )


def _flatten(tree: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, value in tree.items():
        if isinstance(value, dict):
            flat |= {f"{section}.{name}": item for name, item in value.items()}
        else:
            flat[section] = value
    return flat


def _find_lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    section = ""
    for number, row in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(row):
            section = _bare(header[1])
            lines.setdefault(section, number)
        elif pair := _PAIR.match(row):
            lines.setdefault(f"{section}.{_bare(pair[1])}" if section else _bare(pair[1]), number)
    return lines


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def with_value(text: str, key: str, literal: str) -> str:
    """`text` with `key` (`section.name`) set to the TOML `literal`; comments and order stay.

    Raises:
        ValueError: the text is laid out in a way this cannot change safely.
    """
    section, _, name = key.rpartition(".")
    rows = text.splitlines()
    changed = _replace(rows, section, name, literal) or _insert(rows, section, name, literal)
    result = "\n".join(changed) + "\n"
    try:
        after = _flatten(tomllib.loads(result))
        before = _flatten(tomllib.loads(text))
        wanted = tomllib.loads(f"value = {literal}")["value"]
    except tomllib.TOMLDecodeError as exc:
        raise ValueError(str(exc)) from exc
    if after != {**before, key: wanted}:
        raise ValueError("another setting would change")
    return result


def changed_text(path: Path, key: str, literal: str) -> str:
    """The settings file at `path` with `key` set to the TOML `literal`; a missing file is an empty one.

    Raises:
        ConfigError: it is no TOML, or laid out in a way that cannot be changed safely.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    read_toml(path)  # a file that is no TOML is told with its line
    try:
        return with_value(before, key, literal)
    except ValueError as exc:
        raise ConfigError(
            f"{path} is laid out in a way that cannot be changed safely.", hint="Change it by hand: cmo config edit"
        ) from exc


def _replace(rows: list[str], section: str, name: str, literal: str) -> list[str] | None:
    here = ""
    for index, row in enumerate(rows):
        if header := _HEADER.match(row):
            here = _bare(header[1])
        elif here == section and (pair := _PAIR.match(row)) and _bare(pair[1]) == name:
            end = _value_end(rows, index)
            if end is None:
                return None
            tail = _comment_after(rows[index]) if end == index else ""
            return [*rows[:index], f"{row[: pair.end()]} {literal}{tail}", *rows[end + 1 :]]
    return None


def _value_end(rows: list[str], start: int) -> int | None:
    """The last row of the value that starts in row `start`; arrays may go over several."""
    for end in range(start, min(len(rows), start + 200)):
        try:
            tomllib.loads("\n".join(rows[start : end + 1]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return None


def _comment_after(row: str) -> str:
    """The comment at the end of a one-row pair, with the space before it."""
    for found in re.finditer(r"\s*#", row):
        try:
            tomllib.loads(row[: found.start()])
        except tomllib.TOMLDecodeError:
            continue
        return row[found.start() :]
    return ""


def _insert(rows: list[str], section: str, name: str, literal: str) -> list[str]:
    pair = f"{name} = {literal}"
    if not section:
        return [pair, *rows]
    for index, row in enumerate(rows):
        header = _HEADER.match(row)
        if header and _bare(header[1]) == section:
            end = next((i for i in range(index + 1, len(rows)) if rows[i].lstrip().startswith("[")), len(rows))
            while end > index + 1 and not rows[end - 1].strip():
                end -= 1
            return [*rows[:end], pair, *rows[end:]]
    gap = [""] if rows and rows[-1].strip() else []
    return [*rows, *gap, f"[{section}]", pair]
