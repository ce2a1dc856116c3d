"""Read-only queries on stages at work: how they move, what one of them does, and what GitHub was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.event import Recorded
from cmo.domain.job import Stage
from cmo.store.db import Connection
from cmo.store.events import latest
from cmo.store.views import STAGE_TOOLS

TREND_PARTS, PART_S = 8, 15
LAST_RESULTS, SLOWEST = 20, 5
_KINDS: Mapping[Stage, tuple[str, ...]] = {
    Stage.DISCOVER: ("repo_found", "search_widened"),
    Stage.EXTRACT: ("repo_read", "candidate_found", "candidate_dropped"),
    Stage.ENRICH: ("person_enriched", "person_opted_out", "people_merged"),
    Stage.EMAILS: ("email_found", "email_missing"),
    Stage.MX: ("email_verified",),
    Stage.SCORE: ("lead_scored",),
    Stage.DRAFT: ("draft_rendered", "draft_edited"),
    Stage.APPROVE: ("drafts_decided", "drafts_undone"),
    Stage.SEND: ("writes_settled",),
    Stage.SYNC: ("writes_settled",),
    Stage.EXPORT: ("checkpoint_written",),
}
"""Stage -> the kinds of events that its results are."""


class Pulse(Frozen):
    """How the tool of a stage moves."""

    took_s: float = 0.0
    """Over all its steps that ended."""
    trend: tuple[int, ...] = ()
    """Items done in each quarter of a minute up to now, the oldest first; empty where there were none."""
    last_at: datetime | None = None
    """When its last page ended."""
    page: int | None = None
    """Under way."""
    since: datetime | None = None
    """When that page was begun."""


def pulses(conn: Connection, job_id: str, *, now: datetime) -> dict[str, Pulse]:
    """Tool -> how it moves, as seen at `now`."""
    rows = conn.execute(
        "SELECT s.tool, MAX(c.finished_at) AS last_at, MAX(CASE WHEN c.state = 'claimed' THEN c.page END) AS page,"
        " MAX(CASE WHEN c.state = 'claimed' THEN c.claimed_at END) AS since FROM steps s"
        " JOIN calls c ON c.job_id = s.job_id AND c.step = s.n WHERE s.job_id = ? GROUP BY s.tool",
        (job_id,),
    ).fetchall()
    took = dict(
        conn.execute(
            "SELECT tool, SUM(julianday(finished_at) - julianday(started_at)) * 86400 FROM steps"
            " WHERE job_id = ? AND finished_at IS NOT NULL GROUP BY tool",
            (job_id,),
        ).fetchall()
    )
    trends = _trends(conn, job_id, now)
    return {
        row["tool"]: Pulse(
            took_s=took.get(row["tool"], 0.0),
            trend=trends.get(row["tool"], ()),
            last_at=_moment(row["last_at"]),
            page=row["page"],
            since=_moment(row["since"]),
        )
        for row in rows
    }


def _trends(conn: Connection, job_id: str, now: datetime) -> dict[str, tuple[int, ...]]:
    start = now - timedelta(seconds=TREND_PARTS * PART_S)
    rows = conn.execute(
        "SELECT s.tool, c.finished_at, c.processed FROM calls c JOIN steps s ON s.job_id = c.job_id AND s.n = c.step"
        " WHERE c.job_id = ? AND c.finished_at > ?",
        (job_id, start.isoformat()),
    )
    found: dict[str, list[int]] = {}
    for tool, at, processed in rows:
        part = int((datetime.fromisoformat(at) - start).total_seconds() // PART_S)
        found.setdefault(tool, [0] * TREND_PARTS)[min(part, TREND_PARTS - 1)] += processed
    return {tool: tuple(parts) for tool, parts in found.items()}


def open_failures(conn: Connection, job_id: str) -> dict[str, int]:
    """Stage -> items that failed there and that nobody has set aside."""
    rows = conn.execute(
        "SELECT stage, COUNT(*) AS n FROM failures WHERE job_id = ? AND mark IS NULL GROUP BY stage", (job_id,)
    )
    return {row["stage"]: row["n"] for row in rows}


class GitHubUse(Frozen):
    """What jobs of this store asked GitHub for; they share its limits."""

    points: int
    """In the last hour."""
    searches: int
    """Requests of the search that has a limit of its own, in the last minute."""


def github_use(conn: Connection, *, now: datetime) -> GitHubUse:
    """Counted from finished pages."""
    hour, minute = (now - timedelta(seconds=length) for length in (3_600, 60))
    row = conn.execute(
        "SELECT COALESCE(SUM(json_extract(c.tally, '$.github_points')), 0) AS points, COALESCE(SUM(CASE WHEN"
        " s.tool = 'search_github_repos' AND c.finished_at > ?2 THEN json_extract(c.tally, '$.github_rest_calls') END),"
        " 0) AS searches FROM calls c JOIN steps s ON s.job_id = c.job_id AND s.n = c.step WHERE c.finished_at > ?1",
        (hour.isoformat(), minute.isoformat()),
    ).fetchone()
    return GitHubUse(points=row["points"], searches=row["searches"])


class SlowPage(Frozen):
    step: int
    page: int
    processed: int
    took_s: float


class StageDetail(Frozen):
    """What a stage works on, where it is slow, and what came of it last."""

    stage: Stage
    tool: str | None
    args: dict[str, Any]
    """Of its last step."""
    steps: int
    pages: int
    took_s: float
    slowest: tuple[SlowPage, ...]
    results: tuple[Recorded, ...]
    """The last ones, the newest first."""


def stage_detail(conn: Connection, job_id: str, stage: Stage) -> StageDetail:
    """What there is to say about one stage of the job."""
    tool = STAGE_TOOLS.get(stage)
    step = conn.execute(
        "SELECT args FROM steps WHERE job_id = ? AND tool = ? ORDER BY n DESC LIMIT 1", (job_id, tool)
    ).fetchone()
    pages = conn.execute(
        "SELECT c.step, c.page, c.processed, (julianday(c.finished_at) - julianday(c.claimed_at)) * 86400 AS took_s"
        " FROM calls c JOIN steps s ON s.job_id = c.job_id AND s.n = c.step"
        " WHERE c.job_id = ? AND s.tool = ? AND c.state = 'finished' ORDER BY took_s DESC",
        (job_id, tool),
    ).fetchall()
    return StageDetail(
        stage=stage,
        tool=tool,
        args=json.loads(step["args"]) if step else {},
        steps=len({row["step"] for row in pages}),
        pages=len(pages),
        took_s=sum(row["took_s"] for row in pages),
        slowest=tuple(SlowPage(**dict(row)) for row in pages[:SLOWEST]),
        results=tuple(reversed(latest(conn, job_id, limit=LAST_RESULTS, kinds=_KINDS[stage]))),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
