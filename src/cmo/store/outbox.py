"""The ledger of writes to the outside: a row is committed before its call, claimed by one process, settled once.

Nothing here calls anybody. `claim` is the only way to a row that may be written, and asks the gate in the same
transaction; `settle` is the only way on from there.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cmo.domain.base import Frozen
from cmo.domain.outbox import AFTER, MOST_ATTEMPTS, ClaimedWrite, NewWrite, OutboxState, backoff_s
from cmo.domain.outward import Fate, Operation, Receipt, Repeat
from cmo.domain.policy import Verdict
from cmo.store.db import Connection, transaction
from cmo.store.journal import is_dead
from cmo.store.switches import note_outcome

CLAIM_GOES_STALE_S = 3600.0
"""A claim older than this is nobody's, even where a process of that number lives."""
BLOCKED_WAIT_S = 3600.0
LOOK_AGAIN_S = 300.0
MOST_LOOKS = 5
"""Look-ups without an answer before a person has to decide."""
MOST_SCANNED = 200
"""Rows that one claim looks at, at most."""


@dataclass
class Round:
    """What one claim came to."""

    claimed: list[ClaimedWrite] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    """Rule -> rows."""
    last_id: int = 0
    """The last row looked at; give it back to go on behind it."""
    is_end: bool = False
    """There is no row behind it."""


@dataclass
class Planned:
    """What planning writes came to."""

    new: int = 0
    renewed: int = 0
    """Rows that were never claimed and got the newer content."""
    known: int = 0
    """Keys that have left, are leaving, or wait with the same content."""
    refused: list[str] = field(default_factory=list)
    """Keys that have left with other content; the same key never carries two."""


def plan_writes(conn: Connection, job_id: str, writes: Iterable[NewWrite]) -> Planned:
    """Put writes down. Runs inside the caller's transaction; give it at most 500."""
    planned = Planned()
    for write in writes:
        row = conn.execute(
            "SELECT id, state, content_hash, attempts FROM outbox WHERE key = ?", (write.key,)
        ).fetchone()
        if row is None:
            _insert(conn, job_id, write)
            planned.new += 1
        elif row["attempts"] == 0 and row["state"] in (OutboxState.PLANNED, OutboxState.FAILED):
            changed = _renew(conn, job_id, row["id"], write)
            planned.renewed += changed
            planned.known += not changed
        elif row["content_hash"] != write.content_hash:
            planned.refused.append(write.key)
        else:
            planned.known += 1
    return planned


def _insert(conn: Connection, job_id: str, write: NewWrite) -> None:
    conn.execute(
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, approval_id, after_id,"
        " email_key, company_key, due_s) VALUES (?, ?, ?, 'planned', ?, ?, ?, ?,"
        " (SELECT id FROM outbox WHERE key = ?), ?, ?, ?)",
        (
            write.key, job_id, write.operation, write.payload, write.content_hash, write.draft_id, write.approval_id,
            write.after_key, write.email_key, write.company_key, write.due_at.timestamp(),
        ),
    )  # fmt: skip


def _renew(conn: Connection, job_id: str, row_id: int, write: NewWrite) -> bool:
    """Give a row that never left its newer content; False where nothing changes."""
    return (
        conn.execute(
            "UPDATE outbox SET job_id = ?2, operation = ?3, state = 'planned', payload = ?4, content_hash = ?5,"
            " draft_id = ?6, approval_id = ?7, email_key = ?8, company_key = ?9, due_s = ?10, code = NULL,"
            " reason = NULL WHERE id = ?1 AND (state <> 'planned' OR content_hash <> ?5 OR approval_id IS NOT ?7)",
            (
                row_id, job_id, write.operation, write.payload, write.content_hash, write.draft_id, write.approval_id,
                write.email_key, write.company_key, write.due_at.timestamp(),
            ),
        ).rowcount
        > 0
    )  # fmt: skip


Gate = Callable[[Connection, Sequence[int], datetime], dict[int, tuple[Verdict, str]]]
"""Row ids and the effective time -> for each row the verdict, and the inbox it leaves from. Asked inside the claim."""


def claim(
    conn: Connection,
    operation: Operation,
    *,
    job_id: str,
    gate: Gate,
    now: datetime,
    holder: str,
    after_id: int = 0,
    size: int | None = None,
    scan: int = MOST_SCANNED,
) -> Round:
    """Take the next rows that may be written now, and write down why the others may not; one transaction.

    Args:
        after_id: Rows up to this one were looked at already in this pass.
        size: Most rows to take; the operation's batch without it.
        scan: Rows to look at, at least `size`.
    """
    with transaction(conn):
        return claim_within(
            conn, operation, job_id=job_id, gate=gate, now=now, holder=holder, after_id=after_id, size=size, scan=scan
        )


