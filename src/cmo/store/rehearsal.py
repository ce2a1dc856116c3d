"""What would happen if everything approved left now: planned and claimed through the same code, then rolled back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from cmo.domain.outward import Operation
from cmo.domain.policy import RuleName, Verdict
from cmo.store.db import Connection, translated
from cmo.store.outbox import MOST_SCANNED, Gate, claim_within
from cmo.store.switches import lift_flag

REHEARSAL = "rehearsal:0"
"""Holds claims that are never committed."""
NOBODY = 0
"""The id of no row: a gate that refuses it refuses everything."""


@contextmanager
def rehearsal(conn: Connection) -> Iterator[None]:
    """A write that is always rolled back. Never await inside: nobody else can write meanwhile."""
    with translated():
        conn.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            conn.rollback()


def standing_refusals(conn: Connection, job_id: str, gates: Sequence[Gate], now: datetime) -> list[Verdict]:
    """What stops every row of the job alike, in the order of the rules. Runs inside a rehearsal, and lifts each.

    Args:
        gates: The gate, and the same without the ceiling of the settings.
    """
    refusals = list[Verdict]()
    strict, lifted = gates
    while (stop := strict(conn, [NOBODY], now).get(NOBODY)) is not None:
        verdict = stop[0]
        assert verdict.rule is not None
        refusals.append(verdict)
        _lift(conn, job_id, verdict.rule)
        if verdict.rule == "mode":
            strict = lifted
    return refusals


def _lift(conn: Connection, job_id: str, rule: RuleName) -> None:
    if rule == "mode":
        conn.execute("UPDATE jobs SET plan = json_set(plan, '$.mode', 'send_allowed') WHERE id = ?", (job_id,))
    else:
        is_kill = rule == "kill_switch"
        conn.execute("UPDATE switches SET is_on = 0 WHERE (name = 'kill') = ?", (is_kill,))
        if is_kill:
            lift_flag(conn)


def claim_all(
    conn: Connection,
    operation: Operation,
    *,
    job_id: str,
    gate: Gate,
    now: datetime,
    most: int | None = None,
    doubted: Collection[str] = (),
) -> dict[int, tuple[Verdict, str]]:
    """Claim as one pass of the dispatcher does, each call working at once; row -> what the gate said of it.

    Runs inside a rehearsal. Rows that are not due, held, or beyond `most` are not in it.

    Args:
        doubted: Keys of writes that would not be confirmed, so that what hangs on them waits.
    """
    told: dict[int, tuple[Verdict, str]] = {}
    asked: dict[int, tuple[Verdict, str]] = {}

    def listening(conn: Connection, row_ids: Sequence[int], now: datetime) -> dict[int, tuple[Verdict, str]]:
        asked.update(gate(conn, row_ids, now))
        return asked

    after, scan, left = 0, 1, most
    while left is None or left > 0:
        asked.clear()
        taken = claim_within(
            conn, operation, job_id=job_id, gate=listening, now=now, holder=REHEARSAL, after_id=after,
            size=operation.batch if left is None else left, scan=scan,
        )  # fmt: skip
        told.update({row_id: said for row_id, said in asked.items() if row_id <= taken.last_id})
        _confirm(conn, [row.id for row in taken.claimed if row.key not in doubted], now)
        after, scan = taken.last_id, 1 if taken.claimed else min(MOST_SCANNED, scan * 4)
        left = None if left is None else left - len(taken.claimed)
        if taken.is_end and not taken.claimed:
            break
    return told


def _confirm(conn: Connection, row_ids: Sequence[int], now: datetime) -> None:
    conn.execute(
        "UPDATE outbox SET state = 'confirmed', settled_s = ? WHERE id IN (SELECT value FROM json_each(?))",
        (now.timestamp(), json.dumps(row_ids)),
    )
