"""A run in figures: its stages as queues, its budgets as gauges, its last events."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.events import Resize

from cmo.domain.event import Recorded
from cmo.domain.event_words import level_of, sentence
from cmo.domain.job import Mode, Stage
from cmo.domain.text import span
from cmo.service.outlook import Gauge, Outlook, holds_up, left_s, tight, time_left, waits_for
from cmo.store.funnel_views import FunnelStep
from cmo.store.stage_views import StageDetail
from cmo.store.views import StageRow
from cmo.tui.paint import Palette, line, pieces
from cmo.tui.widgets.lines import Lines
from cmo.tui.widgets.table import Cell, Column, Row

WIDE = 96
"""From here on bar and trend are shown."""
COLUMNS = (
    Column("", 1),
    Column("stage", 8),
    Column("done", 7, "right"),
    Column("of", 7, "right"),
    Column("", 12, least=WIDE),
    Column("rate", 8, "right"),
    Column("trend", 8, least=WIDE),
    Column("err", 5, "right"),
    Column("state"),
)
_BAR = 12
_GAUGE, _FUNNEL = 10, 6
_MODES = {Mode.DRY_RUN: "DRY RUN", Mode.DRAFT_ONLY: "DRAFT-ONLY", Mode.SEND_ALLOWED: "SEND-ALLOWED"}
_STEPS = "▁▂▃▄▅▆▇█"
_LEVELS = {"warn": "flag", "error": "failed"}


class StageRows:
    """The stages of a job as rows of a table."""

    def __init__(self, view: Outlook | None, palette: Palette) -> None:
        self.rows = () if view is None else tuple(_row(view, row, palette) for row in view.summary.stages)

    def count(self) -> int:
        return len(self.rows)

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        return self.rows[offset : offset + limit]


class Tail(Lines, can_focus=True):
    """The last lines of many, as many as there is room for."""

    DEFAULT_CSS = "Tail { height: 1fr; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Text] = ()

    def draw(self, lines: Sequence[Text]) -> None:
        self._lines = lines
        room = self.size.height
        self.say(Text("\n", no_wrap=True, overflow="ellipsis").join(lines[-room:] if room else ()))

    def on_resize(self, event: Resize) -> None:
        self.draw(self._lines)


def standing(view: Outlook, palette: Palette, *, is_here: bool) -> Text:
    """How far the target is, when it is reached, what limits it; or what to press.

    Args:
        is_here: This process runs it, or is about to.
    """
    summary, job = view.summary, view.summary.job
    counts = summary.progress
    said = f" Good leads {counts.good_leads:,} of {job.plan.target:,}"
    if counts.held_leads:
        said += f", {counts.held_leads:,} on hold"
    match summary.state:
        case "stopped" | "paused" | "planned" if is_here:
            return pieces(said, "  ", ("starting", palette["bold"]))
        case "stopped":
            sign, style = palette.sign("failed")
            return pieces(said, "  ", (f"{sign} worker gone: r restarts it", style))
        case "paused":
            why = f": {line(job.ended_reason).rstrip('.')}" if job.ended_reason else ""
            told = f"{palette.sign('needs_you')[0]} paused, r goes on{why}"  # the key first: the end may be cut
            return pieces(said, "  ", (told, palette["needs"]))
        case "planned":
            return pieces(said, "  ", ("not started: r starts it", palette["bold"]))
        case "running":
            seconds, limit = time_left(view)
            left = "" if seconds is None or seconds < 1 else f"  about {span(seconds)} left"
            return pieces(said + left + (f"{',' if left else ' '} limited by {line(limit)}" if limit else ""))
        case _:
            how = " ".join(line(text) for text in (summary.summary, job.ended_reason) if text)
            return pieces(f" {how}" if summary.summary else f"{said}  {how}")


def budgets(gauges: Sequence[Gauge], palette: Palette, width: int) -> Text:
    """The gauges, as many in a line as fit, and below them what comes to an end."""
    rows: list[Text] = []
    for drawn in (_gauge(gauge, palette) for gauge in gauges):
        if rows and len(rows[-1]) + len(drawn) + 2 <= width:
            rows[-1].append("  ").append_text(drawn)
        else:
            rows.append(Text(" ").append_text(drawn))
    sign, style = palette.sign("flag")
    rows += [pieces((f" {sign} {told}", style)) for told in tight(gauges)]
    return Text("\n", no_wrap=True, overflow="ellipsis").join(rows)


def event_line(item: Recorded, palette: Palette) -> Text:
    """One event: when, how bad, what."""
    sign = _LEVELS.get(level_of(item.event))
    glyph, style = palette.sign(sign) if sign else (" ", palette["plain"])
    return pieces((f" {item.at.astimezone():%H:%M:%S} ", palette["dim"]), (glyph, style), " ", sentence(item.event))


def funnel_text(steps: Sequence[FunnelStep], palette: Palette) -> Text:
    """The funnel: how many, which part of the step before, why most of the others are missing."""
    most = max((step.count for step in steps), default=0)
    rows = []
    for step in steps:
        part = "" if step.share is None else f"{step.share:.0%}"
        bar = _bar(step.count, most, _FUNNEL, palette)
        told = f"{step.name:<13}{step.count:>8,} {part:>5} "
        rows.append(pieces(told, (bar, palette["ok"]), f" {line(step.reason)}"))
    foot = pieces(("% of the step before, and why most of the others are missing", palette["dim"]))
    return Text("\n").join([*rows, Text(""), foot])


def detail_text(detail: StageDetail, palette: Palette) -> Text:
    """What a stage works on, where it is slow, what came of it last."""
    args = ", ".join(f"{name} {value}" for name, value in detail.args.items())
    rows = [
        pieces((f"{detail.stage.value}  ", palette["bold"]), line(detail.tool or "")),
        pieces(f"Works on   {line(args) or '-'}"),
        pieces(f"So far     {_many(detail.steps, 'step')}, {_many(detail.pages, 'page')}, {span(detail.took_s)}"),
    ]
    if detail.slowest:
        rows.append(pieces(("Slowest", palette["bold"])))
    for page in detail.slowest:
        rows.append(pieces(f"  step {page.step} page {page.page}: {page.processed:,} items in {page.took_s:.1f} s"))
    rows.append(pieces(("Last results", palette["bold"]) if detail.results else "No results yet."))
    rows += [event_line(item, palette) for item in detail.results]
    return Text("\n").join(rows)


def _row(view: Outlook, row: StageRow, palette: Palette) -> Row:
    at_work = row.state in ("running", "waiting")
    rate: Cell = _rate(row.per_minute) if at_work and row.per_minute else ("-" if palette.ascii else "—", "dim")
    lost = view.failures.get(row.stage.value, 0)
    failed: Cell = (f"{lost:,}", "error") if lost else ("-" if palette.ascii else "·", "dim")
    cells: tuple[Cell, ...] = (
        (">", "bold") if at_work else "",
        row.stage.value,
        f"{row.done:,}",
        f"{row.of:,}",
        (_bar(row.done, row.of, _BAR, palette), "ok"),
        rate,
        ("" if row.state == "done" else _trend(view.pulse(row).trend, palette), "dim"),
        failed,
        _state(view, row, palette),
    )
    return Row(row.stage.value, cells)


def _state(view: Outlook, row: StageRow, palette: Palette) -> Cell:
    job, state = view.summary.job, view.summary.state
    took = view.pulse(row).took_s
    if row.state == "needs_you":
        return f"{palette.sign('needs_you')[0]} {row.of - row.done:,} wait for you", "needs"
    if row.state == "locked":
        return f"{palette.sign('locked')[0]} {_MODES[job.plan.mode]}", "warn"
    if row.state == "done":
        return f"{palette.sign('done')[0]} done {span(took) if took >= 1 else ''}".rstrip(), "ok"
    if state != "running":
        if row.stage is not job.stage or job.status.is_over:
            return f"{palette.sign('idle')[0]} idle", "dim"
        if state == "stopped":
            return f"{palette.sign('failed')[0]} worker gone", "error"
        return f"{palette.sign('needs_you')[0]} paused" if state == "paused" else "not started", "needs"
    if row.state == "waiting":
        return f"{palette.sign('waiting')[0]} waits for {line(waits_for(job))}", "warn"
    if row.state == "running":
        held = holds_up(view, row)
        if held:
            return f"{palette.sign('waiting')[0]} waits: {held}", "warn"
        left = left_s(row)
        return f"{palette.sign('running')[0]} {'at work' if left is None else f'{span(left)} left'}", "accent"
    if row.of > row.done and list(Stage).index(row.stage) > list(Stage).index(job.stage):
        return f"{palette.sign('idle')[0]} waits for {job.stage.value}", "dim"
    return f"{palette.sign('idle')[0]} idle", "dim"


def _rate(per_minute: float) -> str:
    return f"{per_minute / 60:,.1f}/s" if per_minute >= 60 else f"{per_minute:,.0f}/min"


def _trend(parts: Sequence[int], palette: Palette) -> str:
    """Height by share of the highest; only where something moved."""
    most = max(parts, default=0)
    if palette.ascii or not most:
        return ""
    return "".join(_STEPS[round((len(_STEPS) - 1) * part / most)] for part in parts)


def _bar(done: float, of: float, width: int, palette: Palette) -> str:
    filled = 0 if of <= 0 else min(width, int(width * done / of))
    full, empty = ("#", ".") if palette.ascii else ("█", "░")
    return full * filled + empty * (width - filled)


def _gauge(gauge: Gauge, palette: Palette) -> Text:
    unit = f" {gauge.unit}" if gauge.unit and gauge.unit != "USD" else ""
    if gauge.of is None:
        return pieces(f"{gauge.name} {gauge.numbers}")
    bar = _bar(gauge.used, gauge.of, _GAUGE, palette)
    mark = (f" {palette.sign('flag')[0]}!", palette["warn"]) if gauge.is_tight else ""
    return pieces(f"{gauge.name} ", (bar, palette["warn" if gauge.is_tight else "ok"]), f" {gauge.numbers}{unit}", mark)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