def claim_within(
    conn: Connection,
    operation: Operation,
    *,
    job_id: str,
    gate: Gate,
    now: datetime,
    holder: str,
    after_id: int,
    size: int | None,
    scan: int,
) -> Round:
    """The same, inside the caller's transaction."""
    most = min(size or operation.batch, operation.batch)
    scan = max(scan, most)
    effective = max(now, newest_claim(conn) or now)
    rows = conn.execute(
        "SELECT id FROM outbox WHERE job_id = ? AND operation = ? AND state = 'planned' AND is_held = 0 AND id > ?"
        " AND due_s <= ? ORDER BY id LIMIT ?",
        (job_id, operation.name, after_id, effective.timestamp(), scan),
    ).fetchall()
    done = Round(last_id=after_id, is_end=len(rows) < scan)
    verdicts = gate(conn, [row["id"] for row in rows], effective) if rows else {}
    for row in rows:
        if len(done.claimed) == most:
            done.is_end = False
            break
        verdict, inbox = verdicts[row["id"]]
        done.last_id = row["id"]
        if verdict.rule is None:
            done.claimed.append(_take(conn, row["id"], inbox, holder, effective))
        else:
            done.refused[verdict.rule] += 1
            note_refusal(conn, row["id"], verdict, now)
    return done


def _take(conn: Connection, row_id: int, inbox: str, holder: str, now: datetime) -> ClaimedWrite:
    row = conn.execute(
        "UPDATE outbox SET state = 'claimed', holder = ?, claimed_s = ?, inbox = ?, attempts = attempts + 1"
        " WHERE id = ? AND state = 'planned' RETURNING id, key, job_id, payload, inbox, attempts,"
        " (SELECT a.provider_id FROM outbox a WHERE a.id = outbox.after_id) AS after_provider_id",
        (holder, now.timestamp(), inbox or None, row_id),
    ).fetchone()
    if inbox:
        conn.execute(
            "UPDATE inboxes SET first_used_s = COALESCE(first_used_s, ?) WHERE address = ?", (now.timestamp(), inbox)
        )
    return ClaimedWrite(**dict(row))


def note_refusal(conn: Connection, row_id: int, verdict: Verdict, now: datetime) -> None:
    """Store what the gate decided, and when the row may be looked at again."""
    retry_s = verdict.retry_at.timestamp() if verdict.retry_at else None
    conn.execute(
        "INSERT INTO decisions (outbox_id, rule, message, at_s, retry_s, times) VALUES (?, ?, ?, ?, ?, 1)"
        " ON CONFLICT (outbox_id, rule) DO UPDATE SET message = excluded.message, at_s = excluded.at_s,"
        " retry_s = excluded.retry_s, times = decisions.times + 1",
        (row_id, verdict.rule, verdict.message, now.timestamp(), retry_s),
    )
    if verdict.final:
        conn.execute(
            "UPDATE outbox SET state = 'failed', settled_s = ?, code = ?, reason = ? WHERE id = ?",
            (now.timestamp(), verdict.rule, verdict.message, row_id),
        )
    elif retry_s is not None:
        conn.execute("UPDATE outbox SET due_s = ? WHERE id = ?", (retry_s, row_id))


def newest_claim(conn: Connection) -> datetime | None:
    """The newest claim on record: a clock set back frees no quota."""
    newest = conn.execute("SELECT MAX(claimed_s) AS s FROM outbox WHERE claimed_s IS NOT NULL").fetchone()["s"]
    return None if newest is None else datetime.fromtimestamp(newest, UTC)


def settle(conn: Connection, operation: Operation, receipts: Sequence[Receipt], *, holder: str, now: datetime) -> None:
    """Write down what came of claimed rows. Runs inside the caller's transaction.

    A row that somebody else has taken meanwhile is left alone.
    """
    for receipt in receipts:
        row = conn.execute(
            "SELECT id, attempts, state FROM outbox WHERE key = ? AND holder = ? AND state IN ('claimed', 'unknown')",
            (receipt.key, holder),
        ).fetchone()
        if row is not None:
            _settle_one(conn, operation, row["id"], row["attempts"], _after_bounce(conn, row["id"], receipt, now), now)
    if receipts:
        troubled = [r for r in receipts if r.fate in (Fate.LATER, Fate.UNKNOWN) and r.code not in ("greylisted", "")]
        worked = len(troubled) < len(receipts)
        reason = troubled[0].reason if troubled else ""
        note_outcome(conn, operation.provider, worked=worked, now_s=now.timestamp(), reason=reason)


