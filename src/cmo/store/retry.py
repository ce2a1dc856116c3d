"""Failed items, made pending again."""

from __future__ import annotations

from cmo.store.db import Connection

FAILED_REPO = "failed"
"""State of a repository whose history could not be read."""
_RETRIED = ("extract_people", "enrich_github_user", "mx_check")
"""Tools whose failures can be tried again by themselves."""
_MARKS = ", ".join(f"'{tool}'" for tool in _RETRIED)


def count_failures(conn: Connection, job_id: str) -> int:
    """How many failed items of the job can be tried again."""
    sql = f"SELECT COUNT(*) FROM failures WHERE job_id = ? AND tool IN ({_MARKS})"
    return int(conn.execute(sql, (job_id,)).fetchone()[0])


def make_failures_pending(conn: Connection, job_id: str) -> None:
    """Undo what a failure did to its item's row, for every failure of the job. Inside the caller's transaction."""
    conn.execute("UPDATE repos SET state = 'unread' WHERE job_id = ? AND state = ?", (job_id, FAILED_REPO))
    conn.execute(
        "UPDATE candidates SET state = 'found', reason = NULL WHERE job_id = ?1 AND state = 'rejected'"
        " AND profile IS NULL AND login_key IN"
        " (SELECT lower(item) FROM failures WHERE job_id = ?1 AND tool = 'enrich_github_user')",
        (job_id,),
    )
    conn.execute(
        "UPDATE candidates SET state = 'found', reason = NULL, score = NULL, score_doc = NULL, scored_at = NULL"
        " WHERE job_id = ?1 AND state = 'rejected' AND login_key IN (SELECT e.login_key FROM emails e JOIN failures f"
        " ON f.job_id = e.job_id AND f.tool = 'mx_check' AND f.item = e.email WHERE e.job_id = ?1)",
        (job_id,),
    )
    conn.execute(
        "DELETE FROM verdicts WHERE email IN (SELECT item FROM failures WHERE job_id = ? AND tool = 'mx_check')",
        (job_id,),
    )
    conn.execute(f"DELETE FROM failures WHERE job_id = ? AND tool IN ({_MARKS})", (job_id,))
