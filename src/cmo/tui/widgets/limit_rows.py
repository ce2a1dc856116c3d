"""Limits, permissions and settings as rows of one table, suppressions as rows of another, and what stops sending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rich.text import Text

from cmo.config import SPECS, Settings
from cmo.domain.audit import AuditRow
from cmo.domain.job import Caps, Job, Mode, Weights
from cmo.domain.policy import Limits
from cmo.domain.requests import Request, number
from cmo.service.controls import QUOTAS
from cmo.service.scores import FeatureWeight, feature_weights
from cmo.store.bases import EVERYWHERE, Basis
from cmo.store.db import Connection
from cmo.store.standing_views import QuotaUse, Stops
from cmo.store.suppressions import page_entries
from cmo.tui.paint import Meaning, Palette, line, when
from cmo.tui.widgets.table import Cell, Column, Row

LIMIT_COLUMNS = (
    Column("", 10, least=100),
    Column("limit", 22, roomy=27),
    Column("used", 6, "right"),
    Column("of", 7, "right"),
    Column("left", 7, "right"),
    Column("", 10, least=96),
    Column("about"),
)
SUPPRESSED_COLUMNS = (
    Column("kind", 7),
    Column("who"),
    Column("why"),
    Column("by", 16, least=70),
    Column("since", 10),
)
CAPS: Mapping[str, str] = {
    "max_steps": "planner turns of the job",
    "max_repos": "repositories it reads",
    "max_people": "people it looks at",
}
"""Budgets of a job that can be changed while it runs."""
_GAUGE, _TIGHT = 10, 0.8
_SHOWN_SETTINGS = (
    "mail.provider", "sender.email", "sending.hours", "sender.time_zone", "mode.hold_minutes",
    "errors.pause_sending_after", "crm.provider",
)  # fmt: skip
Kind = Literal["quota", "inbox", "budget", "permission", "setting", "weight"]


@dataclass(frozen=True)
class LimitRow:
    """One line of the first table."""

    kind: Kind
    name: str
    about: str = ""
    used: int | None = None
    of: int | None = None
    basis: Basis | None = field(default=None, compare=False)
    given: Request | None = field(default=None, compare=False)
    """The request with which it was allowed."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def left(self) -> int | None:
        return None if self.used is None or self.of is None else max(0, self.of - self.used)

    @property
    def is_tight(self) -> bool:
        return self.used is not None and bool(self.of) and self.used >= _TIGHT * (self.of or 0)


class LimitRows:
    """All rows; there are a few dozen at most."""

    def __init__(self, rows: Sequence[LimitRow], palette: Palette) -> None:
        self.rows = rows
        self._palette = palette

    def count(self) -> int:
        return len(self.rows)

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        return [Row(row.key, self._cells(row)) for row in self.rows[offset : offset + limit]]

    def _cells(self, row: LimitRow) -> tuple[Cell, ...]:
        tone: Meaning = "warn" if row.is_tight else "plain"
        mark = f"{self._palette.sign('flag')[0]} " if row.is_tight else ""
        numbers = [("" if n is None else f"{n:,}", tone) for n in (row.used, row.of)]
        left = "" if row.left is None else f"{mark}{row.left:,}"
        return ((row.kind, "dim"), line(row.name), *numbers, (left, tone), (self._gauge(row), tone), line(row.about))

    def _gauge(self, row: LimitRow) -> str:
        if row.used is None or not row.of:
            return ""
        full, empty = ("#", "-") if self._palette.ascii else ("█", "░")
        cells = min(_GAUGE, round(_GAUGE * row.used / row.of))
        return full * cells + empty * (_GAUGE - cells)


class SuppressedRows:
    """Who must never be contacted, newest first."""

    def __init__(self, conn: Connection, count: int) -> None:
        self._conn, self._count = conn, count

    def count(self) -> int:
        return self._count

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        return [
            Row(
                (entry.kind, entry.value),
                (
                    str(entry.kind),
                    "somebody who was erased" if entry.kind == "hash" else line(entry.value),
                    line(entry.reason),
                    line(entry.source.removeprefix("operator:")),
                    f"{entry.added_at.astimezone():%Y-%m-%d}",
                ),
            )
            for entry in page_entries(self._conn, limit=limit, offset=offset)
        ]