def _settle_one(
    conn: Connection, operation: Operation, row_id: int, attempts: int, receipt: Receipt, now: datetime
) -> None:
    state, due_s, held = AFTER[receipt.fate], now.timestamp(), 0
    match receipt.fate:
        case Fate.LATER if attempts >= MOST_ATTEMPTS:
            state = OutboxState.FAILED
        case Fate.LATER | Fate.ABSENT:
            due_s += max(receipt.retry_after_s or 0.0, backoff_s(attempts, share=random.random()))
        case Fate.UNKNOWN:
            due_s += operation.timeout_s + operation.margin_s
            held = int(operation.repeat is Repeat.BLIND)
        case Fate.HELD:
            held = 1
        case _:
            pass
    settled_s = None if state is OutboxState.PLANNED else now.timestamp()
    conn.execute(
        "UPDATE outbox SET state = ?, due_s = ?, is_held = ?, settled_s = ?, provider_id = COALESCE(?, provider_id),"
        " effect = ?, code = ?, reason = ? WHERE id = ?",
        (
            state, due_s, held, settled_s, receipt.provider_id, receipt.effect or None, receipt.code or None,
            receipt.reason or None, row_id,
        ),
    )  # fmt: skip
    if state is OutboxState.PLANNED:
        conn.execute("UPDATE outbox SET claimed_s = NULL, holder = NULL, inbox = NULL WHERE id = ?", (row_id,))


def _after_bounce(conn: Connection, row_id: int, receipt: Receipt, now: datetime) -> Receipt:
    """What a refusal by the recipient's server means beyond this mail.

    A hard bounce suppresses the address at once; a block for policy (5.7.x) is our fault: the inbox pauses, the mail
    waits.
    """
    if receipt.code == "policy_block":
        conn.execute(
            "UPDATE inboxes SET paused_reason = ? WHERE address = (SELECT inbox FROM outbox WHERE id = ?)",
            (f"blocked by a recipient's server: {receipt.reason}", row_id),
        )
        return receipt.model_copy(update={"fate": Fate.LATER, "retry_after_s": BLOCKED_WAIT_S})
    if receipt.code == "hard_bounce":
        conn.execute(
            "INSERT INTO deliveries (outbox_id, kind, at_s, detail) VALUES (?, 'bounce', ?, ?) ON CONFLICT DO NOTHING",
            (row_id, now.timestamp(), receipt.reason),
        )
        conn.execute(
            "INSERT INTO suppressions (kind, value, reason, source, added_at) SELECT 'email', email_key,"
            " 'hard bounce', 'mail server', ?2 FROM outbox WHERE id = ?1 AND email_key IS NOT NULL"
            " ON CONFLICT (kind, value) DO NOTHING",
            (row_id, now.isoformat()),
        )
    return receipt


