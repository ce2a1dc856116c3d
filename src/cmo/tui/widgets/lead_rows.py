"""Leads as rows of a table, and one of them in words: profile, signals, score, drafts, time line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from cmo.domain.filters import Term
from cmo.domain.lead import LeadRow
from cmo.domain.outcome import WORDS, Outcome
from cmo.store.db import Connection
from cmo.store.lead_views import LeadTotals, Standing, standings
from cmo.store.people_views import count_leads, page_leads
from cmo.store.why_views import WhyLead
from cmo.tui.paint import Meaning, Palette, line, when
from cmo.tui.widgets.table import Cell, Column, Row

LEAD_COLUMNS = (
    Column("sc", 3, "right"),
    Column("who"),
    Column("name", 18, least=110, roomy=22),
    Column("organisation", 14, least=60, roomy=24),
    Column("place", 16, least=130),
    Column("stage", 11),
    Column("address", 11, least=70),
    Column("active", 6, least=76),
    Column("flags", 10),
)
ORDERS = ("score", "login", "org", "found")
"""Those that an index has."""
SORTS: Mapping[int, str] = {0: "score", 1: "login", 3: "org"}
"""Column -> the order that its header stands for."""
_STAGES: Mapping[str, tuple[str, Meaning]] = {
    "rejected": ("idle", "dim"),
    "held": ("locked", "warn"),
    "accepted": ("idle", "plain"),
    "draft": ("waiting", "warn"),
    "approved": ("done", "ok"),
    "declined": ("failed", "dim"),
    "expired": ("flag", "warn"),
    "in outbox": ("running", "accent"),
    "sent": ("done", "ok"),
}
_OUTCOMES: Mapping[Outcome, tuple[str, Meaning]] = {
    Outcome.BOOKED_DEMO: ("done", "ok"), Outcome.NO_RESPONSE: ("idle", "dim"), Outcome.DISQUALIFIED: ("failed", "dim"),
    Outcome.CLOSED_WON: ("done", "ok"), Outcome.CLOSED_LOST: ("failed", "dim"),
}  # fmt: skip
_ADDRESSES: Mapping[str, tuple[str, Meaning]] = {
    "ok": ("done", "ok"), "risky": ("flag", "warn"), "invalid": ("failed", "error"), "unknown": ("flag", "warn"),
}  # fmt: skip
MOST_SEEN_ON, MOST_NOTES, MOST_EVENTS = 6, 3, 20


class LeadRows:
    """The scored people of a job that meet the filter."""

    def __init__(
        self, conn: Connection, job_id: str, terms: Sequence[Term], sort: str, palette: Palette, now: datetime
    ) -> None:
        self._conn, self._job_id, self._terms, self._sort = conn, job_id, tuple(terms), sort
        self._palette, self._now = palette, now
        self.seen: dict[str, tuple[LeadRow, Standing]] = {}
        """Those of the pages that were read, by login."""
        self._count = count_leads(conn, job_id, terms=self._terms)

    def count(self) -> int:
        return self._count

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        found = page_leads(self._conn, self._job_id, terms=self._terms, sort=self._sort, limit=limit, offset=offset)
        places = standings(self._conn, self._job_id, found)
        self.seen |= {lead.login: (lead, places[lead.login]) for lead in found}
        return [Row(lead.login, self._cells(lead, places[lead.login])) for lead in found]

    def _cells(self, lead: LeadRow, at: Standing) -> tuple[Cell, ...]:
        return (
            (str(lead.score), "bold" if lead.label == "HOT" else "dim" if lead.label == "COLD" else "plain"),
            line(lead.login),
            line(lead.name or ""),
            line(lead.company or ""),
            line(lead.location or ""),
            _stage(lead, at, self._palette),
            _address(lead, self._palette),
            when(lead.last_at, self._now) if lead.last_at else "",
            _flags(lead, at, self._palette),
        )


def totals_text(totals: LeadTotals, shown: int, sort: str, palette: Palette, *, is_filtered: bool) -> Text:
    """The numbers above the list; what is cut first on a narrow terminal comes last."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f" {totals.scored:,} scored", palette["bold"])
    if is_filtered:
        text.append(f"  {shown:,} match", palette["warn"])
    text.append(f"  {totals.accepted:,} leads: {totals.hot:,} hot {totals.warm:,} warm {totals.cold:,} cold")
    text.append(f"  {totals.contacted:,} contacted {totals.booked:,} booked")
    if totals.won:
        text.append(f" {totals.won:,} won", palette["ok"])
    return text.append(f"  by {sort}", palette["dim"])


