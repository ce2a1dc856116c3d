"""Suppressions as rows: recorded, and looked up for many people at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from cmo.domain.suppression import Key, Suppression, SuppressionKind, find_suppression, suppression_keys
from cmo.store.db import Connection


def record_suppressions(conn: Connection, entries: Iterable[Suppression]) -> int:
    """Keep `entries`, inside the caller's transaction; how many were new. One that is there already stays as it is."""
    return sum(
        conn.execute(
            "INSERT INTO suppressions (kind, value, reason, source, added_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, value) DO NOTHING",
            (entry.kind, entry.value, entry.reason, entry.source, entry.added_at.isoformat()),
        ).rowcount
        for entry in entries
    )


def find_suppressed(
    conn: Connection, people: Mapping[int, tuple[str, str]], *, secret: bytes | None
) -> dict[int, Suppression]:
    """Those of `people` who must not be contacted.

    Args:
        people: Any number -> (address, login).
        secret: The installation's; needed to recognise the erased.
    """
    keys = {
        number: suppression_keys(email=email, login=login, secret=secret) for number, (email, login) in people.items()
    }
    wanted = json.dumps([list(key) for key in {key for found in keys.values() for key in found}])
    entries: dict[Key, Suppression] = {}
    for row in conn.execute(
        "SELECT s.* FROM json_each(?) k CROSS JOIN suppressions s"
        " ON s.kind = json_extract(k.value, '$[0]') AND s.value = json_extract(k.value, '$[1]')",
        (wanted,),
    ):
        entry = Suppression(
            kind=SuppressionKind(row["kind"]),
            value=row["value"],
            reason=row["reason"],
            source=row["source"],
            added_at=datetime.fromisoformat(row["added_at"]),
        )
        entries[entry.kind, entry.value] = entry
    if not entries:
        return {}
    found = {
        number: find_suppression(entries, email=email, login=login, secret=secret)
        for number, (email, login) in people.items()
    }
    return {number: entry for number, entry in found.items() if entry is not None}
