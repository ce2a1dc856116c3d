"""Where a job stands, counted from rows: what planners decide by and summaries show."""

from __future__ import annotations

from datetime import datetime

from cmo.domain.base import Frozen
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED, VERDICT_AGES_AFTER, VERDICT_SETTLED
from cmo.store.db import Connection
from cmo.store.draft_filters import WAITS


class Progress(Frozen):
    """Counts of one job."""

    repos: int
    repos_unread: int
    repos_read: int
    candidates: int
    candidates_new: int
    people_enriched: int
    people_without_email: int
    emails: int
    emails_unverified: int
    emails_verified: int
    emails_ok: int
    people_unscored: int
    people_scored: int
    good_leads: int
    """Accepted and not suppressed; `held_leads` of them have only a commit address."""
    held_leads: int
    leads_undrafted: int
    """Good leads without a draft."""
    drafts: int
    drafts_pending: int
    """Wait for a decision now."""
    drafts_approved: int
    drafts_unplanned: int
    """Approved, and not in the outbox yet."""
    mails: int
    """In the outbox, whatever their state."""
    mails_confirmed: int
    mails_doubtful: int
    """May have left, or may be leaving right now."""
    records: int
    """Writes for the CRM and tickets."""
    records_confirmed: int
    dropped: int
    failures: int
    checkpoints: int


def progress(conn: Connection, job_id: str, *, now: datetime) -> Progress:
    """Count the job's rows."""
    aged = (now - VERDICT_AGES_AFTER).isoformat()
    found = dict(conn.execute(_COUNTS, {"job": job_id, "aged": aged, "now": now.isoformat()}).fetchone())
    drafted = found.pop("leads_drafted")  # counted, and not those without one: at first these are nearly everybody
    return Progress(**found, leads_undrafted=found["good_leads"] - drafted)


_PEOPLE = f"FROM candidates c WHERE c.job_id = :job AND c.state = 'found' AND {CANDIDATE_ALLOWED}"
_COUNTER = "SELECT COALESCE((SELECT value FROM counters WHERE job_id = :job AND name = '{}'), 0)"
_SUPPRESSED = """SELECT l.number, l.held FROM suppressions s CROSS JOIN leads l
  WHERE s.kind = 'login' AND l.job_id = :job AND l.login_key = s.value
 UNION SELECT l.number, l.held FROM suppressions s CROSS JOIN emails e CROSS JOIN leads l
  WHERE s.kind = 'email' AND e.job_id = :job AND e.email_key = s.value
  AND l.job_id = e.job_id AND l.login_key = e.login_key AND l.email = e.email
 UNION SELECT l.number, l.held FROM leads l
  JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email
  JOIN json_each(e.domains) d JOIN suppressions s ON s.kind = 'domain' AND s.value = d.value
  WHERE l.job_id = :job AND EXISTS (SELECT 1 FROM suppressions WHERE kind = 'domain')
 UNION SELECT l.number, l.held FROM leads l
  JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email
  WHERE l.job_id = :job AND EXISTS (SELECT 1 FROM suppressions WHERE kind = 'hash') AND EXISTS (SELECT 1 FROM
  suppressions s WHERE s.kind = 'hash' AND s.value IN (erased_hash('login', l.login_key),
  erased_hash('email', e.email_key)))"""
"""Starts from the suppressions, which are few; CROSS JOIN keeps that order, and `JOIN` left it to a guess (50 ms)."""
_DRAFTED = """SELECT l.number FROM drafts d JOIN leads l ON l.job_id = d.job_id AND l.login_key = d.login_key
  WHERE d.job_id = :job AND d.step = 'first_touch'"""
