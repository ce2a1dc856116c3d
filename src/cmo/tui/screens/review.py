"""Review: one draft after the other, each decided by one key; the order is what the checks found, then the score."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rich.text import Text
from textual.app import ComposeResult, SuspendNotSupported
from textual.containers import Horizontal
from textual.events import Resize

from cmo.domain.event import DraftAction
from cmo.domain.filters import Term
from cmo.errors import CmoError, JobNotFound
from cmo.service import draft_file
from cmo.service import drafts as verbs
from cmo.service.draft_words import QUESTION, ask_person, redo_draft
from cmo.service.editor import edited_text, editor_of
from cmo.service.rules import draft_terms
from cmo.store.draft_details import DraftDetail, VersionLine, draft_versions, get_draft
from cmo.store.draft_views import Choice, DraftRow, cover, list_drafts, list_rules
from cmo.store.drafts import Decision
from cmo.tui.messages import Told
from cmo.tui.pace import Rhythm
from cmo.tui.paint import Palette, line
from cmo.tui.screens.base import START, Listed, Page, going
from cmo.tui.widgets.dialogs import Ask, Choose, EditHere
from cmo.tui.widgets.draft_pane import FORMS, DraftPane, Form, draft_text, why_text
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.lines import OneLine, Passage
from cmo.tui.widgets.rule_dialog import Agreed, RuleDialog
from cmo.tui.widgets.table import Cell, Column, Row, RowTable
from cmo.tui.work_drafts import decided, done_again, reworded, undone

WIDE, VAST = 100, 160
"""From here on WHY is a panel of its own; from there on there is room for whole names and reasons."""
MOST_ROWS = 20_000
_COLUMNS = (Column("id", 5, "right"), Column("sc", 3, "right"), Column("flag", 10), Column("who"))
_EXPORTED = ("id", "score", "flag", "login", "name", "org", "address", "subject", "state", "version")
_SIGNS = {"approved": "done", "rejected": "failed", "expired": "failed", "later": "later"}
_DECIDED: Mapping[DraftAction, str] = {
    "approve": "approved", "reject": "rejected", "disqualify": "rejected", "later": "later",
}  # fmt: skip


class DraftRows:
    """The drafts of the job in review order, with what was decided here and is not stored yet."""

    def __init__(self, drafts: Sequence[DraftRow], states: Mapping[int, str], palette: Palette) -> None:
        self.drafts = drafts
        self._states = states
        self._palette = palette

    def count(self) -> int:
        return len(self.drafts)

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        return [Row(row.id, self._cells(row)) for row in self.drafts[offset : offset + limit]]

    def state(self, row: DraftRow) -> str:
        return self._states.get(row.id, row.state)

    def waits(self, row: DraftRow) -> bool:
        """Whether it is to be decided on."""
        return self.state(row) == "pending" and row.reachable

    def _cells(self, row: DraftRow) -> tuple[Cell, ...]:
        state = self.state(row)
        flag: Cell = ""
        if state == "pending" and not row.reachable:
            flag = self._palette.labelled("locked", "never")[0], "dim"
        elif state in _SIGNS:
            flag = self._palette.labelled(_SIGNS[state], state)[0], "dim"
        elif row.flag:
            flag = line(row.flag), "error" if row.blocked else "warn"
        else:
            flag = ("ok" if self._palette.ascii else self._palette.sign("done")[0]), "ok"
        return str(row.id), str(row.score), flag, line(row.login)


class Review(Page):
    """Screen 2. What is decided shows at once; it is stored in the order of the keys, and told if it was refused."""

    NAME = "review"
    CSS = """
    Review #list { width: 33; }
    Review.-vast #list { width: 46; }
    Review #right { width: 1fr; border-left: solid $panel; }
    Review #why { width: 34; padding: 0 1; border-left: solid $panel; display: none; }
    Review.-wide #why { display: block; }
    Review.-vast #why { width: 54; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._terms: tuple[Term, ...] = ()
        self._filter = ""
        self._rows = DraftRows((), {}, self.palette)
        self._pending: dict[int, str] = {}
        """Draft -> the state that a decision on its way will give it."""
        self._rhythm = Rhythm()
        self._form: Form = "changed"
        self._detail: DraftDetail | None = None
        self._drawn: tuple[int, Form] | None = None
        self._shows_why = False

    def body(self) -> ComposeResult:
        with Horizontal():
            yield RowTable(_COLUMNS, self.palette, id="list")
            yield DraftPane(id="right")
            yield Passage(id="why")
        yield OneLine(id="progress")
        yield FilterBox("score>=80 flag:claim -state:approved maint")

    def reload(self) -> None:
        """Read the list anew; the cursor stays on its draft."""
        desk = self.desk
        if desk.job_id is None:
            self._draw_draft()
            return
        is_first = not self._rows.count()
        order = desk.settings.review_order
        drafts, _ = list_drafts(desk.conn, desk.job_id, now=desk.now(), terms=self._terms, limit=MOST_ROWS, order=order)
        stored = {row.id: row.state for row in drafts}
        self._pending = {id_: state for id_, state in self._pending.items() if stored.get(id_, state) != state}
        self._rows = DraftRows(drafts, self._pending, self.palette)
        self._table.show(self._rows)
        if is_first:
            self._next_from(0)
        self._draw_progress()

    def values(self) -> Mapping[str, object]:
        row = self._row
        return {**super().values(), **({"id": row.id, "who": row.login} if row else {})}

    def copies(self) -> list[tuple[str, str]]:
        row = self._row
        if row is None:
            return []
        cells = "\t".join(map(str, (row.id, row.score, row.flag, row.login, row.address, row.subject, row.state)))
        return [("address", row.address), ("row", cells), ("command", f"cmo drafts show {row.id}")]

    def links(self) -> list[tuple[str, str]]:
        """Where the facts come from."""
        row, detail = self._row, self._detail
        if row is None or detail is None or detail.row.id != row.id:
            return []
        return [(fact.name, fact.source_url) for fact in detail.personalisation.facts]

    def listed(self) -> Listed:
        marks = self._table.marks
        chosen = [row for row in self._rows.drafts if not marks or row.id in marks]
        return Listed(_EXPORTED, [[getattr(row, name) for name in _EXPORTED] for row in chosen])

    def heard(self, told: Told) -> None:
        if told.is_refused and told.action.startswith("drafts."):
            self._pending.clear()
            self.reload()
        if told.draft_id is not None:
            self._go_to(told.draft_id)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._fit(event.size.width)

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        self._draw_draft()

    def take_filter(self, text: str) -> None:
        self._terms, self._filter = draft_terms(text), text

    def action_view_changed(self) -> None:
        self._form = FORMS[(FORMS.index(self._form) + 1) % len(FORMS)]
        self._draw_draft()

    def action_view_why(self) -> None:
        self._shows_why = not self._shows_why
        self._fit(self.size.width)
        self._draw_draft()

    def action_drafts_approve(self) -> None:
        self._decide("approve", verbs.approve)

    def action_drafts_later(self) -> None:
        self._decide(
            "later",
            lambda settings, job, choices: verbs.turn_down(settings, job, "later", choices, put_off=verbs.PUT_OFF),
        )

    def action_drafts_reject(self) -> None:
        def answered(number: int | None) -> None:
            if number is not None:
                self._turn_down("reject", verbs.REASONS[number - 1])

        if self._row is not None:
            self.app.push_screen(Choose("Reject, because", verbs.REASONS), answered)

    def action_drafts_disqualify(self) -> None:
        def answered(reason: str | None) -> None:
            if reason:
                self._turn_down("disqualify", verbs.reason_of(reason))

        if self._row is not None:
            self.app.push_screen(Ask("Disqualify", "They will never be contacted. Why do they not fit?"), answered)

    def action_drafts_edit(self) -> None:
        """Edit in the operator's editor; the screen steps aside for it."""
        row = self._row
        if row is None:
            return
        if not self.workplace.may("drafts.edit"):
            return
        if self.app.is_web:
            self.action_drafts_edit_here()
            return
        settings = self.desk.job_settings()
        command = editor_of(settings, os.environ)

        def by_hand(text: str, name: str) -> str:
            with self.app.suspend():
                return edited_text(command, text, name=name)

        try:
            change = draft_file.edit(settings, row, by_hand)
        except SuspendNotSupported:
            self.action_drafts_edit_here()
            return
        except CmoError as error:
            self.workplace.refuse(error.message, error.hint or "")
            return
        self.workplace.on_told(reworded("drafts.edit", row.id, change))

    def action_drafts_edit_here(self) -> None:
        """Edit in place."""
        row, detail = self._row, self._detail
        if row is None or detail is None or detail.row.id != row.id:
            return
        settings = self.desk.job_settings()

        def answered(text: str | None) -> None:
            if text is not None:
                change = partial(draft_file.edit, settings, row, lambda before, name: text)
                self.workplace.act("drafts.edit", lambda: reworded("drafts.edit", row.id, change()))

        self.app.push_screen(EditHere(f"Draft {row.id}", draft_file.shown(detail)), answered)

    def action_drafts_redo(self) -> None:
        """Write it anew from the template in force and what is on record now."""
        row, settings = self._row, self.desk.job_settings()
        if row is not None:
            self.workplace.act("drafts.redo", lambda: reworded("drafts.redo", row.id, redo_draft(settings, row)))

    def action_drafts_needs_info(self) -> None:
        """Turn it into one question to the person."""
        row, settings = self._row, self.desk.job_settings()

        def answered(question: str | None) -> None:
            if question is not None and row is not None:
                change = partial(ask_person, settings, row, question)
                self.workplace.act("drafts.needs_info", lambda: reworded("drafts.needs_info", row.id, change()))

        if row is not None:
            self.app.push_screen(Ask("Needs info", "What do you want to ask them?", value=QUESTION), answered)

    def action_rules_apply(self) -> None:
        """Approve by a rule, or by the filter in force."""
        rules = list_rules(self.desk.conn)
        named = [(rule.name, rule.where) for rule in rules][:7]
        if self._filter:
            named.insert(0, ("filter", self._filter))
        if not named:
            self.workplace.refuse(
                "There is no rule yet.", "Filter first (/), then A; or: cmo rules add clean-60 --where 'score>=60'"
            )
            return

        def chosen(number: int | None) -> None:
            if number is not None:
                self._approve_by(*named[number - 1])

        self.app.push_screen(Choose("Approve by which rule?", [f"{name}: {where}" for name, where in named]), chosen)

    def _approve_by(self, name: str, where: str) -> None:
        job_id, settings = self.desk.job_id, self.desk.job_settings()
        if job_id is None:
            return
        covered = cover(self.desk.conn, job_id, draft_terms(where), now=self.desk.now())
        if not covered.choices:
            self.workplace.refuse(f"No draft that waits matches {where}.")
            return

        def agreed(answer: Agreed | str | None) -> None:
            if isinstance(answer, str):
                self.query_one(FilterBox).open(answer)
            elif answer is not None:
                samples = answer.samples
                verb = partial(verbs.approve, rule=answer.label, samples=samples.seen)
                self._hand_over("approve", samples.kept, verb)

        least = settings.sample_min
        self.app.push_screen(RuleDialog(self.desk, self.palette, covered, name=name, where=where, least=least), agreed)

    def action_drafts_undo(self) -> None:
        job_id, settings = self.desk.job_id, self.desk.job_settings()
        if job_id is not None:
            self._pending.clear()
            self.workplace.act("drafts.undo", partial(undone, settings, job_id))

    def action_drafts_again(self) -> None:
        """Decide again as before the last undo."""
        job_id, settings = self.desk.job_id, self.desk.job_settings()
        if job_id is not None:
            self._pending.clear()
            self.workplace.act("drafts.again", partial(done_again, settings, job_id))

    def _turn_down(self, action: DraftAction, reason: str) -> None:
        self._decide(
            action, lambda settings, job, choices: verbs.turn_down(settings, job, action, choices, reason=reason)
        )

    def _decide(self, action: DraftAction, verb: Callable[..., Decision]) -> None:
        """Decide on the marked drafts, else on the one that is shown; go on to the next one at once."""
        chosen = self._chosen()
        if chosen:
            self._hand_over(action, [row.choice for row in chosen], verb)

    def _hand_over(self, action: DraftAction, choices: Sequence[Choice], verb: Callable[..., Decision]) -> None:
        job_id = self.desk.job_id
        if job_id is None:
            return
        state = _DECIDED[action]
        self._pending.update({choice.draft_id: state for choice in choices})
        self._rhythm.beat(len(choices))
        settings = self.desk.job_settings()
        self.workplace.act(f"drafts.{action}", partial(decided, action, lambda: verb(settings, job_id, choices)))
        self._table.clear_marks()
        self._table.show(self._rows_now())
        if self.desk.settings.auto_advance:
            self._next_from(self._table.cursor + 1)
        self._draw_progress()

    def _chosen(self) -> list[DraftRow]:
        marks = self._table.marks
        if marks:
            return [row for row in self._rows.drafts if row.id in marks and row.id not in self._pending]
        row = self._row
        return [] if row is None or row.id in self._pending else [row]

    def _rows_now(self) -> DraftRows:
        self._rows = DraftRows(self._rows.drafts, self._pending, self.palette)
        return self._rows

    def _next_from(self, index: int) -> None:
        """The next draft that waits, from `index` down, then from the top."""
        order = [*range(index, self._rows.count()), *range(min(index, self._rows.count()))]
        for place in order:
            if self._rows.waits(self._rows.drafts[place]):
                self._table.move_to(place)
                return

    def _go_to(self, draft_id: int) -> None:
        for place, row in enumerate(self._rows.drafts):
            if row.id == draft_id:
                self._table.move_to(place)
                return

    def _draw_draft(self) -> None:
        row = self._row
        pane, why = self.query_one(DraftPane), self.query_one("#why", Passage)
        if row is None:
            pane.draw(Text(self._nothing()), top=True)
            why.say(Text(""))
            self._drawn = None
            return
        try:
            detail = get_draft(self.desk.conn, row.id, now=self.desk.now())
        except JobNotFound:
            return
        self._detail = detail
        text = draft_text(detail, self._form, self.palette, before=self._before(detail))
        reason = why_text(detail, self.palette)
        if self._shows_why and not self.has_class("-wide"):
            text = Text.assemble(text, "\n\n", reason)
        pane.draw(text, top=self._drawn != (row.id, self._form))
        why.say(reason)
        self._drawn = row.id, self._form

    def _before(self, detail: DraftDetail) -> VersionLine | None:
        if self._form != "diff":
            return None
        versions = draft_versions(self.desk.conn, detail.row.id)
        return versions[-2] if len(versions) > 1 else None

    def _draw_progress(self) -> None:
        total = self._rows.count()
        if self.desk.job_id is None:
            return
        left = sum(map(self._rows.waits, self._rows.drafts))
        parts = [f"{total - left}/{total}"]
        for state, sign in (("approved", "done"), ("rejected", "failed"), ("later", "later")):
            count = sum(self._rows.state(row) == state for row in self._rows.drafts)
            parts.append(f"{state} {count}" if self.palette.ascii else f"{self.palette.sign(sign)[0]}{count}")
        never = sum(not row.reachable and self._rows.state(row) == "pending" for row in self._rows.drafts)
        if never:
            parts.append(self.palette.labelled("locked", f"{never} never")[0])
        parts.append(f"left {left}")
        each = self._rhythm.each_s
        if each is not None and left:
            parts.append(f"{each:.0f} s each: {max(1, round(each * left / 60))} min")
        self.query_one("#progress", OneLine).say(Text(" " + "  ".join(parts), no_wrap=True, overflow="ellipsis"))

    def _nothing(self) -> str:
        if self._terms:
            return "No draft matches the filter. Esc in it clears it."
        job = self.desk.job()
        return f"There is no job yet, hence no drafts. {START}" if job is None else f"No drafts yet. {going(job)}"

    def _fit(self, width: int) -> None:
        self.set_class(width >= WIDE, "-wide")
        self.set_class(width >= VAST, "-vast")

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def _row(self) -> DraftRow | None:
        row = self._table.cursor
        return self._rows.drafts[row] if row < self._rows.count() else None
