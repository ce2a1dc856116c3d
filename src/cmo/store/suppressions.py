"""Suppressions as rows: recorded, and looked up for many people at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from cmo.domain.suppression import (
    Key,
    Suppression,
    SuppressionKind,
    erased_value,
    find_suppression,
    suppression_keys,
)
from cmo.store.db import Connection

BY_HAND = "operator:"
"""How the source of an entry starts that an operator added, and may remove."""


def record_suppressions(conn: Connection, entries: Iterable[Suppression], *, whole_person: bool = True) -> int:
    """Keep `entries`, inside the caller's transaction; how many of them were new.

    One that is there already stays as it is, but what an operator added by hand becomes the objection that came
    after it, so that it can no longer be removed.

    Args:
        whole_person: An address stands for whoever has it: the logins known under it are suppressed with it, and so
            their other addresses. False for what is wrong with an address only.
    """
    new = 0
    for entry in entries:
        new += _record(conn, entry)
        if whole_person and entry.kind is SuppressionKind.EMAIL:
            for login in _logins_of(conn, entry.value):
                _record(conn, entry.model_copy(update={"kind": SuppressionKind.LOGIN, "value": login}))
    return new


def _logins_of(conn: Connection, address: str) -> list[str]:
    """The logins that hold an address, in any job, by its key."""
    rows = conn.execute(
        "SELECT DISTINCT e.login_key FROM jobs j CROSS JOIN emails e ON e.job_id = j.id AND e.email_key = ?1"
        " UNION SELECT login_key FROM outbox WHERE email_key = ?1 AND login_key IS NOT NULL",
        (address,),
    )
    return [row["login_key"] for row in rows]


def _record(conn: Connection, entry: Suppression) -> int:
    values = (entry.kind, entry.value, entry.reason, entry.source, entry.added_at.isoformat())
    is_new = conn.execute(
        "INSERT INTO suppressions (kind, value, reason, source, added_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (kind, value) DO NOTHING",
        values,
    ).rowcount
    if not is_new and not entry.source.startswith(BY_HAND):
        conn.execute(
            "UPDATE suppressions SET reason = ?3, source = ?4, added_at = ?5 WHERE kind = ?1 AND value = ?2"
            " AND substr(source, 1, length(?6)) = ?6",
            (*values, BY_HAND),
        )
    return is_new


def find_entry(conn: Connection, kind: SuppressionKind, value: str) -> Suppression | None:
    """The entry of exactly this key, or None."""
    row = conn.execute("SELECT * FROM suppressions WHERE kind = ? AND value = ?", (kind, value)).fetchone()
    return None if row is None else _from_row(row)


def iter_entries(conn: Connection, *, hashes: bool = True) -> Iterator[Suppression]:
    """Every entry, newest first; without `hashes` the erased are left out."""
    rows = conn.execute(
        "SELECT * FROM suppressions WHERE ?1 OR kind <> 'hash' ORDER BY added_at DESC, kind, value", (hashes,)
    )
    return (_from_row(row) for row in rows)


def objected(conn: Connection, kind: SuppressionKind, value: str) -> bool:
    """Whether the events hold an objection of the person's own under this login or address."""
    rows = conn.execute(
        "SELECT e.subject, m.email_key FROM events e LEFT JOIN emails m ON m.login_key = e.subject"
        " WHERE e.kind = 'person_opted_out'"
    )
    column = {SuppressionKind.LOGIN: "subject", SuppressionKind.EMAIL: "email_key"}.get(kind)
    return column is not None and any(row[column] == value for row in rows)


def remove_entry(conn: Connection, kind: SuppressionKind, value: str) -> None:
    """Lift an entry, inside the caller's transaction."""
    conn.execute("DELETE FROM suppressions WHERE kind = ? AND value = ?", (kind, value))


def recognise_erased(conn: Connection, secret: bytes) -> None:
    """Give the connection's queries `erased_hash(kind, value)`: the value under which an erased person is kept."""

    @cache
    def erased_hash(kind: str, value: str) -> str:
        return erased_value(SuppressionKind(kind), value, secret=secret)

    conn.create_function("erased_hash", 2, erased_hash, deterministic=True)


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
        entry = _from_row(row)
        entries[entry.kind, entry.value] = entry
    if not entries:
        return {}
    found = {
        number: find_suppression(entries, email=email, login=login, secret=secret)
        for number, (email, login) in people.items()
    }
    return {number: entry for number, entry in found.items() if entry is not None}


def _from_row(row: Any) -> Suppression:
    return Suppression(
        kind=SuppressionKind(row["kind"]),
        value=row["value"],
        reason=row["reason"],
        source=row["source"],
        added_at=datetime.fromisoformat(row["added_at"]),
    )
