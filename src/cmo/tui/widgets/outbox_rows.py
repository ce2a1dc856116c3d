"""The outbox as rows of a table with a countdown, and the day of its inboxes in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from cmo.domain.filters import Term
from cmo.domain.outbox import OutboxState
from cmo.service.outbox_words import is_to_come, standing
from cmo.store.db import Connection
from cmo.store.outbox_views import OutboxRow, count_outbox, page_outbox
from cmo.store.standing_views import QuotaUse
from cmo.tui.paint import Meaning, Palette, line, when
from cmo.tui.widgets.table import Column, Row

OUTBOX_COLUMNS = (
    Column("id", 5, "right", least=100),
    Column("to"),
    Column("from", 20, least=70),
    Column("slot", 9),
    Column("state", 14),
    Column("theirs", 12, least=76),
    Column("operation", 15, least=120),
)
MOST_INBOXES = 4
_QUOTAS = {
    "max_emails_per_day": "the day's limit",
    "per_inbox_daily": "the inboxes' limits",
    "max_per_company_daily": "the limit for a company",
    "max_per_contact": "the limit for a person",
}


class OutboxRows:
    """The rows of a job that meet the filter, those still to come first. Read once; `now` moves the countdown on."""

    def __init__(self, conn: Connection, job_id: str, terms: Sequence[Term], palette: Palette, now: datetime) -> None:
        self._conn, self._job_id, self._terms = conn, job_id, tuple(terms)
        self._palette = palette
        self.now = now
        self.seen: dict[int, OutboxRow] = {}
        """Those of the pages that were read, by number."""
        self._pages: dict[tuple[int, int], Sequence[OutboxRow]] = {}
        self._count = count_outbox(conn, now=now, job_id=job_id, terms=self._terms)

    def count(self) -> int:
        return self._count

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        if (offset, limit) not in self._pages:
            found = page_outbox(
                self._conn, now=self.now, job_id=self._job_id, terms=self._terms, limit=limit, offset=offset
            )
            self._pages[offset, limit] = found
            self.seen |= {row.id: row for row in found}
        return [self._row(row) for row in self._pages[offset, limit]]

    @property
    def counts_down(self) -> bool:
        """Whether any row shows a time that gets shorter."""
        return any(is_to_come(row, self.now - timedelta(seconds=1)) for row in self.seen.values())

    def _row(self, row: OutboxRow) -> Row:
        to = line(row.email or row.who) or "-"
        cells = (
            str(row.id),
            to,
            line(row.inbox or row.sender),
            _slot(row, self.now),
            state_cell(row, self._palette, self.now),
        )
        return Row(row.id, (*cells, line(row.provider_id or ""), line(row.operation)))


def state_cell(row: OutboxRow, palette: Palette, now: datetime) -> tuple[str, Meaning]:
    """How a row stands, with the time it still has."""
    return palette.labelled(*standing(row, now))


def row_text(row: OutboxRow, palette: Palette, now: datetime) -> Text:
    """One row in a line, with why it stands as it does."""
    word, meaning = state_cell(row, palette, now)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{row.id}  {line(row.who)}  ").append(word, palette[meaning])
    why = line(row.reason)
    if row.is_held and row.state == OutboxState.UNKNOWN:
        why = f"{why}  l: say whether it arrived".strip()
    elif is_to_come(row, now) and not why and not row.attempts:
        why = "r takes it back until then"
    return text.append(f"  {why}", palette["dim"])


def day_text(quotas: QuotaUse, pushed: Mapping[str, int], palette: Palette, now: datetime) -> Text:
    """The slots of each inbox today, and what each quota puts off."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for box in quotas.inboxes[:MOST_INBOXES]:
        text.append(f"{line(box.address)}  {box.used} of {box.cap} today, {max(0, box.cap - box.used)} left")
        if box.paused:
            text.append(f"  {palette.sign('locked')[0]} {line(box.paused)}", palette["warn"])
        text.append("\n" if box.is_warm else "  warming up\n")
    if len(quotas.inboxes) > MOST_INBOXES:
        text.append(f"and {len(quotas.inboxes) - MOST_INBOXES} more inboxes: cmo limits show\n", palette["dim"])
    text.append(f"All inboxes  {quotas.day_used} of {quotas.day_limit} today, {quotas.day_left} left;")
    text.append(f" new slots from {when(quotas.frees_at, now)}\n")
    if pushed:
        text.append(palette.labelled("later", "To a later day: ")[0], palette["warn"])
        text.append(", ".join(f"{count:,} by {_QUOTAS[name]}" for name, count in pushed.items()))
    else:
        text.append("No quota puts anything off to tomorrow.", palette["dim"])
    return text


def _slot(row: OutboxRow, now: datetime) -> str:
    """When it leaves, or left."""
    at = row.due_at
    if row.state != OutboxState.PLANNED:
        at = row.claimed_at or row.settled_at or row.due_at
    elif row.is_held:
        return ""
    elif row.due_at <= now:
        return "now"
    is_near = timedelta(days=-1) < at - now < timedelta(days=6)
    today = at.astimezone().date() == now.astimezone().date()
    return f"{at.astimezone():%a %H:%M}" if is_near and not today else when(at, now)
