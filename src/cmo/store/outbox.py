"""The ledger of writes to the outside: a row is committed before its call, claimed by one process, settled once.

Nothing here calls anybody. `claim` is the only way to a row that may be written, and asks the gate in the same
transaction; `settle` is the only way on from there.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cmo.domain.outbox import AFTER, MOST_ATTEMPTS, SOFT_BOUNCE, ClaimedWrite, OutboxState, backoff_s, soft_wait_s
from cmo.domain.outward import LEAD_LIMIT, Fate, Operation, Receipt, Repeat
from cmo.domain.policy import RuleName, Verdict
from cmo.domain.suppression import MAIL_SERVER, MAIL_SERVICE, Suppression, SuppressionKind
from cmo.store.db import Connection, transaction
from cmo.store.gate import newest_claim
from cmo.store.suppressions import record_suppressions
from cmo.store.switches import note_outcome, pause_inbox_of

BLOCKED_WAIT_S = 3600.0
HARD_BOUNCES = frozenset({"hard_bounce", "no_mail_domain"})
"""Codes of receipts after which an address is never written to again."""
NO_FAILURE = frozenset({"", SOFT_BOUNCE, LEAD_LIMIT})
"""Codes of what waits though the provider works."""
SERVICE_STOPS: Mapping[str, tuple[RuleName, str, bool]] = {
    "bounced": ("suppressed", "mail to the address bounced", False),
    "unsubscribed": ("suppressed", "unsubscribed", True),
    "blocklisted": ("suppressed", "on the block list", False),
    "in_other_campaign": ("contacted", "in another campaign already", False),
}
"""Code of a service's refusal -> the rule it stands for, why, and whether it is the person's own wish."""
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
    only: Collection[int] | None = None,
) -> Round:
    """Take the next rows that may be written now, and write down why the others may not; one transaction.

    Args:
        after_id: Rows up to this one were looked at already in this pass.
        size: Most rows to take; the operation's batch without it.
        scan: Rows to look at, at least `size`.
        only: Drafts; the rows of others are left alone.
    """
    with transaction(conn):
        return claim_within(
            conn,
            operation,
            job_id=job_id,
            gate=gate,
            now=now,
            holder=holder,
            after_id=after_id,
            size=size,
            scan=scan,
            only=only,
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
    only: Collection[int] | None = None,
) -> Round:
    """The same, inside the caller's transaction."""
    most = min(size or operation.batch, operation.batch)
    scan = max(scan, most)
    rows = conn.execute(
        "SELECT id FROM outbox WHERE job_id = ?1 AND operation = ?2 AND state = 'planned' AND is_held = 0 AND id > ?3"
        " AND due_s <= ?4 AND (?6 IS NULL OR draft_id IN (SELECT value FROM json_each(?6))) ORDER BY id LIMIT ?5",
        (job_id, operation.name, after_id, now.timestamp(), scan, None if only is None else json.dumps(sorted(only))),
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
            "UPDATE inboxes SET first_used_s = ? WHERE address = ? AND first_used_s IS NULL", (now.timestamp(), inbox)
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
            meant = _beyond(conn, operation, row["id"], row["attempts"], receipt, now)
            settle_row(conn, operation, row["id"], row["attempts"], meant, now)
    if receipts:
        troubled = [r for r in receipts if r.fate in (Fate.LATER, Fate.UNKNOWN) and r.code not in NO_FAILURE]
        worked = len(troubled) < len(receipts)
        reason = troubled[0].reason if troubled else ""
        note_outcome(conn, operation.provider, worked=worked, now_s=now.timestamp(), reason=reason)


def settle_row(
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
        "UPDATE outbox SET state = ?1, due_s = ?2, is_held = ?3, settled_s = ?4,"
        " provider_id = COALESCE(?5, provider_id), effect = ?6, code = ?7, reason = ?8,"
        " holder = CASE WHEN ?1 = 'unknown' THEN holder END,"
        " claimed_s = CASE ?1 WHEN 'planned' THEN NULL WHEN 'confirmed' THEN COALESCE(claimed_s, ?10)"
        " ELSE claimed_s END, inbox = CASE ?1 WHEN 'planned' THEN NULL WHEN 'confirmed' THEN"
        " COALESCE(inbox, json_extract(payload, '$.from_email')) ELSE inbox END WHERE id = ?9",
        (
            state, due_s, held, settled_s, receipt.provider_id, receipt.effect or None, code, receipt.reason or None,
            row_id, now.timestamp(),
        ),
    )  # fmt: skip


def _beyond(
    conn: Connection, operation: Operation, row_id: int, attempts: int, receipt: Receipt, now: datetime
) -> Receipt:
    """What a refusal means beyond this mail, and as what it is kept.

    A hard bounce, and whom a service must not write to either, are suppressed at once; whoever is in another campaign
    there counts as contacted; soft bounces are counted, for the gate to rest the address. A block for policy (5.7.x)
    is our fault: the inbox pauses, the mail waits.
    """
    if receipt.code == "policy_block":
        pause_inbox_of(conn, row_id, reason=f"mail from it is refused: {receipt.reason}", at=now)
        return receipt.model_copy(update={"fate": Fate.LATER, "retry_after_s": BLOCKED_WAIT_S})
    if receipt.code == SOFT_BOUNCE:
        _note_delivery(conn, row_id, SOFT_BOUNCE, receipt, now)
        return receipt.model_copy(update={"retry_after_s": soft_wait_s(attempts)})
    if receipt.code in HARD_BOUNCES:
        _note_delivery(conn, row_id, "bounce", receipt, now)
        key = conn.execute("SELECT email_key FROM outbox WHERE id = ?", (row_id,)).fetchone()["email_key"]
        bounced = Suppression(
            kind=SuppressionKind.EMAIL, value=key, reason="hard bounce", source=MAIL_SERVER, added_at=now
        )
        record_suppressions(conn, [bounced])
    if receipt.fate is Fate.REFUSED and receipt.code in SERVICE_STOPS:
        return _stopped_by_service(conn, operation.provider, row_id, receipt, now)
    return receipt


def _stopped_by_service(conn: Connection, provider: str, row_id: int, receipt: Receipt, now: datetime) -> Receipt:
    """The refusal as the rule that a person is kept out by from now on."""
    rule, words, is_wish = SERVICE_STOPS[receipt.code]
    key = conn.execute("SELECT email_key FROM outbox WHERE id = ?", (row_id,)).fetchone()["email_key"]
    if rule == "suppressed" and key is not None:
        source = provider if is_wish else f"{MAIL_SERVICE}{provider}"
        entry = Suppression(kind=SuppressionKind.EMAIL, value=key, reason=words, source=source, added_at=now)
        record_suppressions(conn, [entry])
    message = f"{words} ({provider})"
    note_refusal(conn, row_id, Verdict(rule=rule, message=message), now)
    return receipt.model_copy(update={"code": rule, "reason": message})


def _note_delivery(conn: Connection, row_id: int, kind: str, receipt: Receipt, now: datetime) -> None:
    conn.execute(
        "INSERT INTO deliveries (outbox_id, kind, at_s, detail) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (row_id, kind, now.timestamp(), receipt.reason),
    )


def give_back(
    conn: Connection,
    claimed: Sequence[ClaimedWrite],
    *,
    holder: str,
    due_at: datetime,
    code: str = Fate.LATER,
    reason: str = "",
) -> None:
    """Claims whose call surely never left: planned again, the attempt not counted. Runs in the caller's transaction."""
    ids = json.dumps([row.id for row in claimed])
    conn.execute(
        "UPDATE outbox SET state = 'planned', holder = NULL, claimed_s = NULL, inbox = NULL, attempts = attempts - 1,"
        " code = ?, reason = ?, due_s = ? WHERE state = 'claimed' AND holder = ?"
        " AND id IN (SELECT value FROM json_each(?))",
        (code, reason or None, due_at.timestamp(), holder, ids),
    )


def put_off(
    conn: Connection, operation: Operation, *, job_id: str, now: datetime, until: datetime, code: str, reason: str
) -> None:
    """What of the job is due and was never refused by the gate waits until then. Runs in the caller's transaction."""
    conn.execute(
        "UPDATE outbox SET due_s = ?, code = ?, reason = ? WHERE job_id = ? AND operation = ? AND state = 'planned'"
        " AND is_held = 0 AND due_s <= ? AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.outbox_id = outbox.id)",
        (until.timestamp(), code, reason, job_id, operation.name, now.timestamp()),
    )


def reconsider(conn: Connection, operation: Operation, *, job_id: str, now: datetime) -> None:
    """Ask the gate again about rows that it put off: the operator may have changed what stood in the way.

    Runs inside the caller's transaction. The hold of a hand-over and the wait after a failed call stay as they are.
    """
    conn.execute(
        "UPDATE outbox SET due_s = ?3 WHERE job_id = ?1 AND operation = ?2 AND state = 'planned' AND code IS NULL"
        " AND due_s > ?3 AND EXISTS (SELECT 1 FROM decisions d WHERE d.outbox_id = outbox.id"
        " AND d.retry_s = outbox.due_s)",
        (job_id, operation.name, now.timestamp()),
    )


def waiting(conn: Connection, job_id: str) -> tuple[int, datetime | None]:
    """Mails of the job that wait in the outbox, and when the first of them is due."""
    row = conn.execute(
        "SELECT COUNT(*) AS n, MIN(due_s) AS s FROM outbox WHERE job_id = ? AND state = 'planned' AND is_held = 0"
        " AND draft_id IS NOT NULL",
        (job_id,),
    ).fetchone()
    return row["n"], None if row["s"] is None else datetime.fromtimestamp(row["s"], UTC)
