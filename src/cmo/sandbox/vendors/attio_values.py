"""Attio's attributes of a person: what may be written, and in what form they are read back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AttributeSpec:
    """What an attribute takes."""

    kind: str
    is_multiselect: bool = False
    is_unique: bool = False
    is_writable: bool = True
    options: tuple[str, ...] = ()
    """Titles that a select knows."""


PEOPLE_ATTRIBUTES: Mapping[str, AttributeSpec] = {
    "record_id": AttributeSpec("text", is_unique=True, is_writable=False),
    "name": AttributeSpec("personal-name"),
    "email_addresses": AttributeSpec("email-address", is_multiselect=True, is_unique=True),
    "company": AttributeSpec("record-reference"),
    "categories": AttributeSpec("select", is_multiselect=True, options=("Customer", "Partner")),
}


class Refused(Exception):
    """An answer that says no, in Attio's envelope."""

    def __init__(self, status: int, code: str, message: str, *, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind

    def body(self) -> dict[str, Any]:
        return {"status_code": self.status, "type": self.kind, "code": self.code, "message": self.message}


def read_person(
    values: Mapping[str, Any], attributes: Mapping[str, AttributeSpec], *, companies: Mapping[str, Any]
) -> dict[str, Any]:
    """What an assert sets: `emails` always, the other fields where it names them.

    Raises:
        Refused: an attribute that is not there or not writable, an option or company that does not exist.
    """
    told: dict[str, Any] = {"emails": []}
    for slug, given in values.items():
        spec = attributes.get(slug)
        if spec is None or not spec.is_writable:
            raise Refused(400, "value_not_found", f'Cannot find attribute with slug/ID "{slug}".')
        inputs = given if isinstance(given, list) else [given]
        match slug:
            case "email_addresses":
                told["emails"] = [_email(value) for value in inputs]
            case "name":
                told["name"] = _name(inputs)
            case "company":
                told["company"] = _company(inputs, companies)
            case _:
                told[slug] = [_option(slug, value, spec) for value in inputs]
    return told


def person_values(row: Mapping[str, Any], attributes: Mapping[str, AttributeSpec]) -> dict[str, list[dict[str, Any]]]:
    """A person as it is read back: every value an array, empty where nothing is set."""
    values: dict[str, list[dict[str, Any]]] = {
        "record_id": [_value("text", value=row["record_id"])],
        "name": [_value("personal-name", **row["name"])] if row["name"] else [],
        "email_addresses": [_email_value(address) for address in row["emails"]],
        "company": [_company_value(row["company"])] if row["company"] else [],
        "categories": [_value("select", option={"title": title}) for title in row["categories"]],
    }
    return {slug: value for slug, value in values.items() if slug in attributes}


def company_values(row: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        "name": [_value("text", value=row["name"])],
        "domains": [_value("domain", domain=domain, root_domain=domain) for domain in row["domains"]],
    }


def attribute_json(slug: str, spec: AttributeSpec, *, workspace_id: str, object_id: str) -> dict[str, Any]:
    attribute_id = str(uuid.uuid5(uuid.UUID(object_id), slug))
    return {
        "id": {"workspace_id": workspace_id, "object_id": object_id, "attribute_id": attribute_id},
        "title": slug.replace("_", " ").capitalize(),
        "description": None,
        "api_slug": slug,
        "type": spec.kind,
        "is_system_attribute": True,
        "is_writable": spec.is_writable,
        "is_required": False,
        "is_unique": spec.is_unique,
        "is_multiselect": spec.is_multiselect,
        "is_default_value_enabled": False,
        "is_archived": False,
        "default_value": None,
        "relationship": None,
        "created_at": "2026-01-01T00:00:00.000000000Z",
        "config": {
            "currency": {"default_currency_code": "USD", "display_type": "code"},
            "record_reference": {"allowed_object_ids": None},
        },
    }


def _email(value: object) -> str:
    address = value.get("email_address") if isinstance(value, dict) else value
    if not isinstance(address, str) or address.count("@") != 1:
        raise Refused(400, "validation_type", 'An invalid value was passed to attribute "email_addresses".')
    return address.lower()


def _name(inputs: list[Any]) -> dict[str, str]:
    known = ("first_name", "last_name", "full_name")
    if len(inputs) != 1 or not isinstance(inputs[0], dict) or set(inputs[0]) - set(known):
        raise Refused(400, "validation_type", 'An invalid value was passed to attribute "name".')
    return {part: str(inputs[0].get(part, "")) for part in known}


def _company(inputs: list[Any], companies: Mapping[str, Any]) -> str | None:
    """Either form of reference; both fail where they do not find exactly one record.

    Source: https://docs.attio.com/rest-api/guides/linking-referenced-records
    """
    if not inputs:
        return None
    wanted = inputs[0]
    if len(inputs) != 1 or not isinstance(wanted, dict) or wanted.get("target_object") != "companies":
        raise Refused(400, "validation_type", 'An invalid value was passed to attribute "company".')
    domains = {entry.get("domain") for entry in wanted.get("domains", [])}
    found = [
        record_id
        for record_id, row in companies.items()
        if record_id == wanted.get("target_record_id") or domains & set(row["domains"])
    ]
    if len(found) != 1:
        raise Refused(400, "value_not_found", 'No single record matches the value of attribute "company".')
    return str(found[0])


def _option(slug: str, value: object, spec: AttributeSpec) -> str:
    title = value.get("option") if isinstance(value, dict) else value
    if title not in spec.options:
        raise Refused(400, "value_not_found", f'Cannot find select option "{title}" of attribute "{slug}".')
    return str(title)


def _value(kind: str, **fields: object) -> dict[str, Any]:
    return {"active_from": "2026-01-01T00:00:00.000000000Z", "active_until": None, "attribute_type": kind, **fields}


def _email_value(address: str) -> dict[str, Any]:
    local, _, domain = address.partition("@")
    return _value(
        "email-address",
        email_address=address,
        original_email_address=address,
        email_domain=domain,
        email_root_domain=domain,
        email_local_specifier=local,
    )


def _company_value(record_id: str) -> dict[str, Any]:
    return _value("record-reference", target_object="companies", target_record_id=record_id)
