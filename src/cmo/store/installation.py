"""Which installation's secret this store's keyed hashes were made with."""

from __future__ import annotations

from cmo.store.db import Connection


def key_fingerprint(conn: Connection) -> str | None:
    """Of the secret that this store belongs to; None where none was ever used with it."""
    row = conn.execute("SELECT key_fingerprint FROM installation").fetchone()
    return None if row is None else str(row["key_fingerprint"])


def keep_fingerprint(conn: Connection, fingerprint: str) -> str:
    """Bind the store to a secret, for good; the fingerprint of the one that was quicker. One statement."""
    conn.execute("INSERT INTO installation (id, key_fingerprint) VALUES (1, ?) ON CONFLICT DO NOTHING", (fingerprint,))
    return key_fingerprint(conn) or fingerprint


def has_erased(conn: Connection) -> bool:
    """Whether somebody is kept suppressed by a keyed hash."""
    return conn.execute("SELECT 1 FROM suppressions WHERE kind = 'hash' LIMIT 1").fetchone() is not None
