"""Between our items and Attio's values. Source: contracts/attio.md, "Values"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cmo.domain.outward import CrmItem
from cmo.domain.text import clean_line
from cmo.errors import ContractBroken

EMAILS = "email_addresses"


@dataclass(frozen=True)
class Record:
    """A person or company as Attio holds it."""

    id: str
    values: Mapping[str, Any]

    def first(self, slug: str) -> Mapping[str, Any]:
        """The first value of an attribute; empty where there is none."""
        return next(_values(self.values, slug), {})

    def all(self, slug: str, field: str) -> str:
        """What the values of an attribute say, in one line."""
        return clean_line(", ".join(str(value.get(field, "")) for value in _values(self.values, slug)))

    def has(self, slug: str, field: str, text: str) -> bool:
        """Whether one of the values says `text`, in whatever case."""
        return any(str(value.get(field, "")).lower() == text.lower() for value in _values(self.values, slug))


def rows(data: object, operation: str) -> list[Mapping[str, Any]]:
    """The objects of a list answer.

    Raises:
        ContractBroken: it is no list of objects.
    """
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ContractBroken(f"attio: {operation}: the answer is no list", provider="attio", operation=operation)
    return data


def records(data: object, operation: str) -> list[Record]:
    """The records of a query.

    Raises:
        ContractBroken: one has no id.
    """
    return [record(row, operation) for row in rows(data, operation)]


def record(row: object, operation: str) -> Record:
    """One record.

    Raises:
        ContractBroken: it has no id.
    """
    values = row.get("values") if isinstance(row, dict) else None
    return Record(require_id(row, "record_id", operation), values=values if isinstance(values, dict) else {})


def require_id(row: object, kind: str, operation: str) -> str:
    """`row["id"][kind]`, or `row[kind]` where the answer is that flat.

    Raises:
        ContractBroken: there is none, so the answer does not say what happened.
    """
    holder = row.get("id", row) if isinstance(row, dict) else {}
    found = holder.get(kind) if isinstance(holder, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise ContractBroken(f"attio: {operation}: the answer has no {kind}", provider="attio", operation=operation)
    return clean_line(str(found), limit=100)


def usable_slugs(data: object, operation: str) -> frozenset[str]:
    """The attributes of people that may be sent: there, writable, and not losing other values.

    An assert overwrites every multi-select attribute but the one it matches by, so those are left alone.
    """
    return frozenset(
        slug
        for row in rows(data, operation)
        if isinstance(slug := row.get("api_slug"), str)
        and row.get("is_writable") is not False
        and row.get("is_archived") is not True
        and (slug == EMAILS or row.get("is_multiselect") is not True)
    )


def person_values(item: CrmItem, slugs: frozenset[str], company_id: str | None) -> dict[str, Any]:
    """What an assert sends for a person: the address, and name and company as far as known and possible."""
    full_name = item.name or f"{item.first_name} {item.last_name}".strip()
    name = {"first_name": item.first_name, "last_name": item.last_name, "full_name": full_name}
    values: dict[str, Any] = {EMAILS: [{"email_address": item.email.lower()}]}
    if full_name and "name" in slugs:
        values["name"] = [{part: text for part, text in name.items() if text}]
    if company_id and "company" in slugs:
        values["company"] = [{"target_object": "companies", "target_record_id": company_id}]
    return values


def differences(record: Record, values: Mapping[str, Any]) -> dict[str, str]:
    """Which of `values` the record has otherwise, in words; that the address is there is known."""
    return {
        slug: _shown(record.first(slug))
        for slug, given in values.items()
        if slug != EMAILS and any(record.first(slug).get(field) != text for field, text in given[0].items())
    }


def _shown(value: Mapping[str, Any]) -> str:
    """A name, or the id of a record that is referred to; empty where there is none."""
    name = value.get("full_name") or f"{value.get('first_name') or ''} {value.get('last_name') or ''}"
    return clean_line(str(value.get("target_record_id") or name), limit=100)


def _values(values: Mapping[str, Any], slug: str) -> Iterator[Mapping[str, Any]]:
    held = values.get(slug)
    if isinstance(held, list):
        yield from (value for value in held if isinstance(value, dict) and not value.get("active_until"))