def lead_text(
    why: WhyLead, lead: LeadRow, at: Standing, others: Sequence[tuple[str, int]], palette: Palette, now: datetime
) -> Text:
    """Everything that is known of a person, what decides first."""
    text = Text()
    text.append(line(lead.name or lead.login), palette["bold"])
    about = ", ".join(line(part) for part in (lead.company, lead.location) if part)
    text.append(f"  {line(lead.login)}  {about}\n{line(lead.url)}\n", palette["dim"])
    word, meaning = _stage(lead, at, palette)
    text.append(word, palette[meaning])
    text.append(f"  {lead.status}", palette["bold"])
    text.append(f"  {line(why.decision)}\n")
    for reason in (f"Never contact: {line(at.suppressed)}" if at.suppressed else "", _held(at)):
        if reason:
            text.append(f"{palette.sign('locked')[0]} {reason}\n", palette["warn"])
    for note in reversed(why.notes[-MOST_NOTES:]):
        text.append(f"NOTE {when(note.at, now)} {line(note.by.removeprefix('operator:'))}", palette["bold"])
        text.append(f"  {line(note.text)}\n")
    _score(text, why, palette)
    _signals(text, why, palette, now)
    if others:
        text.append(f"ALSO AT {line(lead.company)}\n", palette["bold"])
        text.append(f"  {', '.join(f'{line(login)} ({score})' for login, score in others)}\n")
    _history(text, why, palette, now)
    return text


def _score(text: Text, why: WhyLead, palette: Palette) -> None:
    if why.score is None:
        return
    text.append("WHY\n", palette["bold"])
    for part in why.score.parts:
        text.append(f" {part.points:>+5.0f} ", palette["ok" if part.points >= 0 else "error"])
        text.append(f"{line(part.reason)}\n")
    total = sum(part.points for part in why.score.parts)
    kept = "" if round(total) == why.score.value else f", held within 0..100: {why.score.value}"
    text.append(f" {total:>5.0f} in all{kept} {why.score.label}\n", palette["bold"])


def _signals(text: Text, why: WhyLead, palette: Palette, now: datetime) -> None:
    text.append("SIGNALS\n", palette["bold"])
    for ref in why.seen_on[:MOST_SEEN_ON]:
        last = f", last {when(ref.last_at, now)}" if ref.last_at else ""
        text.append(
            f"  {line(ref.from_repo)}: {ref.role}, {ref.contributions} {line(ref.signal).replace('_', ' ')}{last}"
        )
        text.append(f"  {line('; '.join(ref.evidence))}\n", palette["dim"])
    for address in why.addresses:
        state = "not checked" if address.verdict is None else str(address.verdict.state)
        text.append(f"  {line(address.email)}  {address.email_class}, {state}")
        text.append(f"  seen {address.seen_at:%Y-%m-%d} {line(address.source_url)}\n", palette["dim"])


def _history(text: Text, why: WhyLead, palette: Palette, now: datetime) -> None:
    if why.drafts or why.writes:
        text.append("MAIL\n", palette["bold"])
    for draft in why.drafts:
        by = f", approved by {line(draft.approved_by)}" if draft.approved_by and draft.revoked_at is None else ""
        text.append(f"  draft {draft.id} {draft.step.replace('_', ' ')}: {draft.state}{by}\n")
    for write in why.writes:
        held = ", on hold" if write.is_held else ""
        text.append(f"  outbox {write.id} {line(write.operation)}: {write.state}{held} {line(write.reason)}\n")
        for no in write.decisions:
            text.append(f"    {line(no.rule)}: {line(no.message)}\n", palette["dim"])
    text.append("TIME LINE\n", palette["bold"])
    for at, what in why.timeline[-MOST_EVENTS:]:
        text.append(f"  {when(at, now):6} {line(what)}\n")


def _stage(lead: LeadRow, at: Standing, palette: Palette) -> tuple[str, Meaning]:
    """How far they came: the outcome, once there is one."""
    sign, meaning = _OUTCOMES[lead.outcome] if lead.outcome else _STAGES[at.stage]
    return palette.labelled(sign, WORDS[lead.outcome] if lead.outcome else at.stage)[0], meaning


def _address(lead: LeadRow, palette: Palette) -> Cell:
    if lead.email is None:
        return "none", "dim"
    if lead.mx_state is None:
        return "not checked", "dim"
    sign, meaning = _ADDRESSES[lead.mx_state]
    return palette.labelled(sign, lead.mx_state)[0], meaning


def _flags(lead: LeadRow, at: Standing, palette: Palette) -> Cell:
    if at.suppressed:
        return palette.labelled("locked", "never")
    if at.on_hold:
        return palette.labelled("locked", "org held")
    return palette.labelled("flag", "commit") if lead.held else ""


def _held(at: Standing) -> str:
    return f"Nothing leaves to anybody there: {line(at.on_hold)}" if at.on_hold else ""
