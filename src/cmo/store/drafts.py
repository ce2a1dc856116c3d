"""Decisions on drafts and changes of their words: compare-and-set, event, batch and audit in one transaction.

Whoever decides names the version and the state they looked at; if either moved on, the draft is theirs no more and
they are told who decided what. What was handed over cannot be taken back here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from cmo.config.secrets import mask_addresses
from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.draft import DraftState, Finding, Sentence
from cmo.domain.event import DecidedDraft, DraftAction, DraftEdited, DraftsDecided, DraftsUndone
from cmo.domain.suppression import Suppression, SuppressionKind, suppression_value
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.suppressions import find_suppressed, record_suppressions

SYSTEM = "system"
_FROM: dict[DraftAction, frozenset[str]] = {
    "approve": frozenset({DraftState.PENDING, DraftState.EXPIRED}),
    "reject": frozenset({DraftState.PENDING, DraftState.EXPIRED, DraftState.APPROVED}),
    "disqualify": frozenset({DraftState.PENDING, DraftState.EXPIRED, DraftState.APPROVED}),
    "later": frozenset({DraftState.PENDING, DraftState.EXPIRED}),
    "needs_info": frozenset({DraftState.PENDING, DraftState.EXPIRED}),
    "expire": frozenset({DraftState.APPROVED}),
}
"""The states an action may be taken from."""
_AFTER: dict[DraftAction, DraftState] = {
    "approve": DraftState.APPROVED,
    "reject": DraftState.REJECTED,
    "disqualify": DraftState.REJECTED,
    "later": DraftState.PENDING,
    "needs_info": DraftState.PENDING,
    "expire": DraftState.EXPIRED,
}
_LEFT = "('claimed', 'confirmed', 'unknown')"
"""Outbox states of what has left, or may have."""

Refusal = Literal["missing", "moved_on", "blocked", "suppressed", "handed_over"]


class Choice(Frozen):
    """One draft as it was when it was looked at."""

    draft_id: int
    version: int
    state: str
    content_hash: str | None = None
    """What an approval is to be bound to."""


class Refused(Frozen):
    """Why nothing was done about one draft."""

    draft_id: int
    why: Refusal
    message: str
    """A plain sentence part: who decided what when, or which rule."""


class Decision(Frozen):
    """What a decision came to."""

    action: DraftAction
    batch_id: str | None = None
    """None where nothing was decided, and in a rehearsal."""
    batch: int | None = None
    """The number to undo it by."""
    done: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    """It had been decided like this before; nothing changed."""
    refused: tuple[Refused, ...] = ()
    suppressed: int = 0
    """New suppressions."""


class Undone(Frozen):
    """What taking a decision back came to."""

    batch_id: str
    batch: int
    action: str
    done: tuple[int, ...]
    stayed: tuple[Refused, ...]


class Edited(Frozen):
    """What a change of words came to."""

    draft_id: int
    version: int | None = None
    """The new version, pending; None where it was refused."""
    refused: Refused | None = None


class NewWords(Frozen):
    """The words of a new version."""

    subject: str
    body: str
    sentences: tuple[Sentence, ...] = ()
    findings: tuple[Finding, ...] = ()


def decide(
    conn: Connection,
    job_id: str,
    action: DraftAction,
    choices: Sequence[Choice],
    *,
    batch_id: str,
    by: str,
    at: datetime,
    reason: str = "",
    rule: str | None = None,
    samples: Sequence[int] = (),
    until: datetime | None = None,
    secret: bytes | None = None,
    never: str = "",
    is_dry: bool = False,
) -> Decision:
    """Decide on drafts of the job; each is decided on or refused by itself.

    Args:
        batch_id: A new one.
        samples: Drafts that were looked at before a rule was applied.
        until: When approvals expire, or when `later` is over.
        secret: The installation's, to recognise the erased.
        never: Why these people must never be contacted again; empty for no such wish. It holds even for drafts about
            which nothing else could be done.
        is_dry: Only say what would be done; the audit log says so too.
    """
    choices = list({choice.draft_id: choice for choice in choices}.values())
    with transaction(conn):
        rows = _rows(conn, job_id, [choice.draft_id for choice in choices])
        decision = _sorted_out(conn, rows, action, choices, until, secret)
        details = {"reason": mask_addresses(reason), "rule": mask_addresses(rule or ""), "batch": batch_id}
        entries = [
            _entry(by, f"drafts.{action}", rows[id_], _AFTER[action], details, is_dry=is_dry) for id_ in decision.done
        ]
        if samples and decision.done:
            seen = {"batch": batch_id, "rule": details["rule"], "seen": list(samples)}
            entries.append(
                AuditEntry(actor=by, action="drafts.sample", object=f"job:{job_id}", detail=seen, is_dry=is_dry)
            )
        if is_dry:
            record_audit(conn, entries, at=at)
            return decision
        if decision.done:
            hashes = {choice.draft_id: choice.content_hash for choice in choices}
            event = DraftsDecided(
                batch_id=batch_id,
                action=action,
                by=by,
                items=tuple(
                    DecidedDraft(draft_id=id_, version=rows[id_]["version"], content_hash=hashes[id_])
                    for id_ in decision.done
                ),
                reason=reason,
                rule=rule,
                samples=tuple(samples),
                until=until,
            )
            record(conn, job_id, f"{job_id}/batch/{batch_id}", event, at)
            number = conn.execute("SELECT n FROM batches WHERE id = ?", (batch_id,)).fetchone()["n"]
            decision = decision.model_copy(update={"batch_id": batch_id, "batch": number})
            if action != "approve":
                _unplan(conn, decision.done)
        if never:
            people = list(rows.values())
            decision = decision.model_copy(update={"suppressed": _suppress(conn, people, never, by, at)})
            entries += [_entry(by, "leads.suppress", row, "suppressed", details) for row in people]
        record_audit(conn, entries, at=at)
        return decision


def undo(conn: Connection, job_id: str, batch_id: str, *, by: str, at: datetime, is_dry: bool = False) -> Undone:
    """Take a decision back, as far as nothing of it was handed over, decided anew or changed since.

    Where nothing can be taken back, nothing is recorded either.
    """
    with transaction(conn):
        batch = conn.execute("SELECT * FROM batches WHERE id = ?", (batch_id,)).fetchone()
        rows = conn.execute(
            f"SELECT d.*, i.before_state, i.version AS decided_version, {_HANDED_OVER} FROM batch_items i"
            " JOIN drafts d ON d.id = i.draft_id WHERE i.batch_id = ? ORDER BY d.id",
            (batch_id,),
        ).fetchall()
        stayed = {row["id"]: refusal for row in rows if (refusal := _stays(conn, row, batch))}
        done = [row for row in rows if row["id"] not in stayed]
        undone = Undone(
            batch_id=batch_id,
            batch=batch["n"],
            action=batch["action"],
            done=tuple(row["id"] for row in done),
            stayed=tuple(stayed.values()),
        )
        if done and not is_dry:
            event = DraftsUndone(batch_id=batch_id, by=by, draft_ids=undone.done)
            record(conn, job_id, f"{job_id}/undo/{batch_id}", event, at)
            _unplan(conn, undone.done)
        detail = {"batch": batch_id, "action": batch["action"]}
        entries = [_entry(by, "drafts.undo", row, row["before_state"], detail, is_dry=is_dry) for row in done]
        record_audit(conn, entries, at=at)
        return undone


def edit(
    conn: Connection,
    job_id: str,
    choice: Choice,
    words: NewWords,
    *,
    by: str,
    at: datetime,
    why: Literal["edit", "redo", "needs_info"] = "edit",
    batch_id: str = "",
    reason: str = "",
) -> Edited:
    """Give a draft new words: a new version, pending, whose approval is void.

    Args:
        batch_id: For `needs_info`, which is a decision too.
    """
    with transaction(conn):
        row = _rows(conn, job_id, [choice.draft_id]).get(choice.draft_id)
        refused = _gone(choice.draft_id) if row is None else _moved_on(conn, row, choice) or _handed_over(row)
        if row is None or refused:
            return Edited(draft_id=choice.draft_id, refused=refused)
        if why == "needs_info":
            item = DecidedDraft(draft_id=choice.draft_id, version=choice.version)
            asked = DraftsDecided(batch_id=batch_id, action="needs_info", by=by, items=(item,), reason=reason)
            record(conn, job_id, f"{job_id}/batch/{batch_id}", asked, at)
        version = choice.version + 1
        event = DraftEdited(
            login=row["login"],
            draft_id=choice.draft_id,
            version=version,
            by=by,
            why=why,
            subject=words.subject,
            body=words.body,
            sentences=words.sentences,
            findings=words.findings,
        )
        record(conn, job_id, f"{job_id}/draft/{choice.draft_id}/{version}", event, at)
        _unplan(conn, [choice.draft_id])
        detail = {"version": version, "findings": [finding.check for finding in words.findings]}
        record_audit(conn, [_entry(by, f"drafts.{why}", row, DraftState.PENDING, detail)], at=at)
        return Edited(draft_id=choice.draft_id, version=version)


def expire_due(conn: Connection, job_id: str, *, batch_id: str, now: datetime) -> int:
    """Write down which approvals ran out before anything was handed over; how many."""
    rows = conn.execute(
        f"SELECT d.id, d.version, d.state, {_HANDED_OVER} FROM drafts d JOIN approvals a ON a.id = d.approval_id"
        " WHERE d.job_id = ? AND d.state = 'approved' AND a.expires_at <= ?",
        (job_id, now.isoformat()),
    ).fetchall()
    due = [
        Choice(draft_id=row["id"], version=row["version"], state=row["state"])
        for row in rows
        if row["outbox_state"] is None
    ]
    if not due:
        return 0
    return len(decide(conn, job_id, "expire", due, batch_id=batch_id, by=SYSTEM, at=now).done)


_HANDED_OVER = (
    "(SELECT o.state FROM outbox o WHERE o.email_key = d.email_key AND o.draft_id = d.id"
    f" AND o.state IN {_LEFT} LIMIT 1) AS outbox_state"
)


def _rows(conn: Connection, job_id: str, draft_ids: Sequence[int]) -> dict[int, Any]:
    rows = conn.execute(
        f"SELECT d.*, {_HANDED_OVER} FROM drafts d WHERE d.job_id = ?"
        " AND d.id IN (SELECT value FROM json_each(?)) ORDER BY d.id",
        (job_id, json.dumps(list(draft_ids))),
    )
    return {row["id"]: row for row in rows}


def _sorted_out(
    conn: Connection,
    rows: dict[int, Any],
    action: DraftAction,
    choices: Sequence[Choice],
    until: datetime | None,
    secret: bytes | None,
) -> Decision:
    """What can be done, what had been done, and what is refused."""
    done, repeated, refused = list[int](), list[int](), list[Refused]()
    people = {id_: (row["email"], row["login"]) for id_, row in rows.items()} if action == "approve" else {}
    suppressed = find_suppressed(conn, people, secret=secret)
    for choice in choices:
        row = rows.get(choice.draft_id)
        refusal = None
        if row is None:
            refusal = _gone(choice.draft_id)
        elif row["version"] == choice.version and _is_repeat(row, action, until):
            repeated.append(choice.draft_id)
            continue
        else:
            refusal = _moved_on(conn, row, choice) or _handed_over(row) or _out_of_order(conn, row, action)
            if refusal is None and action == "approve":
                refusal = _forbidden(conn, row, suppressed.get(choice.draft_id))
        if refusal is None:
            done.append(choice.draft_id)
        else:
            refused.append(refusal)
    return Decision(action=action, done=tuple(done), repeated=tuple(repeated), refused=tuple(refused))


def _is_repeat(row: Any, action: DraftAction, until: datetime | None) -> bool:
    if action == "later":
        return bool(until and row["put_off_until"] == until.isoformat())
    return row["state"] == _AFTER[action] and action != "needs_info"


def _moved_on(conn: Connection, row: Any, choice: Choice) -> Refused | None:
    """Somebody else was there between the look and the decision."""
    if row["version"] != choice.version:
        last = conn.execute(
            "SELECT made_by, made_at FROM draft_versions WHERE draft_id = ? AND version = ?",
            (row["id"], row["version"]),
        ).fetchone()
        told = f"{last['made_by']} changed it at {last['made_at'][:16]}; it has version {row['version']} now"
        return Refused(draft_id=row["id"], why="moved_on", message=told)
    if row["state"] != choice.state:
        return Refused(draft_id=row["id"], why="moved_on", message=_last_decision(conn, row))
    return None


def _out_of_order(conn: Connection, row: Any, action: DraftAction) -> Refused | None:
    if row["state"] in _FROM[action]:
        return None
    return Refused(draft_id=row["id"], why="moved_on", message=_last_decision(conn, row))


def _last_decision(conn: Connection, row: Any) -> str:
    last = conn.execute(
        "SELECT b.* FROM batch_items i JOIN batches b ON b.id = i.batch_id WHERE i.draft_id = ? ORDER BY b.n DESC LIMIT 1",
        (row["id"],),
    ).fetchone()
    if last is None:
        return f"it is {row['state']}"
    taken_back = f", taken back at {last['undone_at'][:16]}" if last["undone_at"] else ""
    return f"it is {row['state']}: {last['action']} by {last['by_whom']} at {last['at'][:16]}{taken_back}"


def _forbidden(conn: Connection, row: Any, suppression: Suppression | None) -> Refused | None:
    """Why this must not be approved by anybody."""
    if suppression is not None:
        return Refused(draft_id=row["id"], why="suppressed", message=f"must not be contacted: {suppression.reason}")
    if not row["is_blocked"]:
        return None
    finding = conn.execute(
        "SELECT flag, message FROM findings WHERE draft_id = ? AND severity = 'block' ORDER BY n", (row["id"],)
    ).fetchone()
    return Refused(draft_id=row["id"], why="blocked", message=f"{finding['flag']}: {finding['message']}")


def _handed_over(row: Any) -> Refused | None:
    if row["outbox_state"] is None:
        return None
    return Refused(draft_id=row["id"], why="handed_over", message=f"it was handed over already ({row['outbox_state']})")


def _gone(draft_id: int) -> Refused:
    return Refused(draft_id=draft_id, why="missing", message="there is no such draft in the job")


def _stays(conn: Connection, row: Any, batch: Any) -> Refused | None:
    """Why a draft of a batch cannot be as it was before."""
    if handed_over := _handed_over(row):
        return handed_over
    if row["version"] != row["decided_version"]:
        told = f"its words were changed since; it has version {row['version']} now"
        return Refused(draft_id=row["id"], why="moved_on", message=told)
    newer = conn.execute(
        "SELECT 1 FROM batch_items i JOIN batches b ON b.id = i.batch_id WHERE i.draft_id = ? AND b.n > ?"
        " AND b.undone_at IS NULL",
        (row["id"], batch["n"]),
    ).fetchone()
    return Refused(draft_id=row["id"], why="moved_on", message=_last_decision(conn, row)) if newer else None


def _unplan(conn: Connection, draft_ids: Sequence[int]) -> None:
    """Mail that waits for these drafts and that nobody ever took up is planned no longer."""
    conn.execute(
        "DELETE FROM outbox WHERE state = 'planned' AND attempts = 0 AND id IN (SELECT o.id FROM json_each(?) j"
        " JOIN drafts d ON d.id = j.value JOIN outbox o ON o.email_key = d.email_key AND o.draft_id = d.id)",
        (json.dumps(list(draft_ids)),),
    )


def _suppress(conn: Connection, people: Sequence[Any], reason: str, by: str, at: datetime) -> int:
    pairs = [
        pair
        for row in people
        for pair in ((SuppressionKind.LOGIN, row["login"]), (SuppressionKind.EMAIL, row["email"]))
    ]
    return record_suppressions(
        conn,
        [
            Suppression(kind=kind, value=suppression_value(kind, text), reason=reason, source=by, added_at=at)
            for kind, text in pairs
        ],
    )


def _entry(
    actor: str, action: str, row: Any, after: str, detail: dict[str, Any], *, is_dry: bool = False
) -> AuditEntry:
    kept = {"version": row["version"], **{name: value for name, value in detail.items() if value not in ("", None)}}
    return AuditEntry(
        actor=actor,
        action=action,
        object=f"draft:{row['id']}",
        before=row["state"],
        after=after,
        detail=kept,
        is_dry=is_dry,
    )
