"""Answers of providers, kept across pages, jobs and crashes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from cmo.store.db import Connection, transaction

_CHUNK = 400
"""Keys in one statement; SQLite's oldest limit on parameters is 999."""


class Answer(Protocol):
    """A stored answer; `providers.ports.CachedAnswer` is one."""

    @property
    def body(self) -> str: ...
    @property
    def etag(self) -> str | None: ...
    @property
    def last_modified(self) -> str | None: ...
    @property
    def fetched_at(self) -> datetime: ...


def read_answers(conn: Connection, keys: Sequence[str]) -> dict[str, tuple[str, str | None, str | None, datetime]]:
    """key -> (body, etag, last_modified, fetched_at) for the keys that are stored."""
    found = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        marks = ", ".join("?" * len(chunk))
        for row in conn.execute(f"SELECT * FROM api_cache WHERE key IN ({marks})", tuple(chunk)):
            body = zlib.decompress(row["body"]).decode()
            found[row["key"]] = (body, row["etag"], row["last_modified"], datetime.fromisoformat(row["fetched_at"]))
    return found


def write_answers(conn: Connection, answers: Mapping[str, Answer]) -> None:
    """Store or replace; durable when it returns."""
    with transaction(conn):
        conn.executemany(
            "INSERT INTO api_cache (key, body, etag, last_modified, fetched_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET body = excluded.body, etag = excluded.etag,"
            " last_modified = excluded.last_modified, fetched_at = excluded.fetched_at",
            [
                (key, zlib.compress(a.body.encode(), 6), a.etag, a.last_modified, a.fetched_at.isoformat())
                for key, a in answers.items()
            ],
        )


def prune_answers(conn: Connection, *, before: datetime) -> int:
    """Forget answers fetched before `before`; how many."""
    with transaction(conn):
        return conn.execute("DELETE FROM api_cache WHERE fetched_at < ?", (before.isoformat(),)).rowcount
