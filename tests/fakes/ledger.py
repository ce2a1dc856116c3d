"""Rows of the outbox as a run leaves them, without anybody having been called."""

from __future__ import annotations

import json
from datetime import datetime

from cmo.domain.suppression import email_key
from cmo.store.db import Connection, transaction
from tests.fakes.outside import NOW


def ledger_row(
    conn: Connection,
    job_id: str,
    email: str,
    *,
    operation: str = "instantly.enrol",
    state: str = "confirmed",
    draft_id: int | None = None,
    holder: str | None = None,
    sequence_id: str = "camp-1",
    claimed_at: datetime | None = NOW,
    inbox: str = "sam@cmo.example",
) -> int:
    """Put down a mail to `email`; its id."""
    payload = json.dumps({"to_email": email, "sequence_id": sequence_id, "subject": "A question"})
    with transaction(conn):
        row = conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key,"
            " company_key, inbox, due_s, holder, claimed_s) VALUES (?, ?, ?, ?, ?, 'h', ?, ?, 'acme', ?, 0, ?, ?)"
            " RETURNING id",
            (
                f"{email_key(email)}|email|{sequence_id}|{operation}", job_id, operation, state, payload, draft_id,
                email_key(email), inbox, holder, claimed_at.timestamp() if claimed_at else None,
            ),
        ).fetchone()  # fmt: skip
    return int(row["id"])
