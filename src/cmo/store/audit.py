"""Who did what: an append-only log, each row chained to the one before by its hash.

It holds ids, never addresses or names: what a person asked to have erased was never in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cmo.domain.audit import AuditEntry, AuditRow, Broken
from cmo.store.db import Connection

GENESIS = "0" * 64


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
        hash_ = _hash(prev, row)
        conn.execute(
            "INSERT INTO audit (at, actor, action, object, before, after, detail, is_dry, prev_hash, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, prev, hash_),
        )
        prev = hash_


def first_break(conn: Connection) -> Broken | None:
    """The first row that does not follow from the one before, or None where the chain is whole."""
    prev, expected = GENESIS, 1
    for row in conn.execute("SELECT * FROM audit ORDER BY seq"):
        if row["seq"] != expected:
            return Broken(seq=expected, why=f"row {expected} is missing")
        told = (
            row["at"], row["actor"], row["action"], row["object"], row["before"], row["after"], row["detail"],
            row["is_dry"],
        )  # fmt: skip
        if row["prev_hash"] != prev:
            return Broken(seq=row["seq"], why=f"row {row['seq']} does not follow the row before it")
        if row["hash"] != _hash(prev, told):
            return Broken(seq=row["seq"], why=f"row {row['seq']} was changed")
        prev, expected = row["hash"], expected + 1
    counted = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone()
    if counted is not None and counted["seq"] != expected - 1:
        return Broken(seq=expected, why=f"rows {expected} to {counted['seq']} are missing")
    return None


def head(conn: Connection) -> tuple[int, str]:
    """Number and hash of the newest row: noted elsewhere, they show whether the log was cut later."""
    row = conn.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (row["seq"], row["hash"]) if row else (0, GENESIS)


def iter_audit(
    conn: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    object_: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> Iterator[AuditRow]:
    """Rows that match all that is given, newest first.

    Args:
        actor: Part of it; `action`: its start, as in `drafts.`; `object_`: the whole, as in `draft:36`.
    """
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
    sql = f"SELECT * FROM audit WHERE {' AND '.join(clauses)} ORDER BY seq DESC"
    for row in conn.execute(f"{sql} LIMIT ?" if limit else sql, (*values, limit) if limit else values):
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
            hash=row["hash"],
        )


def _hash(prev: str, row: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps([prev, *row], ensure_ascii=True).encode()).hexdigest()
