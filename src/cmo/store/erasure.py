"""Erasing a person from the store: their rows are deleted, what names them elsewhere is blanked, the ledger is blinded.

What left stays counted: a row of the outbox keeps its number, state and times under a keyed hash. The audit log names
nobody and is not touched. Everything here can be repeated.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cmo.config.installation import opaque_token
from cmo.domain.base import Frozen
from cmo.domain.draft import WITHDRAW
from cmo.domain.suppression import Key, SuppressionKind, email_key
from cmo.domain.traces import Traces
from cmo.errors import StoreBusy
from cmo.store.db import Connection, translated
from cmo.store.packing import pack, unpack
from cmo.store.persons import merged_logins

BY_LOGIN = ("candidates", "candidate_repos", "drops", "emails", "leads", "personalisations")
"""Tables whose rows are of one person, named by `login_key`."""
ABOUT_THEM = ("email_verified", "people_merged", "item_failed")
"""Events without a subject that are deleted where they name the person; others are blanked."""
NOTE = "lead_noted"
"""Events of one person in which another may be named in the operator's words."""
FREE_TEXT = (
    ("messages", "text"),
    ("messages", "effect"),
    ("failures", "message"),
    ("steps", "args"),
    ("steps", "result"),
    ("decisions", "message"),
    ("deliveries", "detail"),
)
"""Columns in which logins are blanked too; addresses are blanked in every column there is."""
UNTOUCHED = ("audit", "events", "api_cache")
"""Not swept as text: the first names nobody, the others are packed and have ways of their own."""
BLINDED = "erased|"
"""How a blinded key starts."""


_AFTER = {"planned": "failed", "claimed": "unknown"}
_STOP_AFTER = {"claimed": "planned", "unknown": "planned", "failed": "planned"}
"""What becomes of states of the ledger; a stop may be repeated."""


def is_erased(key: str) -> bool:
    """Whether the outbox row of this key was one of a person who is forgotten."""
    return key.startswith(BLINDED)


class Person(Frozen):
    """Whoever an address belongs to, as far as the store knows."""

    addresses: tuple[str, ...]
    """As spelled, the one that was asked for first."""
    logins: tuple[str, ...] = ()
    """In lower case."""
    person_ids: tuple[str, ...] = ()

    def names(self) -> list[Key]:
        """What they are suppressed by."""
        addresses = [(SuppressionKind.EMAIL, email_key(address)) for address in self.addresses]
        return [*addresses, *((SuppressionKind.LOGIN, login) for login in self.logins)]

    def traces(self) -> Traces:
        return Traces(addresses=self.addresses, logins=self.logins)


def find_person(conn: Connection, email: str) -> Person:
    """Who has `email`: their logins, what these were merged with, and addresses that are theirs alone.

    An address that somebody else has as well, such as a team's, stays with the others.
    """
    key = email_key(email)
    seed = _values(conn, "SELECT login_key FROM emails WHERE email_key = ?1 UNION SELECT login_key FROM drafts"
                   " WHERE email_key = ?1", key)  # fmt: skip
    profiles = conn.execute(
        "SELECT login_key, json_extract(profile, '$.email') AS email FROM candidates WHERE profile IS NOT NULL"
        " AND email IS NOT NULL"
    ).fetchall()
    seed |= {row["login_key"] for row in profiles if email_key(row["email"]) == key}
    logins = {login for found in merged_logins(conn, seed).values() for login in found}
    persons = _values(
        conn, "SELECT person_id FROM identities WHERE key IN (SELECT 'login:' || value FROM json_each(?))", logins
    )
    return Person(
        addresses=(email.strip(), *sorted(_own_addresses(conn, logins, key))),
        logins=tuple(sorted(logins)),
        person_ids=tuple(sorted(persons)),
    )


def owned_repos(conn: Connection, person: Person) -> list[str]:
    """Full names of the repositories in the store whose owner is one of their logins: public, hence kept."""
    rows = conn.execute(
        "SELECT DISTINCT json_extract(doc, '$.full_name') AS name FROM repos WHERE lower(json_extract(doc, '$.owner'))"
        " IN (SELECT value FROM json_each(?)) ORDER BY name",
        (json.dumps(person.logins),),
    )
    return [row["name"] for row in rows]


