"""What others may have written, in every field of a store that shows it."""

from __future__ import annotations

import json
import re
from sqlite3 import IntegrityError
from typing import Any

from cmo.store.db import Connection
from cmo.store.packing import pack, unpack

ATTACKS = (
    "\x1b]52;c;aGk=\x07",  # the clipboard
    "\x1b]0;owned\x07\x1b]8;;https://evil.example\x1b\\",  # the title, a link
    "\x1b[2J\x1b[1A\x1b[3;1H\x1bc\x1b[?1049l",  # clear, go elsewhere, reset, leave
    "\x9b31m\x9d52;c;aGk=\x9c\x90q\x9c",  # the same in C1
    "\a\b\r\x00\x0e\x7f",
    "\u202egnp.exe\u2066\u200b\u200d\ufeff\u2028\U000e0041",  # order, nothing to see, tags
    "[/][bold][link=https://evil.example]here[/link][@click=app.quit]x[/]",
    "e\u0301\u0327 漢字 👩\u200d👩\u200d👧 ﷽ क्षि",
)
BOT = "dependabot[bot]"
HOSTILE = f"{BOT} {''.join(ATTACKS)}"
LONG = f"{HOSTILE} {'x' * 10_000}"

_OURS = re.compile(
    r""".*_(at|id|key|keys|until|hash|class|state|stage|version)
      | at | id | n | key | kind | state | status | stage | step | tool | tools | planner | operation | action | mode
      | environment | until | cursor | role | label | feature | channel | variant | severity | check_name | provider
      | code | outcome | lease_owner | holder | control | mark | merged_into | where_text
      | login | full_name | owner | from_repo  # our models take no other letters than GitHub does""",
    re.VERBOSE,
)
"""Names of columns, and of fields of documents, that hold what only we write: every other text is spoilt."""
_NOT_SHOWN = {"schema_steps", "installation", "api_cache", "sqlite_sequence", "counters", "checkpoints"}
"""Tables without a word of others, or of which nothing is shown."""


def spoil(conn: Connection) -> None:
    """Put `HOSTILE` into every text of every row that is not ours, as if nothing had been cleaned on entry.

    Subjects, messages and reasons are long besides. A login is at worst that of a bot: maint1, who stands first
    everywhere, is one.
    """
    with conn:
        for (trigger,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"):
            conn.execute(f"DROP TRIGGER {trigger}")
        for table, column in texts_of(conn, with_ours=True):
            conn.execute(
                f"UPDATE {table} SET {column} = replace({column}, 'maint1', ?) WHERE typeof({column}) = 'text'", (BOT,)
            )
        for table, column in texts_of(conn):
            rows = conn.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
            holds_documents = any(_is_document(row[1]) for row in rows)
            for at, value in rows:
                if value is None and holds_documents:
                    continue
                spoilt, spoil_one = _spoilt_cell(column, value), f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
                try:
                    conn.execute(spoil_one, (spoilt, at))
                except IntegrityError:  # no two rows may say the same
                    conn.execute(spoil_one, (f"{HOSTILE} {at}", at))


def texts_of(conn: Connection, *, with_ours: bool = False) -> list[tuple[str, str]]:
    """Table and column of every text that others may have written, or that anybody did."""
    rows = conn.execute(
        "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND c.type IN ('TEXT', 'BLOB')"
    ).fetchall()
    shown = [(table, column) for table, column in rows if table not in _NOT_SHOWN]
    return [(table, column) for table, column in shown if with_ours or not _OURS.fullmatch(column)]


def _is_document(value: str | bytes | None) -> bool:
    return value is not None and unpack(value).startswith(("{", "["))


def _spoilt_cell(name: str, value: str | bytes | None) -> str | bytes:
    if value is None or not _is_document(value):
        return _words(name)
    spoilt = json.dumps(_spoilt(name, json.loads(unpack(value).replace("maint1", BOT))))
    return pack(spoilt) if isinstance(value, bytes) else spoilt


def _spoilt(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: inner if _OURS.fullmatch(key) else _spoilt(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spoilt(name, inner) for inner in value]
    return _words(name) if isinstance(value, str) else value


def _words(name: str) -> str:
    return {"subject": LONG, "message": LONG, "reason": LONG}.get(name, HOSTILE)
