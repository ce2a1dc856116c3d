"""Audit: who did what, newest first, and whether the chain of rows is whole. Nothing can be changed here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult

from cmo.config import Settings
from cmo.domain.audit import AuditRow, Broken
from cmo.domain.text import counted
from cmo.errors import JobNotFound
from cmo.service import audit as verbs
from cmo.service.audit import AuditFilter, audit_filter
from cmo.store.db import Connection
from cmo.tui.exporting import Export, export
from cmo.tui.messages import Told
from cmo.tui.paint import Palette, line
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Show
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.lines import Passage
from cmo.tui.widgets.table import Cell, Column, Row, RowTable

_COLUMNS = (
    Column("row", 6, "right", least=90),
    Column("time", 12),
    Column("who", 10),
    Column("did", 16),
    Column("to"),
    Column("before → after", 22, least=100),
    Column("with"),
    Column("dry", 7),
)


class AuditRows:
    """The rows of the log that meet the filter."""

    def __init__(self, conn: Connection, wanted: AuditFilter, broken: Broken | None, palette: Palette) -> None:
        self._conn, self._wanted, self._broken, self._palette = conn, wanted, broken, palette
        self.seen: dict[int, AuditRow] = {}
        """Those of the pages that were read, by number."""
        self._count = wanted.count(conn)

    def count(self) -> int:
        return self._count

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        found = self._wanted.page(self._conn, limit=limit, offset=offset)
        self.seen |= {row.seq: row for row in found}
        return [Row(row.seq, self._cells(row)) for row in found]

    def _cells(self, row: AuditRow) -> tuple[Cell, ...]:
        mark: Cell = ("dry", "dim") if row.is_dry else ""
        if self._broken is not None and self._broken.seq == row.seq:
            mark = self._palette.labelled("failed", "break")
        arrow = "->" if self._palette.ascii else "→"
        change = f"{line(row.before)} {arrow} {line(row.after)}" if row.before or row.after else ""
        return (
            str(row.seq),
            f"{row.at.astimezone():%d %b %H:%M}",
            line(row.actor.removeprefix("operator:")),
            (line(row.action), "bold"),
            line(row.object),
            change,
            line(_detail(row)),
            mark,
        )


class Audit(Page):
    """Screen 8."""

    NAME = "audit"
    CSS = "Audit #chain { height: auto; max-height: 4; padding: 0 1; border-top: solid $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._wanted = AuditFilter()
        self._filter = ""
        self._rows: AuditRows | None = None
        self._broken: Broken | None = None
        self._found = ""
        """What the last look at the chain found."""

    def body(self) -> ComposeResult:
        yield RowTable(_COLUMNS, self.palette)
        yield Passage(id="chain")
        yield FilterBox("actor:ana action:drafts. draft:36 since:7d")

    def reload(self) -> None:
        """Read the log anew."""
        try:
            conn = self.desk.conn
        except JobNotFound:  # there is no store yet
            self._draw()
            return
        self._rows = AuditRows(conn, self._wanted, self._broken, self.palette)
        self._table.show(self._rows)
        self._draw()

    def copies(self) -> list[tuple[str, str]]:
        row = self._row
        if row is None:
            return []
        command = f"cmo audit list --action {row.action}"
        draft = row.object.removeprefix("draft:")
        if draft != row.object and draft.isdecimal():
            command = f"cmo audit list --draft {draft}"
        return [("object", row.object), ("row", row.model_dump_json()), ("command", command)]

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        row = self._row
        if row is not None:
            self.app.push_screen(Show(f"Row {row.seq}", _whole(row)))

    def take_filter(self, text: str) -> None:
        self._wanted, self._filter = audit_filter(text, now=self.desk.now()), text

    def heard(self, told: Told) -> None:
        """The chain was followed: show the first break where there is one."""
        if not isinstance(told.answer, verbs.Verified):
            return
        self._broken, self._found = told.answer.broken, told.text
        self.reload()
        if self._broken is not None:
            self._table.move_to(self._wanted.count(self.desk.conn, after=self._broken.seq))

    def action_audit_verify(self) -> None:
        """Follow the chain from its first row to the newest."""
        settings = self.desk.settings
        self.notify("Following the chain.", markup=False)
        self.workplace.act_apart("audit.verify", lambda: _verified(settings))

    def action_audit_export(self) -> None:
        """Write what is shown, oldest first."""
        settings, wanted = self.desk.settings, self._wanted

        def write(path: Path) -> str:
            form: verbs.Format = "csv" if path.suffix == ".csv" else "ndjson"
            return counted(verbs.export_audit(settings, path, form, wanted).rows, "row")

        shown = (
            f"what matches {line(self._filter)}" if self._filter else "the whole log, which can be verified anywhere"
        )
        asked = f"{shown}; to which file? .ndjson or .csv"
        export(
            self.workplace,
            Export("audit.export", "Export the audit log", asked, "audit.ndjson", write, names_file=True),
        )

    def _draw(self) -> None:
        text = Text()
        if self._rows is None or not self._rows.count():
            if self._filter:
                text.append("Nothing matches the filter. Esc in it clears it.\n")
            else:
                text.append("Nothing was done yet. Each decision, send, stop and change of a limit will be here.\n")
        if self._broken is not None:
            text.append(f"{self.palette.sign('failed')[0]} {line(self._found)}", self.palette["error"])
        elif self._found:
            text.append(f"{self.palette.sign('done')[0]} {line(self._found)}", self.palette["ok"])
        else:
            text.append("Each row holds the hash of the one before. V: follow the chain.", self.palette["dim"])
        self.query_one("#chain", Passage).say(text)

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def _row(self) -> AuditRow | None:
        row = self._table.row()
        return None if row is None or self._rows is None else self._rows.seen[int(str(row.key))]


def _detail(row: AuditRow) -> str:
    """What a row says besides, in one line."""
    parts = []
    for name, value in row.detail.items():
        if value not in (None, "", [], {}):
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            parts.append(text if name in ("reason", "rule", "basis") else f"{name} {text}")
    return "  ".join(parts)


def _whole(row: AuditRow) -> str:
    told = [
        ("at", row.at.isoformat()),
        ("actor", row.actor),
        ("action", row.action),
        ("object", row.object),
        ("before", row.before),
        ("after", row.after),
        ("dry run", "yes, nothing was changed" if row.is_dry else "no"),
        ("hash", row.hash),
        ("prev hash", row.prev_hash),
    ]
    lines = [f"{name:<10} {value}" for name, value in told]
    return "\n".join([*lines, "", json.dumps(row.detail, indent=2, sort_keys=True, ensure_ascii=False)])


def _verified(settings: Settings) -> Told:
    found = verbs.verify_audit(settings)
    if found.broken is None:
        said = f"Whole: {found.rows:,} rows follow from one another. Head {found.head[:16]}"
    else:
        since = f" The last row that holds is of {found.broken.after}." if found.broken.after else ""
        said = f"Broken at row {found.broken.seq}: {found.broken.why}.{since} Compare it with a backup."
    return Told("audit.verify", said, is_refused=found.broken is not None, answer=found)
