"""Who did what: an append-only log, each row chained to the one before by its hash.

It holds ids, never addresses or names: what a person asked to have erased was never in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cmo.domain.audit import GENESIS, AuditEntry, AuditRow, Head, Link, link_hash
from cmo.store.db import Connection


def record_audit(conn: Connection, entries: Iterable[AuditEntry], *, at: datetime) -> None:
    """Append `entries` in order. Runs inside the transaction of what they tell of."""
    last = conn.execute("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    prev = last["hash"] if last else GENESIS
    for entry in entries:
        row = (
            at.isoformat(),
            entry.actor,
            entry.action,
            entry.object,
            entry.before,
            entry.after,
            json.dumps(entry.detail, sort_keys=True),
            int(entry.is_dry),
        )
        hash_ = link_hash(prev, row)
        conn.execute(
            "INSERT INTO audit (at, actor, action, object, before, after, detail, is_dry, prev_hash, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, prev, hash_),
        )
        prev = hash_


def links(conn: Connection) -> Iterator[Link]:
    """Every row as its hash is made of it, oldest first."""
    for row in conn.execute("SELECT * FROM audit ORDER BY seq"):
        told = (
            row["at"], row["actor"], row["action"], row["object"], row["before"], row["after"], row["detail"],
            row["is_dry"],
        )  # fmt: skip
        yield Link(seq=row["seq"], told=told, prev_hash=row["prev_hash"], hash=row["hash"])


def counted(conn: Connection) -> int:
    """How many rows there have ever been, by SQLite's own count."""
    row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone()
    return 0 if row is None else int(row["seq"])


def head(conn: Connection) -> Head:
    """The newest row: noted elsewhere, it shows whether the log was cut later."""
    row = conn.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(row["seq"], row["hash"]) if row else Head(0, GENESIS)


def holds(conn: Connection, noted: Head) -> bool:
    """Whether the row that was the newest then still stands there."""
    row = conn.execute("SELECT hash FROM audit WHERE seq = ?", (noted.seq,)).fetchone()
    return row is not None and row["hash"] == noted.hash


def iter_audit(
    conn: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    object_: str | None = None,
    since: datetime | None = None,
    limit: int = -1,
    offset: int = 0,
) -> Iterator[AuditRow]:
    """Rows that match all that is given, newest first.

    Args:
        actor: Part of it; `action`: its start, as in `drafts.`; `object_`: the whole, as in `draft:36`.
    """
    where, values = _matching(actor, action, object_, since)
    sql = f"SELECT * FROM audit WHERE {where} ORDER BY seq DESC LIMIT ? OFFSET ?"
    for row in conn.execute(sql, (*values, limit, offset)):
        yield AuditRow(
            seq=row["seq"],
            at=datetime.fromisoformat(row["at"]),
            actor=row["actor"],
            action=row["action"],
            object=row["object"],
            before=row["before"],
            after=row["after"],
            detail=json.loads(row["detail"]),
            is_dry=bool(row["is_dry"]),
            prev_hash=row["prev_hash"],
            hash=row["hash"],
        )


def count_audit(
    conn: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    object_: str | None = None,
    since: datetime | None = None,
    after: int = 0,
) -> int:
    """How many rows match all that is given, as in `iter_audit`.

    Args:
        after: Only rows with a higher number.
    """
    where, values = _matching(actor, action, object_, since)
    return int(conn.execute(f"SELECT COUNT(*) FROM audit WHERE {where} AND seq > ?", (*values, after)).fetchone()[0])


def _matching(
    actor: str | None, action: str | None, object_: str | None, since: datetime | None
) -> tuple[str, list[Any]]:
    """A condition, and its values."""
    clauses, values = ["1"], list[Any]()
    if actor:
        clauses.append("instr(actor, ?) > 0")
        values.append(actor)
    if action:
        clauses.append("substr(action, 1, length(?)) = ?")
        values += [action, action]
    if object_:
        clauses.append("object = ?")
        values.append(object_)
    if since:
        clauses.append("at >= ?")
        values.append(since.isoformat())
    return " AND ".join(clauses), values
