"""Read-only queries on a job's mail and its records for the CRM: what waits, what left, what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from cmo.domain.base import Frozen
from cmo.domain.draft import WITHDRAW
from cmo.domain.policy import RULES
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
from cmo.store.db import Connection
from cmo.store.outbox_views import maybe, moment

_WAITS_FOR_GATE = "EXISTS (SELECT 1 FROM decisions w WHERE w.outbox_id = o.id AND w.retry_s = o.due_s)"
"""The gate has said when it may be looked at again."""
_NEVER_TRIED = (
    "o.job_id = ? AND o.state = 'planned' AND o.is_held = 0"
    f" AND o.attempts = 0 AND o.code IS NULL AND o.draft_id IS NOT NULL AND NOT {_WAITS_FOR_GATE}"
)


class MailRow(Frozen):
    """One approved draft of a job, or one that waits in the outbox, with its row there."""

    draft_id: int
    login: str
    org: str
    email: str
    score: int
    label: str
    """HOT, WARM or COLD."""
    step: str
    subject: str
    outbox_id: int | None
    state: str | None
    is_held: bool
    due_at: datetime | None
    waits_for: str | None
    """The rule whose later time it waits for."""
    reason: str


def mail_rows(conn: Connection, job_id: str) -> list[MailRow]:
    """The job's drafts that are approved or in the outbox, in the order of the outbox."""
    rows = conn.execute(
        "SELECT d.id, d.login, d.company, d.email, d.score, d.step, d.subject, o.id AS outbox_id, o.state, o.is_held,"
        " o.due_s, o.reason, w.rule, w.message, COALESCE(json_extract(c.score_doc, '$.label'), '') AS label"
        " FROM drafts d LEFT JOIN candidates c ON c.job_id = d.job_id AND c.login_key = d.login_key"
        " LEFT JOIN outbox o ON o.email_key = d.email_key AND o.draft_id = d.id"
        " LEFT JOIN decisions w ON w.outbox_id = o.id AND w.retry_s = o.due_s"
        " WHERE d.job_id = ? AND (d.state = 'approved' OR o.id IS NOT NULL)"
        " GROUP BY d.id, o.id ORDER BY o.id IS NULL, o.id, d.id",
        (job_id,),
    )
    return [
        MailRow(
            draft_id=row["id"],
            login=row["login"],
            org=row["company"],
            email=row["email"],
            score=row["score"],
            label=row["label"],
            step=row["step"],
            subject=row["subject"],
            outbox_id=row["outbox_id"],
            state=row["state"],
            is_held=bool(row["is_held"]),
            due_at=maybe(row["due_s"]),
            waits_for=row["rule"],
            reason=row["message"] or row["reason"] or "",
        )
        for row in rows
    ]


def count_unsent(conn: Connection, job_id: str) -> int:
    """The job's drafts that are approved and not in the outbox, and its mails that wait there."""
    row = conn.execute(
        "SELECT COUNT(*) FROM drafts d LEFT JOIN outbox o ON o.email_key = d.email_key AND o.draft_id = d.id"
        " WHERE d.job_id = ? AND (o.state = 'planned' OR (o.id IS NULL AND d.state = 'approved'))",
        (job_id,),
    ).fetchone()
    return int(row[0])


def count_approved_by_settings(conn: Connection) -> int:
    """Drafts that are approved and not in the outbox, of jobs whose mailer is the one of the settings."""
    row = conn.execute(
        "SELECT COUNT(*) FROM jobs j JOIN drafts d ON d.job_id = j.id AND d.state = 'approved'"
        " WHERE json_extract(j.plan, '$.mailer') IS NULL AND NOT EXISTS (SELECT 1 FROM outbox o"
        " WHERE o.email_key = d.email_key AND o.draft_id = d.id AND o.approval_id = d.approval_id)"
    ).fetchone()
    return int(row[0])


