"""A job file as text: YAML or TOML read strictly into plain values, with the line of every key.

YAML goes through the safe loader's nodes, never its constructors: no tags, no merge keys, days stay text, and what an
alias repeats counts towards a limit. Both forms refuse duplicate keys and numbers that are not finite.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmo.domain.text import clean_line
from cmo.errors import JobFileError

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 1_000_000
MAX_NODES = 10_000
"""Values in a file, those that aliases repeat included."""
MAX_DEPTH = 20
_DIGITS = re.compile(r"[-+]?(0|[1-9][0-9_]{0,18})")
_FLOAT = re.compile(r"[-+]?[0-9][0-9_]*\.?[0-9]*([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?")

Key = tuple[str | int, ...]
"""Where a value stands: names of tables, indexes of lists."""


@dataclass(frozen=True)
class JobText:
    """A file that parses."""

    path: Path
    values: dict[str, Any]
    """None, bool, int, float, str, list, dict; TOML also gives `date`."""
    lines: dict[Key, int]

    def line(self, *key: str | int) -> int:
        """The line of `key`, from 1; of the nearest table around it where its own is not known."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def fault(
    path: Path, line: int | None, what: str, *, hint: str, key: str = "", nearest: str | None = None
) -> JobFileError:
    """The error for something wrong in `path`; names file, line and key, and says how to fix it."""
    shown = clean_line(key, limit=80)
    at = f"{path}, line {line}" if line else str(path)
    details = {"file": str(path), "line": line, "key": shown or None, "nearest": nearest}
    return JobFileError(f"{at}: {f'{shown}: ' if shown else ''}{what}.", hint=hint, details=details)


def read_job_text(path: Path) -> JobText:
    """Read `path` as YAML or TOML, by its ending.

    Raises:
        JobFileError: it cannot be read, is no job file by its ending, size or bytes, or does not parse.
    """
    if path.suffix.lower() not in (".yaml", ".yml", ".toml"):
        raise fault(path, None, "a job file ends in .yaml, .yml or .toml", hint="Rename it after what it holds.")
    text = _decode(path, _read_bytes(path))
    if not text.strip():
        raise fault(
            path, None, "the file is empty", hint='Write at least one line: goal: "find 300 python maintainers"'
        )
    return _read_toml(path, text) if path.suffix.lower() == ".toml" else _read_yaml(path, text)


