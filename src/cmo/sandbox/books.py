"""The record of every request the sandbox has seen: the outside's own count, independent of the client's."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One request and how it was answered."""

    at: float
    """Epoch seconds on the sandbox's clock when the request was complete."""
    method: str
    path: str
    """With the query string."""
    resource: str
    """`core`, `search`, `graphql`, or `free`."""
    cost: int
    """Requests or points taken from the primary limit."""
    status: int
    """HTTP status; 0 where the connection was cut instead."""
    while_limited: bool
    """Made although the client had already been told to wait."""
    conditional: bool
    repeated: bool
    """Asked again without a validator although one had been given."""
    token: str
    """Fingerprint, never the token."""
    refused: bool
    """Answered with a primary or secondary limit."""
    fault: str
    """Name of the fault that was played, or empty."""


@dataclass(frozen=True)
class Totals:
    """What benchmarks report."""

    requests: int
    rest_requests: int
    rest_cost: int
    """Requests charged to the REST limits; a 304 costs nothing."""
    graphql_requests: int
    graphql_points: int
    search_requests: int
    made_while_limited: int
    unconditional_repeats: int
    conditional_hits: int
    refused: int


class Books:
    """Thread-safe; written by the server, read by tests and benchmarks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._documents: dict[str, str] = {}
        self._document_uses: Counter[str] = Counter()
        self._validated: set[tuple[str, str]] = set()

    def record(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)

    def record_document(self, text: str) -> None:
        """Remember a GraphQL document that was asked for."""
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        with self._lock:
            self._documents.setdefault(digest, text)
            self._document_uses[digest] += 1

    def note_validator(self, token: str, path: str) -> None:
        """Remember that this token has been given an ETag for `path`."""
        with self._lock:
            self._validated.add((token, path))

    def has_validator(self, token: str, path: str) -> bool:
        with self._lock:
            return (token, path) in self._validated

    @property
    def entries(self) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(self._entries)

    @property
    def documents(self) -> dict[str, int]:
        """Text of every GraphQL document seen, with how often."""
        with self._lock:
            return {text: self._document_uses[digest] for digest, text in self._documents.items()}

    def totals(self, *, since: int = 0) -> Totals:
        """Sums over the entries from number `since` on."""
        entries = self.entries[since:]
        rest = [entry for entry in entries if entry.resource in ("core", "search")]
        graphql = [entry for entry in entries if entry.resource == "graphql"]
        return Totals(
            requests=len(entries),
            rest_requests=len(rest),
            rest_cost=sum(entry.cost for entry in rest),
            graphql_requests=len(graphql),
            graphql_points=sum(entry.cost for entry in graphql),
            search_requests=sum(entry.resource == "search" for entry in entries),
            made_while_limited=sum(entry.while_limited for entry in entries),
            unconditional_repeats=sum(entry.repeated for entry in entries),
            conditional_hits=sum(entry.status == 304 for entry in entries),
            refused=sum(entry.refused for entry in entries),
        )

    def to_json(self) -> dict[str, Any]:
        with self._lock:
            return {
                "entries": [asdict(entry) for entry in self._entries],
                "documents": dict(self._documents),
                "document_uses": dict(self._document_uses),
                "validated": sorted(self._validated),
            }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Replace what is recorded by what `to_json` gave."""
        with self._lock:
            self._entries = [Entry(**entry) for entry in saved["entries"]]
            self._documents = dict(saved["documents"])
            self._document_uses = Counter(saved["document_uses"])
            self._validated = {(token, path) for token, path in saved["validated"]}
