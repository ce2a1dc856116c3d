"""What others may have written, in every field of a store that shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cmo.store.db import Connection

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

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "audit": ("actor", "object", "before", "after"),
    "bases": ("basis",),
    "candidates": ("login", "reason"),
    "decisions": ("message",),
    "draft_versions": ("subject", "body", "made_by", "why"),
    "drafts": ("login", "name", "first_name", "email", "company", "subject", "body", "reason"),
    "drops": ("login", "from_repo", "reason", "detail"),
    "emails": ("evidence", "source_url"),
    "failures": ("code", "message"),
    "findings": ("flag", "message"),
    "inboxes": ("paused_reason",),
    "jobs": ("summary", "ended_reason", "wait_reason", "created_by"),
    "messages": ("text", "effect", "by_whom"),
    "outbox": ("inbox", "provider_id", "reason"),
    "repos": ("query",),
    "steps": ("why",),
    "suppressions": ("reason", "source"),
    "switches": ("reason", "by_whom"),
}
"""Table -> its columns that hold what people, providers or the model wrote."""
_DOCUMENTS = {
    "audit": ("detail",),
    "jobs": ("plan",),
    "candidates": ("profile", "score_doc"),
    "outbox": ("payload",),
    "repos": ("doc",),
}
_NAMES = {"goal", "name", "company", "location", "bio", "reason", "rationale", "description", "subject", "text", "body"}
"""Names of strings in documents that hold the same."""


def spoil(conn: Connection) -> None:
    """Put `HOSTILE` into every such field of every row, as if nothing had been cleaned on entry.

    Subjects, messages and reasons are long besides; a login is at worst that of a bot: no model takes another.
    """
    with conn:
        for (trigger,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"):
            conn.execute(f"DROP TRIGGER {trigger}")
        conn.execute(
            "INSERT INTO messages SELECT id, 1, 'x', 'x', 0, 'read', created_at, 'discover', 1, 'x' FROM jobs WHERE 1"
            " ON CONFLICT DO NOTHING"
        )
        for table, columns in _FIELDS.items():
            for column in columns:
                words = {"login": BOT, "subject": LONG, "message": LONG, "reason": LONG}.get(column, HOSTILE)
                conn.execute(f"UPDATE {table} SET {column} = ?", (words,))
        conn.execute("UPDATE audit SET detail = ?", (json.dumps({"reason": LONG, BOT: [HOSTILE]}),))
        for table, columns in _DOCUMENTS.items():
            for column in columns:
                for row in conn.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall():
                    spoilt = json.dumps(_spoilt(json.loads(row[1])))
                    conn.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (spoilt, row[0]))


def _spoilt(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: HOSTILE if key in _NAMES and isinstance(inner, str) else _spoilt(inner) for key, inner in value.items()
        }
    return [_spoilt(inner) for inner in value] if isinstance(value, list) else value
