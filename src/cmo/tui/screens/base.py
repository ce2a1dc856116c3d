"""What every screen has: the frame around its body, and how it comes to read the store anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from cmo.domain.job import Job, JobStatus
from cmo.domain.text import counted
from cmo.errors import CmoError, JobNotFound
from cmo.service.exported import export_list
from cmo.tui.actions import NOT_HERE, bindings_of, not_here
from cmo.tui.desk import Desk
from cmo.tui.exporting import Export, export
from cmo.tui.feed import Frame
from cmo.tui.messages import Told
from cmo.tui.paint import Palette, line
from cmo.tui.widgets.dialogs import Choose
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.frame import Banner, Broken, Hints, Tabs, TopLine
from cmo.tui.widgets.table import RowTable
from cmo.tui.work import paused, resumed

if TYPE_CHECKING:
    from cmo.tui.app import Workplace


MOST_LISTED = 20_000
"""Rows that are written from a list; for more there is the command."""


class Listed(NamedTuple):
    """What a list shows, or what of it is marked."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


START = "Start one: 0 Jobs, then N."
"""What to do where there is no job yet."""


def going(job: Job) -> str:
    """How far a job is whose people or drafts are yet to come, and which key has it go on."""
    match job.status:
        case JobStatus.PLANNED:
            return "The job has not started: 1 Run, r starts it."
        case JobStatus.PAUSED:
            return f"The job is paused at {job.stage}: 1 Run, r goes on."
        case JobStatus.RUNNING:
            return f"The run is at {job.stage}."
        case _:
            return f"The job is {job.status}: a new one may find more, cmo run GOAL."