def find_orphans(conn: Connection, operations: Mapping[str, Operation], *, now: datetime) -> int:
    """Claims of dead holders become unknown; how many. One transaction.

    Args:
        operations: Only rows of these: for the others it is not known when a late effect is no longer expected.
    """
    with transaction(conn):
        rows = conn.execute("SELECT id, operation, holder, claimed_s FROM outbox WHERE state = 'claimed'").fetchall()
        lost = [
            row
            for row in rows
            if row["operation"] in operations
            and (is_dead(row["holder"]) or now.timestamp() - row["claimed_s"] > CLAIM_GOES_STALE_S)
        ]
        for row in lost:
            operation = operations[row["operation"]]
            conn.execute(
                "UPDATE outbox SET state = 'unknown', due_s = ?, is_held = ?, code = 'interrupted',"
                " reason = 'the process ended while the call was under way' WHERE id = ? AND state = 'claimed'",
                (
                    row["claimed_s"] + operation.timeout_s + operation.margin_s,
                    int(operation.repeat is Repeat.BLIND),
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


def resolve(conn: Connection, operation: Operation, receipts: Sequence[Receipt], *, now: datetime) -> None:
    """Write down what looking up found. Runs inside the caller's transaction.

    Absent rows are planned again; found ones confirmed; those that cannot be told are looked at again, and after
    `MOST_LOOKS` times wait for a person.
    """
    for receipt in receipts:
        row = conn.execute(
            "SELECT id, attempts, settled_s FROM outbox WHERE key = ? AND state = 'unknown'", (receipt.key,)
        ).fetchone()
        if row is None:
            continue
        if receipt.fate is Fate.UNKNOWN:
            _look_again(conn, row["id"], receipt, now)
        else:
            _settle_one(conn, operation, row["id"], row["attempts"], receipt, now)


def _look_again(conn: Connection, row_id: int, receipt: Receipt, now: datetime) -> None:
    conn.execute(
        "INSERT INTO decisions (outbox_id, rule, message, at_s, retry_s, times) VALUES (?1, 'unknown', ?2, ?3, ?4, 1)"
        " ON CONFLICT (outbox_id, rule) DO UPDATE SET message = excluded.message, at_s = excluded.at_s,"
        " retry_s = excluded.retry_s, times = decisions.times + 1",
        (row_id, receipt.reason, now.timestamp(), now.timestamp() + LOOK_AGAIN_S),
    )
    conn.execute(
        "UPDATE outbox SET due_s = ?2, reason = ?3, is_held = (SELECT times >= ?4 FROM decisions"
        " WHERE outbox_id = ?1 AND rule = 'unknown') WHERE id = ?1",
        (row_id, now.timestamp() + LOOK_AGAIN_S, receipt.reason, MOST_LOOKS),
    )


def give_back(conn: Connection, claimed: Sequence[ClaimedWrite], *, holder: str, due_at: datetime) -> None:
    """Claims whose call surely never left: planned again, the attempt not counted. Runs in the caller's transaction."""
    ids = json.dumps([row.id for row in claimed])
    conn.execute(
        "UPDATE outbox SET state = 'planned', holder = NULL, claimed_s = NULL, inbox = NULL, attempts = attempts - 1,"
        " due_s = ? WHERE state = 'claimed' AND holder = ? AND id IN (SELECT value FROM json_each(?))",
        (due_at.timestamp(), holder, ids),
    )


def in_flight(conn: Connection) -> int:
    """Rows that live processes are calling with right now."""
    rows = conn.execute("SELECT holder FROM outbox WHERE state = 'claimed'").fetchall()
    return sum(not is_dead(row["holder"]) for row in rows)


def next_due(conn: Connection, operation: Operation, *, job_id: str) -> datetime | None:
    """When the next row that waits by itself (a retry, a look-up) is due; rows that wait for the gate do not count."""
    row = conn.execute(
        "SELECT MIN(o.due_s) AS s FROM outbox o WHERE o.job_id = ? AND o.operation = ? AND o.is_held = 0 AND"
        " (o.state = 'unknown' OR (o.state = 'planned' AND NOT EXISTS (SELECT 1 FROM decisions d WHERE"
        " d.outbox_id = o.id AND d.rule <> 'unknown' AND d.at_s >= COALESCE(o.settled_s, 0))))",
        (job_id, operation.name),
    ).fetchone()
    return None if row["s"] is None else datetime.fromtimestamp(row["s"], UTC)


def waiting(conn: Connection, job_id: str) -> tuple[int, datetime | None]:
    """Mails of the job that wait in the outbox, and when the first of them is due."""
    row = conn.execute(
        "SELECT COUNT(*) AS n, MIN(due_s) AS s FROM outbox WHERE job_id = ? AND state = 'planned' AND is_held = 0"
        " AND draft_id IS NOT NULL",
        (job_id,),
    ).fetchone()
    return row["n"], None if row["s"] is None else datetime.fromtimestamp(row["s"], UTC)


class Spike(Frozen):
    """Errors of one group that came in a short time."""

    group_key: str
    count: int
    message: str


def spike(conn: Connection, operation: str, *, since: datetime, at_least: int) -> Spike | None:
    """The group of the operation's errors that has `at_least` rows since then, or None."""
    row = conn.execute(
        "SELECT group_key, COUNT(*) AS n, MAX(message) AS message FROM failures WHERE tool = ? AND last_at >= ?"
        " AND mark IS NULL GROUP BY group_key HAVING n >= ? ORDER BY n DESC LIMIT 1",
        (operation, since.isoformat(), at_least),
    ).fetchone()
    return None if row is None else Spike(group_key=row["group_key"], count=row["n"], message=row["message"])


def forget_failures(conn: Connection, job_id: str, operation: str, ids: Sequence[int]) -> None:
    """Failures of rows that are confirmed now are no failures."""
    conn.execute(
        "DELETE FROM failures WHERE job_id = ? AND tool = ? AND item IN (SELECT 'outbox:' || value FROM json_each(?))",
        (job_id, operation, json.dumps(ids)),
    )
