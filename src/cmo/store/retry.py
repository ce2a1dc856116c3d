"""Failed items, made pending again."""

from __future__ import annotations

from cmo.store.db import Connection, transaction

FAILED_REPO = "failed"
"""State of a repository whose history could not be read."""


def make_failures_pending(conn: Connection, job_id: str) -> int:
    """Undo what a failure did to its item's row, for every failure of the job; how many there were."""
    with transaction(conn):
        conn.execute("UPDATE repos SET state = 'unread' WHERE job_id = ? AND state = ?", (job_id, FAILED_REPO))
        conn.execute(
            "UPDATE candidates SET state = 'found', reason = NULL, score = NULL, score_doc = NULL WHERE job_id = ?1"
            " AND state = 'rejected' AND login_key IN"
            " (SELECT lower(item) FROM failures WHERE job_id = ?1 AND tool = 'enrich_github_user')",
            (job_id,),
        )
        conn.execute(
            "UPDATE candidates SET state = 'found', email_state = NULL, score = NULL, score_doc = NULL"
            " WHERE job_id = ?1 AND state IN ('found', 'rejected') AND login_key IN"
            " (SELECT lower(item) FROM failures WHERE job_id = ?1 AND tool = 'find_commit_emails')",
            (job_id,),
        )
        return conn.execute("DELETE FROM failures WHERE job_id = ?", (job_id,)).rowcount
