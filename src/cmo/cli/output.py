"""The only writer of stdout: one answer in three forms, by where it goes.

On a terminal an aligned table that fits; on a pipe tab-separated lines with a header, full values and ISO times; with
`--json` one document `{"schema":"cmo.x.y/1","data":…,"next":…}`, or one event a line for streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO

from cmo.cli.errors import UsageProblem
from cmo.cli.terminal import Terminal, cells, fit, guarded, iso, pad, safe_json, safe_line, safe_piece
from cmo.domain.text import ago

Row = Mapping[str, Any]
_LEAST = 4
_COMMANDS = ("next", "can_do")
"""Fields of documents that hold commands to type."""
"""No column gets narrower."""


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    key: str
    """The field in JSON, the header on a pipe, the name for `--fields`."""
    head: str | None = None
    """The heading on a terminal; None: the key."""
    right: bool = False
    """Numbers stand to the right."""
    show: Callable[[Row], str] | None = None
    """The form on a terminal; None: the value itself."""
    tone: Callable[[Row], str] | None = None
    """The colour on a terminal."""
    extra: bool = False
    """Left out on a terminal unless `--fields` names it."""
    least: int = 6
    """The width below which it is not cut while another column can give way."""
    drop: int = 0
    """Left out on a terminal too narrow for all, the highest first; 0: never."""


@dataclass
class Output:
    """Answers of one command. Each is flushed: what is said of it comes after it, and a closed pipe is met at once."""

    stream: TextIO
    terminal: Terminal
    json: bool
    now: Callable[[], datetime]
    page: Callable[[str], bool] = field(default=lambda text: False)
    """Shows a long text in a pager; False where it did not."""
    qualify: Callable[[str], str] = field(default=lambda text: text)
    """Adds the global flags in force to the commands a text names."""

    @property
    def form(self) -> str:
        """`json`, `terminal` or `pipe`."""
        if self.json:
            return "json"
        return "terminal" if self.terminal.is_tty else "pipe"

    def table(
        self,
        schema: str,
        columns: Sequence[Column],
        rows: Iterable[Row],
        *,
        fields: str | None = None,
        total: int | None = None,
        next_: str | None = None,
    ) -> None:
        """Write rows.

        Args:
            schema: e.g. `cmo.jobs.list/1`.
            fields: `--fields`: the keys wanted, comma separated.
            total: How many there are, where `rows` are only some.
            next_: What to ask for to get the rows after these.
        Raises:
            UsageProblem: `fields` names something that is not there.
        """
        chosen = pick(columns, fields)
        if self.json:
            keys = [column.key for column in (chosen if fields else columns)]
            data = [{key: row.get(key) for key in keys} for row in rows]
            counted = {} if total is None else {"total": total}
            self._line(safe_json({"schema": schema, **counted, "data": data, "next": next_}))
        elif self.form == "pipe":
            wanted = chosen if fields else columns
            self._line("\t".join(column.key for column in wanted))
            for row in rows:
                self._line("\t".join(plain(row.get(column.key)) for column in wanted))
        else:
            shown = chosen if fields else [column for column in chosen if not column.extra]
            self._paged(self._aligned(shown if fields else self._fitting(shown), list(rows)))
        self.stream.flush()

    def document(
        self, schema: str, data: Mapping[str, Any], *, text: Sequence[str] | None = None, fields: str | None = None
    ) -> None:
        """Write one thing: `text` on a terminal, `key<TAB>value` lines on a pipe, a document as JSON."""
        if fields:
            keys = pick([Column(key) for key in data], fields)
            data = {column.key: data[column.key] for column in keys}
            text = None
        data = self._typable(data)
        if self.json:
            self._line(safe_json({"schema": schema, "data": data, "next": None}))
        elif self.form == "terminal" and text is not None:
            self._paged([self.qualify(line) for line in text])
        else:
            if self.form == "pipe":
                data = dict(_flat(data))
            width = max((len(key) for key in data), default=0)
            for key, value in data.items():
                name = pad(key, width) + "  " if self.form == "terminal" else key + "\t"
                self._line(name + plain(value))
        self.stream.flush()

    def _typable(self, data: Any, name: str = "") -> Any:
        """`data` with the global flags in force in what is to be typed, as `text` has them."""
        if isinstance(data, Mapping):
            return {key: self._typable(value, key) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self._typable(item, name) for item in data]
        return self.qualify(data) if name in _COMMANDS and isinstance(data, str) else data

    def event(self, event: Mapping[str, Any], text: str) -> None:
        """Write one event of a stream, at once: JSON, or `text` on a line."""
        self._line(safe_json(event) if self.json else safe_line(text))
        self.stream.flush()

    def line(self, line: str) -> None:
        """Write one line of a stream that is made of safe parts, at once."""
        self._line(line)
        self.stream.flush()

    def text(self, text: str, *, paged: bool = False) -> None:
        """Write a text of our own (help, a script) as it is."""
        if paged:
            self._paged(text.rstrip("\n").split("\n"))
        else:
            self.stream.write(text if text.endswith("\n") or not text else text + "\n")
        self.stream.flush()

    def raw_json(self, schema: str, pieces: Iterable[str]) -> None:
        """Write a document whose data comes as pieces of JSON text; without `--json` the data alone."""
        if self.json:
            self.stream.write(f'{{"schema":"{schema}","data":')
        for piece in pieces:
            self.stream.write(safe_piece(piece))
        self.stream.write(',"next":null}\n' if self.json else "\n")
        self.stream.flush()

    def value(self, schema: str, key: str, value: Any) -> None:
        """Write a single value: bare, or as a document."""
        if self.json:
            self._line(safe_json({"schema": schema, "data": {key: value}, "next": None}))
        else:
            self._line(plain(value))
        self.stream.flush()

    def when(self, moment: datetime | None) -> str:
        """A time on a terminal: relative."""
        return "" if moment is None else ago((self.now() - moment).total_seconds())

    def _line(self, line: str) -> None:
        self.stream.write(line + "\n")

    def _paged(self, lines: Sequence[str]) -> None:
        text = "".join(f"{guarded(line)}\n" for line in lines)
        if not (self.terminal.is_tty and len(lines) >= self.terminal.height and self.page(text)):
            self.stream.write(text)

    def _aligned(self, columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
        texts = [[self._shown(column, row) for column in columns] for row in rows]
        heads = [column.key if column.head is None else column.head for column in columns]
        widths = [max([cells(heads[i]), *(cells(line[i]) for line in texts)]) for i in range(len(columns))]
        room = self._room(len(columns))
        least = [max(column.least, cells(head)) for column, head in zip(columns, heads, strict=True)]
        widths = shrink(shrink(widths, least, room), [min(_LEAST, width) for width in least], room)
        lines = [self._row(heads, widths, columns, ["dim"] * len(columns))]
        for row, line in zip(rows, texts, strict=True):
            tones = [column.tone(row) if column.tone else "" for column in columns]
            lines.append(self._row(line, widths, columns, tones))
        return lines

    def _fitting(self, columns: Sequence[Column]) -> list[Column]:
        """The columns that fit with the width each needs at least."""
        kept = list(columns)
        while sum(max(c.least, cells(c.head or c.key)) for c in kept) > self._room(len(kept)):
            weakest = max(kept, key=lambda column: column.drop)
            if not weakest.drop:
                break
            kept.remove(weakest)
        return kept

    def _room(self, columns: int) -> int:
        """What is left of a line for the cells of so many columns."""
        return self.terminal.width - 2 * columns + 1

    def _shown(self, column: Column, row: Row) -> str:
        if column.show is not None:
            return safe_line(column.show(row))
        value = row.get(column.key)
        return self.when(value) if isinstance(value, datetime) else plain(value)

    def _row(self, texts: Sequence[str], widths: Sequence[int], columns: Sequence[Column], tones: Sequence[str]) -> str:
        parts = []
        for text, width, column, tone in zip(texts, widths, columns, tones, strict=True):
            cell = pad(fit(text, width, glyphs=self.terminal.glyphs), width, right=column.right)
            parts.append(self.terminal.paint(cell, tone))
        return (" " + "  ".join(parts)).rstrip()


def pick(columns: Sequence[Column], fields: str | None) -> list[Column]:
    """The columns that `fields` names, in its order; all without it.

    Raises:
        UsageProblem: there is no such column.
    """
    if not fields:
        return list(columns)
    known = {column.key: column for column in columns}
    wanted = [name.strip() for name in fields.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            from cmo.cli.registry import suggest

            near = suggest(name, tuple(known))
            hint = f"Did you mean {near}? " if near else ""
            raise UsageProblem(f"There is no field {name}.", hint=f"{hint}Fields: {', '.join(known)}")
    return [known[name] for name in wanted]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """What a document holds as `a.b.1.c` -> value; lists of plain values stay whole."""
    if isinstance(value, Mapping) and (value or not name):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _flat(item, f"{name}.{number}")
    else:
        yield name, None if isinstance(value, Mapping) else value


def plain(value: Any) -> str:
    """A value in full, on one line: ISO times, lists comma separated, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, (list, tuple)):
        return ",".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return safe_json(value)
    return safe_line(str(value))


def shrink(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """`widths` cut, the widest first, until they fit into `room` or reach `least`."""
    result = list(widths)
    while sum(result) > room:
        loose = [i for i in range(len(result)) if result[i] > least[i]]
        if not loose:
            break
        widest = max(loose, key=lambda i: result[i])
        rest = [result[i] for i in loose if i != widest]
        step = result[widest] - max([least[widest], *rest]) or 1
        result[widest] -= min(step, sum(result) - room, result[widest] - least[widest])
    return result
