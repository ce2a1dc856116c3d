"""Leads: everybody with a score, why they have it, and how far they came."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.events import Resize

from cmo.config import Settings
from cmo.domain.company import organisation
from cmo.domain.filters import Term
from cmo.domain.lead import LeadRow
from cmo.domain.outcome import Outcome
from cmo.domain.suppression import SuppressionKind
from cmo.errors import CmoError
from cmo.service.exports import FILES, export_job
from cmo.service.leads import lead_terms
from cmo.service.suppress import Target, read_target
from cmo.store.lead_views import Standing, colleagues, count_at_domain, lead_totals
from cmo.store.people_views import count_leads
from cmo.store.why_views import lead_why
from cmo.tui.exporting import Export, export
from cmo.tui.messages import Told
from cmo.tui.paint import line
from cmo.tui.screens.base import START, Page, going
from cmo.tui.widgets.dialogs import Ask, Choose, Show
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.lead_rows import LEAD_COLUMNS, ORDERS, SORTS, LeadRows, lead_text, totals_text
from cmo.tui.widgets.lines import OneLine, Passage
from cmo.tui.widgets.table import RowTable
from cmo.tui.work_leads import note_added, outcome_said, outcome_words, suppressed

WIDE = 100
"""From here on the person is beside the list, not below it."""
LOWER = 10
"""How much lower a filter is proposed that somebody meets."""


class Leads(Page):
    """Screen 3."""

    NAME = "leads"
    CSS = """
    Leads #both { height: 1fr; layout: vertical; }
    Leads #person { height: 45%; padding: 0 1; border-top: solid $panel; }
    Leads.-wide #both { layout: horizontal; }
    Leads.-wide RowTable { width: 3fr; }
    Leads.-wide #person { width: 2fr; height: 100%; border-top: none; border-left: solid $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._terms: tuple[Term, ...] = ()
        self._filter = ""
        self._sort = "score"
        self._rows: LeadRows | None = None
        self._said = Text("")

    def body(self) -> ComposeResult:
        yield OneLine(id="totals")
        with Container(id="both"):
            yield RowTable(LEAD_COLUMNS, self.palette)
            with VerticalScroll(id="person"):
                yield Passage(id="about")
        yield FilterBox("score>=80 label:hot -email:none org:acme mx:ok maint")

    def reload(self) -> None:
        """Read the people of the job anew."""
        desk, job_id = self.desk, self.desk.job_id
        if job_id is None:
            self._say(Text(self._nothing()))
            return
        self._rows = LeadRows(desk.conn, job_id, self._terms, self._sort, self.palette, desk.now())
        self._table.show(self._rows)
        totals = lead_totals(desk.conn, job_id)
        text = totals_text(totals, self._rows.count(), self._sort, self.palette, is_filtered=bool(self._terms))
        self.query_one("#totals", OneLine).say(text)
        self._draw()

    def values(self) -> Mapping[str, object]:
        lead = self._lead
        own = {"sort": self._sort, "where": self._filter}
        theirs = {"who": lead.login, "outcome": lead.outcome or "OUTCOME"} if lead else {}
        return {**super().values(), **own, **theirs}

    def copies(self) -> list[tuple[str, str]]:
        lead = self._lead
        if lead is None:
            return []
        cells = (lead.login, lead.score, lead.name or "", lead.company or "", lead.email or "", lead.url)
        row, command = "\t".join(map(str, cells)), f"cmo leads why {lead.login}"
        return [("address", lead.email or ""), ("profile", lead.url), ("row", row), ("command", command)]

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.width >= WIDE, "-wide")

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        self._draw()
        self.query_one("#person").scroll_home(animate=False)

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        self.app.push_screen(Show(line(event.row.key), self._said.plain))

    def on_row_table_sorted(self, event: RowTable.Sorted) -> None:
        if event.column in SORTS:
            self._sort_by(SORTS[event.column])

    def take_filter(self, text: str) -> None:
        self._terms, self._filter = lead_terms(text), text

    def action_view_sort(self) -> None:
        """The next order."""
        self._sort_by(ORDERS[(ORDERS.index(self._sort) + 1) % len(ORDERS)])

    def action_view_columns(self) -> None:
        """Choose which columns are seen."""
        table = self._table

        def answered(number: int | None) -> None:
            if number is not None:
                table.toggle(number - 1)

        sign = self.palette.sign("done")[0]
        choices = [f"{sign if n in table.shown else ' '} {column.title}" for n, column in enumerate(table.columns)]
        self.app.push_screen(Choose("Show or hide which column?", choices), answered)

    def links(self) -> list[tuple[str, str]]:
        lead = self._lead
        return [] if lead is None else [("profile", lead.url)]

    async def action_view_draft(self) -> None:
        """To the draft for the person, in Review."""
        found = self._found
        if found is None:
            return
        lead, at = found
        if at.draft_id is None:
            self.workplace.refuse(f"There is no draft for {line(lead.login)}.", f"Why: {at.stage}.")
            return
        await self.app.switch_screen("review")
        self.app.post_message(Told("view.draft", "", draft_id=at.draft_id))

    def action_leads_suppress(self) -> None:
        """Never contact the person, or anybody at their domain or company: asks which, and why."""
        lead, settings, job_id = self._lead, self.desk.settings, self.desk.job_id
        if lead is None or job_id is None:
            return
        targets = _targets(lead)

        def chosen(number: int | None) -> None:
            if number is not None:
                target = targets[number - 1]
                self.app.push_screen(
                    Ask(f"Never contact {target.kind} {line(target.value)}", "Why? It is kept with your name."),
                    lambda reason: self._suppress(settings, target, reason),
                )

        choices = [f"{target.kind} {line(target.value)}" for target in targets]
        for place, target in enumerate(targets):
            if target.kind is SuppressionKind.DOMAIN:
                many = count_at_domain(self.desk.conn, job_id, target.value)
                choices[place] += f": {many:,} {'person' if many == 1 else 'people'} of this job"
        self.app.push_screen(Choose("Never contact whom again?", choices), chosen)

    def action_leads_outcome(self) -> None:
        """What came of the person, by a digit; the last one takes back what was said."""
        lead, settings, job_id = self._lead, self.desk.settings, self.desk.job_id
        if lead is None or job_id is None:
            return
        outcomes: tuple[Outcome | None, ...] = (*Outcome, *((None,) if lead.outcome else ()))
        sign = self.palette.sign("done")[0]

        def chosen(number: int | None) -> None:
            if number is not None:
                outcome = outcomes[number - 1]
                self.workplace.act("leads.outcome", lambda: outcome_said(settings, job_id, lead.login, outcome))

        choices = [f"{sign if outcome is lead.outcome else ' '} {outcome_words(outcome)}" for outcome in outcomes]
        self.app.push_screen(Choose(f"What came of {line(lead.login)}?", choices), chosen)

    def action_leads_note(self) -> None:
        """Words about the person, kept in their time line."""
        lead, settings, job_id = self._lead, self.desk.settings, self.desk.job_id
        if lead is None or job_id is None:
            return

        def written(text: str | None) -> None:
            if text is not None:
                self.workplace.act("leads.note", lambda: note_added(settings, job_id, lead.login, text))

        about = "For you alone: no mail and no model is given it, and forgetting them erases it."
        self.app.push_screen(Ask(f"Note on {line(lead.login)}", about), written)

    def action_export_write(self) -> None:
        """Write who is marked, else shown, and may be contacted."""
        job_id, settings, terms = self.desk.job_id, self.desk.settings, self._terms
        logins = sorted(map(str, self._table.marks)) or None
        if job_id is None:
            return

        def write(path: Path) -> str:
            report = export_job(settings, job_id, to=path.parent, what=("leads",), terms=terms, logins=logins)
            rows = report.files[0].rows
            return f"{rows:,} {'person' if rows == 1 else 'people'}"

        shown = f"who matches {line(self._filter)}" if terms else "all who are shown"
        if logins:
            shown = f"{len(logins):,} marked"
        asked = f"{shown}, as far as accepted; a CSV file, to which folder?"
        export(self.workplace, Export("export.write", "Export leads", asked, f"{FILES['leads']}.csv", write))

    def _suppress(self, settings: Settings, target: Target, reason: str | None) -> None:
        if reason is not None:
            self.workplace.act_apart("leads.suppress", lambda: suppressed(settings, target, reason))

    def _sort_by(self, sort: str) -> None:
        self._sort = sort
        self.reload()
        self._table.move_to(0)

    def _draw(self) -> None:
        """The person under the cursor."""
        found, job_id = self._found, self.desk.job_id
        if found is None or job_id is None:
            self._say(Text(self._nothing()))
            return
        lead, at = found
        why = lead_why(self.desk.conn, job_id, lead.login)
        if why is not None:
            others = colleagues(self.desk.conn, job_id, lead)
            self._say(lead_text(why, lead, at, others, self.palette, self.desk.now()))

    def _say(self, text: Text) -> None:
        self._said = text
        self.query_one("#about", Passage).say(text)

    def _nothing(self) -> str:
        job = self.desk.job()
        if job is None:
            return f"There is no job yet, hence no people. {START}"
        if not self._terms:
            return f"Nobody has a score yet. {going(job)}"
        all_ = count_leads(self.desk.conn, job.id)
        return f"0 of {all_:,} match {line(self._filter)}. Esc in the filter clears it.{self._lower(job.id)}"

    def _lower(self, job_id: str) -> str:
        """A lower score that somebody meets, where the filter is one on the score alone."""
        if len(self._terms) != 1 or self._terms[0].field != "score" or self._terms[0].operator not in (">=", ">"):
            return ""
        for score in range(int(self._terms[0].value) - LOWER, 0, -LOWER):
            many = count_leads(self.desk.conn, job_id, terms=lead_terms(f"score>={score}"))
            if many:
                return f" Or try score>={score} ({many:,})."
        return ""

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def _found(self) -> tuple[LeadRow, Standing] | None:
        row = self._table.row()
        return None if row is None or self._rows is None else self._rows.seen[str(row.key)]

    @property
    def _lead(self) -> LeadRow | None:
        found = self._found
        return None if found is None else found[0]


def _targets(lead: LeadRow) -> list[Target]:
    """The person, their domain where it is their organisation's, their company, as far as they are known."""
    named = [(lead.email, SuppressionKind.EMAIL)] if lead.email else [(lead.login, SuppressionKind.LOGIN)]
    if lead.email and organisation(lead.email):
        named.append((lead.email.rpartition("@")[2], SuppressionKind.DOMAIN))
    if lead.company:
        named.append((lead.company, SuppressionKind.ACCOUNT))
    targets = []
    for text, kind in named:
        try:
            targets.append(read_target(text, kind))
        except CmoError:  # nothing can match a company without letters
            continue
    return targets
