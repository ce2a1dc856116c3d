"""Why nothing is done about a draft: somebody else was there first, it must not be approved, or it has left."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from cmo.domain.base import Frozen
from cmo.domain.draft import DraftState
from cmo.domain.event import DraftAction
from cmo.domain.suppression import Suppression
from cmo.domain.text import span
from cmo.store.allowed import LEFT
from cmo.store.db import Connection
from cmo.store.draft_views import Choice

_FROM: dict[DraftAction, frozenset[str]] = {
    "approve": frozenset({DraftState.PENDING, DraftState.EXPIRED, DraftState.APPROVED, DraftState.REJECTED}),
    "reject": frozenset({DraftState.PENDING, DraftState.EXPIRED, DraftState.APPROVED}),
    "disqualify": frozenset({DraftState.PENDING, DraftState.EXPIRED, DraftState.APPROVED}),
    "later": frozenset({DraftState.PENDING, DraftState.EXPIRED}),
    "needs_info": frozenset({DraftState.PENDING, DraftState.EXPIRED}),
    "expire": frozenset({DraftState.APPROVED}),
}
"""The states an action may be taken from."""
HANDED_OVER = (
    "(SELECT o.state FROM outbox o WHERE o.email_key = d.email_key AND o.draft_id = d.id"
    f" AND o.state IN {LEFT} LIMIT 1) AS outbox_state"
)
"""A column for queries on `drafts d`: what has left, or may have."""

Refusal = Literal["missing", "moved_on", "blocked", "suppressed", "handed_over"]


class Refused(Frozen):
    """Why nothing was done about one draft."""

    draft_id: int
    why: Refusal
    message: str
    """A plain sentence part: who decided what when, or which rule."""


def moved_on(conn: Connection, row: Any, choice: Choice, at: datetime) -> Refused | None:
    """Somebody else was there between the look and the decision, which is now, `at`."""
    if row["version"] != choice.version:
        last = conn.execute(
            "SELECT made_by, made_at FROM draft_versions WHERE draft_id = ? AND version = ?",
            (row["id"], row["version"]),
        ).fetchone()
        told = f"{_by(last['made_by'])} changed it {_since(last['made_at'], at)}; it has version {row['version']} now"
        return Refused(draft_id=row["id"], why="moved_on", message=told)
    if row["state"] != choice.state:
        return Refused(draft_id=row["id"], why="moved_on", message=_last_decision(conn, row, at))
    return None


def out_of_order(conn: Connection, row: Any, action: DraftAction, at: datetime) -> Refused | None:
    if row["state"] in _FROM[action]:
        return None
    return Refused(draft_id=row["id"], why="moved_on", message=_last_decision(conn, row, at))


def _last_decision(conn: Connection, row: Any, at: datetime) -> str:
    last = conn.execute(
        "SELECT b.* FROM batch_items i JOIN batches b ON b.id = i.batch_id WHERE i.draft_id = ?"
        " ORDER BY b.n DESC LIMIT 1",
        (row["id"],),
    ).fetchone()
    if last is None:
        return f"it is {row['state']}"
    if last["undone_at"]:
        return f"it is {row['state']} again: a decision on it was taken back {_since(last['undone_at'], at)}"
    return f"it is already {row['state']}, by {_by(last['by_whom'])} {_since(last['at'], at)}"


def _by(actor: str) -> str:
    return actor.removeprefix("operator:")


def _since(then: str, at: datetime) -> str:
    return f"{span((at - datetime.fromisoformat(then)).total_seconds())} ago"


def forbidden(conn: Connection, row: Any, suppression: Suppression | None, at: datetime) -> Refused | None:
    """Why this must not be approved by anybody."""
    if suppression is not None:
        return Refused(draft_id=row["id"], why="suppressed", message=f"must not be contacted: {suppression.reason}")
    if row["facts_until"] is not None and datetime.fromisoformat(row["facts_until"]) <= at:
        told = f"stale: a fact it cites is too old since {row['facts_until'][:10]}; edit it, or find the person anew"
        return Refused(draft_id=row["id"], why="blocked", message=told)
    if not row["is_blocked"]:
        return None
    finding = conn.execute(
        "SELECT flag, message FROM findings WHERE draft_id = ? AND severity = 'block' ORDER BY n", (row["id"],)
    ).fetchone()
    return Refused(draft_id=row["id"], why="blocked", message=f"{finding['flag']}: {finding['message'].rstrip('.')}")


def handed_over(row: Any) -> Refused | None:
    if row["outbox_state"] is None:
        return None
    return Refused(draft_id=row["id"], why="handed_over", message=f"it was handed over already ({row['outbox_state']})")


def gone(draft_id: int) -> Refused:
    return Refused(draft_id=draft_id, why="missing", message="there is no such draft in the job")


def another_letter(draft_id: int) -> Refused:
    told = "what would leave is not what was approved: the sender or the way changed; look at it, and approve it anew"
    return Refused(draft_id=draft_id, why="moved_on", message=told)


def stays(conn: Connection, row: Any, batch: Any, at: datetime) -> Refused | None:
    """Why a draft of a batch cannot be as it was before, now, `at`."""
    if left := handed_over(row):
        return left
    if row["version"] != row["decided_version"]:
        told = f"its words were changed since; it has version {row['version']} now"
        return Refused(draft_id=row["id"], why="moved_on", message=told)
    newer = conn.execute(
        "SELECT 1 FROM batch_items i JOIN batches b ON b.id = i.batch_id WHERE i.draft_id = ? AND b.n > ?"
        " AND b.undone_at IS NULL",
        (row["id"], batch["n"]),
    ).fetchone()
    return Refused(draft_id=row["id"], why="moved_on", message=_last_decision(conn, row, at)) if newer else None
