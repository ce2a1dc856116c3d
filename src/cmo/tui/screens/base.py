"""What every screen has: the frame around its body, and how it comes to read the store anew."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import Screen

from cmo.domain.job import Job, JobStatus
from cmo.errors import CmoError, JobNotFound
from cmo.tui.actions import bindings_of
from cmo.tui.desk import Desk
from cmo.tui.feed import Frame
from cmo.tui.messages import Told
from cmo.tui.paint import Palette
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.frame import Banner, Broken, Hints, Tabs, TopLine
from cmo.tui.widgets.table import RowTable

if TYPE_CHECKING:
    from cmo.tui.app import Workplace


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
        cls.BINDINGS = [*bindings_of(cls.NAME), *cls.BINDINGS]  # the first of two for one key counts
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
