"""Read-only queries on jobs for the front ends; those on people are in `people_views` and `why_views`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cmo.domain.base import Frozen
from cmo.domain.job import Job, JobStatus, Mode, Stage
from cmo.store.db import Connection
from cmo.store.jobs import get_job, list_jobs, match_jobs
from cmo.store.journal import live_holder
from cmo.store.messages import list_messages
from cmo.store.progress import Progress, counters, final_files, progress

__all__ = ["get_job", "list_jobs", "list_messages", "live_holder", "match_jobs"]

RATE_WINDOW_S = 60
STAGE_TOOLS: Mapping[Stage, str] = {
    Stage.DISCOVER: "search_github_repos",
    Stage.EXTRACT: "extract_people",
    Stage.ENRICH: "enrich_github_user",
    Stage.EMAILS: "find_commit_emails",
    Stage.MX: "mx_check",
    Stage.SCORE: "score_icp",
    Stage.DRAFT: "render_copy",
    Stage.EXPORT: "export_csv",
}
"""Stage -> the tool that does its work, where it is one."""
LEAST_WINDOW_S = 5
"""Over less time a rate says nothing: a burst of one second would be thousands a minute."""


class StageRow(Frozen):
    """One stage as a queue: `of` is what the stage before has delivered."""

    stage: Stage
    done: int
    of: int
    failed: int
    per_minute: float | None
    """Over the last minute of the job's clock; None when nothing moved."""
    state: str
    """done, running, waiting, stopped (nobody runs the job), needs_you, idle or locked."""


class JobSummary(Frozen):
    """Where a job stands, for summaries and live views."""

    job: Job
    holder: str | None
    """The process that runs it now, `host:pid`."""
    progress: Progress
    counters: dict[str, int]
    stages: tuple[StageRow, ...]
    steps: int
    step_tool: str | None
    """The tool of the running step."""
    eta_s: float | None
    """Seconds to the target at the present rate, or None."""
    mx_pass_rate: float | None
    acceptance_rate: float | None
    files: dict[str, int]
    """Final files -> rows."""
    summary: str | None
    """How it ended."""

    @property
    def state(self) -> str:
        """The job's state in a word; a running job that nobody runs has stopped without saying so."""
        return state_of(self.job.status, self.holder)


def state_of(status: JobStatus, holder: str | None) -> str:
    """As `JobSummary.state`."""
    return "stopped" if status is JobStatus.RUNNING and holder is None else status.value


def job_summary(conn: Connection, job_id: str, *, now: datetime, wall_s: float) -> JobSummary:
    """Everything a live view shows.

    Args:
        now: The job's clock.
        wall_s: The machine's clock, for the lease.
    """
    job = get_job(conn, job_id)
    counts = progress(conn, job_id, now=now)
    totals = counters(conn, job_id)
    rates = _rates(conn, job_id)
    verified = counts.emails_verified
    files = final_files(conn, job_id)
    running = conn.execute("SELECT tool FROM steps WHERE job_id = ? AND state = 'running'", (job_id,)).fetchone()
    ended = conn.execute("SELECT summary FROM jobs WHERE id = ?", (job_id,)).fetchone()
    holder = live_holder(conn, job_id, now_s=wall_s)
    return JobSummary(
        job=job,
        holder=holder,
        progress=counts,
        counters=totals,
        stages=_stages(job, counts, _failures(conn, job_id), rates, files, is_held=holder is not None),
        steps=totals.get("steps", 0),
        step_tool=None if running is None else running["tool"],
        eta_s=_eta(job, counts, rates),
        mx_pass_rate=counts.emails_ok / verified if verified else None,
        acceptance_rate=counts.good_leads / counts.people_scored if counts.people_scored else None,
        files=files,
        summary=ended["summary"],
    )


def _rates(conn: Connection, job_id: str) -> dict[str, float]:
    """Tool -> items a minute, over the last minute in which the job did anything."""
    last = conn.execute("SELECT MAX(finished_at) AS at FROM calls WHERE job_id = ?", (job_id,)).fetchone()["at"]
    if last is None:
        return {}
    since = datetime.fromisoformat(last) - timedelta(seconds=RATE_WINDOW_S)
    rows = conn.execute(
        "SELECT s.tool, SUM(c.processed) AS items, MIN(c.claimed_at) AS first, MAX(c.finished_at) AS last FROM calls c"
        " JOIN steps s ON s.job_id = c.job_id AND s.n = c.step"
        " WHERE c.job_id = ? AND c.state = 'finished' AND c.finished_at >= ? GROUP BY s.tool",
        (job_id, since.isoformat()),
    )
    rates = {}
    for row in rows:
        took = (datetime.fromisoformat(row["last"]) - datetime.fromisoformat(row["first"])).total_seconds()
        if row["items"] and took >= LEAST_WINDOW_S:
            rates[row["tool"]] = row["items"] * 60 / took
    return rates


def _failures(conn: Connection, job_id: str) -> dict[str, int]:
    """Tool -> items that failed and that nobody has set aside; however often each was tried."""
    rows = conn.execute(
        "SELECT tool, COUNT(*) AS items FROM failures WHERE job_id = ? AND mark IS NULL GROUP BY tool", (job_id,)
    )
    return {row["tool"]: row["items"] for row in rows}


