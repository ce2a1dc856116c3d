"""The whole log of a job: filtered, followed as it grows, each line to be seen as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from textual.app import ComposeResult

from cmo.domain.event import Recorded
from cmo.domain.event_words import level_of, record, sentence
from cmo.domain.filters import Term, parse_filter
from cmo.store.db import Connection
from cmo.store.log_views import LOG_FIELDS, LOG_VALUES, Counted, count_log, page_log
from cmo.tui.paint import Meaning, Palette, line, pieces
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Show
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.lines import Lines
from cmo.tui.widgets.table import Cell, Column, Row, RowTable

_COLUMNS = (Column("time", 8), Column("", 5), Column("kind", 18, least=100), Column("what happened"))
_SIGNS: Mapping[str, tuple[str, Meaning]] = {"warn": ("flag", "warn"), "error": ("failed", "error")}


class LogRows:
    """Events of a job that meet a filter, oldest first; what was counted once is not counted again."""

    def __init__(self, conn: Connection, job_id: str, terms: Sequence[Term], palette: Palette) -> None:
        self.conn, self.job_id, self.terms = conn, job_id, tuple(terms)
        self._palette = palette
        self._counted = Counted()

    def count(self) -> int:
        self._counted = count_log(self.conn, self.job_id, self.terms, self._counted)
        return self._counted.count

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        found = page_log(self.conn, self.job_id, self.terms, self._counted, offset=offset, limit=limit)
        return [Row(item.seq, self._cells(item)) for item in found]

    def record(self, place: int) -> str:
        """The event at a place of the list, as a line of `cmo logs --json` that is broken up."""
        found = page_log(self.conn, self.job_id, self.terms, self._counted, offset=place, limit=1)
        return json.dumps(record(found[0]), indent=2, ensure_ascii=False, default=datetime.isoformat) if found else ""

    def _cells(self, item: Recorded) -> tuple[Cell, ...]:
        level = level_of(item.event)
        cell: Cell = ""
        if level in _SIGNS:
            sign, meaning = _SIGNS[level]
            cell = self._palette.sign(sign)[0], meaning
        return f"{item.at.astimezone():%H:%M:%S}", cell, (item.event.kind, "dim"), line(sentence(item.event))


class Log(Page):
    """Not in line 2: `l` on the Run screen opens it, Esc goes back there. At its end it follows what happens."""

    NAME = "log"
    CSS = "Log #told { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._rows: LogRows | None = None
        self._terms: tuple[Term, ...] = ()

    def body(self) -> ComposeResult:
        yield RowTable(_COLUMNS, self.palette, id="list")
        yield Lines(id="told")
        yield FilterBox("level:warn kind:email who:maint -scope:item")

    def reload(self) -> None:
        job_id, table = self.desk.job_id, self._table
        if job_id is None:
            return
        rows = self._rows
        follows = rows is None or table.cursor >= table.count - 1
        if rows is None or (rows.job_id, rows.terms) != (job_id, self._terms):
            self._rows = rows = LogRows(self.desk.conn, job_id, self._terms, self.palette)
        table.show(rows)
        if follows:
            table.move_to(table.count - 1)
        self._tell()

    def copies(self) -> list[tuple[str, str]]:
        row = self._table.row()
        cells = [] if row is None else [cell if isinstance(cell, str) else cell[0] for cell in row.cells]
        return [("row", "\t".join(cells)), ("command", f"cmo logs {self.desk.job_id} --all")]

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        self._tell()

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        if self._rows is not None:
            self.app.push_screen(Show(f"Line {event.row.key}", self._rows.record(self._table.cursor)))

    def take_filter(self, text: str) -> None:
        self._terms = parse_filter(text, fields=LOG_FIELDS, values=LOG_VALUES)
        self._rows = None

    def filtered(self) -> None:
        self.reload()  # which goes to the end

    def back(self) -> bool:
        self.workplace.action_show("run")
        return True

    def _tell(self) -> None:
        table = self._table
        at_end = table.cursor >= table.count - 1
        where = "follows; k stops it" if at_end else "G goes to the end and follows"
        said = f" {table.count:,} lines{' match' if self._terms else ''}  {where}"
        if not table.count:
            said = " No line matches the filter. Esc in it clears it." if self._terms else " No line yet."
        self.query_one("#told", Lines).say(pieces(said))

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)
