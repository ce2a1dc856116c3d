"""Between our items and HubSpot's objects. Source: contracts/hubspot.md, "Endpoints", "Upsert traps" and "Errors"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmo.config.secrets import mask_addresses
from cmo.domain.outward import CrmItem
from cmo.domain.text import clean_line
from cmo.errors import ContractBroken
from cmo.providers.http import harmless

FIELDS: Mapping[str, tuple[str, ...]] = {"name": ("firstname", "lastname"), "company": ("company",)}
"""Field -> its properties."""
OWNED = tuple(name for names in FIELDS.values() for name in names)
"""The properties of a contact that are ours to write, besides the address."""
ADDITIONAL = "hs_additional_emails"

_CODES: Mapping[str, str] = {
    "CONFLICT": "conflict",
    "OBJECT_NOT_FOUND": "record_missing",
    "RATE_LIMITS": "rate_limited",
    "INVALID_EMAIL": "invalid_email",
}


@dataclass(frozen=True)
class Record:
    """An object as HubSpot holds it; a property that is not set is empty."""

    id: str
    properties: Mapping[str, str]
    trace_id: str = ""
    is_new: bool | None = None

    def addresses(self) -> tuple[str, ...]:
        """A contact's, in lower case, the first one first."""
        others = self.properties.get(ADDITIONAL, "").split(";")
        return tuple(part.strip().lower() for part in (self.properties.get("email", ""), *others) if part.strip())

    def has_one_of(self, addresses: Sequence[str]) -> bool:
        """Whether a contact has one of these, given in lower case."""
        return not set(self.addresses()).isdisjoint(addresses)


def records(body: Mapping[str, Any], operation: str) -> list[Record]:
    """The objects of an answer.

    Raises:
        ContractBroken: it has no results, one has no id, or the batch is not complete.
    """
    if body.get("status", "COMPLETE") != "COMPLETE":
        raise broken(operation, "the batch is not complete")
    results = body.get("results")
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        raise broken(operation, "the answer has no results")
    return [record(row, operation) for row in results]


def record(row: Mapping[str, Any], operation: str) -> Record:
    """One object.

    Raises:
        ContractBroken: it has no id.
    """
    held = row.get("properties")
    is_new = row.get("new")
    return Record(
        id=object_id(row.get("id"), operation),
        properties={name: value for name, value in held.items() if isinstance(value, str)}
        if isinstance(held, dict)
        else {},
        trace_id=str(row.get("objectWriteTraceId") or ""),
        is_new=is_new if isinstance(is_new, bool) else None,
    )


def object_id(value: object, operation: str) -> str:
    """An id, which may come as a number.

    Raises:
        ContractBroken: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise broken(operation, "the answer has no id")
    return clean_line(str(value), limit=100)


def only_missing(body: Mapping[str, Any]) -> bool:
    """Whether the errors of a batch read say nothing but that objects are not there."""
    return all(error.get("category") == "OBJECT_NOT_FOUND" for error in batch_errors(body))


def batch_errors(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    errors = body.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def named_in(error: Mapping[str, Any]) -> frozenset[str]:
    """What the context of a batch's error names: ids, addresses and trace ids, in lower case."""
    context = error.get("context")
    values = context.values() if isinstance(context, dict) else ()
    return frozenset(text.lower() for value in values if isinstance(value, list) for text in strings(value))


def message_of(error: Mapping[str, Any], otherwise: str = "") -> str:
    """HubSpot's words, cleaned, without keys or addresses."""
    return mask_addresses(harmless(str(error.get("message") or otherwise)))


def code_of(error: Mapping[str, Any]) -> str:
    """A stable word for a refusal."""
    inner = batch_errors(error)
    words = strings([*(detail.get("code") for detail in inner), error.get("category")])
    return next((_CODES[word] for word in words if word in _CODES), "rejected")


def existing_id(error: Mapping[str, Any]) -> str:
    """The id of what stands in the way of a new object, as a 409 tells it; empty where it does not."""
    told = re.search(r"Existing ID: ?(\d{1,30})\b", str(error.get("message")))
    return told[1] if told else ""


def missing_scopes(error: Mapping[str, Any]) -> list[str]:
    """The scopes that a 403 names."""
    contexts = [part.get("context") for part in (error, *batch_errors(error))]
    values = [value for context in contexts if isinstance(context, dict) for value in context.values()]
    return [clean_line(scope, limit=80) for value in values if isinstance(value, list) for scope in strings(value)]


def strings(values: Sequence[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def contact_properties(item: CrmItem, held: Record | None) -> dict[str, str]:
    """The full set of what is ours to write: what HubSpot holds, and what we know where it holds nothing or may be
    overwritten.

    An upsert by address takes no part of a set, so leaving a property out may empty it.
    """
    known, before = _known(item), held.properties if held else {}
    kept = {name for field, theirs in differences(item, held).items() if theirs for name in FIELDS[field]}
    wanted = {
        name: before.get(name, "") if name in kept and not item.overwrites else known[name] or before.get(name, "")
        for name in OWNED
    }
    email = held.addresses()[0] if held else item.email.lower()
    return {"email": email, **{name: text for name, text in wanted.items() if text}}


def differences(item: CrmItem, held: Record | None) -> dict[str, str]:
    """What HubSpot has otherwise, in words: field -> its value there, first and last name together."""
    known, before = _known(item), held.properties if held else {}
    return {
        field: clean_line(" ".join(before.get(name, "") for name in names))
        for field, names in FIELDS.items()
        if any(known[name] and known[name] != before.get(name, "") for name in names)
    }


def _known(item: CrmItem) -> dict[str, str]:
    first, _, last = item.name.partition(" ")
    return {
        "firstname": item.first_name or ("" if item.last_name else first),
        "lastname": item.last_name or ("" if item.first_name else last),
        "company": item.company,
    }


def holds(held: Record, properties: Mapping[str, str]) -> bool:
    """Whether writing `properties` would change nothing; that the address is there is known."""
    return all(held.properties.get(name, "") == properties.get(name, "") for name in OWNED)


def broken(operation: str, what: str) -> ContractBroken:
    return ContractBroken(f"hubspot: {operation}: {what}", provider="hubspot", operation=operation)
