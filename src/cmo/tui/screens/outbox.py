"""Outbox: what is about to leave, left, or may have; taken back, held or let go by one key; sent by a typed count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Mount

from cmo.config import Settings
from cmo.domain.filters import Term
from cmo.domain.job import Job
from cmo.domain.outbox import OutboxState
from cmo.errors import ConfigError
from cmo.service import handover
from cmo.service import outbox as verbs
from cmo.service.controls import limits_of
from cmo.service.outbox_words import ARRIVED, Verb, content, count_done, lock_of, locked, tell_stays
from cmo.service.send_words import Announcement, count_outcomes
from cmo.service.sending import SendPreview
from cmo.store.outbox_hand import ByHand
from cmo.store.outbox_views import OutboxRow, find_rows
from cmo.store.send_views import count_unsent
from cmo.store.standing_views import pushed_on, quota_use
from cmo.tui.messages import Told
from cmo.tui.paint import line
from cmo.tui.screens.base import START, Page
from cmo.tui.widgets.dialogs import Choose, Show, TypeIt
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.lines import Lines, OneLine, Passage
from cmo.tui.widgets.outbox_rows import OUTBOX_COLUMNS, OutboxRows, day_text, row_text
from cmo.tui.widgets.table import RowTable


class Outbox(Page):
    """Screen 6. Keys mean the marked rows, else the one under the cursor."""

    NAME = "outbox"
    CSS = """
    Outbox #locked { display: none; }
    Outbox #locked.-on { display: block; }
    Outbox #about { height: 1; margin: 0 1; }
    Outbox #day { height: auto; padding: 0 1; border-top: solid $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._terms: tuple[Term, ...] = ()
        self._rows: OutboxRows | None = None

    def body(self) -> ComposeResult:
        yield OneLine(id="locked")
        yield RowTable(OUTBOX_COLUMNS, self.palette)
        yield Lines(id="about")
        yield Passage(id="day")
        yield FilterBox("state:unknown due<=15 inbox:sam -op:attio maint")

    def on_mount(self, event: Mount) -> None:
        self.set_interval(1.0, self.count_down)

    def count_down(self) -> None:
        """Move the clock of the rows on."""
        if self.is_current and self._rows is not None and self._rows.counts_down:
            self._rows.now = self.desk.now()
            self._table.reload()

    def reload(self) -> None:
        """Read the rows of the job, its lock and the day's slots anew."""
        desk, job = self.desk, self.desk.job()
        if job is None:
            self._draw_row()
            return
        self._rows = OutboxRows(desk.conn, job.id, self._terms, self.palette, desk.now())
        self._table.show(self._rows)
        self._draw_locked(job)
        self._draw_day()
        self._draw_row()

    def values(self) -> Mapping[str, object]:
        row = self._row
        return {**super().values(), **({"id": row.id} if row else {})}

    def copies(self) -> list[tuple[str, str]]:
        row = self._row
        if row is None:
            return []
        cells = (row.id, row.operation, row.who, row.email, row.state, row.inbox or "", row.provider_id or "")
        command = f"cmo outbox show {row.id}"
        return [("recipient", row.email), ("row", "\t".join(map(str, cells))), ("command", command)]

    def heard(self, told: Told) -> None:
        if isinstance(told.answer, tuple):
            self._ask_to_send(*told.answer)

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        self._draw_row()

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        self.action_view_mail()

    def take_filter(self, text: str) -> None:
        self._terms = verbs.outbox_terms(text)

    def action_view_mail(self) -> None:
        """The mail exactly as it leaves, with its headers; of another write what it says."""
        row = self._row
        if row is not None:
            self.app.push_screen(Show(f"{row.id}  {line(row.operation)}", content(row)))

    def action_outbox_recall(self) -> None:
        self._do("recall", self._chosen)

    def action_outbox_hold(self) -> None:
        self._do("hold", self._chosen)

    def action_outbox_release(self) -> None:
        """Let rows go on; of those that may have left a person says first whether they arrived."""
        chosen = self._chosen
        doubtful = [row for row in find_rows(self.desk.conn, chosen) if row.state == OutboxState.UNKNOWN]
        ids, settings = [row.id for row in doubtful], self.desk.job_settings()
        self._do("release", [id_ for id_ in chosen if id_ not in ids])

        def answered(number: int | None) -> None:
            if number is not None:
                arrived, _ = ARRIVED[number - 1]
                self.workplace.act("outbox.release", lambda: _told("settle", verbs.settle(settings, ids, arrived)))

        if doubtful:
            whose = ", ".join(line(row.who) for row in doubtful[:3]) + (" and others" if len(doubtful) > 3 else "")
            choices = [words for _, words in ARRIVED]
            self.app.push_screen(Choose(f"Did it arrive? {whose}. Look into the Sent folder first.", choices), answered)

    def action_outbox_send(self) -> None:
        """Look at what would leave, on a thread of its own; then a person types how many."""
        job_id, settings = self.desk.job_id, self.desk.job_settings()
        if job_id is not None:
            self.notify("Looking at what would leave.", markup=False)
            self.workplace.act_apart("outbox.send", partial(_looked, settings, job_id))

    def _do(self, name: Verb, ids: Sequence[int]) -> None:
        settings = self.desk.job_settings()
        if ids:
            verb = _VERBS[name]
            self.workplace.act(f"outbox.{name}", lambda: _told(name, verb(settings, ids)))
        self._table.clear_marks()

    def _ask_to_send(self, preview: SendPreview, said: Announcement) -> None:
        text = "\n".join([*said.lines, *(words for words, _ in said.warnings)])
        count = len(preview.leaving)
        if not count and not preview.doubtful:
            why = "\n".join(said.lines[1:]) or "No approved draft waits: 2 Review."
            self.workplace.refuse("Nothing can leave now.", why)
            return

        def answered(typed: str | None) -> None:
            if typed is not None:
                self._hand_over(preview)

        words = f"Hand over {count:,} {'mail' if count == 1 else 'mails'}"
        if not count:
            words = f"Look up {preview.doubtful:,} that may have left"
        self.app.push_screen(TypeIt(words, text, phrase=str(count or preview.doubtful)), answered)

    def _hand_over(self, preview: SendPreview) -> None:
        place, settings = self.workplace, self.desk.job_settings()

        def handed(leaves_at: datetime) -> None:
            place.farewell = f"What was handed over waits: cmo send {preview.job_id.removeprefix('cmo-')}"
            words = f"Handed over. The first leaves at {leaves_at.astimezone():%H:%M}; r takes back until then."
            if settings.sandbox:
                words += " The sandbox lives through a minute in a second."
            place.post_message(Told("outbox.send", words))

        def send() -> Told:
            came, stopped = handover.hand_over(settings, preview, handed=handed, is_left=place.leaving.is_set)
            if not place.leaving.is_set():
                place.farewell = ""
            return Told("outbox.send", f"{count_outcomes(came)} {stopped}".strip(), is_refused=bool(stopped))

        place.act_apart("outbox.send", send)

    def _draw_locked(self, job: Job) -> None:
        """Why nothing leaves, and how many wait for it."""
        settings = self.desk.job_settings()
        mode = lock_of(job, settings.mode())
        shown = self.query_one("#locked", OneLine)
        shown.set_class(mode is not None, "-on")
        if mode is not None:
            sign, style = self.palette.sign("locked")
            words = f" {sign} {locked(mode, count_unsent(self.desk.conn, job.id))} Limits, m."
            shown.say(Text(words, style, no_wrap=True, overflow="ellipsis"))

    def _draw_day(self) -> None:
        desk, now = self.desk, self.desk.now()
        try:
            limits = limits_of(desk.settings)
        except ConfigError as error:
            text = Text(line(error.message), self.palette["error"])
        else:
            quotas = quota_use(desk.conn, limits, now)
            text = day_text(quotas, pushed_on(desk.conn, limits, quotas, now), self.palette, now)
        self.query_one("#day", Passage).say(text)

    def _draw_row(self) -> None:
        row = self._row
        text = Text(self._nothing()) if row is None else row_text(row, self.palette, self.desk.now())
        self.query_one("#about", Lines).say(text)

    def _nothing(self) -> str:
        job = self.desk.job()
        if job is None:
            return f"There is no job yet, and nothing to send. {START}"
        if self._terms:
            return "Nothing matches the filter. Esc in it clears it."
        waiting = count_unsent(self.desk.conn, job.id)
        if waiting:
            return f"Nothing is handed over. {waiting:,} approved: S hands them over."
        return "Nothing is handed over, and no draft is approved: 2 Review."

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def _row(self) -> OutboxRow | None:
        row = self._table.row()
        return None if row is None or self._rows is None else self._rows.seen[int(str(row.key))]

    @property
    def _chosen(self) -> Sequence[int]:
        row = self._row
        return sorted(int(str(key)) for key in self._table.marks) or ([] if row is None else [row.id])


_VERBS: Mapping[Verb, Callable[[Settings, Sequence[int]], ByHand]] = {
    "recall": verbs.recall,
    "hold": verbs.hold,
    "release": verbs.release,
}
_THEN: Mapping[Verb, str] = {"recall": ", S hands them over again", "hold": "; l lets go"}


def _told(name: Verb, done: ByHand) -> Told:
    """What came of it; who came too late is told why."""
    said = " ".join(filter(None, (count_done(name, done, _THEN.get(name, "")), tell_stays(done))))
    return Told(f"outbox.{name}", said, is_refused=bool(done.stays))


def _looked(settings: Settings, job_id: str) -> Told:
    return Told("outbox.send", "", answer=handover.look(settings, job_id))
