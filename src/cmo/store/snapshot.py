"""The whole state of a job as JSON text, streamed from rows: memory does not grow with the number of leads."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cmo.domain.job import PROSPECTS_CSV
from cmo.store.db import Connection
from cmo.store.jobs import get_job
from cmo.store.progress import counters, final_files

_LISTS = {
    "repos": "SELECT doc AS json FROM repos WHERE job_id = ? ORDER BY n",
    "candidates": "SELECT json_object('login', login, 'from_repo', json_extract(ref, '$.from_repo'), 'signal',"
    " json_extract(ref, '$.signal'), 'contributions', c.contributions, 'role', c.role) AS json FROM candidates c JOIN"
    " candidate_repos r ON r.job_id = c.job_id AND r.login_key = c.login_key AND r.repo_id = (SELECT repo_id FROM"
    " candidate_repos b WHERE b.job_id = c.job_id AND b.login_key = c.login_key ORDER BY b.contributions DESC,"
    " b.repo_id LIMIT 1) WHERE c.job_id = ? ORDER BY c.n",
    "leads": "SELECT json_object('number', l.number, 'login', c.login, 'email', l.email, 'email_class', l.email_class,"
    " 'held', json(CASE l.held WHEN 1 THEN 'true' ELSE 'false' END), 'score', l.score, 'label', l.label, 'stage',"
    " l.stage, 'decision', c.reason) AS json FROM leads l JOIN candidates c ON c.job_id = l.job_id AND"
    " c.login_key = l.login_key WHERE l.job_id = ? ORDER BY l.number",
    "to_send": "SELECT json_object('email', d.email, 'subject', d.subject, 'body', d.body, 'meta',"
    " json_object('prospect_id', d.lead_number, 'icp_score', d.score, 'sequence_id', json_extract(j.plan,"
    " '$.sequence_id'), 'priority', l.label)) AS json FROM drafts d JOIN jobs j ON j.id = d.job_id"
    " LEFT JOIN leads l ON l.job_id = d.job_id AND l.login_key = d.login_key"
    " WHERE d.job_id = ? AND d.state = 'approved' ORDER BY d.id",
    "errors": "SELECT json_object('stage', stage, 'tool', tool, 'payload', item, 'error', message, 'timestamp',"
    " last_at, 'retry_count', tries - 1) AS json FROM failures WHERE job_id = ? ORDER BY last_at, tool, item",
    "checkpoints": "SELECT json_object('path', path, 'batch', batch, 'rows', row_count, 'written_at', written_at)"
    " AS json FROM checkpoints WHERE job_id = ? ORDER BY batch, path",
    "history": "SELECT json_object('timestamp', at, 'stage', json_extract(body, '$.stage'), 'action',"
    " COALESCE(json_extract(body, '$.tool'), kind), 'result', COALESCE(json_extract(body, '$.effect'),"
    " json_extract(body, '$.missing'), json_extract(body, '$.after'), CASE kind"
    " WHEN 'request_denied' THEN json_extract(body, '$.reason') END, kind), 'metrics',"
    " json(COALESCE(json_extract(body, '$.result'), json_extract(body, '$.changes'), '{}'))) AS json FROM events"
    " WHERE job_id = ? AND is_run = 1 AND kind IN ('step_finished', 'step_refused', 'search_widened',"
    " 'follow_up_read', 'settings_changed', 'request_asked', 'request_allowed', 'request_denied',"
    " 'permission_revoked', 'job_started', 'job_paused', 'job_finished') ORDER BY seq",
}


def iter_state_json(conn: Connection, job_id: str, *, schema_version: int) -> Iterator[str]:
    """The RunState of the job as pieces of one JSON document, fields in a fixed order."""
    job = get_job(conn, job_id)
    plan = job.plan
    icp = {
        "keywords": plan.icp.keywords,
        "languages": plan.icp.languages,
        "stars_range": str(plan.icp.stars_range),
        "activity_days": plan.icp.activity_days,
        "topics": plan.icp.topics,
        "location": plan.icp.location,
        "target": plan.target,
    }
    files = final_files(conn, job_id)
    head = {
        "schema_version": schema_version,
        "job_id": job.id,
        "goal": plan.goal,
        "created_at": job.created_at.isoformat(),
        "created_by": job.created_by,
        "current_stage": job.stage,
        "ended": job.status if job.status.is_over else None,
        "icp": icp,
        "config": plan.model_dump(mode="json", exclude={"goal", "icp"}),
        "counters": counters(conn, job_id),
        "reports": {
            **_reports(conn, job_id),
            "export": {"csv_files": sorted(files), "total_records": files.get(PROSPECTS_CSV, 0)},
        },
    }
    yield "{"
    for name, value in head.items():
        yield f"{json.dumps(name)}: {json.dumps(value)},\n"
    for i, (name, sql) in enumerate(_LISTS.items()):
        yield f"{json.dumps(name)}: ["
        for n, row in enumerate(conn.execute(sql, (job_id,))):
            yield ("\n" if n == 0 else ",\n") + row["json"]
        yield "]" if i == len(_LISTS) - 1 else "],\n"
    yield "}\n"


def _reports(conn: Connection, job_id: str) -> dict[str, dict[str, int]]:
    """What left for each provider, counted from the ledger; opens and clicks are not tracked."""
    reports: dict[str, dict[str, int]] = {}
    rows = conn.execute(
        "SELECT operation, state, COALESCE(effect, '') AS effect, COUNT(*) AS n, SUM(EXISTS (SELECT 1 FROM deliveries d"
        " WHERE d.outbox_id = outbox.id AND d.kind = 'bounce')) AS bounced FROM outbox WHERE job_id = ?"
        " GROUP BY operation, state, effect",
        (job_id,),
    )
    for row in rows:
        provider, _, verb = row["operation"].partition(".")
        report = reports.setdefault(provider, {})
        confirmed = row["n"] if row["state"] == "confirmed" else 0
        if verb in ("send", "enrol"):
            _count(report, sent=confirmed, bounced=row["bounced"])
        elif provider == "linear":
            _count(report, issues_created=confirmed if verb == "issue" else 0)
        elif verb in ("person", "contact"):
            kinds = {"created": "created", "updated": "updated", "noop": "unchanged"}
            _count(report, **{kinds.get(row["effect"], "created"): confirmed})
        _count(report, errors=row["n"] if row["state"] == "failed" else 0)
    return reports


def _count(report: dict[str, int], **increments: int) -> None:
    for name, increment in increments.items():
        report[name] = report.get(name, 0) + increment