def _own_addresses(conn: Connection, logins: set[str], key: str) -> set[str]:
    """Every spelling of addresses that only these logins have."""
    shared = _values(
        conn, "SELECT email_key FROM emails WHERE login_key NOT IN (SELECT value FROM json_each(?))", logins
    )
    spelled = _values(
        conn,
        "SELECT email FROM emails WHERE login_key IN (SELECT value FROM json_each(?1)) UNION SELECT email FROM drafts"
        " WHERE login_key IN (SELECT value FROM json_each(?1)) UNION SELECT email FROM leads WHERE login_key IN"
        " (SELECT value FROM json_each(?1)) UNION SELECT json_extract(profile, '$.email') FROM candidates WHERE"
        " login_key IN (SELECT value FROM json_each(?1)) AND json_extract(profile, '$.email') IS NOT NULL",
        logins,
    )
    return {text for text in spelled if text and (email_key(text) == key or email_key(text) not in shared)}


def erase(conn: Connection, person: Person, *, secret: bytes) -> dict[str, int]:
    """Delete and blank everything, inside the caller's transaction; table -> rows changed."""
    return _Erasing(conn, person, secret).run()


def shred(conn: Connection) -> None:
    """Leave nothing of deleted rows in the file or the log beside it.

    Raises:
        StoreBusy: another process reads the store; nothing is lost, do it again.
    """
    with translated():
        conn.execute("PRAGMA temp_store=MEMORY")
        conn.execute("VACUUM")
        busy = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise StoreBusy("Another process reads the store, so old pages are still there.", hint="Run it once more.")