class Page(Screen[None]):
    """One of the screens of line 2. A subclass gives `NAME`, `body` and `reload`."""

    NAME: ClassVar[str] = ""
    AUTO_FOCUS = "RowTable"

    def __init_subclass__(cls) -> None:
        # the first of two for one key counts
        cls.BINDINGS = [*bindings_of(cls.NAME), *not_here(cls.NAME), *cls.BINDINGS]
        super().__init_subclass__()

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        yield Tabs(id="tabs")
        yield Banner(id="banner")
        yield Broken(id="broken")
        with Vertical(id="body"):
            yield from self.body()
        yield Hints(self.NAME, id="hints")

    def body(self) -> ComposeResult:
        """What is between line 2 and the footer."""
        raise NotImplementedError

    def reload(self) -> None:
        """Read what is shown anew; called when the store changed while the screen is seen."""
        raise NotImplementedError

    def values(self) -> Mapping[str, object]:
        """What the screen shows now, by the names that command lines use."""
        return {"job": self.desk.job_id} if self.desk.job_id else {}

    def copies(self) -> list[tuple[str, str]]:
        """What `y` offers: (what it is, the text); the command that shows the same comes last."""
        return []

    def links(self) -> list[tuple[str, str]]:
        """Web pages on record for what is under the cursor: (what it is, its address)."""
        return []

    def listed(self) -> Listed:
        """What `ctrl+e` writes."""
        table = self.table
        if table is None:
            return Listed((), ())
        rows = [[cell if isinstance(cell, str) else cell[0] for cell in row.cells] for row in table.chosen()]
        return Listed([column.title for column in table.columns], rows)

    @property
    def table(self) -> RowTable | None:
        """The table that is seen."""
        return next((table for table in self.query(RowTable) if table.display), None)

    @property
    def in_hand(self) -> str | None:
        """The id of the job that keys act on."""
        return self.desk.job_id

    def back(self) -> bool:
        """Leave what lies over the screen's first view; False where nothing does."""
        return False

    def take_filter(self, text: str) -> None:
        """Show what matches only, from the next `reload` on; a screen with a `FilterBox` says how.

        Raises:
            FilterInvalid
        """

    def filtered(self) -> None:
        """Another filter was taken."""
        self.reload()
        next(iter(self.query(RowTable))).move_to(0)

    def on_filter_box_wanted(self, event: FilterBox.Wanted) -> None:
        try:
            self.take_filter(event.text)
        except CmoError as error:
            self.workplace.refuse(error.message, error.hint or "")
            self.action_view_filter()  # to be mended, or left by Esc
            return
        self.filtered()

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        """Notices keep to the half of the screen where the cursor is not."""
        self.set_class(event.table.cursor_line >= self.size.height // 2, "-low")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whoever looks from a browser has one: there is no other to open."""
        return not (action == "view_web" and self.app.is_web)

    def action_not_here(self, name: str) -> None:
        self.notify(NOT_HERE[name], markup=False)

    def action_view_zoom(self) -> None:
        """The panel in hand alone between line 2 and the footer, or everything again."""
        if self.unzoom():
            return
        node: Widget | None = self.focused or self.table
        body = self.query_one("#body")
        if node is None or body not in node.ancestors:
            return
        others = []
        while node is not body:
            node.add_class("-zoomed")
            others += [one for one in node.siblings if one.display and not isinstance(one, Input)]
            node = node.parent if isinstance(node.parent, Widget) else body
        for other in others:
            other.add_class("-away")
        if not others:
            self.unzoom()
            self.notify("This is the only panel here.", markup=False)

    def unzoom(self) -> bool:
        """Show all panels again; False where they are all shown."""
        zoomed = self.query(".-zoomed")
        is_zoomed = bool(zoomed)
        zoomed.remove_class("-zoomed")
        self.query(".-away").remove_class("-away")
        return is_zoomed

    def action_view_panel(self) -> None:
        """To the next panel, which is zoomed where this one was."""
        was_zoomed = self.unzoom()
        self.focus_next()
        if was_zoomed:
            self.action_view_zoom()

    def action_view_flag(self, step: int) -> None:
        """To the next row with a flag, or under a filter to the next row."""
        table = self.table
        if table is None or not table.count:
            self.notify("There is no row to go to.", markup=False)
        elif any(box.value for box in self.query(FilterBox)):
            table.move_to((table.cursor + step) % table.count)
        elif (place := table.flagged(step)) is not None:
            table.move_to(place)
        else:
            self.notify("No row has a flag.", markup=False)

    def action_view_web(self) -> None:
        """Open a page on record in the operator's browser; nothing but https."""
        links = list(dict.fromkeys((what, url) for what, url in self.links() if url.startswith("https://")))
        if not links:
            self.notify("No web page is on record for this.", markup=False)
            return

        def opened(number: int | None) -> None:
            if number is not None:
                url = links[number - 1][1]
                self.app.open_url(url)
                self.notify(f"Opened {line(url)}", markup=False)

        if len(links) == 1:
            opened(1)
        else:
            self.app.push_screen(Choose("Open which page?", [f"{line(a)}: {line(b)}" for a, b in links[:9]]), opened)

    def action_jobs_toggle(self) -> None:
        """Pause a job that somebody runs; go on with any other."""
        if self.in_hand is None:
            self.notify("There is no job yet: 0 Jobs, N starts one.", markup=False)
        elif self.workplace.frame.state == "running" or self.in_hand in self.workplace.crew.jobs:
            self.action_jobs_pause()
        else:
            self.action_jobs_resume()

    def action_jobs_resume(self) -> None:
        if self.in_hand is not None:
            work = partial(resumed, self.workplace.crew, self.desk.settings, self.in_hand)
            self.workplace.act("jobs.resume", work)

    def action_jobs_pause(self) -> None:
        if self.in_hand is not None:
            self.workplace.act("jobs.pause", partial(paused, self.desk.settings, self.in_hand))

    def action_export_write(self) -> None:
        """Write the rows that are marked, else all that are shown, to a CSV file."""
        table = self.table
        if table is None or not table.count:
            self.notify("There is nothing to write.", markup=False)
            return
        if table.count > MOST_LISTED:
            self.workplace.refuse(f"That is more than {MOST_LISTED:,} rows.", "Filter first (/), or by the command: y")
            return
        found, settings = self.listed(), self.desk.settings
        many = counted(len(found.rows), "row")

        def write(path: Path) -> str:
            export_list(settings, path, self.NAME, found.columns, found.rows)
            return many

        asked = f"{many}, as CSV; to which file?"
        wanted = Export("export.write", f"Export {self.NAME}", asked, f"{self.NAME}.csv", write, names_file=True)
        export(self.workplace, wanted)

    def action_view_filter(self) -> None:
        self.query_one(FilterBox).open()

    def heard(self, told: Told) -> None:
        """An action is done; the store was read anew before."""

    def repaint(self) -> None:
        """Other colours, or other words for signs."""
        self._recolour()
        self.draw_frame(self.workplace.frame)
        self.reload()

    @property
    def workplace(self) -> Workplace:
        from cmo.tui.app import Workplace

        assert isinstance(self.app, Workplace)
        return self.app

    @property
    def desk(self) -> Desk:
        return self.workplace.desk

    @property
    def palette(self) -> Palette:
        return self.workplace.palette

    @property
    def is_whole(self) -> bool:
        """Whether its widgets are there: an action may be done while they come, or go because the app is left."""
        return bool(self.query(Hints))

    def draw_frame(self, frame: Frame) -> None:
        """Lines 1 and 2, what is paused, what is broken, and the footer."""
        self.query_one(TopLine).draw(frame, self.palette, sandbox=self.desk.settings.sandbox)
        self.query_one(Tabs).draw(frame, self.NAME, self.palette)
        self.query_one(Banner).draw(frame, self.palette)
        self.query_one(Broken).draw(frame, self.palette)
        self.query_one(Hints).draw(self.palette)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self._show)

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(lambda: self.draw_frame(self.workplace.frame))

    def _show(self) -> None:
        self.desk.forget_what_was_seen()
        self.workplace.tick()
        self._recolour()
        self.draw_frame(self.workplace.frame)
        if self.desk.job_id is None and not self.workplace.frame.troubles:  # there may be no store that could change
            with self.workplace.reading(self), suppress(JobNotFound):
                self.reload()

    def _recolour(self) -> None:
        for table in self.query(RowTable):
            table.repaint(self.palette)
