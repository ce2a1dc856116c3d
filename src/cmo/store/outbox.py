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
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.outbox import AFTER, MOST_ATTEMPTS, ClaimedWrite, NewWrite, OutboxState, backoff_s
from cmo.domain.outward import Fate, Operation, Receipt, Repeat
from cmo.domain.policy import Verdict
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.store.db import Connection, transaction
from cmo.store.gate import newest_claim
from cmo.store.journal import is_dead, is_foreign
from cmo.store.suppressions import record_suppressions
from cmo.store.switches import note_outcome

FOREIGN_CLAIM_S = 3600.0
"""A claim of a process on another host, or under a former name of this one, that is older than this is nobody's."""
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
            "SELECT id, state, content_hash, provider_id, effect FROM outbox WHERE key = ?", (write.key,)
        ).fetchone()
        if row is None:
            _insert(conn, job_id, write)
            planned.new += 1
        elif _is_surely_not_there(row):
            changed = _renew(conn, job_id, row["id"], write)
            planned.renewed += changed
            planned.known += not changed
        elif row["content_hash"] != write.content_hash:
            planned.refused.append(write.key)
        else:
            planned.known += 1
    return planned


def _is_surely_not_there(row: Any) -> bool:
    """Nothing of the row ever took effect, so it may carry newer content."""
    never = row["provider_id"] is None and row["effect"] is None
    return row["state"] == OutboxState.PLANNED or (row["state"] == OutboxState.FAILED and never)


def _insert(conn: Connection, job_id: str, write: NewWrite) -> None:
    conn.execute(
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, approval_id, after_id,"
        " email_key, login_key, company_key, due_s) VALUES (?, ?, ?, 'planned', ?, ?, ?, ?,"
        " (SELECT id FROM outbox WHERE key = ?), ?, ?, ?, ?)",
        (
            write.key, job_id, write.operation, write.payload, write.content_hash, write.draft_id, write.approval_id,
            write.after_key, write.email_key, write.login_key, write.company_key, write.due_at.timestamp(),
        ),
    )  # fmt: skip


def _renew(conn: Connection, job_id: str, row_id: int, write: NewWrite) -> bool:
    """Give a row that is surely not there its newer content; False where nothing changes.

    What failed stays failed until its content or its approval is another.
    """
    return (
        conn.execute(
            "UPDATE outbox SET job_id = ?2, operation = ?3, state = 'planned', payload = ?4, content_hash = ?5,"
            " draft_id = ?6, approval_id = ?7, email_key = ?8, company_key = ?9, due_s = ?10, login_key = ?11,"
            " attempts = 0, code = NULL, reason = NULL WHERE id = ?1 AND (content_hash <> ?5 OR approval_id IS NOT ?7"
            " OR (state = 'planned' AND job_id <> ?2))",
            (
                row_id, job_id, write.operation, write.payload, write.content_hash, write.draft_id, write.approval_id,
                write.email_key, write.company_key, write.due_at.timestamp(), write.login_key,
            ),
        ).rowcount
        > 0
    )  # fmt: skip


Gate = Callable[[Connection, Sequence[int], datetime], dict[int, tuple[Verdict, str]]]
"""Row ids and the time -> for each row the verdict, and the inbox it leaves from. Asked inside the claim."""


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
    rows = conn.execute(
        "SELECT id FROM outbox WHERE job_id = ? AND operation = ? AND state = 'planned' AND is_held = 0 AND id > ?"
        " AND due_s <= ? ORDER BY id LIMIT ?",
        (job_id, operation.name, after_id, now.timestamp(), scan),
    ).fetchall()
    done = Round(last_id=after_id, is_end=len(rows) < scan)
    verdicts = gate(conn, [row["id"] for row in rows], now) if rows else {}
    claimed_at = max(now, newest_claim(conn) or now)
    for row in rows:
        if len(done.claimed) == most:
            done.is_end = False
            break
        verdict, inbox = verdicts[row["id"]]
        done.last_id = row["id"]
        if verdict.rule is None:
            done.claimed.append(_take(conn, row["id"], inbox, holder, claimed_at))
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
    else:  # from here on it waits for the gate, and no longer for its next try
        conn.execute("UPDATE outbox SET due_s = COALESCE(?, due_s), code = NULL WHERE id = ?", (retry_s, row_id))


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
        case Fate.LATER | Fate.ABSENT if attempts >= MOST_ATTEMPTS:
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
    code = receipt.code or (receipt.fate if state is OutboxState.PLANNED else None)  # says that it was tried
    conn.execute(
        "UPDATE outbox SET state = ?, due_s = ?, is_held = ?, settled_s = ?, provider_id = COALESCE(?, provider_id),"
        " effect = ?, code = ?, reason = ? WHERE id = ?",
        (
            state, due_s, held, settled_s, receipt.provider_id, receipt.effect or None, code, receipt.reason or None,
            row_id,
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
        key = conn.execute("SELECT email_key FROM outbox WHERE id = ?", (row_id,)).fetchone()["email_key"]
        bounced = Suppression(
            kind=SuppressionKind.EMAIL, value=key, reason="hard bounce", source="mail server", added_at=now
        )
        record_suppressions(conn, [bounced], whole_person=False)
    return receipt


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
                "UPDATE outbox SET state = 'unknown', due_s = ?, is_held = ?, code = 'interrupted',"
                " reason = 'the process ended while the call was under way' WHERE id = ? AND state = 'claimed'",
                (
                    now.timestamp() + operation.timeout_s + operation.margin_s,
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
            _settle_one(conn, operation, row["id"], row["attempts"], receipt, now)
    return taken


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
        " code = 'later', due_s = ? WHERE state = 'claimed' AND holder = ? AND id IN (SELECT value FROM json_each(?))",
        (due_at.timestamp(), holder, ids),
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
