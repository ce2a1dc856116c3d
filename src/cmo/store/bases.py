"""What the operator allowed on the record: address policies lifted, each with its reason."""

from __future__ import annotations

from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction

EVERYWHERE = "*"
"""The scope that covers every job."""


class Basis(Frozen):
    """One permission."""

    kind: str
    """`commit` or `unknown-country`."""
    scope: str
    """A job's id, or `*`."""
    basis: str
    """Why, in the operator's words."""
    by: str
    at: datetime


def record_basis(conn: Connection, basis: Basis) -> None:
    """Allow; a newer basis of the same kind and scope replaces the older one."""
    with transaction(conn):
        conn.execute(
            "INSERT INTO bases (kind, scope, basis, by_whom, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, scope)"
            " DO UPDATE SET basis = excluded.basis, by_whom = excluded.by_whom, at = excluded.at",
            (basis.kind, basis.scope, basis.basis, basis.by, basis.at.isoformat()),
        )
        detail = {"scope": basis.scope, "basis": basis.basis}
        entry = AuditEntry(
            actor=basis.by, action="policy.allow", object=f"policy:{basis.kind}", after="allowed", detail=detail
        )
        record_audit(conn, [entry], at=basis.at)


def revoke_basis(conn: Connection, kind: str, scope: str, *, by: str, at: datetime) -> bool:
    """Take back; False where nothing was allowed."""
    with transaction(conn):
        changed = conn.execute("DELETE FROM bases WHERE kind = ? AND scope = ?", (kind, scope)).rowcount > 0
        if changed:
            entry = AuditEntry(
                actor=by, action="policy.revoke", object=f"policy:{kind}", before="allowed", detail={"scope": scope}
            )
            record_audit(conn, [entry], at=at)
    return changed


def list_bases(conn: Connection) -> list[Basis]:
    """Everything allowed now, in a fixed order."""
    rows = conn.execute("SELECT * FROM bases ORDER BY kind, scope")
    return [
        Basis(
            kind=row["kind"],
            scope=row["scope"],
            basis=row["basis"],
            by=row["by_whom"],
            at=datetime.fromisoformat(row["at"]),
        )
        for row in rows
    ]
