"""What a HubSpot account holds, in plain JSON values: filled by requests, and by tests before them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

FIRST_ID = 20_000_000_001
ADDITIONAL = "hs_additional_emails"


class HubSpotBooks:
    """Contacts, companies, deals and notes, and what is linked with what."""

    def __init__(self, seed: int) -> None:
        self._next_id = FIRST_ID + 1_000 * seed
        self.objects: dict[str, dict[str, dict[str, Any]]] = {"contacts": {}, "companies": {}, "deals": {}, "notes": {}}
        """Type -> id -> id, properties, createdAt, updatedAt (epoch seconds), merged_ids."""
        self.links: list[list[str]] = []
        """[note type, note id, contact type, contact id], each pair once."""
        self.unique_properties: dict[str, list[str]] = {
            "contacts": ["email"],
            "companies": [],
            "deals": [],
            "notes": [],
        }

    def to_json(self) -> dict[str, Any]:
        return copy.deepcopy(vars(self))

    def load_json(self, saved: Mapping[str, Any]) -> None:
        vars(self).update(copy.deepcopy(dict(saved)))

    def add(self, kind: str, properties: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
        """A new object, whatever is there already."""
        number = str(self._next_id)
        self._next_id += 1
        moment = now.timestamp()
        row = {"id": number, "properties": dict(properties), "createdAt": moment, "updatedAt": moment, "merged_ids": []}
        self.objects[kind][number] = row
        return row

    def change(self, row: dict[str, Any], properties: Mapping[str, str], *, now: datetime) -> None:
        """Set properties; a contact's former address is kept among the additional ones."""
        held = row["properties"]
        former, new = held.get("email"), properties.get("email")
        held.update(properties)
        if former and new and former != new:
            others = [address for address in addresses(row) if address not in (former, new)]
            held[ADDITIONAL] = ";".join([former, *others])
        row["updatedAt"] = now.timestamp()

    def link(self, kind: str, number: str, to_kind: str, to_number: str) -> None:
        pair = [kind, number, to_kind, to_number]
        if pair not in self.links:
            self.links.append(pair)

    def linked(self, kind: str, number: str, to_kind: str) -> Iterator[str]:
        """Ids of what is linked with an object, in whichever direction it was linked."""
        for a_kind, a_number, b_kind, b_number in self.links:
            if (a_kind, a_number, b_kind) == (kind, number, to_kind):
                yield b_number
            elif (b_kind, b_number, a_kind) == (kind, number, to_kind):
                yield a_number

    def find(self, kind: str, key: str, id_property: str | None = None) -> dict[str, Any] | None:
        """By id, former ids of merged contacts too, or by a unique property; contacts by any of their addresses."""
        for row in self.objects[kind].values():
            if id_property is None:
                is_it = key in (row["id"], *row["merged_ids"])
            elif id_property == "email":
                is_it = key.lower() in addresses(row)
            else:
                is_it = row["properties"].get(id_property) == key
            if is_it:
                return row
        return None

    def merge_contacts(self, kept: str, gone: str) -> None:
        """As somebody does in the app: addresses and links move, the id that is gone leads to the one that is kept."""
        lost, held = self.objects["contacts"].pop(gone), self.objects["contacts"][kept]
        moved = [address for address in (*addresses(held), *addresses(lost)) if address != held["properties"]["email"]]
        held["properties"][ADDITIONAL] = ";".join(dict.fromkeys(moved))
        held["merged_ids"] += [gone, *lost["merged_ids"]]
        self.links = [[kept if part == gone else part for part in pair] for pair in self.links]


def addresses(row: Mapping[str, Any]) -> list[str]:
    """A contact's addresses in lower case, the first one first."""
    held = row["properties"]
    return [part.lower() for part in (held.get("email") or "", *(held.get(ADDITIONAL) or "").split(";")) if part]
