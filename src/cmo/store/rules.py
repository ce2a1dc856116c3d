"""Named filters as rows; what they cover is asked of `draft_views`."""

from __future__ import annotations

from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction


def add_rule(conn: Connection, name: str, where: str, *, by: str, at: datetime, is_dry: bool = False) -> bool:
    """Keep a rule; False where one of that name is there already."""
    with transaction(conn):
        if conn.execute("SELECT 1 FROM rules WHERE name = ?", (name,)).fetchone():
            return False
        if not is_dry:
            conn.execute("INSERT INTO rules VALUES (?, ?, ?, ?)", (name, where, by, at.isoformat()))
        _audit(conn, name, "rules.add", by, at, is_dry=is_dry)
        return True


def remove_rule(conn: Connection, name: str, *, by: str, at: datetime, is_dry: bool = False) -> bool:
    """Remove a rule; False where there is none."""
    with transaction(conn):
        if not conn.execute("SELECT 1 FROM rules WHERE name = ?", (name,)).fetchone():
            return False
        if not is_dry:
            conn.execute("DELETE FROM rules WHERE name = ?", (name,))
        _audit(conn, name, "rules.rm", by, at, is_dry=is_dry)
        return True


def _audit(conn: Connection, name: str, action: str, by: str, at: datetime, *, is_dry: bool) -> None:
    record_audit(conn, [AuditEntry(actor=by, action=action, object=f"rule:{name}", is_dry=is_dry)], at=at)
