"""People with a score, a page at a time, to be scored anew; who has had that done is known by their score's version."""

from __future__ import annotations

from datetime import datetime

from cmo.domain.rerank import Scored
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
from cmo.store.db import Connection
from cmo.store.pages import facts_of

_PEOPLE = (
    " FROM candidates c LEFT JOIN leads l ON l.job_id = c.job_id AND l.login_key = c.login_key"
    " LEFT JOIN emails e ON e.job_id = c.job_id AND e.login_key = c.login_key AND e.email = l.email"
    " WHERE c.job_id = ?1 AND c.score IS NOT NULL AND c.profile IS NOT NULL AND c.state IN ('accepted', 'rejected')"
    f" AND {CANDIDATE_ALLOWED} AND (l.email IS NULL OR (e.email IS NOT NULL AND {EMAIL_ALLOWED}))"
)
"""Whoever is suppressed keeps the score they had."""
_BEHIND = " AND COALESCE(json_extract(c.score_doc, '$.weights'), 1) <> ?2"


def scored_people(
    conn: Connection, job_id: str, *, after: int, limit: int, as_of: datetime, behind: int | None = None
) -> list[Scored]:
    """People with a score, in the order found, from the one after `after` on.

    Args:
        as_of: The job's anchor: ages are counted from it, as when they were first scored.
        behind: Only those whose score was not made with this version of the weights.
    """
    rows = conn.execute(
        "SELECT c.*, l.email AS lead_email, c.status IS NOT NULL OR c.outcome IS NOT NULL AS is_known,"
        " EXISTS (SELECT 1 FROM drafts d WHERE d.job_id = c.job_id"
        f" AND d.login_key = c.login_key) AS is_drafted{_PEOPLE}{_BEHIND if behind else ' AND ?2 IS NULL'}"
        " AND c.n > ?3 ORDER BY c.n LIMIT ?4",
        (job_id, behind, after, limit),
    ).fetchall()
    return [
        Scored(
            row["n"], facts, row["score"], row["lead_email"] is not None, bool(row["is_drafted"]), bool(row["is_known"])
        )
        for row, facts in zip(rows, facts_of(conn, job_id, rows, as_of), strict=True)
    ]


def count_behind(conn: Connection, job_id: str, version: int) -> int:
    """How many have a score that was not made with this version of the weights."""
    return int(conn.execute(f"SELECT COUNT(*){_PEOPLE}{_BEHIND}", (job_id, version)).fetchone()[0])
