"""What screens about jobs share: starting one."""

from __future__ import annotations

from functools import partial

from cmo import service
from cmo.errors import CmoError
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Ask
from cmo.tui.work import started

_ASKS = "Say whom you look for, e.g. 200 python maintainers, active 90 days, topics ci and testing."


class JobPage(Page):
    """A screen that new jobs are started from."""

    def action_jobs_new(self) -> None:
        self._ask_goal("")

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