def keys_taken(conn: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Keys that the outbox has -> in which job, since when, and how it stands."""
    rows = conn.execute(
        "SELECT key, job_id, state, claimed_s FROM outbox WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    return {
        row["key"]: f"job {row['job_id']}"
        + (f" on {moment(row['claimed_s']):%Y-%m-%d}" if row["claimed_s"] else "")
        + f" ({row['state']})"
        for row in rows
    }


def left_out_of_crm(conn: Connection, job_id: str) -> list[tuple[str, str, str]]:
    """(login, rule, why) of leads whom the CRM is not told of."""
    allowed = f"({CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED})"
    rows = conn.execute(
        f"SELECT c.login, {allowed} AS allowed, e.email_class FROM leads l"
        " JOIN candidates c ON c.job_id = l.job_id AND c.login_key = l.login_key"
        " JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email"
        f" WHERE l.job_id = ? AND (l.held = 1 OR NOT {allowed}) ORDER BY l.number",
        (job_id,),
    )
    return [
        (row["login"], "hold", f"HOLD: the address is known by a {row['email_class']} only.")
        if row["allowed"]
        else (row["login"], "suppressed", "Must not be contacted.")
        for row in rows
    ]


def hold_ends(conn: Connection, job_id: str) -> datetime | None:
    """When the last of the job's mails that were never tried may leave; None where none waits for its hold to end."""
    row = conn.execute(f"SELECT MAX(o.due_s) AS s FROM outbox o WHERE {_NEVER_TRIED}", (job_id,)).fetchone()
    return maybe(row["s"])


def drafts_in_hold(conn: Connection, job_id: str, *, now: datetime) -> set[int]:
    """Drafts whose mail was handed over and can still be recalled before it is first tried."""
    sql = f"SELECT o.draft_id FROM outbox o WHERE {_NEVER_TRIED} AND o.due_s > ?"
    return {row["draft_id"] for row in conn.execute(sql, (job_id, now.timestamp()))}


class Standing(Frozen):
    """Where a job's mail stands."""

    drafts: dict[str, int]
    """State of drafts -> how many."""
    outbox: dict[str, int]
    """State of mails in the outbox -> how many; `held` apart from the rest."""


def mail_standing(conn: Connection, job_id: str) -> Standing:
    """Counts of the job's drafts and mails."""
    drafts = conn.execute("SELECT state, COUNT(*) AS n FROM drafts WHERE job_id = ? GROUP BY state", (job_id,))
    mails = conn.execute(
        "SELECT CASE WHEN is_held THEN 'held' ELSE state END AS state, COUNT(*) AS n FROM outbox WHERE job_id = ?"
        " AND draft_id IS NOT NULL GROUP BY 1",
        (job_id,),
    )
    return Standing(drafts={row["state"]: row["n"] for row in drafts}, outbox={row["state"]: row["n"] for row in mails})


class LeftRow(Frozen):
    """A write that has left, or may have, to be compared with what its provider has."""

    id: int
    key: str
    operation: str
    who: str
    """A login; the title of a ticket, the domain of a company."""
    state: str
    is_held: bool
    due_at: datetime
    """Of an unknown row: from when a late effect is no longer expected."""
    attempts: int
    payload: str
    sequence_id: str | None
    provider_id: str | None
    after_provider_id: str | None
    """What the provider called the write that came first."""
    is_withdrawn: bool
    """The person was taken out of the sequence again."""


def operations_in_use(conn: Connection, job_id: str) -> list[str]:
    """The operations of the job's writes that were ever taken up, or take people out of a sequence."""
    rows = conn.execute(
        f"SELECT DISTINCT operation FROM outbox WHERE job_id = ? AND (attempts > 0 OR operation LIKE '%.{WITHDRAW}')",
        (job_id,),
    )
    return [row["operation"] for row in rows]


def left_rows(conn: Connection, job_id: str) -> list[LeftRow]:
    """The job's writes that were ever taken up and are not under way now, and people who wait to be taken out of a
    sequence; in order."""
    rows = conn.execute(
        "SELECT o.*, COALESCE(d.login, (SELECT c.login FROM emails e JOIN candidates c ON c.job_id = e.job_id"
        " AND c.login_key = e.login_key WHERE e.job_id = o.job_id AND e.email_key = o.email_key LIMIT 1),"
        " json_extract(o.payload, '$.title'), '') AS who,"
        " json_extract(o.payload, '$.sequence_id') AS sequence_id, a.provider_id AS after_provider_id,"
        f" EXISTS (SELECT 1 FROM outbox w WHERE w.after_id = o.id AND w.state = 'confirmed' AND w.operation LIKE"
        f" '%.{WITHDRAW}') AS is_withdrawn FROM outbox o"
        " LEFT JOIN drafts d ON d.id = o.draft_id LEFT JOIN outbox a ON a.id = o.after_id WHERE o.job_id = ?"
        " AND (o.state IN ('confirmed', 'unknown') OR (o.state IN ('planned', 'failed') AND (o.attempts > 0"
        f" OR o.operation LIKE '%.{WITHDRAW}')))"
        " ORDER BY o.id",
        (job_id,),
    )
    return [
        LeftRow(
            id=row["id"],
            key=row["key"],
            operation=row["operation"],
            who=row["who"],
            state=row["state"],
            is_held=bool(row["is_held"]),
            due_at=moment(row["due_s"]),
            attempts=row["attempts"],
            payload=row["payload"],
            sequence_id=row["sequence_id"],
            provider_id=row["provider_id"],
            after_provider_id=row["after_provider_id"],
            is_withdrawn=bool(row["is_withdrawn"]),
        )
        for row in rows
    ]


class RuleCount(Frozen):
    """What one rule of the gate stops."""

    rule: str
    count: int
    message: str
    """Of one of them."""
    retry_at: datetime | None
    """The earliest."""


class CameOf(Frozen):
    """What came of the rows that were taken up since some moment, by what the rows say."""

    confirmed: int
    later: int
    unknown: int
    """May have happened; looked up by itself."""
    held: int
    """May have happened; a person decides."""
    failed: int
    """Refused by the provider, or failed too often."""
    effects: dict[str, int]
    """created, updated, noop -> confirmed rows, where the provider says so."""
    refused: tuple[RuleCount, ...]
    next_at: datetime | None
    """When the next row is due by itself."""


def came_of(conn: Connection, job_id: str, *, since: datetime, mail: bool) -> CameOf:
    """What has come of the job's rows since then.

    Args:
        mail: Mails; else what the CRM is told.
    """
    kind = "draft_id IS NOT NULL" if mail else f"draft_id IS NULL AND operation NOT LIKE '%.{WITHDRAW}'"
    counts = conn.execute(
        "SELECT SUM(state = 'confirmed' AND settled_s >= ?2) AS confirmed,"
        " SUM(state = 'planned' AND attempts > 0) AS later,"
        " SUM(state = 'unknown' AND is_held = 0 AND settled_s >= ?2) AS unknown,"
        " SUM(state = 'unknown' AND is_held = 1 AND settled_s >= ?2) AS held,"
        " SUM(state = 'failed' AND settled_s >= ?2 AND code NOT IN (SELECT value FROM json_each(?3))) AS failed,"
        " MIN(CASE WHEN state = 'planned' AND is_held = 0 AND due_s > ?4 THEN due_s END) AS next_s"
        f" FROM outbox WHERE job_id = ?1 AND {kind}",
        (job_id, since.timestamp(), json.dumps(list(RULES)), since.timestamp()),
    ).fetchone()
    return CameOf(
        **{name: counts[name] or 0 for name in ("confirmed", "later", "unknown", "held", "failed")},
        effects=_effects(conn, job_id, kind, since),
        refused=_refused(conn, job_id, kind, since),
        next_at=maybe(counts["next_s"]),
    )


def refused_for_good(conn: Connection, job_id: str) -> dict[str, RuleCount]:
    """Rule -> the job's mails that it ended."""
    rows = conn.execute(
        "SELECT code, COUNT(*) AS n, MIN(reason) AS reason FROM outbox WHERE job_id = ? AND state = 'failed'"
        " AND draft_id IS NOT NULL AND code IN (SELECT value FROM json_each(?)) GROUP BY code",
        (job_id, json.dumps(list(RULES))),
    )
    return {
        row["code"]: RuleCount(rule=row["code"], count=row["n"], message=row["reason"], retry_at=None) for row in rows
    }


def _effects(conn: Connection, job_id: str, kind: str, since: datetime) -> dict[str, int]:
    rows = conn.execute(
        f"SELECT effect, COUNT(*) AS n FROM outbox WHERE job_id = ? AND {kind} AND state = 'confirmed'"
        " AND settled_s >= ? AND effect IS NOT NULL GROUP BY effect ORDER BY effect",
        (job_id, since.timestamp()),
    )
    return {row["effect"]: row["n"] for row in rows}


def _refused(conn: Connection, job_id: str, kind: str, since: datetime) -> tuple[RuleCount, ...]:
    """By rule, in the order of the rules; each row counts once, by what was decided last."""
    rows = conn.execute(
        "SELECT rule, COUNT(*) AS n, MIN(message) AS message, MIN(retry_s) AS retry_s FROM (SELECT w.rule, w.message,"
        " w.retry_s, MAX(w.at_s) FROM decisions w JOIN outbox o ON o.id = w.outbox_id WHERE o.job_id = ?"
        f" AND o.{kind} AND o.state IN ('planned', 'failed') AND w.at_s >= ? GROUP BY o.id) GROUP BY rule",
        (job_id, since.timestamp()),
    )
    found = [
        RuleCount(rule=row["rule"], count=row["n"], message=row["message"], retry_at=maybe(row["retry_s"]))
        for row in rows
    ]
    order = list[str](RULES)
    return tuple(sorted(found, key=lambda one: order.index(one.rule) if one.rule in order else len(order)))
