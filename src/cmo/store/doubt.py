"""What may have happened: claims of dead processes, writes whose answer was lost, and how looking settles them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cmo.domain.outbox import ClaimedWrite
from cmo.domain.outward import Fate, Operation, Receipt, Repeat
from cmo.store.db import Connection, transaction
from cmo.store.journal import is_dead, is_foreign
from cmo.store.outbox import settle_row

FOREIGN_CLAIM_S = 3600.0
"""A claim of a process on another host, or under a former name of this one, that is older than this is nobody's."""
LOOK_AGAIN_S = 300.0
MOST_LOOKS = 5
"""Look-ups whose answer settles nothing before a person has to decide."""
UNASKED = "unasked"
"""Code of a look-up that never reached the provider: it does not count."""


def find_orphans(conn: Connection, operations: Mapping[str, Operation], *, now: datetime) -> int:
    """Claims of dead holders become unknown; how many. One transaction.

    Args:
        operations: Only rows of these: for the others it is not known when a late effect is no longer expected.
    """
    with transaction(conn):
        rows = conn.execute("SELECT id, operation, holder, claimed_s FROM outbox WHERE state = 'claimed'").fetchall()
        lost = [
            row for row in rows if row["operation"] in operations and is_abandoned(row["holder"], row["claimed_s"], now)
        ]
        for row in lost:
            operation = operations[row["operation"]]
            conn.execute(
                "UPDATE outbox SET state = 'unknown', due_s = ?, is_held = ?, settled_s = ?, code = 'interrupted',"
                " reason = 'the process ended while the call was under way' WHERE id = ? AND state = 'claimed'",
                (
                    now.timestamp() + operation.timeout_s + operation.margin_s,
                    int(operation.repeat is Repeat.BLIND),
                    now.timestamp(),
                    row["id"],
                ),
            )
    return len(lost)


def doubtful(conn: Connection, operation: Operation, *, job_id: str, now: datetime) -> list[ClaimedWrite]:
    """Rows whose outcome is not known, and late enough to be looked up."""
    rows = conn.execute(
        "SELECT o.id, o.key, o.job_id, o.payload, o.inbox, o.attempts, a.provider_id AS after_provider_id FROM outbox o"
        " LEFT JOIN outbox a ON a.id = o.after_id WHERE o.job_id = ? AND o.operation = ? AND o.state = 'unknown'"
        " AND o.is_held = 0 AND o.due_s <= ? ORDER BY o.id LIMIT ?",
        (job_id, operation.name, now.timestamp(), operation.batch),
    )
    return [ClaimedWrite(**dict(row)) for row in rows]


def resolve(
    conn: Connection,
    operation: Operation,
    receipts: Sequence[Receipt],
    *,
    attempts: Mapping[str, int] | None = None,
    now: datetime,
) -> set[str]:
    """Write down what looking up found. Runs inside the caller's transaction.

    Absent rows are planned again; found ones confirmed; those that cannot be told are looked at again, and after
    `MOST_LOOKS` times wait for a person.

    Args:
        attempts: Key -> calls with the row when it was looked up: what was seen before another call says nothing of
            that one. None where the caller knows that there was none.
    Returns:
        The keys of the rows that this was written down for; others have moved on.
    """
    taken = set()
    for receipt in receipts:
        row = conn.execute(
            "SELECT id, attempts FROM outbox WHERE key = ? AND state = 'unknown'", (receipt.key,)
        ).fetchone()
        if row is None or (attempts is not None and attempts[receipt.key] != row["attempts"]):
            continue
        taken.add(receipt.key)
        if receipt.fate is Fate.UNKNOWN:
            _look_again(conn, row["id"], receipt, now)
        else:
            conn.execute("DELETE FROM decisions WHERE outbox_id = ? AND rule = 'unknown'", (row["id"],))
            settle_row(conn, operation, row["id"], row["attempts"], receipt, now)
    return taken


def _look_again(conn: Connection, row_id: int, receipt: Receipt, now: datetime) -> None:
    conn.execute(
        "INSERT INTO decisions (outbox_id, rule, message, at_s, retry_s, times) VALUES (?1, 'unknown', ?2, ?3, ?4, ?5)"
        " ON CONFLICT (outbox_id, rule) DO UPDATE SET message = excluded.message, at_s = excluded.at_s,"
        " retry_s = excluded.retry_s, times = decisions.times + excluded.times",
        (row_id, receipt.reason, now.timestamp(), now.timestamp() + LOOK_AGAIN_S, int(receipt.code != UNASKED)),
    )
    conn.execute(
        "UPDATE outbox SET due_s = ?2, reason = ?3, is_held = (SELECT times >= ?4 FROM decisions"
        " WHERE outbox_id = ?1 AND rule = 'unknown') WHERE id = ?1",
        (row_id, now.timestamp() + LOOK_AGAIN_S, receipt.reason, MOST_LOOKS),
    )


def is_abandoned(holder: str, claimed_s: float, now: datetime) -> bool:
    """Whether nobody can be calling with a row any more. A process of this host that lives keeps its claims, however
    long it has slept."""
    return is_dead(holder) or (is_foreign(holder) and now.timestamp() - claimed_s > FOREIGN_CLAIM_S)


def in_flight(conn: Connection, *, now: datetime) -> int:
    """Rows that live processes are calling with right now."""
    rows = conn.execute("SELECT holder, claimed_s FROM outbox WHERE state = 'claimed'").fetchall()
    return sum(not is_abandoned(row["holder"], row["claimed_s"], now) for row in rows)


def next_due(conn: Connection, operation: Operation, *, job_id: str) -> datetime | None:
    """When the next row that waits by itself is due: a look-up, or a write that was tried and did nothing."""
    row = conn.execute(
        "SELECT MIN(due_s) AS s FROM outbox WHERE job_id = ? AND operation = ? AND is_held = 0"
        " AND (state = 'unknown' OR (state = 'planned' AND code IS NOT NULL))",
        (job_id, operation.name),
    ).fetchone()
    return None if row["s"] is None else datetime.fromtimestamp(row["s"], UTC)
