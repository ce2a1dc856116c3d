"""What the operator says of people does to rows: status and outcome, and the holds that an outcome puts. Called from
`apply`."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from cmo.domain import event as ev
from cmo.domain.company import company_key, name_key
from cmo.domain.outcome import STATUS_AFTER, STOPS, STOPS_ALL, Outcome
from cmo.store.db import Connection
from cmo.store.switches import HoldKind

_SOURCE = "outcome"
"""Of holds that an outcome put: these it may lift again."""


class _Names(NamedTuple):
    """By what the gate knows a person, and their organisation."""

    login: str
    addresses: Collection[str]
    """Keys of those that the job knows; by their login they are known under any other."""
    accounts: Collection[str]


def apply_said(conn: Connection, job_id: str, at: str, event: ev.SaidOfLead) -> None:
    """Change the rows that `event` is about. Runs inside the transaction that stores it."""
    key = event.login.lower()
    match event:
        case ev.LeadOutcomeSet():
            before = _outcome_of(conn, job_id, key)
            status = STATUS_AFTER[event.outcome] if event.outcome else None
            conn.execute(
                "UPDATE candidates SET outcome = ?, status = ? WHERE job_id = ? AND login_key = ?",
                (event.outcome, status, job_id, key),
            )
            _renew_holds(conn, job_id, key, before, at)
        case ev.LeadStatusSet():
            conn.execute(
                "UPDATE candidates SET status = ? WHERE job_id = ? AND login_key = ?", (event.status, job_id, key)
            )
        case ev.LeadNoted():
            pass  # the event is the note


def _outcome_of(conn: Connection, job_id: str, key: str) -> Outcome | None:
    row = conn.execute("SELECT outcome FROM candidates WHERE job_id = ? AND login_key = ?", (job_id, key)).fetchone()
    return Outcome(row["outcome"]) if row and row["outcome"] else None


def _renew_holds(conn: Connection, job_id: str, key: str, before: Outcome | None, at: str) -> None:
    """Lift what the outcome `before` held, then put what the outcomes of today hold.

    A hold of another source stays as it is, and so does one that this person did not bring: the job of whoever did may
    be removed, and what they said holds on.
    """
    if before in STOPS:
        _lift(conn, _names(conn, job_id, key), also_account=before in STOPS_ALL)
    for row in conn.execute("SELECT job_id, login_key, outcome FROM candidates WHERE outcome IS NOT NULL").fetchall():
        outcome = Outcome(row["outcome"])
        if outcome in STOPS:
            names = _names(conn, row["job_id"], row["login_key"])
            _hold(conn, "person", names.addresses, STOPS[outcome], at)
            _hold(conn, "login", {row["login_key"]}, STOPS[outcome], at)
            if outcome in STOPS_ALL:
                _hold(conn, "account", names.accounts, STOPS_ALL[outcome], at)


def _lift(conn: Connection, names: _Names, *, also_account: bool) -> None:
    held: dict[HoldKind, Collection[str]] = {"person": names.addresses, "login": {names.login}}
    if also_account:
        held["account"] = names.accounts
    for kind, values in held.items():
        conn.executemany(
            "DELETE FROM holds WHERE source = ? AND kind = ? AND value = ?", [(_SOURCE, kind, one) for one in values]
        )


def _hold(conn: Connection, kind: HoldKind, values: Collection[str], reason: str, at: str) -> None:
    conn.executemany(
        "INSERT INTO holds (kind, value, reason, source, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, value)"
        " DO NOTHING",
        [(kind, value, f"{reason}.", _SOURCE, at) for value in sorted(values)],
    )


def _names(conn: Connection, job_id: str, key: str) -> _Names:
    row = conn.execute(
        "SELECT COALESCE(json_extract(profile, '$.company'), '') AS company FROM candidates"
        " WHERE job_id = ? AND login_key = ?",
        (job_id, key),
    ).fetchone()
    company = row["company"] if row else ""
    rows = conn.execute("SELECT email, email_key FROM emails WHERE job_id = ? AND login_key = ?", (job_id, key))
    found = rows.fetchall()
    accounts = {name_key(company), *(company_key(company, row["email"]) for row in found)} - {""}
    return _Names(key, {row["email_key"] for row in found}, accounts)
