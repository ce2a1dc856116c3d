"""What a job uses of what it may use, when it comes to an end, and what holds it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cmo.clock import SystemClock
from cmo.domain.costs import POINTS_PER_HOUR, SEARCHES_PER_MINUTE, tokens_for, usd_for
from cmo.domain.job import Job, JobStatus
from cmo.domain.text import span
from cmo.store.db import Connection
from cmo.store.events import last_moment
from cmo.store.stage_views import Pulse, github_use, open_failures, pulses
from cmo.store.views import STAGE_TOOLS, JobSummary, StageRow, job_summary

TIGHT = 0.8
STALLED_S = 60.0


@dataclass(frozen=True)
class Gauge:
    """One thing that is used up."""

    name: str
    used: float
    of: float | None
    """None where nothing limits it."""
    unit: str
    """After the numbers, such as `an hour`."""
    end: str
    """What happens when it is used up."""

    @property
    def numbers(self) -> str:
        """What is used, of how much."""
        if self.unit == "USD":
            return f"${self.used:,.2f}" + ("" if self.of is None else f"/{self.of:g}")
        return f"{self.used:,.0f}" + ("" if self.of is None else f"/{self.of:,.0f}")

    @property
    def share(self) -> float:
        return self.used / self.of if self.of else 0.0

    @property
    def is_tight(self) -> bool:
        return self.share >= TIGHT


@dataclass(frozen=True)
class Outlook:
    """A job as its screen shows it."""

    summary: JobSummary
    gauges: tuple[Gauge, ...]
    pulses: Mapping[str, Pulse]
    failures: Mapping[str, int]
    """Stage -> items that failed there and that nobody has set aside."""
    now: datetime

    def pulse(self, row: StageRow) -> Pulse:
        return self.pulses.get(STAGE_TOOLS.get(row.stage, ""), Pulse())


def outlook(conn: Connection, job_id: str, *, now: datetime) -> Outlook:
    """Everything the screen of a run shows but its last events.

    Args:
        now: The job's clock as it is known here; that of a sandbox's worker may be ahead of it.
    """
    now = max(now, last_moment(conn) or now)
    summary = job_summary(conn, job_id, now=now, wall_s=SystemClock().now().timestamp())
    return Outlook(
        summary, gauges(conn, summary, now=now), pulses(conn, job_id, now=now), open_failures(conn, job_id), now
    )


def gauges(conn: Connection, summary: JobSummary, *, now: datetime) -> tuple[Gauge, ...]:
    """What limits the job: GitHub's hour and search, steps, people, tokens and money."""
    caps, tokens = summary.job.plan.caps, summary.counters.get("tokens_used", 0)
    asked, budget = github_use(conn, now=now), caps.budget_usd
    name = summary.job.id.split("-", 2)[2]
    more = f"the job pauses; cmo jobs set {name}"
    found = [
        Gauge("GitHub", asked.points, POINTS_PER_HOUR, "an hour", "the job waits for the hour to end"),
        Gauge("search", asked.searches, SEARCHES_PER_MINUTE, "a minute", "searching waits for the minute to end"),
        Gauge("steps", summary.steps, caps.max_steps, "", f"{more} max_steps=N"),
        Gauge("people", summary.progress.candidates, caps.max_people, "", "no more are looked for"),
    ]
    if budget is not None or tokens:
        most = None if budget is None else tokens_for(budget)
        found.append(Gauge("tokens", tokens, most, "", f"{more} budget_usd=N"))
        found.append(Gauge("money", usd_for(tokens), budget, "USD", f"{more} budget_usd=N"))
    return tuple(found)


def left_s(row: StageRow) -> float | None:
    """Seconds until the stage has done what it was given, at its present rate."""
    if row.state != "running" or not row.per_minute or row.of <= row.done:
        return None
    return (row.of - row.done) * 60 / row.per_minute


def time_left(view: Outlook) -> tuple[float | None, str]:
    """Seconds to the end of the run, as far as that can be said, and what it is limited by."""
    job = view.summary.job
    if job.status is not JobStatus.RUNNING:
        return None, ""
    spans = [(seconds, row.stage.value) for row in view.summary.stages if (seconds := left_s(row)) is not None]
    if view.summary.eta_s is not None:
        spans.append((view.summary.eta_s, "extract"))
    longest, limit = max(spans, default=(None, ""))
    if job.wait_until is not None:
        limit = waits_for(job)
    else:
        limit = next((f"{gauge.name} {gauge.numbers}" for gauge in view.gauges if gauge.is_tight), limit)
    return longest, limit


def waits_for(job: Job) -> str:
    """The limit that a waiting job waits for, and until when."""
    until = "" if job.wait_until is None else f" until {job.wait_until.astimezone():%H:%M}"
    return (job.wait_reason or "a limit").replace(" limit ", " ") + until


def holds_up(view: Outlook, row: StageRow) -> str:
    """What a stage at work waits for, once nothing has come of it for a minute; else empty."""
    pulse = view.pulse(row)
    moved = max((at for at in (pulse.last_at, pulse.since) if at is not None), default=None)
    if row.state != "running" or moved is None or (view.now - moved).total_seconds() < STALLED_S:
        return ""
    silent = span((view.now - moved).total_seconds())
    return f"page {pulse.page} for {silent}" if pulse.page is not None else f"nothing for {silent}"


def tight(found: Sequence[Gauge]) -> list[str]:
    """For each gauge at 80 % and more, what happens when it is used up."""
    return [f"{gauge.name} {gauge.numbers}: then {gauge.end}" for gauge in found if gauge.is_tight]
