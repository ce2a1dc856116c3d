"""What the operator says of people does to rows: status and outcome, and the holds that an outcome puts. Called from
`apply`."""

from __future__ import annotations

import json
from collections.abc import Collection

from cmo.domain import event as ev
from cmo.domain.company import company_key, name_key
from cmo.domain.outcome import STATUS_AFTER, STOPS, STOPS_ALL, Outcome
from cmo.store.db import Connection

_SOURCE = "outcome"
"""Of holds that an outcome put: these it may lift again."""


def apply_said(conn: Connection, job_id: str, at: str, event: ev.SaidOfLead) -> None:
    """Change the rows that `event` is about. Runs inside the transaction that stores it."""
    key = event.login.lower()
    match event:
        case ev.LeadOutcomeSet():
            status = STATUS_AFTER[event.outcome] if event.outcome else None
            conn.execute(
                "UPDATE candidates SET outcome = ?, status = ? WHERE job_id = ? AND login_key = ?",
                (event.outcome, status, job_id, key),
            )
            _renew_holds(conn, job_id, key, at)
        case ev.LeadStatusSet():
            conn.execute(
                "UPDATE candidates SET status = ? WHERE job_id = ? AND login_key = ?", (event.status, job_id, key)
            )
        case ev.LeadNoted():
            pass  # the event is the note


def _renew_holds(conn: Connection, job_id: str, key: str, at: str) -> None:
    """Lift what outcomes hold of this person and their organisation, then put what the outcomes of today hold.

    A hold of another source stays as it is.
    """
    rows = conn.execute("SELECT job_id, login_key, outcome FROM candidates WHERE outcome IS NOT NULL").fetchall()
    people, accounts = _names(conn, job_id, key)
    conn.execute(
        "DELETE FROM holds WHERE source = ?1 AND ((kind = 'person' AND value IN (SELECT value FROM json_each(?2)))"
        " OR (kind = 'account' AND value IN (SELECT value FROM json_each(?3))))",
        (_SOURCE, json.dumps(sorted(people)), json.dumps(sorted(accounts))),
    )
    for row in rows:
        outcome = Outcome(row["outcome"])
        if outcome in STOPS:
            people, accounts = _names(conn, row["job_id"], row["login_key"])
            _hold(conn, "person", people, STOPS[outcome], at)
            if outcome in STOPS_ALL:
                _hold(conn, "account", accounts, STOPS_ALL[outcome], at)


def _hold(conn: Connection, kind: str, values: Collection[str], reason: str, at: str) -> None:
    conn.executemany(
        "INSERT INTO holds (kind, value, reason, source, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, value)"
        " DO NOTHING",
        [(kind, value, f"{reason}.", _SOURCE, at) for value in sorted(values)],
    )


def _names(conn: Connection, job_id: str, key: str) -> tuple[set[str], set[str]]:
    """By what the gate knows the person, and their organisation."""
    row = conn.execute(
        "SELECT COALESCE(json_extract(profile, '$.company'), '') AS company FROM candidates"
        " WHERE job_id = ? AND login_key = ?",
        (job_id, key),
    ).fetchone()
    company = row["company"] if row else ""
    rows = conn.execute("SELECT email, email_key FROM emails WHERE job_id = ? AND login_key = ?", (job_id, key))
    found = rows.fetchall()
    accounts = {name_key(company), *(company_key(company, row["email"]) for row in found)} - {""}
    return {row["email_key"] for row in found}, accounts