def _read_bytes(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise fault(path, None, "this is a folder, not a job file", hint=f"Name a file in it: {path}/….yaml")
        if not stat.S_ISREG(kind):
            raise fault(path, None, "this is not a regular file", hint="Give the path of a YAML or TOML file.")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as exc:
        raise fault(
            path, None, "there is no such file", hint="Check the path; examples are in examples/jobs/."
        ) from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise fault(path, None, f"cannot be read ({reason})", hint="Check that it is yours to read.") from exc
    if len(raw) > MAX_BYTES:
        raise fault(
            path, None, "larger than 1 MB", hint="A job file is a page of settings; lists of people are imported."
        )
    return raw


def _decode(path: Path, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise fault(path, 1, "the file is UTF-16", hint="Save it as UTF-8.")
    if b"\x00" in raw:
        line = raw[: raw.index(b"\x00")].count(b"\n") + 1
        raise fault(path, line, "this is binary data", hint="A job file is plain text: YAML or TOML.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise fault(path, line, "this is not UTF-8 text", hint="Save the file as UTF-8.") from exc
    return text.replace("\r\n", "\n")


# --- YAML


def _read_yaml(path: Path, text: str) -> JobText:
    import yaml  # 20 ms, and most commands read no job file

    try:
        node = _compose(path, text)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = clean_line(exc.problem or "this is not YAML", limit=120)
        if "another document" in problem:
            problem = "one file holds one job, but a second document starts"
        raise fault(path, mark.line + 1 if mark else None, problem, hint=_YAML_HINT) from exc
    except yaml.YAMLError as exc:
        line = text[: getattr(exc, "position", 0)].count("\n") + 1
        raise fault(path, line, "characters that YAML does not allow", hint="Remove control characters.") from exc
    values = _Values(path)
    if not isinstance(node, yaml.MappingNode):
        raise fault(path, 1, "a job file is a list of `key: value` lines", hint=_YAML_HINT)
    return JobText(path, values.mapping(node, ()), values.lines)


_YAML_HINT = 'Check indentation, colons and quotes; for example: goal: "find 300 python maintainers"'


def _compose(path: Path, text: str) -> yaml.Node | None:
    """The nodes of the one document in `text`, with limits on their number and nesting while they are made."""
    import yaml

    class Loader(yaml.SafeLoader):
        made = 0
        depth = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            self.made += 1
            self.depth += 1
            if self.made > MAX_NODES or self.depth > MAX_DEPTH:
                raise fault(path, self.line + 1, _too_much(self.depth), hint=_ONE_PAGE)
            node: yaml.Node | None = super().compose_node(parent, index)
            self.depth -= 1
            return node

    loader = Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


_ONE_PAGE = "A job file is a page of settings."


def _too_much(depth: int) -> str:
    return f"nested more than {MAX_DEPTH} deep" if depth > MAX_DEPTH else f"more than {MAX_NODES:,} values"


class _Values:
    """Turns nodes into plain values; remembers the line of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Key, int] = {}
        self._made = 0

    def mapping(self, node: yaml.MappingNode, at: Key) -> dict[str, Any]:
        self._plain_tag(node, "map", at)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = self._name(key_node, at)
            line = key_node.start_mark.line + 1
            if name in values:
                first = self.lines[(*at, name)]
                raise self._fault(key_node, (*at, name), f"stands twice, first in line {first}", "Keep one of them.")
            self.lines[(*at, name)] = line
            values[name] = self._value(value_node, (*at, name))
        return values

    def _value(self, node: yaml.Node, at: Key) -> Any:
        import yaml

        self._made += 1
        if self._made > MAX_NODES or len(at) > MAX_DEPTH:
            raise self._fault(node, at, _too_much(len(at)), _ONE_PAGE)
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            self._plain_tag(node, "seq", at)
            return [self._value(item, (*at, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _name(self, node: yaml.Node, at: Key) -> str:
        import yaml

        if node.tag == "tag:yaml.org,2002:merge":
            raise self._fault(node, at, "`<<` merges are not taken", "Write the keys out.")
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            raise self._fault(node, at, "a key must be a word", "Put it in quotes if it is meant.")
        return str(node.value)

    def _scalar(self, node: yaml.Node, at: Key) -> Any:
        text, kind = str(node.value), node.tag.removeprefix("tag:yaml.org,2002:")
        match kind:
            case "str" | "timestamp":
                return text
            case "null" if text in ("", "~", "null", "Null", "NULL"):
                return None
            case "bool" if text.lower() in _BOOLEANS:
                return _BOOLEANS[text.lower()]
            case "int" if _DIGITS.fullmatch(text):
                return int(text.replace("_", ""))
            case "float" if _FLOAT.fullmatch(text) and math.isfinite(float(text.replace("_", ""))):
                return float(text.replace("_", ""))
            case "int" | "float":
                hint = "Write a plain decimal number, or put text in quotes."
                raise self._fault(node, at, f"“{clean_line(text, limit=40)}” is no number a job can have", hint)
            case _:
                hint = "Write the value plainly."
                raise self._fault(node, at, f"the tag “{clean_line(node.tag, limit=60)}” is not taken", hint)

    def _plain_tag(self, node: yaml.Node, kind: str, at: Key) -> None:
        if node.tag != f"tag:yaml.org,2002:{kind}":
            what = f"the tag “{clean_line(node.tag, limit=60)}” is not taken"
            raise self._fault(node, at, what, "Write the value plainly.")

    def _fault(self, node: yaml.Node, at: Key, what: str, hint: str) -> JobFileError:
        return fault(self.path, node.start_mark.line + 1, what, hint=hint, key=dotted(at))


_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def dotted(at: Key) -> str:
    """`icp.topics[2]`."""
    name = ""
    for part in at:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


# --- TOML


def _read_toml(path: Path, text: str) -> JobText:
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"\(at line (\d+)", str(exc))
        what = clean_line(re.sub(r"\s*\(at [^)]*\)$", "", str(exc)), limit=120)
        line = int(found[1]) if found else text.rstrip().count("\n") + 1
        hint = 'Text needs quotes and `=` after its key: goal = "find 300 python maintainers"'
        raise fault(path, line, what, hint=hint) from exc
    except (RecursionError, ValueError) as exc:
        raise fault(path, None, _too_much(MAX_DEPTH + 1), hint=_ONE_PAGE) from exc
    found_lines = dict(_toml_lines(text))
    checked = JobText(path, values, found_lines)
    for count, (at, value) in enumerate(_walk(values, ())):
        problem = _toml_problem(at, value, count)
        if problem:
            raise fault(path, checked.line(*at), problem, hint=_ONE_PAGE, key=dotted(at))
    return checked


def _walk(value: Any, at: Key) -> Iterator[tuple[Key, Any]]:
    yield at, value
    if len(at) <= MAX_DEPTH:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, item in items:
            yield from _walk(item, (*at, name))


def _toml_problem(at: Key, value: Any, count: int) -> str:
    if len(at) > MAX_DEPTH or count > MAX_NODES:
        return _too_much(len(at))
    if isinstance(value, float) and not math.isfinite(value):
        return f"“{value}” is no number a job can have"
    if isinstance(value, datetime | time):
        return "a time of day means nothing here; a day is enough"
    if isinstance(value, int) and abs(value) >= 10**19:
        return "the number is too large"
    return "" if isinstance(value, dict | list | str | int | float | date) else "this kind of value is not taken"


_TOML_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*", re.DOTALL
)
_TOML_KEY = re.compile(r"""\s*(?:"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))\s*""")


def _toml_lines(text: str) -> Iterator[tuple[Key, int]]:
    """Key -> line for the keys of a text that is known to parse; keys inside inline tables are left out."""
    table: Key = ()
    arrays: dict[Key, int] = {}
    at, end = 0, len(text)
    while at < end:
        if text[at].isspace():
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at)
        elif text[at] == "[":
            is_array = text.startswith("[[", at)
            table, after = _key_path(text, at + (2 if is_array else 1))
            line = text.count("\n", 0, at) + 1
            if is_array:
                arrays[table] = arrays.get(table, -1) + 1
                table = (*table, arrays[table])
            yield table, line
            at = _line_end(text, after)
        else:
            key, after = _key_path(text, at)
            yield (*table, *key), text.count("\n", 0, at) + 1
            at = _value_end(text, max(after, at + 1))


def _key_path(text: str, at: int) -> tuple[Key, int]:
    parts: list[str] = []
    while found := _TOML_KEY.match(text, at):
        parts.append(next(group for group in found.groups() if group is not None))
        at = found.end()
        if not text.startswith(".", at):
            break
        at += 1
    return tuple(parts), at


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _value_end(text: str, at: int) -> int:
    """The end of the line on which the value that starts at `at` ends."""
    depth = 0
    while at < len(text):
        if found := _TOML_TEXT.match(text, at):
            at = found.end()
            continue
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[at], 0)
        at += 1
        if text[at - 1] == "\n" and depth <= 0:
            return at
    return at
