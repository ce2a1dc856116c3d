"""What screens about jobs share: starting one, going on with one, pausing one."""

from __future__ import annotations

from functools import partial

from cmo import service
from cmo.errors import CmoError
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Ask
from cmo.tui.work import paused, resumed, started

_ASKS = "Say whom you look for, e.g. 200 python maintainers, active 90 days, topics ci and testing."


class JobPage(Page):
    """A screen with a job in hand."""

    @property
    def in_hand(self) -> str | None:
        """The id of the job that keys act on."""
        return self.desk.job_id

    def action_jobs_new(self) -> None:
        self._ask_goal("")

    def action_jobs_resume(self) -> None:
        if self.in_hand is not None:
            work = partial(resumed, self.workplace.crew, self.desk.settings, self.in_hand)
            self.workplace.act("jobs.resume", work)

    def action_jobs_pause(self) -> None:
        if self.in_hand is not None:
            self.workplace.act("jobs.pause", partial(paused, self.desk.settings, self.in_hand))

    def _ask_goal(self, goal: str) -> None:
        def answered(text: str | None) -> None:
            if text:
                self._show_plan(text)

        self.app.push_screen(Ask("New run", _ASKS, value=goal), answered)

    def _show_plan(self, goal: str) -> None:
        from cmo.tui.widgets.plan import PlanSheet  # what reads goals takes 50 ms to load

        try:
            sheet = PlanSheet(self.desk.settings, service.plan_goal(self.desk.settings, goal), self.palette)
        except CmoError as error:
            self.workplace.refuse(error.message, error.hint or "")
            self._ask_goal(goal)
            return

        def answered(how: str | None) -> None:
            if how == "edit":
                self._ask_goal(goal)
            elif how is not None:
                work = partial(started, self.workplace.crew, self.desk.settings, sheet.card.plan)
                self.workplace.act("jobs.new", partial(work, in_background=how == "background"))

        self.app.push_screen(sheet, answered)
