"""Run: the stages as queues, what is used up, what happened last."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Resize
from textual.timer import Timer

from cmo.domain.job import Job, JobStatus, Stage
from cmo.service.outlook import Outlook, outlook
from cmo.store.db import Connection
from cmo.store.events import last_seq, latest, tail
from cmo.store.funnel_views import funnel
from cmo.store.stage_views import stage_detail
from cmo.tui.pace import Pace
from cmo.tui.paint import pieces
from cmo.tui.screens.job_page import JobPage
from cmo.tui.widgets.dialogs import Show
from cmo.tui.widgets.lines import Lines
from cmo.tui.widgets.stages import (
    COLUMNS,
    StageRows,
    Tail,
    budgets,
    detail_text,
    event_line,
    funnel_text,
    standing,
)
from cmo.tui.widgets.table import RowTable

LOOK_S = 1.0
"""A job at work is looked at this often though nothing was committed: what waits, waits longer."""
COUNTING_SHARE = 0.01
"""The most of the time that counting people may take; among very many, stages are counted less often than they move."""
MOST_EVENTS = 60
EMPTY = ' No job yet. Start one: cmo run "find 200 python maintainers", or press N'


class Run(JobPage):
    """Screen 1. It shows a job wherever it runs, in this process or in another."""

    NAME = "run"
    CSS = """
    Run #stages { height: 1; }
    Run #standing { height: 1; }
    Run #budgets { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: Outlook | None = None
        self._rows = StageRows(None, self.palette)
        self._told: tuple[str, int] | None = None
        """The job, and the last event of any job when its own were drawn."""
        self._last_events: list[Text] = []
        self._pace = Pace(COUNTING_SHARE)
        self._later: Timer | None = None

    def body(self) -> ComposeResult:
        yield RowTable(COLUMNS, self.palette, id="stages")
        yield Lines(id="standing")
        yield Lines(id="budgets")
        yield Tail(id="tail")

    def on_mount(self) -> None:
        self.set_interval(LOOK_S, self._look)

    def reload(self) -> None:
        job = self.desk.job()
        if job is None:
            self._show_nothing()
            return
        self._draw_tail(self.desk.conn, job.id)
        if self._pace.left_s <= 0 or self._view is None or job != self._view.summary.job:
            self._count(job)
        elif self._later is None:
            self._later = self.set_timer(self._pace.left_s, self._catch_up)

    def _count(self, job: Job) -> None:
        """Count what the job's stages have done, and draw it."""
        with self._pace.worked():
            self._view = outlook(self.desk.conn, job.id, now=self.desk.now())
        self._draw_stages()
        is_here = job.id in self.workplace.crew.jobs
        self.query_one("#standing", Lines).say(standing(self._view, self.palette, is_here=is_here))
        self._draw_budgets()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._draw_budgets()

    def repaint(self) -> None:
        self._told = None
        super().repaint()

    def copies(self) -> list[tuple[str, str]]:
        if self._view is None:
            return []
        row = self._table.row()
        cells = "\t".join(cell if isinstance(cell, str) else cell[0] for cell in row.cells) if row else ""
        job_id = self._view.summary.job.id
        return [("job", job_id), ("row", cells), ("command", f"cmo status {job_id}")]

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        """What needs a person is a screen of its own; of the others, more is told here."""
        stage = Stage(str(event.row.key))
        if stage is Stage.APPROVE:
            self.workplace.show_filtered("review", "state:pending")
        elif self._view is not None and self._view.failures.get(stage.value):
            self.workplace.show_filtered("errors", f"stage:{stage.value}")
        else:
            self.action_view_stage()

    def action_view_stage(self) -> None:
        row, job_id = self._table.row(), self.desk.job_id
        if row is not None and job_id is not None:
            detail = stage_detail(self.desk.conn, job_id, Stage(str(row.key)))
            self.app.push_screen(Show("Stage", detail_text(detail, self.palette)))

    def action_view_funnel(self) -> None:
        job_id = self.desk.job_id
        if job_id is not None:
            steps = funnel(self.desk.conn, job_id, now=self.desk.now())
            self.app.push_screen(Show("From repositories to mails", funnel_text(steps, self.palette)))

    def action_view_log(self) -> None:
        from cmo.tui.screens.log import Log

        if self.desk.job_id is not None:
            self.app.switch_screen(Log())

    def _catch_up(self) -> None:
        self._later = None
        if self.is_current:
            self.reload()

    def _look(self) -> None:
        view = self._view
        if self.is_current and view is not None and view.summary.job.status is JobStatus.RUNNING:
            self.reload()

    def _show_nothing(self) -> None:
        self._view = self._told = None
        self._draw_stages()
        self.query_one("#standing", Lines).say(pieces(EMPTY))
        self.query_one("#budgets", Lines).say(pieces(""))
        self.query_one(Tail).draw(())

    def _draw_budgets(self) -> None:
        if self._view is not None:
            text = budgets(self._view.gauges, self.palette, self.size.width)
            self.query_one("#budgets", Lines).say(text)

    def _draw_tail(self, conn: Connection, job_id: str) -> None:
        newest = job_id, last_seq(conn)
        if newest == self._told:
            return
        if self._told is None or self._told[0] != job_id:
            self._last_events = []
        seen = self._told[1] if self._told and self._last_events else 0
        new = tail(conn, job_id, after_seq=seen, limit=MOST_EVENTS) if seen else []
        if not seen or len(new) == MOST_EVENTS:
            new = latest(conn, job_id, limit=MOST_EVENTS)
        self._told = newest
        drawn = [event_line(item, self.palette) for item in new]
        self._last_events = [*self._last_events, *drawn][-MOST_EVENTS:]
        self.query_one(Tail).draw(self._last_events)

    def _draw_stages(self) -> None:
        rows = StageRows(self._view, self.palette)
        if rows.rows != self._rows.rows:
            self._rows = rows
            self._table.styles.height = rows.count() + 1
            self._table.show(rows)

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)
