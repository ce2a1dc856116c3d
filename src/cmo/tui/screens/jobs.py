"""Jobs: all of them, what waits for a person in each, and the way into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from textual.app import ComposeResult

from cmo.clock import SystemClock
from cmo.domain.costs import usd_for
from cmo.domain.filters import Term, parse_filter
from cmo.domain.text import ago
from cmo.errors import JobNotFound
from cmo.store.job_views import JOB_FIELDS, JOB_VALUES, JobLine, count_jobs, page_jobs
from cmo.store.jobs import get_job
from cmo.tui.desk import Desk
from cmo.tui.paint import Meaning, Palette, line, pieces
from cmo.tui.screens.job_page import JobPage
from cmo.tui.widgets.dialogs import Confirm, TypeIt
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.lines import Lines
from cmo.tui.widgets.table import Cell, Column, Row, RowTable
from cmo.tui.work import cancelled, removed

LOOK_S = 5.0
"""Ages, and workers that are gone, are looked at this often though nothing was committed."""
EMPTY = " No job yet. N starts one here, or: cmo demo"
_COLUMNS = (
    Column("id", 17),
    Column("goal"),
    Column("state", 13),
    Column("stage", 8),
    Column("waits", 5, "right"),
    Column("err", 4, "right"),
    Column("spent", 10, "right", least=90),
    Column("age", 6, "right"),
)
_STATES: Mapping[str, tuple[str, str, Meaning]] = {
    "planned": ("idle", "planned", "plain"),
    "running": ("running", "running", "accent"),
    "stopped": ("failed", "worker gone", "error"),
    "paused": ("needs_you", "paused", "needs"),
    "finished": ("done", "finished", "ok"),
    "failed": ("failed", "failed", "error"),
    "cancelled": ("failed", "cancelled", "dim"),
}


class JobRows:
    """Jobs that meet a filter, the newest first."""

    def __init__(self, desk: Desk, terms: Sequence[Term], palette: Palette) -> None:
        self._desk, self._terms, self._palette = desk, terms, palette

    def count(self) -> int:
        return count_jobs(self._desk.conn, self._terms)

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        wall_s = SystemClock().now().timestamp()
        found = page_jobs(self._desk.conn, self._terms, now=self._desk.now(), wall_s=wall_s, offset=offset, limit=limit)
        return [Row(job.id, self._cells(job)) for job in found]

    def _cells(self, job: JobLine) -> tuple[Cell, ...]:
        none: Cell = ("-" if self._palette.ascii else "·", "dim")
        sign, word, meaning = _STATES[job.state]
        spent = f"${usd_for(job.tokens):,.2f}" if job.tokens else f"{job.points:,} points"
        return (
            job.id.removeprefix("cmo-"),
            line(job.goal),
            (f"{self._palette.sign(sign)[0]} {word}", meaning),
            job.stage.value,
            (f"{job.waiting:,}", "needs") if job.waiting else none,
            (f"{job.errors:,}", "error") if job.errors else none,
            spent,
            (ago((self._desk.now() - job.created_at).total_seconds()).removesuffix(" ago"), "dim"),
        )


class Jobs(JobPage):
    """Screen 0."""

    NAME = "jobs"
    CSS = "Jobs #told { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._terms: tuple[Term, ...] = ()

    @property
    def in_hand(self) -> str | None:
        row = self._table.row()
        return None if row is None else str(row.key)

    def body(self) -> ComposeResult:
        yield RowTable(_COLUMNS, self.palette, id="list")
        yield Lines(id="told")
        yield FilterBox("state:paused stage:draft -state:finished pytest")

    def on_mount(self) -> None:
        self.set_interval(LOOK_S, self._look)

    def reload(self) -> None:
        with suppress(JobNotFound):  # there is no store yet
            self._table.show(JobRows(self.desk, self._terms, self.palette))
        self._tell()

    def values(self) -> Mapping[str, object]:
        return {"job": self.in_hand} if self.in_hand else {}

    def copies(self) -> list[tuple[str, str]]:
        row = self._table.row()
        if row is None:
            return []
        cells = "\t".join(cell if isinstance(cell, str) else cell[0] for cell in row.cells)
        return [("job", str(row.key)), ("row", cells), ("command", f"cmo jobs show {row.key}")]

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        self.desk.view_job(str(event.row.key))
        self.workplace.action_show("run")

    def take_filter(self, text: str) -> None:
        self._terms = parse_filter(text, fields=JOB_FIELDS, values=JOB_VALUES)

    def action_jobs_cancel(self) -> None:
        job_id = self.in_hand
        if job_id is None:
            return
        status = get_job(self.desk.conn, job_id).status
        if status.is_over:
            self.workplace.refuse(
                f"{job_id} is {status}: there is nothing to cancel.", "D removes it with all it found."
            )
            return
        work = partial(cancelled, self.desk.settings, job_id)

        def answered(yes: bool | None) -> None:
            if yes:
                self.workplace.act("jobs.cancel", work)

        text = "It cannot be resumed afterwards. What it found, its drafts and its files stay."
        self.app.push_screen(Confirm(f"Cancel {job_id} for good?", text), answered)

    def action_jobs_remove(self) -> None:
        job_id = self.in_hand
        if job_id is None:
            return
        work = partial(removed, self.desk.settings, job_id)

        def answered(phrase: str | None) -> None:
            if phrase:
                self.workplace.act("jobs.remove", work)

        text = "The job, its people, drafts and files go for good. Who must not be contacted stays known."
        self.app.push_screen(TypeIt(f"Remove {job_id}?", text, phrase=job_id.split("-", 2)[2]), answered)

    def _look(self) -> None:
        if self.is_current and self._table.count:
            self.reload()

    def _tell(self) -> None:
        count = self._table.count
        said = f" {count:,} job{'' if count == 1 else 's'}{' match' if self._terms else ''}"
        if not count:
            said = " No job matches the filter. Esc in it clears it." if self._terms else EMPTY
        self.query_one("#told", Lines).say(pieces(said))

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)
