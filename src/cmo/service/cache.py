"""Caches of answers, as the port that providers know: the store's, and none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cmo.providers.ports import CachedAnswer
from cmo.store.cache import read_answers, write_answers
from cmo.store.db import Connection


class StoredAnswers:
    """A `ResponseCache` over a store."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def get(self, keys: Sequence[str]) -> dict[str, CachedAnswer]:
        return {
            key: CachedAnswer(body=body, etag=etag, last_modified=last_modified, fetched_at=fetched_at)
            for key, (body, etag, last_modified, fetched_at) in read_answers(self._conn, keys).items()
        }

    def put(self, answers: Mapping[str, CachedAnswer]) -> None:
        write_answers(self._conn, answers)


class NoCache:
    """A `ResponseCache` for a single look: keeps nothing, makes no file."""

    def get(self, keys: Sequence[str]) -> dict[str, CachedAnswer]:
        return {}

    def put(self, answers: Mapping[str, CachedAnswer]) -> None:
        return
