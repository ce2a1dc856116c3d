"""How many come through from repositories to mails, and why the others did not."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

from cmo.domain.base import Frozen
from cmo.domain.job import Mode
from cmo.store.allowed import CANDIDATE_ALLOWED
from cmo.store.db import Connection
from cmo.store.jobs import get_job
from cmo.store.progress import progress

_WEAKEST = re.compile(r"most is missing at ([\w ]+)")
_STATES = {"unknown": "could not be checked for sure", "invalid": "the domain takes no mail"}


class FunnelStep(Frozen):
    """One step, with what was lost before it."""

    name: str
    count: int
    share: float | None
    """Of the step before, 0 to 1; None where that is no part of it, or it is empty."""
    reason: str
    """Why most of those who are missing are, with their number; empty where nobody is."""


def funnel(conn: Connection, job_id: str, *, now: datetime) -> tuple[FunnelStep, ...]:
    """From repositories to mails sent; from `people` on each row counts people."""
    job, counts = get_job(conn, job_id), progress(conn, job_id, now=now)
    numbers = conn.execute(_NUMBERS, {"job": job_id}).fetchone()
    lost_at_send = _reasons(conn, _NOT_SENT, job_id) if job.plan.mode is Mode.SEND_ALLOWED else ""
    steps = (
        ("repositories", counts.repos, _many(counts.repos_unread, "not read yet")),
        ("people", numbers["people"], _reasons(conn, _DROPPED, job_id)),
        ("profiles", numbers["profiles"], _reasons(conn, _NO_PROFILE, job_id)),
        ("address found", numbers["addresses"], _reasons(conn, _NO_ADDRESS, job_id)),
        ("MX ok", numbers["mx_ok"], _bad_mx(conn, job_id)),
        ("score >= 60", counts.good_leads, _low_scores(conn, job_id)),
        ("drafted", numbers["drafted"], _many(counts.leads_undrafted, "without a draft")),
        ("approved", numbers["approved"], _undecided(conn, job_id, counts.drafts_pending)),
        ("sent", numbers["sent"], lost_at_send or (f"mode {job.plan.mode.value}" if numbers["approved"] else "")),
    )
    found: list[FunnelStep] = []
    before = 0
    for place, (name, count, reason) in enumerate(steps):
        share = count / before if place > 1 and before else None
        lost = count < before or place <= 1
        found.append(FunnelStep(name=name, count=count, share=share, reason=reason if lost else ""))
        before = count
    return tuple(found)


_NUMBERS = """SELECT
 (SELECT COUNT(*) FROM candidates WHERE job_id = :job AND state <> 'merged') AS people,
 (SELECT COUNT(*) FROM candidates WHERE job_id = :job AND state <> 'merged' AND profile IS NOT NULL) AS profiles,
 (SELECT COUNT(*) FROM candidates WHERE job_id = :job AND state <> 'merged' AND email_state = 'found') AS addresses,
 (SELECT COUNT(DISTINCT e.login_key) FROM emails e JOIN verdicts v ON v.email = e.email JOIN candidates c
   ON c.job_id = e.job_id AND c.login_key = e.login_key AND c.state <> 'merged'
   WHERE e.job_id = :job AND v.state IN ('ok', 'risky')) AS mx_ok,
 (SELECT COUNT(DISTINCT login_key) FROM drafts WHERE job_id = :job) AS drafted,
 (SELECT COUNT(DISTINCT login_key) FROM drafts WHERE job_id = :job AND state = 'approved') AS approved,
 (SELECT COUNT(DISTINCT login_key) FROM outbox WHERE job_id = :job AND draft_id IS NOT NULL AND state = 'confirmed')
   AS sent"""
_DROPPED = "SELECT reason, COUNT(*) AS n FROM drops WHERE job_id = :job GROUP BY reason ORDER BY n DESC"
_NO_PROFILE = (
    f"SELECT CASE WHEN c.state <> 'found' THEN COALESCE(c.reason, c.state) WHEN {CANDIDATE_ALLOWED}"
    " THEN 'not looked up yet' ELSE 'must not be contacted' END AS reason, COUNT(*) AS n FROM candidates c"
    " WHERE c.job_id = :job AND c.state <> 'merged' AND c.profile IS NULL GROUP BY 1 ORDER BY n DESC"
)
_NO_ADDRESS = (
    "SELECT CASE WHEN email_state IS NULL AND state = 'found' THEN 'not looked for yet'"
    " ELSE COALESCE(reason, 'none found') END AS reason, COUNT(*) AS n FROM candidates WHERE job_id = :job"
    " AND state <> 'merged' AND profile IS NOT NULL AND email_state IS NOT 'found' GROUP BY 1 ORDER BY n DESC"
)
_BAD_MX = (
    "SELECT COALESCE((SELECT v.state FROM emails e JOIN verdicts v ON v.email = e.email WHERE e.job_id = c.job_id"
    " AND e.login_key = c.login_key ORDER BY v.state IN ('ok', 'risky') DESC LIMIT 1), 'new') AS state, COUNT(*) AS n"
    " FROM candidates c WHERE c.job_id = :job AND c.state <> 'merged' AND c.email_state = 'found' GROUP BY 1"
)
_LOW = "SELECT reason, COUNT(*) AS n FROM candidates WHERE job_id = :job AND score < 60 GROUP BY reason"
_REFUSED = (
    "SELECT reason, COUNT(*) AS n FROM drafts WHERE job_id = :job AND state = 'rejected' GROUP BY 1 ORDER BY n DESC"
)
_NOT_SENT = (
    "SELECT COALESCE(reason, state) AS reason, COUNT(*) AS n FROM outbox WHERE job_id = :job AND draft_id IS NOT NULL"
    " AND state <> 'confirmed' GROUP BY 1 ORDER BY n DESC"
)


def _reasons(conn: Connection, sql: str, job_id: str) -> str:
    """The first reason, with its number; rows come most first."""
    row = conn.execute(sql, {"job": job_id}).fetchone()
    return "" if row is None else f"{row['n']:,}: {row['reason'].removeprefix('Rejected: ').rstrip('.')}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count else ""


def _bad_mx(conn: Connection, job_id: str) -> str:
    found = {row["state"]: row["n"] for row in conn.execute(_BAD_MX, {"job": job_id})}
    lost = {state: count for state, count in found.items() if state not in ("ok", "risky")}
    if not lost:
        return ""
    state = max(lost, key=lost.__getitem__)
    return f"{lost[state]:,}: {_STATES.get(state, 'not checked yet')}"


def _low_scores(conn: Connection, job_id: str) -> str:
    """What those below the line lack most."""
    weakest: Counter[str] = Counter()
    for reason, count in conn.execute(_LOW, {"job": job_id}):
        if told := _WEAKEST.search(reason or ""):
            weakest[told[1].strip()] += count
    return "".join(f"{count:,}: most is missing at {what}" for what, count in weakest.most_common(1))


def _undecided(conn: Connection, job_id: str, waiting: int) -> str:
    if waiting:
        return _many(waiting, "wait for you")
    reason = _reasons(conn, _REFUSED, job_id)
    return f"{reason} (rejected)" if reason else ""