def limit_rows(
    settings: Settings,
    limits: Limits,
    quotas: QuotaUse,
    stops: Stops,
    job: Job | None,
    used: Mapping[str, int],
    given: Sequence[Request],
    now: datetime,
) -> list[LimitRow]:
    """Quotas, inboxes, budgets of the job, permissions, settings that matter.

    Args:
        used: Of the job's budgets, by name.
        given: Requests whose permission still answers later ones.
    """
    fresh = f"resets {when(quotas.frees_at, now)}"
    fullest = max((box.used for box in quotas.inboxes), default=0)
    rows = [
        LimitRow("quota", "max_emails_per_day", f"a day, all inboxes; {fresh}", quotas.day_used,
                 limits.max_emails_per_day),
        LimitRow("quota", "per_inbox_daily", f"a day, the fullest inbox; {fresh}", fullest, limits.per_inbox_daily),
        LimitRow("quota", "max_per_company_daily", f"a day, the busiest company; {fresh}", quotas.busiest_company,
                 limits.max_per_company_daily),
        LimitRow("quota", "max_per_contact", "in 7 days to one person", None, limits.max_per_contact),
    ]  # fmt: skip
    for box in quotas.inboxes:
        state = f"paused: {box.paused}" if box.paused else "warmed up" if box.is_warm else "new, warming up"
        rows.append(LimitRow("inbox", box.address, f"today by {box.provider}; {state}", box.used, box.cap))
    rows += _budgets(job.plan.caps, used) if job is not None else []
    for basis in stops.bases:
        where = "every job" if basis.scope == EVERYWHERE else basis.scope
        about = f"allowed by {basis.by.removeprefix('operator:')} for {where}: {basis.basis}"
        rows.append(LimitRow("permission", f"{basis.kind} {basis.scope}".removesuffix(" *"), about, basis=basis))
    for one in given:
        by = one.answer.by.removeprefix("operator:") if one.answer else ""
        about = f"of {one.job_id}, up to {number(one.permits_upto or 0)} without asking; allowed by {by}"
        rows.append(LimitRow("permission", f"{one.asked.setting} {one.id}", about, given=one))
    for key in _SHOWN_SETTINGS:
        spec = SPECS[key]
        text = str(spec.kind.to_text(getattr(settings, spec.attribute)))
        rows.append(LimitRow("setting", key, f"{text or 'not set'}   {spec.about}"))
    return [*rows, *(_weights(job.plan.weights) if job is not None else [])]


def state_text(
    job: Job | None,
    settings: Settings,
    stops: Stops,
    left_this_week: int,
    receipt: AuditRow | None,
    palette: Palette,
) -> Text:
    """What lets mail out, and what keeps it in.

    Args:
        receipt: What the last stop came to, while it holds.
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    ceiling = _mode(settings.mode())
    if job is None:
        text.append(f" Ceiling {ceiling}. There is no job yet.\n")
    else:
        locked = min(job.plan.mode, settings.mode(), key=list(Mode).index) is not Mode.SEND_ALLOWED
        sign, style = palette.sign("locked" if locked else "running")
        text.append(f" {sign} {job.plan.mode.destination}", style)
        text.append(f"   ceiling {ceiling} (mode.sending)\n", palette["dim"])
    if stops.kill is None:
        text.append(f" {palette.sign('done')[0]} ", palette["ok"])
        text.append("Sending is not stopped. ! stops all of it at once.\n")
    else:
        by = line(stops.kill.by.removeprefix("operator:"))
        said = f"ALL SENDING STOPPED by {by} {stops.kill.at.astimezone():%d %b %H:%M}. R releases."
        text.append(f" {palette.sign('locked')[0]} {said} ", palette["needs"]).append(f" {line(stops.kill.reason)}\n")
        _campaigns(text, receipt, palette)
    pauses = "; ".join(f"{line(pause.name)} paused: {line(pause.reason)}" for pause in stops.pauses)
    parts = [f"{left_this_week:,} more this week", f"{stops.suppressions:,} never contacted (i)"]
    parts += [f"{stops.holds:,} on hold"] if stops.holds else []
    return text.append(" " + "   ".join([*parts, pauses]).rstrip())


def _campaigns(text: Text, receipt: AuditRow | None, palette: Palette) -> None:
    """Whether each campaign at a provider is known to be paused."""
    for campaign in receipt.detail.get("campaigns", []) if receipt is not None else []:
        is_known = campaign["state"] != "not_confirmed"
        sign, style = palette.sign("done" if is_known else "failed")
        state = f"{campaign['state']}, confirmed" if is_known else f"NOT confirmed. {campaign['by_hand']}"
        text.append(f" {sign} {line(campaign['provider'])} {line(campaign['sequence_id'])}: {line(state)}\n", style)


def _budgets(caps: Caps, used: Mapping[str, int]) -> list[LimitRow]:
    rows = [LimitRow("budget", name, about, used[name], getattr(caps, name)) for name, about in CAPS.items()]
    rows.append(LimitRow("budget", "calls", "to services, of the job", used["calls"]))
    rows.append(LimitRow("budget", "tokens", "of the model, of the job", used["tokens"]))
    if caps.budget_usd is not None:
        rows.append(LimitRow("budget", "budget_usd", f"at most {caps.budget_usd:g} USD for the job"))
    return rows


def _weights(weights: Weights) -> list[LimitRow]:
    """The most points of each feature of a score, of the job."""
    return [
        LimitRow("weight", one.name, f"of a score{_usual(one)}: {one.about}", None, round(one.points))
        for one in feature_weights(weights)
    ]


def _usual(one: FeatureWeight) -> str:
    return "" if one.points == one.default else f" (default {one.default:g})"


def _mode(mode: Mode) -> str:
    return mode.value.replace("_", "-").upper()


def is_quota(row: LimitRow) -> bool:
    """Whether it is one of the workspace, kept in the settings file."""
    return row.kind == "quota" and row.name in QUOTAS
