"""What a person does to rows of the outbox: recall, hold, release, settle what is doubtful. Each is on the record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.event import WritesSettled
from cmo.domain.outbox import OutboxState
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.groups import forget_failures

Arrived = Literal["confirmed", "absent"]
"""What a person knows of a doubtful write."""


class Stays(Frozen):
    """Why nothing was done about a row."""

    id: int
    why: str
    """A plain sentence part."""


class ByHand(Frozen):
    """What came of it."""

    done: tuple[int, ...]
    stays: tuple[Stays, ...]


def recall(conn: Connection, ids: Sequence[int] | None, *, by: str, at: datetime, is_dry: bool = False) -> ByHand:
    """Remove rows that nobody ever took up, with what hangs on them; their drafts stay approved.

    Args:
        ids: None for every mail that waits.
    """
    with transaction(conn):
        rows = _rows(conn, ids, "state = 'planned' AND draft_id IS NOT NULL")
        done = [row["id"] for row in rows if row["state"] == OutboxState.PLANNED and not row["attempts"]]
        hanging = _hanging(conn, done)
        if not is_dry:
            conn.execute(
                "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(done + hanging),)
            )
        _note(conn, "outbox.recall", done + hanging, after="recalled", by=by, at=at, is_dry=is_dry)
        return ByHand(done=tuple(done + hanging), stays=_others(ids, rows, done))


def hold(conn: Connection, ids: Sequence[int] | None, *, by: str, at: datetime, is_dry: bool = False) -> ByHand:
    """Keep rows that wait from leaving.

    Args:
        ids: None for every mail that waits.
    """
    with transaction(conn):
        rows = _rows(conn, ids, "state = 'planned' AND is_held = 0 AND draft_id IS NOT NULL")
        done = [row["id"] for row in rows if row["state"] == OutboxState.PLANNED]
        if not is_dry:
            _set_held(conn, done, held=True)
        _note(conn, "outbox.hold", done, after="held", by=by, at=at, is_dry=is_dry)
        return ByHand(done=tuple(done), stays=_others(ids, rows, done))


def release(conn: Connection, ids: Sequence[int] | None, *, by: str, at: datetime, is_dry: bool = False) -> ByHand:
    """Let held rows go on. Those that may have left need `settle`.

    Args:
        ids: None for every held row that surely has not left.
    """
    with transaction(conn):
        rows = _rows(conn, ids, "state = 'planned' AND is_held = 1")
        done = [row["id"] for row in rows if row["state"] == OutboxState.PLANNED and row["is_held"]]
        if not is_dry:
            _set_held(conn, done, held=False)
        _note(conn, "outbox.release", done, after="planned", by=by, at=at, is_dry=is_dry)
        return ByHand(done=tuple(done), stays=_others(ids, rows, done))


def settle(
    conn: Connection, ids: Sequence[int], arrived: Arrived, *, by: str, at: datetime, is_dry: bool = False
) -> ByHand:
    """A person knows whether doubtful writes happened: confirmed, or planned again."""
    with transaction(conn):
        rows = _rows(conn, ids, "0")
        doubted = [row for row in rows if row["state"] == OutboxState.UNKNOWN]
        if not is_dry:
            for row in doubted:
                _settle(conn, row, arrived, by, at)
        done = [row["id"] for row in doubted]
        after = OutboxState.CONFIRMED if arrived == "confirmed" else OutboxState.PLANNED
        _note(conn, "outbox.settle", done, after=after, by=by, at=at, is_dry=is_dry)
        return ByHand(done=tuple(done), stays=_others(ids, rows, done))


def _settle(conn: Connection, row: Any, arrived: Arrived, by: str, at: datetime) -> None:
    told = f"{by} says that it {'arrived' if arrived == 'confirmed' else 'did not arrive'}"
    if arrived == "absent":
        conn.execute(
            "UPDATE outbox SET state = 'planned', is_held = 0, due_s = ?2, settled_s = NULL, claimed_s = NULL,"
            " holder = NULL, inbox = NULL, code = 'by_hand', reason = ?3 WHERE id = ?1",
            (row["id"], at.timestamp(), told),
        )
        return
    conn.execute(
        "UPDATE outbox SET state = 'confirmed', is_held = 0, settled_s = ?2, code = 'by_hand', reason = ?3"
        " WHERE id = ?1",
        (row["id"], at.timestamp(), told),
    )
    usage = {"emails_sent": 1} if row["draft_id"] is not None else {}
    event = WritesSettled(operation=row["operation"], fates={"confirmed": 1}, usage=usage)
    record(conn, row["job_id"], f"{row['job_id']}/settled/{row['id']}/{at.timestamp():.3f}", event, at)
    forget_failures(conn, row["job_id"], row["operation"], [row["id"]])


def _rows(conn: Connection, ids: Sequence[int] | None, all_of: str) -> list[Any]:
    """The rows that are meant: those with these numbers, or `all_of`."""
    if ids is None:
        return conn.execute(f"SELECT * FROM outbox WHERE {all_of} ORDER BY id").fetchall()
    return conn.execute(
        "SELECT * FROM outbox WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (json.dumps(list(ids)),)
    ).fetchall()


def _hanging(conn: Connection, ids: Sequence[int]) -> list[int]:
    """Writes that can only follow these, and that nobody took up."""
    rows = conn.execute(
        "SELECT id FROM outbox WHERE state = 'planned' AND attempts = 0 AND after_id IN"
        " (SELECT value FROM json_each(?1)) AND id NOT IN (SELECT value FROM json_each(?1)) ORDER BY id",
        (json.dumps(list(ids)),),
    )
    return [row["id"] for row in rows]


def _set_held(conn: Connection, ids: Sequence[int], *, held: bool) -> None:
    conn.execute(
        "UPDATE outbox SET is_held = ? WHERE id IN (SELECT value FROM json_each(?))", (held, json.dumps(list(ids)))
    )


def _others(ids: Sequence[int] | None, rows: Iterable[Any], done: Sequence[int]) -> tuple[Stays, ...]:
    known = {row["id"]: row for row in rows}
    return tuple(Stays(id=id_, why=_why(known.get(id_))) for id_ in (known if ids is None else ids) if id_ not in done)


def _why(row: Any) -> str:
    if row is None:
        return "there is no such row"
    match OutboxState(row["state"]):
        case OutboxState.PLANNED if row["attempts"]:
            return "it was tried before and waits for its next try; cmo outbox hold keeps it"
        case OutboxState.PLANNED:
            return "it waits and is not held"
        case OutboxState.CLAIMED:
            return "it is leaving right now"
        case OutboxState.CONFIRMED:
            return "it has left"
        case OutboxState.FAILED:
            return "it is over: it was refused or failed too often"
        case OutboxState.UNKNOWN:
            return "it may have left; cmo outbox release ID --as confirmed, or absent, settles it"


def _note(
    conn: Connection, action: str, ids: Sequence[int], *, after: str, by: str, at: datetime, is_dry: bool
) -> None:
    record_audit(
        conn,
        [AuditEntry(actor=by, action=action, object=f"outbox:{id_}", after=after, is_dry=is_dry) for id_ in ids],
        at=at,
    )
