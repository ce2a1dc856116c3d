"""A job as text and as a document: the same numbers for status, watch, run and `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmo.cli.diagnostics import DONE, PARTLY, PAUSED
from cmo.cli.terminal import Terminal, fit, pad, safe_line, thousands
from cmo.domain.job import Environment, Job, JobStatus, Mode, Stage
from cmo.domain.requests import Request
from cmo.domain.text import counted, drafts_wait, span
from cmo.store.progress import Progress
from cmo.store.views import FailureGroup, JobSummary, StageRow

_STATES: dict[str, tuple[str, str, str]] = {
    "done": ("✓", "done", "ok"),
    "finished": ("✓", "finished", "ok"),
    "running": ("▶", "running", "bold"),
    "waiting": ("◆", "waiting", "warn"),
    "paused": ("◆", "paused", "needs"),
    "planned": ("·", "planned", "dim"),
    "needs_you": ("◆", "needs you", "needs"),
    "idle": ("·", "idle", "dim"),
    "locked": ("■", "locked", "dim"),
    "failed": ("✗", "failed", "error"),
    "cancelled": ("✗", "cancelled", "dim"),
}
_BAR = 12


def state_text(word: str, terminal: Terminal) -> str:
    """A state as sign and word, or as a word; never by colour alone."""
    sign, name, tone = _STATES.get(word, ("✗", word, "error"))
    return terminal.paint(f"{sign} {name}" if terminal.glyphs else name, tone)


def mode_text(mode: Mode) -> str:
    return mode.value.replace("_", "-").upper()


def tags(job: Job) -> str:
    """`SANDBOX` and `DRY RUN`, as they apply."""
    words = ["SANDBOX"] if job.environment is Environment.SANDBOX else []
    if job.plan.mode is Mode.DRY_RUN:
        words.append("DRY RUN")
    return " ".join(words)


def document(summary: JobSummary) -> dict[str, Any]:
    """The progress summary."""
    job, counts, totals = summary.job, summary.progress, summary.counters
    scored = next((row.per_minute for row in summary.stages if row.stage is Stage.SCORE), None)
    return {
        "job_id": job.id,
        "goal": job.plan.goal,
        "status": summary.state,
        "stage": job.stage.value,
        "mode": job.plan.mode.value,
        "environment": job.environment.value,
        "holder": summary.holder,
        "target": job.plan.target,
        "good_leads": counts.good_leads,
        "held_leads": counts.held_leads,
        "progress": {
            "repos_found": counts.repos,
            "candidates_identified": counts.candidates,
            "leads_enriched": counts.people_enriched,
            "emails_prepared": counts.drafts,
        },
        "metrics": {
            "api_calls": totals.get("api_calls", 0),
            "steps_completed": summary.steps,
            "errors_encountered": counts.failures,
            "tokens_used": totals.get("tokens_used", 0),
        },
        "rates": {
            "prospects_per_min": None if scored is None else round(scored, 1),
            "mx_pass_rate": _rounded(summary.mx_pass_rate),
            "acceptance": _rounded(summary.acceptance_rate),
        },
        "eta_s": None if summary.eta_s is None else round(summary.eta_s),
        "wait_until": job.wait_until,
        "wait_reason": job.wait_reason,
        "stages": [{**row.model_dump(mode="json"), "per_minute": _rounded(row.per_minute)} for row in summary.stages],
        "budgets": budgets(summary),
        "files": summary.files,
        "created_at": job.created_at,
        "ended_reason": job.ended_reason,
        "summary": summary.summary,
    }


def budgets(summary: JobSummary) -> list[dict[str, Any]]:
    """What the job may use, and has used."""
    caps, totals, counts = summary.job.plan.caps, summary.counters, summary.progress
    return [
        {"name": "steps", "used": summary.steps, "of": caps.max_steps},
        {"name": "repos", "used": counts.repos, "of": caps.max_repos},
        {"name": "people", "used": counts.candidates, "of": caps.max_people},
        {"name": "github_points", "used": totals.get("github_points", 0), "of": None},
        {"name": "github_calls", "used": totals.get("github_api_calls", 0), "of": None},
        {"name": "tokens", "used": totals.get("tokens_used", 0), "of": None},
    ]


def lines(summary: JobSummary, terminal: Terminal) -> list[str]:
    """The job in at most 14 lines that fit the terminal."""
    job = summary.job
    head = f"{job.id}  {state_text(summary.state, terminal)}  {mode_text(job.plan.mode)}"
    if tags(job):
        head += f"  {tags(job)}"
    room = terminal.width - 8
    rows = [head, f"  Goal  {fit(safe_line(job.plan.goal), room, glyphs=terminal.glyphs)}"]
    rows += stage_table(summary, terminal)
    rows.append(_good(summary, terminal))
    rows.append("  " + _used(summary, terminal.width - 2, terminal))
    if job.wait_until is not None and not job.status.is_over:
        until = f"{job.wait_until.astimezone():%H:%M:%S}"
        rows.append(
            f"  Waits until {until}: {fit(safe_line(job.wait_reason or 'a limit'), 50, glyphs=terminal.glyphs)}"
        )
    elif job.ended_reason or summary.summary:
        said = " ".join(text for text in (summary.summary, job.ended_reason) if text)
        said = f"At its end: {said}" if job.status.is_over else said
        rows.append("  " + fit(safe_line(said), terminal.width - 2, glyphs=terminal.glyphs))
    return rows


def stage_table(summary: JobSummary, terminal: Terminal) -> list[str]:
    """The stages as queues; the bar goes away below 76 columns. To be heard, each is a sentence."""
    if terminal.spoken:
        return [f"  {_stage_sentence(row)}" for row in summary.stages]
    wide = terminal.width >= 76
    bar_head = pad("", _BAR) + "  " if wide else ""
    rows = [
        terminal.paint(
            f"   {pad('stage', 9)}{'done':>7}{'of':>8}  {bar_head}{'a minute':>9}{'failed':>8}  state", "dim"
        )
    ]
    for row in summary.stages:
        bar = _bar(row.done, row.of, terminal) + "  " if wide else ""
        rate = "—" if terminal.glyphs else "-"
        if row.per_minute is not None and row.state == "running":
            rate = f"{row.per_minute:,.0f}"
        failed = thousands(row.failed) if row.failed else ("·" if terminal.glyphs else "-")
        mark = ">" if row.state in ("running", "waiting") else " "
        counts = f"{thousands(row.done):>7}{thousands(row.of):>8}"
        state = state_text(row.state, terminal)
        rows.append(f" {mark} {pad(row.stage.value, 9)}{counts}  {bar}{rate:>9}{failed:>8}  {state}")
    return rows


def _stage_sentence(row: StageRow) -> str:
    """`enrich 1,840 of 2,711, 2 failed, 186 a minute: running`."""
    failed = f", {thousands(row.failed)} failed" if row.failed else ""
    is_timed = row.per_minute is not None and row.state == "running"
    rate = f", {row.per_minute:,.0f} a minute" if is_timed else ""
    return f"{stage_word(row)}{failed}{rate}: {_STATES.get(row.state, ('', row.state, ''))[1]}"


def _bar(done: int, of: int, terminal: Terminal) -> str:
    filled = 0 if of <= 0 else min(_BAR, _BAR * done // of)
    full, empty = ("█", "░") if terminal.glyphs else ("#", ".")
    return full * filled + empty * (_BAR - filled)


def _good(summary: JobSummary, terminal: Terminal) -> str:
    counts, plan = summary.progress, summary.job.plan
    text = f"  Good leads {thousands(counts.good_leads)} of {thousands(plan.target)}"
    if counts.held_leads:
        text += f", {thousands(counts.held_leads)} on hold (commit address)"
    if summary.eta_s is not None:
        text += f", about {span(summary.eta_s)} left"
    return fit(text, terminal.width, glyphs=terminal.glyphs)


def _used(summary: JobSummary, width: int, terminal: Terminal) -> str:
    parts = []
    for item in budgets(summary):
        name = str(item["name"]).replace("_", " ").replace("github", "GitHub")
        if item["of"] is not None:
            mark = "!" if item["used"] >= 0.8 * item["of"] else ""
            parts.append(f"{name} {thousands(item['used'])}/{thousands(item['of'])}{mark}")
        elif item["used"]:
            parts.append(f"{thousands(item['used'])} {name}")
    return fit("  ".join(parts), width, glyphs=terminal.glyphs)


def end_block(summary: JobSummary, ref: str, *, groups: Sequence[FailureGroup], asking: Sequence[Request]) -> list[str]:
    """What every end of a run prints: where it stands, that nothing was sent, what it asks for, what to type next.

    Args:
        asking: Requests that wait for an answer.
    """
    job, counts = summary.job, summary.progress
    rows = [
        f"{_standing(summary)} {counted(counts.good_leads, 'good lead')} of {thousands(job.plan.target)}"
        f"{_on_hold(counts.held_leads)}{_short(summary)}."
    ]
    if groups:
        failed = sum(group.count for group in groups)
        kinds = f" in {len(groups)} groups" if len(groups) > 1 else ""
        rows.append(
            f"{counted(failed, 'item')} failed{kinds}, most: {safe_line(groups[0].message).rstrip('.')}"
            f" ({thousands(groups[0].count)}). Each: cmo errors list {ref}"
        )
    if summary.summary and job.status.is_over:
        rows.append(" ".join(safe_line(text) for text in (summary.summary, job.ended_reason) if text))
    going_on = job.status in (JobStatus.PAUSED, JobStatus.RUNNING, JobStatus.PLANNED)
    rows += [asks_for(request) for request in asking]
    rows.append(f"{_left(counts)}{' Continuing cannot send anyone twice.' if going_on else ''}")
    if counts.drafts_pending:
        rows.append(f"{drafts_wait(counts.drafts_pending)}: cmo drafts review --job {ref}")
    if going_on:
        commands = [f"cmo resume {ref}", f"cmo status {ref}", f"cmo logs {ref}"]
    else:
        commands = [f"cmo export {ref}", f"cmo leads list --job {ref}", f"cmo logs {ref}"]
    rows.append("  " + "      ".join(commands))
    return rows


def asks_for(request: Request) -> str:
    """What the job wants, and the command that allows it."""
    wish = f"{safe_line(request.asked.wish)} ({safe_line(request.asked.effect)})"
    return f"It asks you to {wish}: cmo requests allow {request.id}"


def _left(counts: Progress) -> str:
    """What has left, in a sentence."""
    if not counts.mails_confirmed and not counts.mails_doubtful:
        return "Nothing was sent."
    doubtful = f", {counted(counts.mails_doubtful, 'mail')} in doubt" if counts.mails_doubtful else ""
    return f"{counted(counts.mails_confirmed, 'mail')} sent{doubtful}."


def _standing(summary: JobSummary) -> str:
    job = summary.job
    if job.status is JobStatus.FINISHED:
        return "Finished."
    if job.status.is_over:
        return f"{job.status.value.capitalize()}."
    row = next((row for row in summary.stages if row.stage is job.stage), None)
    word = {"paused": "Paused", "planned": "Not started", "running": "Running"}.get(summary.state, "Stopped")
    done = f", {thousands(row.done)} of {thousands(row.of)}" if row is not None else ""
    why = f" ({safe_line(job.ended_reason).rstrip('.')})" if job.ended_reason and job.status is JobStatus.PAUSED else ""
    return f"{word} at {job.stage.value}{done}{why}."


def _short(summary: JobSummary) -> str:
    """How many are missing, where no more will come."""
    missing = summary.job.plan.target - summary.progress.good_leads
    return f", {thousands(missing)} short" if missing > 0 and summary.job.status.is_over else ""


def _on_hold(count: int) -> str:
    return f", {thousands(count)} on hold" if count else ""


def exit_code(summary: JobSummary) -> int:
    """What `run`, `resume` and `watch --exit-status` exit with when the job stands like this."""
    status = summary.job.status
    if status in (JobStatus.PAUSED, JobStatus.PLANNED, JobStatus.RUNNING):
        return PAUSED
    if status is JobStatus.FINISHED and not summary.progress.failures:
        return DONE
    return PARTLY


def stage_word(row: StageRow) -> str:
    """`enrich 1,840 of 2,711`."""
    return f"{row.stage.value} {thousands(row.done)} of {thousands(row.of)}"


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 3)
