"""Suppressions as rows: recorded, and looked up for many people at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from cmo.domain.suppression import (
    MAIL_SERVER,
    MAIL_SERVICE,
    Key,
    Suppression,
    SuppressionKind,
    erased_value,
    find_suppression,
    suppression_keys,
)
from cmo.store.db import Connection
from cmo.store.persons import Recipient, names_of

BY_HAND = "operator:"
"""How the source of an entry starts that an operator added, and may remove."""


def record_suppressions(conn: Connection, entries: Iterable[Suppression]) -> int:
    """Keep `entries`, inside the caller's transaction; how many of them were new.

    One that is there already stays as it is, but what an operator added by hand, or a mail server said, becomes the
    objection that came after it, so that it can no longer be removed. An address or a login stands for whoever has
    it: the other logins of the same person are suppressed with it, and so their other addresses.
    """
    new = 0
    for entry in entries:
        new += _record(conn, entry)
        for login in _logins_of(conn, entry):
            _record(conn, entry.model_copy(update={"kind": SuppressionKind.LOGIN, "value": login}))
    return new


def _logins_of(conn: Connection, entry: Suppression) -> list[str]:
    """The logins of whoever `entry` is about."""
    if entry.is_of_mailbox or entry.kind not in (SuppressionKind.EMAIL, SuppressionKind.LOGIN):
        return []
    is_login = entry.kind is SuppressionKind.LOGIN
    who = Recipient(email="", login=entry.value) if is_login else Recipient(email=entry.value)
    return sorted(value for kind, value in names_of(conn, {0: who})[0] if kind is SuppressionKind.LOGIN)


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
            " AND (substr(source, 1, length(?6)) = ?6 OR source = ?7 OR substr(source, 1, length(?8)) = ?8)",
            (*values, BY_HAND, MAIL_SERVER, MAIL_SERVICE),
        )
    return is_new


def find_entry(conn: Connection, kind: SuppressionKind, value: str) -> Suppression | None:
    """The entry of exactly this key, or None."""
    row = conn.execute("SELECT * FROM suppressions WHERE kind = ? AND value = ?", (kind, value)).fetchone()
    return None if row is None else _from_row(row)


def iter_entries(conn: Connection) -> Iterator[Suppression]:
    """Every entry, newest first, the erased among them."""
    rows = conn.execute("SELECT * FROM suppressions ORDER BY added_at DESC, kind, value")
    return (_from_row(row) for row in rows)


def page_entries(conn: Connection, *, limit: int, offset: int) -> list[Suppression]:
    """Entries, newest first, the erased among them."""
    rows = conn.execute(
        "SELECT * FROM suppressions ORDER BY added_at DESC, kind, value LIMIT ? OFFSET ?", (limit, offset)
    )
    return [_from_row(row) for row in rows]


def objected(conn: Connection, kind: SuppressionKind, value: str) -> bool:
    """Whether the events hold an objection of the person's own under this login or address."""
    rows = conn.execute(
        "SELECT e.subject, m.email_key FROM events e LEFT JOIN emails m ON m.login_key = e.subject"
        " WHERE e.kind = 'person_opted_out'"
    )
    column = {SuppressionKind.LOGIN: "subject", SuppressionKind.EMAIL: "email_key"}.get(kind)
    return column is not None and any(row[column] == value for row in rows)


def remove_entry(conn: Connection, entry: Suppression) -> None:
    """Lift an entry, and what was recorded with it for the same person, inside the caller's transaction."""
    conn.execute("DELETE FROM suppressions WHERE kind = ? AND value = ?", (entry.kind, entry.value))
    conn.execute(
        "DELETE FROM suppressions WHERE kind = 'login' AND value IN (SELECT value FROM json_each(?))"
        " AND reason = ? AND source = ? AND added_at = ?",
        (json.dumps(_logins_of(conn, entry)), entry.reason, entry.source, entry.added_at.isoformat()),
    )


def recognise_erased(conn: Connection, secret: bytes) -> None:
    """Give the connection's queries `erased_hash(kind, value)`: the value under which an erased person is kept."""

    @cache
    def erased_hash(kind: str, value: str) -> str:
        return erased_value(SuppressionKind(kind), value, secret=secret)

    conn.create_function("erased_hash", 2, erased_hash, deterministic=True)


def find_suppressed(
    conn: Connection, people: Mapping[int, Recipient], *, secret: bytes | None
) -> dict[int, Suppression]:
    """Those of `people` who must not be contacted, under whichever of their names that was said.

    Args:
        people: Any number -> whom.
        secret: The installation's; needed to recognise the erased.
    """
    kinds = {row["kind"] for row in conn.execute("SELECT kind FROM suppressions GROUP BY kind")}
    if not kinds:
        return {}
    if SuppressionKind.HASH not in kinds:
        secret = None  # hashing is dear, and nobody was erased
    names = names_of(conn, people)
    keys = {
        number: suppression_keys(
            email=who.email, login=who.login, account=who.account, secret=secret, names=names[number]
        )
        for number, who in people.items()
    }
    rows = conn.execute(
        "SELECT s.* FROM json_each(?) k CROSS JOIN suppressions s"
        " ON s.kind = json_extract(k.value, '$[0]') AND s.value = json_extract(k.value, '$[1]')",
        (json.dumps(list({key for theirs in keys.values() for key in theirs})),),
    )
    entries = {(entry.kind, entry.value): entry for entry in map(_from_row, rows)}
    found = {
        number: find_suppression(
            entries, email=who.email, login=who.login, account=who.account, secret=secret, names=names[number]
        )
        for number, who in people.items()
        if not entries.keys().isdisjoint(keys[number])
    }
    return {number: entry for number, entry in found.items() if entry is not None}


def find_erased(conn: Connection, names: Iterable[Key]) -> Suppression | None:
    """The entry by which somebody with one of these `names` is kept as erased; needs `recognise_erased`."""
    row = conn.execute(
        "SELECT s.* FROM json_each(?) k JOIN suppressions s ON s.kind = 'hash'"
        " AND s.value = erased_hash(json_extract(k.value, '$[0]'), json_extract(k.value, '$[1]')) LIMIT 1",
        (json.dumps(list(names)),),
    ).fetchone()
    return None if row is None else _from_row(row)


def _from_row(row: Any) -> Suppression:
    return Suppression(
        kind=SuppressionKind(row["kind"]),
        value=row["value"],
        reason=row["reason"],
        source=row["source"],
        added_at=datetime.fromisoformat(row["added_at"]),
    )
