"""Limits: what lets mail out and what keeps it in; stopping is one key, letting go is a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult

from cmo import service
from cmo.config import SPECS, Settings
from cmo.domain.job import Mode
from cmo.domain.requests import Request
from cmo.errors import CmoError, JobNotFound
from cmo.service import controls, requests
from cmo.service.controls import LimitChange
from cmo.service.kill import PHRASE, release
from cmo.service.mailers import MailerChange
from cmo.store.audit import iter_audit
from cmo.store.bases import EVERYWHERE, Basis
from cmo.store.progress import used_budgets
from cmo.store.request_views import permissions
from cmo.store.send_views import count_unsent
from cmo.store.standing_views import left_this_week, quota_use, stops
from cmo.tui.limit_dialogs import agree_to_weights, ask_mailer, ask_weights, try_weights
from cmo.tui.messages import Told
from cmo.tui.paint import line
from cmo.tui.screens.base import START, Page
from cmo.tui.widgets.dialogs import Ask, Choose, Confirm, TypeIt
from cmo.tui.widgets.limit_rows import (
    CAPS,
    LIMIT_COLUMNS,
    SUPPRESSED_COLUMNS,
    LimitRow,
    LimitRows,
    SuppressedRows,
    is_quota,
    limit_rows,
    state_text,
)
from cmo.tui.widgets.lines import Lines, Passage
from cmo.tui.widgets.table import NoRows, RowTable
from cmo.tui.work_scores import Tried

_MODES = (Mode.DRY_RUN, Mode.DRAFT_ONLY, Mode.SEND_ALLOWED)
STEP = 0.1
"""How much of a limit one proposal changes."""


class Limits(Page):
    """Screen 7."""

    NAME = "limits"
    CSS = """
    Limits #state { height: auto; max-height: 6; border-bottom: solid $panel; }
    Limits #suppressed { display: none; }
    Limits.-suppressed #suppressed { display: block; }
    Limits.-suppressed #limits { display: none; }
    Limits #about { height: auto; max-height: 3; padding: 0 1; border-top: solid $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows = LimitRows((), self.palette)

    def body(self) -> ComposeResult:
        yield Lines(id="state")
        yield RowTable(LIMIT_COLUMNS, self.palette, id="limits")
        yield RowTable(SUPPRESSED_COLUMNS, self.palette, id="suppressed")
        yield Passage(id="about")

    def reload(self) -> None:
        """Read modes, stops, quotas, budgets, permissions and suppressions anew."""
        desk = self.desk
        try:
            conn = desk.conn
        except JobNotFound:  # there is no store yet
            self.query_one("#state", Lines).say(Text(f" There is no job yet, and nothing to limit. {START}"))
            return
        now, job = desk.now(), desk.job()
        standing = stops(conn, now)
        try:
            limits = controls.limits_of(desk.settings)
        except CmoError as error:  # hours or country rules that cannot be read
            self.query_one("#state", Lines).say(Text(f"{line(error.message)}  {line(error.hint or '')}"))
            return
        quotas = quota_use(conn, limits, now)
        used = used_budgets(conn, job.id) if job else {}
        given = permissions(conn)
        rows = limit_rows(desk.settings, limits, quotas, standing, job, used, given, now)
        self._rows = LimitRows(rows, self.palette)
        self._table.show(self._rows)
        week = left_this_week(quotas, limits, now)
        receipt = next(iter_audit(conn, action="kill.receipt", limit=1), None) if standing.kill else None
        self.query_one("#state", Lines).say(state_text(job, desk.settings, standing, week, receipt, self.palette))
        people = SuppressedRows(conn, standing.suppressions) if self._lists_people else NoRows()
        self.query_one("#suppressed", RowTable).show(people)
        self._draw()

    def values(self) -> Mapping[str, object]:
        row = self._row
        own = {"limit": row.name} if row is not None and is_quota(row) else {}
        if row is not None and row.basis is not None and row.basis.scope == EVERYWHERE:
            own = {"policy": row.basis.kind}
        if row is not None and row.given is not None:
            own = {"permission": row.given.id}
        return {**super().values(), **own}

    def copies(self) -> list[tuple[str, str]]:
        row = self._row
        if row is None:
            return []
        shown = "\t".join("" if part is None else str(part) for part in (row.name, row.used, row.of, row.about))
        return [("row", shown), ("command", self._command(row))]

    def _command(self, row: LimitRow) -> str:
        """What shows or changes the same on the command line."""
        if row.basis is not None:
            scope = "" if row.basis.scope == EVERYWHERE else f" --job {row.basis.scope}"
            return f"cmo policy revoke {row.basis.kind}{scope}"
        if row.given is not None:
            return f"cmo limits revoke {row.given.id}"
        if row.kind == "weight":
            return f"cmo score set {self.desk.job_id} {row.name}={row.of}"
        if row.kind == "setting":
            return f"cmo config get {row.name}"
        if row.name in CAPS:
            return f"cmo jobs set {self.desk.job_id} {row.name}={row.of}"
        return f"cmo limits set {row.name} {row.of}" if is_quota(row) else "cmo limits show"

    def back(self) -> bool:
        if not self._lists_people:
            return False
        self.remove_class("-suppressed")
        self._table.focus()
        self._draw()
        return True

    def heard(self, told: Told) -> None:
        """A limit was changed in the settings file: take it over, or say what hides it."""
        change = told.answer
        if isinstance(change, Tried):
            agree_to_weights(self, change)
        if not isinstance(change, LimitChange | MailerChange):
            return
        self.desk.reread_settings()
        self.workplace.tick()
        settings = self.desk.settings
        if getattr(settings, change.name) != change.after:
            winner = settings.origins[change.key][0]
            self.workplace.refuse(
                f"It is hidden: {line(winner.source or winner.layer)} says {getattr(settings, change.name)}.",
                "cmo config show --origin",
            )

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        self._draw()

    def action_view_suppressed(self) -> None:
        """To the list of who must never be contacted, or back."""
        if self.back():
            return
        self.add_class("-suppressed")
        self.reload()
        self.query_one("#suppressed", RowTable).focus()

    def action_mode_set(self) -> None:
        """What the job may do; only letting mail out is asked for twice."""
        job, settings = self.desk.job(), self.desk.settings
        if job is None:
            self.workplace.refuse("There is no job yet, hence no mode to set.")
            return
        job_id = job.id

        def set_to(mode: Mode) -> None:
            self.workplace.act("mode.set", lambda: _mode_set(settings, job_id, mode))

        def answered(number: int | None) -> None:
            if number is None:
                return
            mode = _MODES[number - 1]
            if mode is not Mode.SEND_ALLOWED:
                set_to(mode)
                return
            waiting = count_unsent(self.desk.conn, job_id)
            wait = "1 approved draft waits" if waiting == 1 else f"{waiting:,} approved drafts wait"
            text = f"{wait}. None leaves before you hand them over: 6 Outbox, S."
            self.app.push_screen(Confirm("Let mail of this job out?", text), lambda yes: set_to(mode) if yes else None)

        choices = [mode.destination for mode in _MODES]
        self.app.push_screen(Choose(f"The job is {job.plan.mode.value.replace('_', ' ')}. It may:", choices), answered)

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        if event.table is self._table:
            self.action_limits_set()

    def action_limits_set(self) -> None:
        self._propose(more=True)

    def action_limits_set_lower(self) -> None:
        self._propose(more=False)

    def action_score_set(self) -> None:
        """Other weights, one or several; what they do is shown before a yes."""
        row = self._row
        ask_weights(self, f"{row.name}={row.of}" if row is not None and row.kind == "weight" else "")

    def action_mailer_set(self) -> None:
        """Who carries mail; what another one voids is shown before a yes."""
        ask_mailer(self)

    def action_policy_revoke(self) -> None:
        """Take the permission under the cursor back, whatever it allows."""
        row, settings = self._row, self.desk.settings
        if row is not None and row.basis is not None:
            self.workplace.act("policy.revoke", partial(_revoked, settings, row.basis))
        elif row is not None and row.given is not None:
            self.workplace.act("permission.revoke", partial(_asks_again, settings, row.given))
        else:
            self.workplace.refuse("That is no permission.", "Put the cursor on one; cmo policy allow records one.")

    def action_permission_revoke(self) -> None:
        self.action_policy_revoke()

    def action_kill_release(self) -> None:
        """Let sending go on: the phrase, then a reason."""
        settings = self.desk.settings
        if self.workplace.frame.kill is None:
            self.workplace.refuse("Sending is not stopped: there is nothing to release.")
            return

        def reasoned(reason: str | None) -> None:
            if reason is not None:
                self.workplace.act("kill.release", lambda: _released(settings, reason))

        def typed(phrase: str | None) -> None:
            if phrase is not None:
                self.app.push_screen(Ask("Release", "Why may mail leave again? It is kept with your name."), reasoned)

        text = "Mail will leave again. Campaigns at providers stay paused: resume them there."
        self.app.push_screen(TypeIt("Release the kill switch", text, phrase=PHRASE), typed)

    def _propose(self, *, more: bool) -> None:
        """Ask for the new value of the limit under the cursor, and where it is a raise, whether really."""
        row, job_id = self._row, self.desk.job_id
        if row is not None and row.name == MailerChange.key:
            ask_mailer(self)
            return
        of_job = row is not None and (row.name in CAPS or row.kind == "weight")
        if row is None or row.of is None or not (is_quota(row) or (of_job and job_id)):
            name = row.name if row else "This"
            hint = f"cmo config set {line(name)} VALUE" if row is not None and row.kind == "setting" else ""
            self.workplace.refuse(f"{line(name)} is not changed here.", hint)
            return
        by = max(1, round(row.of * STEP))
        value = row.of + by if more else row.of - by if row.kind == "weight" else max(0, row.of - by)

        def answered(text: str | None) -> None:
            if text is None:
                return
            if row.kind == "weight":
                try_weights(self, f"{row.name}={text}")
            elif is_quota(row):
                self._change_quota(row, text)
            elif job_id is not None:
                self._change_cap(row, text, job_id)

        ask = Ask(f"{line(row.name)}: {row.of:,} now", f"{line(row.about)}. To how many?", value=str(value))
        self.app.push_screen(ask, answered)

    def _change_quota(self, row: LimitRow, text: str) -> None:
        settings, file = self.desk.settings, self.desk.settings_file
        try:
            change = controls.limit_change(settings, row.name, text)
        except CmoError as error:
            self.workplace.refuse(error.message, error.hint or "")
            return
        self._agree(
            change.is_raise,
            f"Raise {row.name} from {change.before:,} to {change.after:,}?",
            f"{change.effect}. It is kept with your name in {file}.",
            lambda: _limit_set(settings, change, file),
        )

    def _change_cap(self, row: LimitRow, text: str, job_id: str) -> None:
        settings = self.desk.settings
        try:
            after = SPECS[f"caps.{row.name}"].kind.from_text(text)
        except (ValueError, OverflowError):
            self.workplace.refuse(f"{row.name} must be a whole number.", SPECS[f"caps.{row.name}"].about)
            return
        by = after - (row.of or 0)
        self._agree(
            by > 0,
            f"Raise {row.name} of this job from {row.of:,} to {after:,}?",
            f"{by:,} more; it holds from the job's next step on.",
            lambda: _cap_set(settings, job_id, row, after),
        )

    def _agree(self, is_raise: bool, title: str, text: str, verb: Callable[[], Told]) -> None:
        """Do it; a raise only after a yes."""

        def do(yes: bool | None) -> None:
            if yes:
                self.workplace.act("limits.set", verb)

        if is_raise:
            self.app.push_screen(Confirm(title, text), do)
        else:
            do(True)

    def _draw(self) -> None:
        row = self._row
        if self._lists_people:
            text = "Nobody is suppressed." if not self.query_one("#suppressed", RowTable).count else ""
            said = text or "Holds for every job. Lifted only by: cmo leads suppress --remove WHO"
        elif row is None:
            said = ""
        elif row.basis is not None or row.given is not None:
            said = f"{line(row.about)}  x takes it back."
        elif row.kind == "weight":
            said = f"{line(row.about)}.  + - change it, w several; who moves is shown first."
        elif row.name == MailerChange.key:
            said = f"{line(row.about)}  + or s: another one."
        else:
            said = line(row.about)
        self.query_one("#about", Passage).say(Text(said, self.palette["dim"]))

    @property
    def _lists_people(self) -> bool:
        return self.has_class("-suppressed")

    @property
    def _table(self) -> RowTable:
        return self.query_one("#limits", RowTable)

    @property
    def _row(self) -> LimitRow | None:
        place = self._table.cursor
        return self._rows.rows[place] if not self._lists_people and place < self._rows.count() else None