class _Erasing:
    def __init__(self, conn: Connection, person: Person, secret: bytes) -> None:
        self._conn = conn
        self._person = person
        self._secret = secret
        self._traces = person.traces()
        self._logins = json.dumps(person.logins)
        self._keys = json.dumps(sorted(self._traces.keys))
        self._changed: Counter[str] = Counter()

    def run(self) -> dict[str, int]:
        drafts = _values(
            self._conn,
            "SELECT id FROM drafts WHERE login_key IN (SELECT value FROM json_each(?))"
            " OR email_key IN (SELECT value FROM json_each(?))",
            self._person.logins,
            sorted(self._traces.keys),
        )
        self._ledger(sorted(drafts))
        self._rows(sorted(drafts))
        self._events()
        self._cache()
        self._sweep()
        self._conn.execute("UPDATE jobs SET leads_version = leads_version + 1")  # their files are out of date
        return dict(self._changed)

    def _ledger(self, drafts: Sequence[int]) -> None:
        """Blind what left, end what waits, and hold what is doubtful: it cannot be looked up any more. Who is to be
        taken out of a sequence still is, by the provider's id."""
        written = set(drafts)
        for row in self._conn.execute(
            "SELECT id, key, operation, email_key, company_key, draft_id, state, provider_id,"
            " json_extract(payload, '$.sequence_id') AS campaign FROM outbox WHERE substr(key, 1, ?) <> ?",
            (len(BLINDED), BLINDED),
        ).fetchall():
            if not (row["draft_id"] in written or row["email_key"] in self._traces.keys or self._names(row["key"])):
                continue
            is_stop = row["operation"].endswith(f".{WITHDRAW}")
            after = _STOP_AFTER if is_stop else _AFTER
            state, key = after.get(row["state"], row["state"]), self._blind(row["key"])
            left = {"sequence_id": row["campaign"]} if row["campaign"] else {}
            payload = json.dumps({"key": key, **left} if is_stop else left)
            named = self._names(row["provider_id"])
            self._conn.execute(
                "UPDATE outbox SET key = ?, email_key = ?, login_key = NULL, company_key = ?, payload = ?, state = ?,"
                " reason = NULL,"
                " is_held = ?, provider_id = ?, code = CASE WHEN state = 'confirmed' THEN code ELSE 'erased' END"
                " WHERE id = ?",
                (
                    key, self._blind(row["email_key"]), self._blind(row["company_key"]), payload,
                    state, int(state == "unknown"), None if named else row["provider_id"], row["id"],
                ),
            )  # fmt: skip
            self._conn.execute("UPDATE decisions SET message = '' WHERE outbox_id = ?", (row["id"],))
            self._conn.execute("UPDATE deliveries SET detail = '' WHERE outbox_id = ?", (row["id"],))
            self._conn.execute("DELETE FROM failures WHERE item = ?", (f"outbox:{row['id']}",))
            self._changed["outbox"] += 1

    def _names(self, text: str | None) -> bool:
        return text is not None and self._traces.has_address(text)

    def _blind(self, text: str | None) -> str | None:
        return f"{BLINDED}{opaque_token(self._secret, 'ledger', text)}" if text else text

    def _rows(self, drafts: Sequence[int]) -> None:
        self._delete("drafts", "id IN (SELECT value FROM json_each(?))", json.dumps(drafts))
        for table in BY_LOGIN:
            self._delete(table, "login_key IN (SELECT value FROM json_each(?))", self._logins)
        for table in ("suppressions", "holds"):
            self._delete(
                table,
                "(kind IN ('email', 'person') AND value IN (SELECT value FROM json_each(?)))"
                " OR (kind = 'login' AND value IN (SELECT value FROM json_each(?)))",
                self._keys,
                self._logins,
            )
        ids = json.dumps(self._person.person_ids)
        self._delete("identities", "person_id IN (SELECT value FROM json_each(?))", ids)
        for side in ("kept", "merged"):
            self._delete("merges", f"{side} IN (SELECT value FROM json_each(?))", ids)
        for table, column in (("verdicts", "email"), ("failures", "item"), ("emails", "email")):
            for row in self._conn.execute(f"SELECT rowid, {column} AS text FROM {table}").fetchall():
                if row["text"].lower() in self._traces.logins or email_key(row["text"]) in self._traces.keys:
                    self._delete(table, "rowid = ?", row["rowid"])

    def _delete(self, table: str, condition: str, *values: Any) -> None:
        self._changed[table] += self._conn.execute(f"DELETE FROM {table} WHERE {condition}", values).rowcount

    def _events(self) -> None:
        self._delete("events", "subject IN (SELECT value FROM json_each(?))", self._logins)
        for row in self._conn.execute("SELECT seq, kind, is_run, body FROM events").fetchall():
            text = unpack(row["body"])
            if not self._traces.names(text):
                continue
            if row["kind"] in ABOUT_THEM:
                self._delete("events", "seq = ?", row["seq"])
                continue
            is_free = row["is_run"] or row["kind"] == NOTE
            clean = self._traces.without_names(text) if is_free else self._traces.without_addresses(text)
            if clean != text:
                body = clean if row["is_run"] else pack(clean)
                self._conn.execute("UPDATE events SET body = ? WHERE seq = ?", (body, row["seq"]))
                self._changed["events"] += 1

    def _cache(self) -> None:
        """Answers of providers that may name them: they can be fetched again."""
        for row in self._conn.execute("SELECT key, body FROM api_cache").fetchall():
            if self._traces.may_name(f"{row['key']} {zlib.decompress(row['body']).decode()}"):
                self._delete("api_cache", "key = ?", row["key"])

    def _sweep(self) -> None:
        """Blank every address wherever else it stands, and logins in free text."""
        for table in _tables(self._conn):
            if table in UNTOUCHED:
                continue
            columns = [row["name"] for row in self._conn.execute(f"PRAGMA table_info({table})")]
            for row in self._conn.execute(f"SELECT rowid AS row_id, * FROM {table}").fetchall():
                self._sweep_row(table, row, columns)

    def _sweep_row(self, table: str, row: Any, columns: Iterable[str]) -> None:
        for column in columns:
            text = row[column]
            if not isinstance(text, str):
                continue
            clean: Callable[[str], str] = self._traces.without_addresses
            if (table, column) in FREE_TEXT:
                clean = self._traces.without_names
            kept = clean(text)
            if kept != text:
                self._conn.execute(f"UPDATE OR REPLACE {table} SET {column} = ? WHERE rowid = ?", (kept, row["row_id"]))
                self._changed[table] += 1


def _tables(conn: Connection) -> list[str]:
    return [
        row["name"]
        for row in conn.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
        )
    ]


def _values(conn: Connection, sql: str, *values: Any) -> set[Any]:
    """The first column; collections are given as JSON."""
    given = [value if isinstance(value, str) else json.dumps(sorted(value)) for value in values]
    return {row[0] for row in conn.execute(sql, given)}