_COUNTS = f"""WITH suppressed AS ({_SUPPRESSED}) SELECT
 (SELECT COUNT(*) FROM repos WHERE job_id = :job) AS repos,
 (SELECT COUNT(*) FROM repos WHERE job_id = :job AND state = 'unread') AS repos_unread,
 (SELECT COUNT(*) FROM repos WHERE job_id = :job AND state <> 'unread') AS repos_read,
 (SELECT COUNT(*) FROM candidates WHERE job_id = :job) AS candidates,
 (SELECT COUNT(*) {_PEOPLE} AND c.profile IS NULL) AS candidates_new,
 ({_COUNTER.format("person_enriched")}) AS people_enriched,
 (SELECT COUNT(*) {_PEOPLE} AND c.profile IS NOT NULL AND c.email_state IS NULL) AS people_without_email,
 (SELECT COUNT(*) FROM emails WHERE job_id = :job) AS emails,
 (SELECT COUNT(DISTINCT e.email) FROM candidates c CROSS JOIN emails e
   LEFT JOIN verdicts v ON v.email = e.email WHERE e.job_id = c.job_id AND e.login_key = c.login_key
   AND c.job_id = :job AND c.state = 'found' AND (NOT {VERDICT_SETTLED} OR v.checked_at < :aged)
   AND {EMAIL_ALLOWED} AND {CANDIDATE_ALLOWED}) AS emails_unverified,
 ({_COUNTER.format("email_verified")}) AS emails_verified,
 ({_COUNTER.format("mx_ok")}) AS emails_ok,
 (SELECT COUNT(*) {_PEOPLE} AND c.email_state IS NOT NULL AND c.score IS NULL) AS people_unscored,
 ({_COUNTER.format("lead_scored")}) AS people_scored,
 (SELECT COUNT(*) FROM leads WHERE job_id = :job) - (SELECT COUNT(*) FROM suppressed) AS good_leads,
 (SELECT COUNT(*) FROM leads WHERE job_id = :job AND held = 1)
   - (SELECT COUNT(*) FROM suppressed WHERE held = 1) AS held_leads,
 (SELECT COUNT(*) FROM ({_DRAFTED} EXCEPT SELECT number FROM suppressed)) AS leads_drafted,
 (SELECT COUNT(*) FROM drafts WHERE job_id = :job) AS drafts,
 (SELECT COUNT(*) FROM drafts d WHERE {WAITS}) AS drafts_pending,
 (SELECT COUNT(*) FROM drafts WHERE job_id = :job AND state = 'approved') AS drafts_approved,
 (SELECT COUNT(*) FROM outbox WHERE job_id = :job AND draft_id IS NOT NULL) AS mails,
 (SELECT COUNT(*) FROM outbox WHERE job_id = :job AND draft_id IS NOT NULL AND state = 'confirmed') AS mails_confirmed,
 (SELECT COUNT(*) FROM outbox WHERE job_id = :job AND draft_id IS NOT NULL AND state IN ('unknown', 'claimed'))
   AS mails_doubtful,
 (SELECT COUNT(*) FROM outbox WHERE job_id = :job AND draft_id IS NULL) AS records,
 (SELECT COUNT(*) FROM outbox WHERE job_id = :job AND draft_id IS NULL AND state = 'confirmed') AS records_confirmed,
 (SELECT COUNT(*) FROM drafts d WHERE d.job_id = :job AND d.state = 'approved' AND NOT EXISTS
   (SELECT 1 FROM outbox o WHERE o.draft_id = d.id AND o.approval_id = d.approval_id)) AS drafts_unplanned,
 (SELECT COUNT(*) FROM drops WHERE job_id = :job) AS dropped,
 (SELECT COUNT(*) FROM failures WHERE job_id = :job AND mark IS NULL) AS failures,
 (SELECT COUNT(*) FROM checkpoints WHERE job_id = :job) AS checkpoints"""


def counters(conn: Connection, job_id: str) -> dict[str, int]:
    """Everything counted over the job's pages, e.g. steps, github_api_calls, github_points."""
    rows = conn.execute("SELECT name, value FROM counters WHERE job_id = ? ORDER BY name", (job_id,))
    return {row["name"]: row["value"] for row in rows}


def used_budgets(conn: Connection, job_id: str) -> dict[str, int]:
    """How much of each cap of the plan the job has used, by the cap's name; also `calls` and `tokens`."""
    totals = counters(conn, job_id)
    rows = conn.execute(
        "SELECT (SELECT COUNT(*) FROM repos WHERE job_id = ?1) AS max_repos,"
        " (SELECT COUNT(*) FROM candidates WHERE job_id = ?1) AS max_people",
        (job_id,),
    )
    calls = sum(count for name, count in totals.items() if name.endswith("_api_calls"))
    used = {"max_steps": totals.get("steps", 0), **dict(rows.fetchone())}
    return {**used, "calls": calls, "tokens": totals.get("tokens_used", 0)}


def calls_per_tool(conn: Connection, job_id: str) -> dict[str, int]:
    """Planner calls made of each tool."""
    rows = conn.execute(
        "SELECT tool, COUNT(*) AS calls FROM steps WHERE job_id = ? AND state <> 'refused' GROUP BY tool", (job_id,)
    )
    return {row["tool"]: row["calls"] for row in rows}


def final_files(conn: Connection, job_id: str) -> dict[str, int]:
    """Path -> rows of the files written at the end, so far."""
    rows = conn.execute("SELECT path, row_count FROM checkpoints WHERE job_id = ? AND batch = 0", (job_id,))
    return {row["path"]: row["row_count"] for row in rows}


LEADS_VERSION = "SELECT leads_version || ':' || (SELECT COUNT(*) FROM suppressions) FROM jobs WHERE id = ?1"
"""Changes whenever a lead is scored, merged or suppressed; a count, since clocks can go back."""


def stale_files(conn: Connection, job_id: str) -> frozenset[str]:
    """Final files written before somebody was scored, merged or suppressed."""
    rows = conn.execute(
        f"SELECT path FROM checkpoints WHERE job_id = ?1 AND batch = 0 AND leads_version <> ({LEADS_VERSION})",
        (job_id,),
    )
    return frozenset(row["path"] for row in rows)


class Batches(Frozen):
    """The CSV checkpoints so far."""

    written: int
    upto: int
    """Number of the last lead they cover."""
    newest_lead: int
    """Number of the last lead accepted."""


def batches(conn: Connection, job_id: str) -> Batches:
    """How far the CSV checkpoints have come; two index look-ups at any number of leads."""
    row = conn.execute(
        "SELECT COALESCE(MAX(batch), 0) AS written, COALESCE(MAX(upto), 0) AS upto,"
        " (SELECT COALESCE(MAX(number), 0) FROM leads WHERE job_id = ?1) AS newest_lead"
        " FROM checkpoints WHERE job_id = ?1 AND batch > 0",
        (job_id,),
    ).fetchone()
    return Batches(**dict(row))