def _mode_set(settings: Settings, job_id: str, mode: Mode) -> Told:
    service.set_job(settings, job_id, {"mode": mode.value})
    return Told("mode.set", f"From the job's next step on it is {mode.destination}.")


def _limit_set(settings: Settings, change: LimitChange, file: Path) -> Told:
    controls.set_limit(settings, change, file)
    return Told("limits.set", f"{change.name} is {change.after:,}: {change.effect}.", answer=change)


def _cap_set(settings: Settings, job_id: str, row: LimitRow, after: int) -> Told:
    service.set_job(settings, job_id, {row.name: str(after)})
    return Told("limits.set", f"{row.name} of this job is {after:,} from its next step on.")


def _revoked(settings: Settings, basis: Basis) -> Told:
    job = None if basis.scope == EVERYWHERE else basis.scope
    if not controls.revoke(settings, basis.kind, job=job):
        return Told("policy.revoke", f"{basis.kind} was taken back already.")
    again = f"cmo policy allow {basis.kind} allows it again."
    return Told("policy.revoke", f"Taken back: {basis.kind}. It holds from the next mail on. {again}")


def _asks_again(settings: Settings, given: Request) -> Told:
    requests.revoke(settings, given.id)
    return Told("permission.revoke", f"Taken back: {given.asked.setting} of {given.job_id} is asked about again.")


def _released(settings: Settings, reason: str) -> Told:
    if not release(settings, reason):
        return Told("kill.release", "The kill switch was not on.")
    return Told(
        "kill.release", "Released. Mail may leave again. Campaigns at providers stay paused: resume them there."
    )