def _stages(
    job: Job,
    counts: Progress,
    failures: dict[str, int],
    rates: dict[str, float],
    files: dict[str, int],
    *,
    is_held: bool,
) -> tuple[StageRow, ...]:
    read = counts.candidates - counts.candidates_new
    looked = counts.people_enriched - counts.people_without_email
    table = (
        (Stage.DISCOVER, counts.repos, job.plan.caps.max_repos),
        (Stage.EXTRACT, counts.repos_read, counts.repos),
        (Stage.ENRICH, read, counts.candidates),
        (Stage.EMAILS, looked, counts.people_enriched),
        (Stage.MX, counts.emails_verified, counts.emails_verified + counts.emails_unverified),
        (Stage.SCORE, counts.people_scored, counts.people_scored + counts.people_unscored),
    )
    order = list(Stage)
    at_work = ("waiting" if job.wait_until else "running") if is_held else "stopped"
    rows = []
    for stage, done, of in table:
        tool, state = STAGE_TOOLS[stage], "idle"
        if job.stage is stage and job.status is JobStatus.RUNNING:
            state = at_work
        elif job.status is JobStatus.FINISHED or (
            done and (done >= of or order.index(job.stage) > order.index(stage) or job.status.is_over)
        ):
            state = "done"
        if stage is Stage.DISCOVER and state == "done":
            of = done  # the cap is no longer aimed at
        elif stage is Stage.ENRICH and not counts.people_enriched and order.index(job.stage) < order.index(stage):
            done = 0  # who left before anybody was looked up, such as bots
        failed = failures.get(tool, 0)
        rows.append(StageRow(stage=stage, done=done, of=of, failed=failed, per_minute=rates.get(tool), state=state))
    rows += _delivery_stages(job, counts, at_work)
    exported = "done" if job.status is JobStatus.FINISHED else "idle"
    rows.append(StageRow(stage=Stage.EXPORT, done=len(files), of=2, failed=0, per_minute=None, state=exported))
    return tuple(rows)


def _delivery_stages(job: Job, counts: Progress, at_work: str) -> list[StageRow]:
    """Drafts, what waits for a person, what left; nothing of it where nothing was drafted."""
    if not counts.drafts:
        return []
    may_send = job.plan.mode is Mode.SEND_ALLOWED
    drafted = at_work if job.stage is Stage.DRAFT and job.status is JobStatus.RUNNING else "done"
    decided = counts.drafts - counts.drafts_pending
    left = "done" if counts.mails and counts.mails_confirmed == counts.mails else "idle"
    written = "done" if counts.records and counts.records_confirmed == counts.records else "idle"
    table = (
        (Stage.DRAFT, counts.drafts, counts.drafts + counts.leads_undrafted, drafted),
        (Stage.APPROVE, decided, counts.drafts, "needs_you" if counts.drafts_pending else "done"),
        (Stage.SEND, counts.mails_confirmed, max(counts.mails, counts.drafts_approved), left if may_send else "locked"),
        (Stage.SYNC, counts.records_confirmed, counts.records, written if may_send else "locked"),
    )
    return [
        StageRow(stage=stage, done=done, of=of, failed=0, per_minute=None, state=state)
        for stage, done, of, state in table
    ]


def _eta(job: Job, counts: Progress, rates: dict[str, float]) -> float | None:
    if job.status is not JobStatus.RUNNING or not counts.good_leads or not counts.repos_read:
        return None
    per_repo = counts.good_leads / counts.repos_read
    missing = max(0, job.plan.target - counts.good_leads)
    repos = min(missing / per_repo, max(0, job.plan.caps.max_repos - counts.repos_read))
    slowest = min((rates[t] for t in ("extract_people",) if t in rates), default=None)
    return None if slowest is None else repos / slowest * 60


class FailureGroup(Frozen):
    """Failures of one kind."""

    group: str
    stage: str
    tool: str
    code: str
    count: int
    example: str
    message: str
    last_at: datetime


def failure_groups(conn: Connection, job_id: str) -> list[FailureGroup]:
    """The job's item failures, grouped, most first."""
    rows = conn.execute(
        "SELECT group_key, stage, tool, code, COUNT(*) AS count, MIN(item) AS example, MIN(message) AS message,"
        " MAX(last_at) AS last_at FROM failures WHERE job_id = ? AND mark IS NULL GROUP BY group_key, stage, tool, code"
        " ORDER BY count DESC, group_key",
        (job_id,),
    )
    return [
        FailureGroup(
            group=row["group_key"],
            stage=row["stage"],
            tool=row["tool"],
            code=row["code"],
            count=row["count"],
            example=row["example"],
            message=row["message"],
            last_at=datetime.fromisoformat(row["last_at"]),
        )
        for row in rows
    ]


def drop_reasons(conn: Connection, job_id: str) -> dict[str, int]:
    """Why people were dropped or rejected -> how many."""
    rows = conn.execute(
        "SELECT reason, COUNT(*) AS count FROM drops WHERE job_id = ? GROUP BY reason ORDER BY count DESC", (job_id,)
    )
    return {row["reason"]: row["count"] for row in rows}
