"""Jobs as lines of a list: how each stands, what waits for a person, what went wrong, what it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.filters import Term
from cmo.domain.job import JobStatus, Plan, Stage
from cmo.store.db import Connection
from cmo.store.draft_filters import WAITS
from cmo.store.journal import live_holder
from cmo.store.views import state_of

JOB_FIELDS = {
    "state": "planned, running, paused, finished, failed or cancelled; whose worker is gone counts as running",
    "stage": "a stage, such as enrich",
}
JOB_VALUES: dict[str, tuple[str, ...]] = {
    "state": tuple(status.value for status in JobStatus),
    "stage": tuple(stage.value for stage in Stage),
}
"""Fields that take these values only."""


class JobLine(Frozen):
    """One job."""

    id: str
    goal: str
    state: str
    """As `JobSummary.state`."""
    stage: Stage
    waiting: int
    """Drafts that wait for a decision."""
    errors: int
    """Failed items that nobody has set aside."""
    tokens: int
    points: int
    """Of GitHub."""
    created_at: datetime


class JobPulse(Frozen):
    """What of a job is worth a word when it changes."""

    id: str
    status: JobStatus
    wait_reason: str | None
    summary: str
    reason: str


def count_jobs(conn: Connection, terms: Sequence[Term] = ()) -> int:
    """How many jobs meet all `terms`."""
    sql, values = _where(terms)
    return int(conn.execute(f"SELECT COUNT(*) FROM jobs j WHERE 1{sql}", values).fetchone()[0])


def page_jobs(
    conn: Connection, terms: Sequence[Term] = (), *, now: datetime, wall_s: float, offset: int, limit: int
) -> list[JobLine]:
    """Jobs that meet all `terms`, the newest first.

    Args:
        now: The jobs' clock.
        wall_s: The machine's clock, for leases.
    """
    sql, values = _where(terms)
    rows = conn.execute(
        f"{_LINES} WHERE 1{sql} ORDER BY j.created_at DESC, length(j.id) DESC, j.id DESC LIMIT :limit OFFSET :offset",
        {"now": now.isoformat(), "limit": limit, "offset": offset, **values},
    ).fetchall()
    return [_line(conn, dict(row), wall_s) for row in rows]


def job_states(conn: Connection) -> dict[str, JobPulse]:
    """Job -> how it stands, of the newest ones."""
    rows = conn.execute(
        "SELECT id, status, wait_reason, COALESCE(summary, '') AS summary, COALESCE(ended_reason, '') AS reason"
        " FROM jobs ORDER BY created_at DESC LIMIT 100"
    )
    return {row["id"]: JobPulse(**dict(row)) for row in rows}


_COUNTER = "COALESCE((SELECT value FROM counters c WHERE c.job_id = j.id AND c.name = '{}'), 0)"
_LINES = (
    "SELECT j.id, j.plan, j.status, j.stage, j.created_at,"
    f" (SELECT COUNT(*) FROM drafts d WHERE {WAITS.replace(':job', 'j.id')}) AS waiting,"
    " (SELECT COUNT(*) FROM failures f WHERE f.job_id = j.id AND f.mark IS NULL) AS errors,"
    f" {_COUNTER.format('tokens_used')} AS tokens, {_COUNTER.format('github_points')} AS points FROM jobs j"
)


def _line(conn: Connection, row: dict[str, Any], wall_s: float) -> JobLine:
    status = JobStatus(row.pop("status"))
    holder = live_holder(conn, row["id"], now_s=wall_s) if status is JobStatus.RUNNING else None
    goal = Plan.model_validate_json(row.pop("plan")).goal
    return JobLine(goal=goal, state=state_of(status, holder), **row)


def _where(terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    """Conditions on `jobs j`, each after an AND, and their parameters."""
    sql, values = "", dict[str, Any]()
    for n, term in enumerate(terms):
        clause = {"state": "j.status = {}", "stage": "j.stage = {}"}.get(
            term.field or "", "instr(lower(j.id || ' ' || json_extract(j.plan, '$.goal')), {}) > 0"
        )
        sql += f" AND {'NOT ' if term.negated else ''}{clause.format(f':t{n}')}"
        values[f"t{n}"] = term.value.lower()
    return sql, values
