"""What an Attio workspace holds, in plain JSON values: filled by requests, and by tests before them."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_NAMESPACE = uuid.UUID("6d0f2b1c-7e58-4a93-8c41-2f9b5d7e3a60")


class AttioBooks:
    """People, companies, the entries of the one list, notes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._issued = 0
        self.people: dict[str, dict[str, Any]] = {}
        """record_id -> record_id, created_at, emails, name, company (a record id or None), categories."""
        self.companies: dict[str, dict[str, Any]] = {}
        """record_id -> record_id, created_at, name, domains."""
        self.entries: dict[str, dict[str, Any]] = {}
        """entry_id -> entry_id, parent_record_id, created_at."""
        self.notes: list[dict[str, Any]] = []
        """As the API shows them, oldest first."""
        self.merging: list[str] = []
        """Addresses of people whose records are being merged."""
        self.is_key_revoked = False

    def to_json(self) -> dict[str, Any]:
        return copy.deepcopy(vars(self))

    def load_json(self, saved: Mapping[str, Any]) -> None:
        vars(self).update(copy.deepcopy(dict(saved)))

    def new_id(self, kind: str) -> str:
        self._issued += 1
        return str(uuid.uuid5(_NAMESPACE, f"{self._seed}/{kind}/{self._issued}"))

    def add_company(self, name: str, domain: str, *, now: datetime) -> str:
        """A company that was there before; returns its record id."""
        record_id = self.new_id("company")
        self.companies[record_id] = {
            "record_id": record_id,
            "created_at": stamp(now),
            "name": name,
            "domains": [domain],
        }
        return record_id

    def add_person(
        self,
        email: str,
        *,
        now: datetime,
        name: Mapping[str, str] | None = None,
        company: str | None = None,
        categories: tuple[str, ...] = (),
    ) -> str:
        """A person who was there before, a second one with the same address too; returns the record id."""
        record_id = self.new_id("person")
        self.people[record_id] = {
            "record_id": record_id,
            "created_at": stamp(now),
            "emails": [email.lower()],
            "name": dict(name or {}),
            "company": company,
            "categories": list(categories),
        }
        return record_id

    def add_entry(self, record_id: str, *, now: datetime) -> str:
        """Put a person on the list once more; returns the entry id."""
        entry_id = self.new_id("entry")
        self.entries[entry_id] = {
            "entry_id": entry_id,
            "parent_record_id": record_id,
            "created_at": stamp(now),
        }
        return entry_id


def stamp(now: datetime) -> str:
    """A time as Attio writes it, to the nanosecond."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
