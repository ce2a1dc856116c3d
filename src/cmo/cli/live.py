"""Live views of a job: a block redrawn in place on a terminal, lines on a pipe, events as JSON.

All three are fed by `show(summary, events)`; none owns state, reads a clock or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from cmo.cli import jobview
from cmo.cli.diagnostics import Diagnostics
from cmo.cli.output import Output
from cmo.cli.terminal import Terminal, fit, fit_painted, guarded, laid
from cmo.domain import event as ev
from cmo.domain import event_words
from cmo.domain.job import JobStatus, Mode, Stage
from cmo.store.views import JobSummary

MOST_LINES = 14
HEARTBEAT_S = 30.0
_NOTABLE = (
    ev.SearchWidened | ev.PlannerTroubled | ev.StepRefused | ev.FollowUpRead | ev.SettingsChanged | ev.JobWaiting
    | ev.JobStarted | ev.JobWaitEnded | ev.RequestAsked | ev.RequestAllowed | ev.RequestDenied | ev.PermissionRevoked
)  # fmt: skip
"""Told above the block; everything else shows in its numbers."""


class LiveView(Protocol):
    def show(self, summary: JobSummary, events: Sequence[ev.Recorded]) -> None:
        """Take in where the job stands, and the run events since the last call."""

    def tell(self, text: str) -> None:
        """Something that is no event of the job, such as that sending is paused."""

    def step_aside(self) -> None:
        """Somebody else wrote below: go on from there."""

    def close(self) -> None:
        """Leave the screen as it is; nothing is drawn afterwards."""


class Block:
    """At most 14 lines at the bottom of the normal screen, redrawn in place; scroll-back stays whole."""

    def __init__(self, say: Diagnostics, foot: str) -> None:
        self._say = say
        self._foot = foot
        self._drawn = 0
        self._is_open = True
        self._told = list[str]()
        """What the next drawing puts above the block."""

    def show(self, summary: JobSummary, events: Sequence[ev.Recorded]) -> None:
        if not self._is_open or self._say.quiet:
            return
        terminal = self._say.terminal
        above = [_told(item, terminal) for item in events if isinstance(item.event, _NOTABLE)]
        above += [row for text in self._told for row in laid(text, terminal.width)]
        self._told.clear()
        lines = jobview.lines(summary, terminal)[: MOST_LINES - 1]
        if self._foot and summary.job.status is JobStatus.RUNNING:
            lines.append(terminal.paint(f"  {self._foot}", "dim"))
        lines = [fit_painted(line, terminal.width, glyphs=terminal.glyphs) for line in lines]
        self._say.write(_redrawn(self._drawn, above, lines))
        self._drawn = len(lines)

    def tell(self, text: str) -> None:
        self._told.append(self._say.qualify(text))

    def step_aside(self) -> None:
        self._drawn = 0

    def close(self) -> None:
        self._is_open = False


class Lines:
    """One line at each stage's start and end, for what matters in between, and every 30 s; never redraws."""

    def __init__(self, say: Diagnostics, now: Callable[[], datetime], *, begins_inside: bool = False) -> None:
        """Say nothing yet.

        Args:
            begins_inside: The job is under way: say first where it is.
        """
        self._say = say
        self._now = now
        self._stage: str | None = None
        self._last = now()
        self._begins_inside = begins_inside

    def show(self, summary: JobSummary, events: Sequence[ev.Recorded]) -> None:
        if self._begins_inside and summary.state == "running":
            self._begins_inside, self._stage = False, summary.job.stage.value
            self.tell(f"{summary.job.id} is running: {_where(summary)}")
        for item in events:
            if isinstance(item.event, ev.StageEntered):
                self._end_of_stage(summary, item)
                self._stage = str(item.event.stage)
                if item.event.stage is not Stage.DONE:
                    self.tell(_stamped(item))
            elif isinstance(item.event, _NOTABLE):
                self.tell(_stamped(item))
        if summary.state == "running" and (self._now() - self._last).total_seconds() >= HEARTBEAT_S:
            self.tell(f"still working: {_where(summary)}")

    def step_aside(self) -> None:
        return

    def close(self) -> None:
        return

    def _end_of_stage(self, summary: JobSummary, item: ev.Recorded) -> None:
        ended = next((row for row in summary.stages if str(row.stage) == self._stage), None)
        if ended is not None:
            failed = f", {ended.failed} failed" if ended.failed else ""
            self._say.note(f"{_clock(item)} {jobview.stage_word(ended)} done{failed}")

    def tell(self, text: str) -> None:
        self._say.note(text)
        self._last = self._now()


class Events:
    """One JSON object a line on stdout, for each run event."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def show(self, summary: JobSummary, events: Sequence[ev.Recorded]) -> None:
        for item in events:
            marks = {"dry_run": True} if summary.job.plan.mode is Mode.DRY_RUN else {}
            self._out.event({**event_words.record(item), **marks}, "")

    def tell(self, text: str) -> None:
        self._out.event({"schema": "cmo.watch/1", "kind": "standing", "text": text}, "")

    def step_aside(self) -> None:
        return

    def close(self) -> None:
        return


def choose(
    say: Diagnostics,
    out: Output,
    *,
    now: Callable[[], datetime],
    accessible: bool,
    foot: str = "",
    begins_inside: bool = False,
) -> LiveView:
    """The view that fits the streams and flags.

    Args:
        foot: The last line of the block.
        begins_inside: The job is under way.
    """
    if out.json:
        return Events(out)
    if say.terminal.is_tty and not accessible and say.terminal.glyphs:
        return Block(say, foot)
    return Lines(say, now, begins_inside=begins_inside)


def _redrawn(drawn: int, above: Sequence[str], lines: Sequence[str]) -> str:
    """What moves the cursor to the block's first line and writes over it."""
    up = f"\x1b[{drawn}A\r" if drawn else ""
    body = "".join(f"\x1b[2K{guarded(line)}\n" for line in [*above, *lines])
    return up + body + "\x1b[J"


def _told(item: ev.Recorded, terminal: Terminal) -> str:
    """An event on one row of the screen: what wraps would leave the end of an old row behind it."""
    return fit(_stamped(item), terminal.width, glyphs=terminal.glyphs)


def _stamped(item: ev.Recorded) -> str:
    return f"{_clock(item)} {event_words.sentence(item.event)}"


def _clock(item: ev.Recorded) -> str:
    return f"{item.at.astimezone():%H:%M:%S}"


def _where(summary: JobSummary) -> str:
    row = next((row for row in summary.stages if row.stage is summary.job.stage), None)
    at = jobview.stage_word(row) if row is not None else summary.job.stage.value
    return f"{at}, {summary.progress.good_leads:,} good leads"
