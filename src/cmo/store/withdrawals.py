"""People who were handed to a provider's sequence and must not be contacted any more: they are taken out again.

A withdrawal is a row of the outbox behind the one that handed the person over, so it is known for ever whom that was
done for, and the provider's id of the person outlasts an erasure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from cmo.domain.base import Frozen
from cmo.domain.draft import ENROL, WITHDRAW
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.suppression import Suppression
from cmo.store.db import Connection, transaction
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_suppressed, record_suppressions

UNNAMED = "unnamed"
"""Code of a withdrawal that can never be done from here."""

_OPERATIONS = json.dumps(sorted(f"{mailer}.{WITHDRAW}" for mailer in SEQUENCE_MAILERS))
_ENROLLED = f"""SELECT o.id, json_extract(o.payload, '$.to_email') AS email, o.email_key, o.login_key, o.company_key,
 json_extract(o.payload, '$.company') AS company FROM outbox o WHERE o.state = 'confirmed'
 AND o.operation IN (SELECT value FROM json_each(?1))
 AND substr(o.key, -{len(ENROL)}) = '{ENROL}' AND NOT EXISTS (SELECT 1 FROM outbox w WHERE w.after_id = o.id
 AND w.operation IN (SELECT value FROM json_each(?2)))"""
"""Those who are erased have another key."""
_JOB = """COALESCE((SELECT id FROM jobs WHERE id = o.job_id), (SELECT id FROM jobs ORDER BY created_at DESC LIMIT 1),
 o.job_id)"""
"""The job that handed the person over, else the newest: events need one."""
_PLAN = f"""INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, after_id, email_key, login_key,
 company_key, due_s) SELECT n.key, {_JOB}, n.operation, 'planned', json_object('key', n.key, 'email',
 COALESCE(json_extract(o.payload, '$.to_email'), o.email_key), 'sequence_id',
 json_extract(o.payload, '$.sequence_id')), '{WITHDRAW}', o.id, o.email_key, o.login_key, o.company_key, 0
 FROM (SELECT id, substr(key, 1, length(key) - {len(ENROL)}) || '{WITHDRAW}' AS key,
 substr(operation, 1, length(operation) - {len(ENROL)}) || '{WITHDRAW}' AS operation FROM outbox
 WHERE id IN (SELECT value FROM json_each(?1))) n JOIN outbox o ON o.id = n.id WHERE true
 ON CONFLICT (key) DO NOTHING"""


class StillIn(Frozen):
    """Somebody whom a provider's sequence may still mail."""

    id: int
    """Of the withdrawal in the outbox."""
    job_id: str | None
    """None where the job was removed, so that nothing can be written down of a call."""
    provider: str
    sequence_id: str
    email: str
    """Empty where the person was erased."""
    lead_id: str
    """What the provider calls them; empty where it never said."""
    why: str
    """Why that is not done yet; empty where nobody has tried."""

    @property
    def by_hand(self) -> str:
        """What a person can do about it."""
        whom = self.email or f"the person with id {self.lead_id}"
        return f"Open {self.provider}, and delete {whom} from campaign {self.sequence_id}."


def plan_withdrawals(conn: Connection, *, secret: bytes | None) -> None:
    """Put down the withdrawal of everybody who is suppressed and was handed to a provider's sequence, and once more
    those that failed. They are due at once, whatever the clock says.

    Args:
        secret: The installation's; needed to recognise the erased.
    """
    suppressed = _enrolled(conn, secret)
    if not suppressed and not still_in(conn):
        return
    with transaction(conn):
        conn.execute(_PLAN, (json.dumps(list(suppressed)),))
        conn.execute(
            f"UPDATE outbox AS o SET state = 'planned', attempts = 0, due_s = 0, job_id = {_JOB} WHERE state = 'failed'"
            " AND code IS NOT ?2 AND operation IN (SELECT value FROM json_each(?1))",
            (_OPERATIONS, UNNAMED),
        )


def count_withdrawals(conn: Connection, entries: Iterable[Suppression]) -> int:
    """How many people suppressions like `entries` would take out of sequences. Changes nothing."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        before = len(_enrolled(conn, None))
        record_suppressions(conn, entries)
        return len(_enrolled(conn, None)) - before
    finally:
        conn.rollback()


def _enrolled(conn: Connection, secret: bytes | None) -> dict[int, Suppression]:
    """Who is in a sequence, was not withdrawn, and must not be contacted: row of the outbox -> why."""
    handed_over = json.dumps(sorted(f"{mailer}.{ENROL}" for mailer in SEQUENCE_MAILERS))
    enrolled = conn.execute(_ENROLLED, (handed_over, _OPERATIONS)).fetchall()
    people = {
        row["id"]: Recipient(
            row["email"] or row["email_key"] or "",
            row["login_key"] or "",
            row["company_key"] or "",
            row["company"] or "",
        )
        for row in enrolled
    }
    return find_suppressed(conn, people, secret=secret) if people else {}


def still_in(conn: Connection) -> list[StillIn]:
    """Everybody whose withdrawal is not done, in the order it was put down."""
    rows = conn.execute(
        "SELECT o.id, (SELECT id FROM jobs WHERE id = o.job_id) AS job_id, o.operation, o.reason,"
        " json_extract(o.payload, '$.sequence_id') AS sequence_id,"
        " COALESCE(json_extract(o.payload, '$.email'), '') AS email, COALESCE(a.provider_id, '') AS lead_id"
        " FROM outbox o LEFT JOIN outbox a ON a.id = o.after_id WHERE o.state <> 'confirmed' AND o.operation IN"
        " (SELECT value FROM json_each(?)) ORDER BY o.id",
        (_OPERATIONS,),
    )
    return [
        StillIn(
            id=row["id"],
            job_id=row["job_id"],
            provider=row["operation"].partition(".")[0],
            sequence_id=row["sequence_id"] or "",
            email=row["email"],
            lead_id=row["lead_id"],
            why=row["reason"] or "",
        )
        for row in rows
    ]
