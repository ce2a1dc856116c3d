"""Reading the event log, in the order of commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from cmo.domain.event import KINDS, Recorded
from cmo.store.db import Connection
from cmo.store.packing import unpack


def tail(
    conn: Connection, job_id: str, *, after_seq: int = 0, run_only: bool = False, limit: int = 1_000
) -> list[Recorded]:
    """At most `limit` events of the job with `seq > after_seq`, oldest first."""
    rows = conn.execute(
        "SELECT seq, id, job_id, at, kind, body FROM events WHERE job_id = ? AND seq > ?"
        + (" AND is_run = 1" if run_only else "")
        + " ORDER BY seq LIMIT ?",
        (job_id, after_seq, limit),
    ).fetchall()
    return [recorded_from_row(row) for row in rows]


def of_kinds(conn: Connection, job_id: str, kinds: Sequence[str], *, after_seq: int = 0) -> list[Recorded]:
    """All run events of the job of these kinds after `after_seq`, oldest first; for kinds that a job has few of."""
    rows = conn.execute(
        "SELECT seq, id, job_id, at, kind, body FROM events WHERE job_id = ? AND is_run = 1 AND seq > ?"
        " AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq",
        (job_id, after_seq, json.dumps(list(kinds))),
    ).fetchall()
    return [recorded_from_row(row) for row in rows]


def iter_events(conn: Connection, job_id: str, *, after_seq: int = 0, run_only: bool = False) -> Iterator[Recorded]:
    """All events of the job after `after_seq`, read in chunks, oldest first."""
    while chunk := tail(conn, job_id, after_seq=after_seq, run_only=run_only):
        yield from chunk
        after_seq = chunk[-1].seq


def latest(
    conn: Connection, job_id: str, *, limit: int, run_only: bool = False, kinds: Sequence[str] = ()
) -> list[Recorded]:
    """The last `limit` events of the job, of some kinds or of all, oldest first."""
    of_kind = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    rows: list[sqlite3.Row] = []
    for is_run in (1,) if run_only else (0, 1):  # each is in the order of the index; both together would be sorted
        rows += conn.execute(
            "SELECT seq, id, job_id, at, kind, body FROM events WHERE job_id = ? AND is_run = ?"
            f"{of_kind} ORDER BY seq DESC LIMIT ?",
            (job_id, is_run, *kinds, limit),
        )
    rows = sorted(rows, key=lambda row: -row["seq"])[:limit]
    return [recorded_from_row(row) for row in reversed(rows)]


def last_seq(conn: Connection) -> int:
    """The `seq` of the newest event of any job; 0 in a new store."""
    return int(conn.execute("SELECT COALESCE(MAX(seq), 0) FROM events").fetchone()[0])


def last_moment(conn: Connection) -> datetime | None:
    """When the newest event happened, on its job's clock; None in a new store."""
    row = conn.execute("SELECT at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return None if row is None else datetime.fromisoformat(row["at"])


def recorded_from_row(row: sqlite3.Row) -> Recorded:
    """An event from its row."""
    return Recorded(
        seq=row["seq"],
        id=row["id"],
        job_id=row["job_id"],
        at=datetime.fromisoformat(row["at"]),
        event=KINDS[row["kind"]].model_validate_json(unpack(row["body"])),
    )
