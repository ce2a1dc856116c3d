"""The searches of a job, one after the other: its profile first, then what each widening adds."""

from __future__ import annotations

import json
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.job import Icp
from cmo.domain.plan_changes import narrowed
from cmo.store.db import Connection


class Search(Frozen):
    """The search to go on with."""

    icp: Icp
    cursor: dict[str, Any] | None


def current_search(conn: Connection, job_id: str) -> Search | None:
    """The oldest search that is not exhausted, or None."""
    row = conn.execute(
        "SELECT icp, cursor FROM searches WHERE job_id = ? AND is_exhausted = 0 ORDER BY n LIMIT 1", (job_id,)
    ).fetchone()
    if row is None:
        return None
    return Search(icp=Icp.model_validate_json(row["icp"]), cursor=json.loads(row["cursor"]) if row["cursor"] else None)


def add_search(conn: Connection, job_id: str, icp: Icp) -> None:
    """Queue a search: the part of an ICP that was not searched before."""
    conn.execute(
        "INSERT INTO searches (job_id, n, icp) SELECT ?1,"
        " (SELECT COALESCE(MAX(n), 0) + 1 FROM searches WHERE job_id = ?1), ?2",
        (job_id, icp.model_dump_json()),
    )


def narrow_searches(conn: Connection, job_id: str, icp: Icp) -> None:
    """Hold the searches that are not exhausted to what `icp` still wants; one that changes starts anew."""
    rows = conn.execute("SELECT n, icp FROM searches WHERE job_id = ? AND is_exhausted = 0", (job_id,)).fetchall()
    for row in rows:
        before = Icp.model_validate_json(row["icp"])
        after = narrowed(before, icp)
        if after is None:
            conn.execute("UPDATE searches SET is_exhausted = 1 WHERE job_id = ? AND n = ?", (job_id, row["n"]))
        elif after != before:
            conn.execute(
                "UPDATE searches SET icp = ?, cursor = NULL WHERE job_id = ? AND n = ?",
                (after.model_dump_json(), job_id, row["n"]),
            )
