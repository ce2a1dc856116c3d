"""Attio as its contract describes it: people, companies, one list, notes; with the traps of asserts and notes.

What a request may say is in here; what is held is in `attio_books`, what values mean in `attio_values`.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from cmo.sandbox.vendors.attio_books import AttioBooks, stamp
from cmo.sandbox.vendors.attio_values import (
    PEOPLE_ATTRIBUTES,
    AttributeSpec,
    Refused,
    attribute_json,
    company_values,
    person_values,
    read_person,
)
from cmo.sandbox.wire import Request, Response

API_KEY = "sandbox-attio-key"
LIST_SLUG = "cmo-sandbox"
LIST_ID = "5f2c6d1e-8a34-4b7e-9d10-6c3e7b1a9f42"
WORKSPACE_ID = "0b9f3a52-6c1d-4e8f-a2b7-91d4c5e6f703"
OBJECT_IDS: Mapping[str, str] = {
    "people": "a1d5e7c3-2b4f-4c6a-8e90-7f1b3d5a9c24",
    "companies": "c7e1b9d4-5a3f-4f2e-9b68-0d2c4e6a8f13",
}
TOKEN_ID = "e4a8c2f6-1d3b-4a5c-b7e9-8f0a2c4e6d15"
SCOPES = (
    "record_permission:read-write object_configuration:read list_entry:read-write list_configuration:read "
    "note:read-write"
)
READS_PER_S, WRITES_PER_S = 100, 25
WINDOW = timedelta(seconds=0.8)
"""A little under the second of the contract: requests do not arrive as evenly as they leave."""
NOTES_DEFAULT, NOTES_MAX = 10, 50
RECORDS_DEFAULT, ENTRIES_DEFAULT = 500, 100

_ROUTES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (method, re.compile(pattern), handler)
    for method, pattern, handler in (
        ("GET", r"/v2/self", "_self"),
        ("GET", r"/v2/objects/people/attributes", "_attributes_of"),
        ("PUT", r"/v2/objects/people/records", "_assert_person"),
        ("POST", r"/v2/objects/(people|companies)/records/query", "_query"),
        ("GET", r"/v2/objects/people/records/([^/]+)", "_one_person"),
        ("GET", r"/v2/objects/people/records/([^/]+)/entries", "_entries_of"),
        ("GET", r"/v2/lists/([^/]+)", "_list"),
        ("PUT", r"/v2/lists/([^/]+)/entries", "_assert_entry"),
        ("POST", r"/v2/lists/([^/]+)/entries", "_add_entry"),
        ("GET", r"/v2/notes", "_notes"),
        ("POST", r"/v2/notes", "_add_note"),
    )
)


class AttioVendor:
    """One workspace with one list, `cmo-sandbox`."""

    name = "attio"

    def __init__(self, *, seed: int) -> None:
        self.books = AttioBooks(seed)
        self._attributes = dict(PEOPLE_ATTRIBUTES)
        self._arrivals: dict[bool, deque[datetime]] = {True: deque(), False: deque()}

    def drop_attribute(self, slug: str) -> None:
        """The workspace has no attribute `slug` on people; set up anew in each process."""
        del self._attributes[slug]

    def set_attribute(self, slug: str, spec: AttributeSpec) -> None:
        """The workspace has the attribute `slug` in another form; set up anew in each process."""
        self._attributes[slug] = spec

    def to_json(self) -> dict[str, Any]:
        return self.books.to_json()

    def load_json(self, saved: Mapping[str, Any]) -> None:
        self.books.load_json(saved)

    def limited(self, now: datetime) -> Response:
        """429 with the next second as an HTTP date."""
        free_at = now.replace(microsecond=0) + timedelta(seconds=1)
        return Response.json(
            429,
            {
                "status_code": 429,
                "type": "rate_limit_error",
                "code": "rate_limit_exceeded",
                "message": "Rate limit exceeded, please try again later",
            },
            {"Retry-After": format_datetime(free_at, usegmt=True)},
        )

    def ok_with_error(self, request: Request) -> Response | None:
        """Only the look at oneself says no with a 200, and only for a revoked key."""
        return Response.json(200, {"active": False}) if request.path == "/v2/self" else None

    def answer(self, request: Request, now: datetime) -> Response:
        if self._is_over_limit(request, now):
            return self.limited(now)
        try:
            self._check_key(request)
            for method, pattern, handler in _ROUTES:
                match = pattern.fullmatch(request.path)
                if match and method == request.method:
                    return Response.json(200, getattr(self, handler)(request, now, *match.groups()))
            raise Refused(404, "not_found", f"Could not find endpoint {request.method} {request.path}")
        except Refused as refusal:
            return Response.json(refusal.status, refusal.body())

    def _is_over_limit(self, request: Request, now: datetime) -> bool:
        is_read = request.method == "GET" or request.path.endswith("/query")
        arrivals = self._arrivals[is_read]
        while arrivals and arrivals[0] <= now - WINDOW:
            arrivals.popleft()
        if len(arrivals) >= (READS_PER_S if is_read else WRITES_PER_S):
            return True
        arrivals.append(now)
        return False

    def _check_key(self, request: Request) -> None:
        is_known = request.headers.get("authorization") == f"Bearer {API_KEY}"
        if not is_known or (self.books.is_key_revoked and request.path != "/v2/self"):
            raise Refused(401, "unauthorized", "The access token is not valid", kind="auth_error")

    def _self(self, request: Request, now: datetime) -> dict[str, Any]:
        if self.books.is_key_revoked:
            return {"active": False}
        return {
            "active": True,
            "scope": SCOPES,
            "client_id": TOKEN_ID,
            "token_type": "Bearer",
            "exp": None,
            "iat": int(now.timestamp()),
            "sub": WORKSPACE_ID,
            "aud": TOKEN_ID,
            "iss": "attio.com",
            "authorized_by_workspace_member_id": None,
            "workspace_id": WORKSPACE_ID,
            "workspace_name": "cmo sandbox",
            "workspace_slug": LIST_SLUG,
            "workspace_logo_url": None,
        }

    def _attributes_of(self, request: Request, now: datetime) -> dict[str, Any]:
        shown = list(self._attributes.items())[_page(request.query, RECORDS_DEFAULT)]
        return {
            "data": [
                attribute_json(slug, spec, workspace_id=WORKSPACE_ID, object_id=OBJECT_IDS["people"])
                for slug, spec in shown
            ]
        }

    def _list_id(self, wanted: str) -> str:
        if wanted not in (LIST_SLUG, LIST_ID):
            raise Refused(404, "not_found", f'List with slug/ID "{wanted}" was not found.')
        return LIST_ID

    def _query(self, request: Request, now: datetime, object_slug: str) -> dict[str, Any]:
        body = _json_body(request, allowed={"filter", "sorts", "limit", "offset"})
        if object_slug == "people":
            slug, field, rows = "email_addresses", "emails", self.books.people
        else:
            slug, field, rows = "domains", "domains", self.books.companies
        wanted = body.get("filter") or {}
        if not isinstance(wanted, dict) or set(wanted) - {slug}:
            raise Refused(400, "filter_error", f"This sandbox filters {object_slug} by {slug} only")
        found = [
            row
            for row in rows.values()
            if not wanted or str(wanted[slug]).lower() in [value.lower() for value in row[field]]
        ]
        return {"data": [self._record_json(object_slug, row) for row in found[_page(body, RECORDS_DEFAULT)]]}

    def _assert_person(self, request: Request, now: datetime) -> dict[str, Any]:
        data = _json_body(request, allowed={"data"}).get("data")
        if not isinstance(data, dict) or set(data) != {"values"} or not isinstance(data["values"], dict):
            raise Refused(400, "validation_type", "Body must be {data: {values}}")
        if request.query.get("matching_attribute") != "email_addresses":
            raise Refused(400, "value_not_found", "matching_attribute must be a unique attribute")
        told = read_person(data["values"], self._attributes, companies=self.books.companies)
        emails = told.pop("emails")
        if not emails:
            raise Refused(400, "missing_value", 'Required value for attribute "email_addresses" was not provided.')
        if set(emails) & set(self.books.merging):
            raise Refused(400, "merge_in_progress", "The record is being merged; try again later.")
        matching = [row for row in self.books.people.values() if set(row["emails"]) & set(emails)]
        if len(matching) > 1:
            raise Refused(400, "multiple_match_results", "Several records match email_addresses.")
        record_id = matching[0]["record_id"] if matching else self.books.add_person(emails[0], now=now)
        person = self.books.people[record_id]
        person["emails"] = list(dict.fromkeys([*person["emails"], *emails]))
        person.update(told)
        return {"data": self._record_json("people", person)}

    def _record_json(self, object_slug: str, row: Mapping[str, Any]) -> dict[str, Any]:
        values = person_values(row, self._attributes) if object_slug == "people" else company_values(row)
        return {
            "id": {
                "workspace_id": WORKSPACE_ID,
                "object_id": OBJECT_IDS[object_slug],
                "record_id": row["record_id"],
            },
            "created_at": row["created_at"],
            "web_url": f"https://app.attio.example/{LIST_SLUG}/{object_slug}/{row['record_id']}",
            "values": values,
        }

    def _one_person(self, request: Request, now: datetime, record_id: str) -> dict[str, Any]:
        return {"data": self._record_json("people", self._person(record_id))}

    def _entries_of(self, request: Request, now: datetime, record_id: str) -> dict[str, Any]:
        self._person(record_id)
        shown = _page(request.query, ENTRIES_DEFAULT)
        mine = [entry for entry in self.books.entries.values() if entry["parent_record_id"] == record_id]
        return {
            "data": [
                {
                    "list_id": LIST_ID,
                    "list_api_slug": LIST_SLUG,
                    "entry_id": entry["entry_id"],
                    "created_at": entry["created_at"],
                }
                for entry in mine[shown]
            ]
        }

    def _list(self, request: Request, now: datetime, wanted: str) -> dict[str, Any]:
        return {
            "data": {
                "id": {"workspace_id": WORKSPACE_ID, "list_id": self._list_id(wanted)},
                "api_slug": LIST_SLUG,
                "name": "cmo sandbox",
                "parent_object": ["people"],
                "workspace_access": "full-access",
                "workspace_member_access": [],
                "created_by_actor": {"type": "system", "id": None},
                "created_at": "2026-01-01T00:00:00.000000000Z",
            }
        }

    def _assert_entry(self, request: Request, now: datetime, wanted: str) -> dict[str, Any]:
        record_id = self._parent_of_entry(request, wanted)
        mine = [entry for entry in self.books.entries.values() if entry["parent_record_id"] == record_id]
        if len(mine) > 1:
            raise Refused(400, "multiple_match_results", "The parent record is in the list more than once.")
        return self._entry_json(mine[0]["entry_id"] if mine else self.books.add_entry(record_id, now=now))

    def _add_entry(self, request: Request, now: datetime, wanted: str) -> dict[str, Any]:
        return self._entry_json(self.books.add_entry(self._parent_of_entry(request, wanted), now=now))

    def _parent_of_entry(self, request: Request, wanted: str) -> str:
        self._list_id(wanted)
        data = _json_body(request, allowed={"data"}).get("data")
        if not isinstance(data, dict) or set(data) != {"parent_object", "parent_record_id", "entry_values"}:
            raise Refused(400, "validation_type", "parent_object, parent_record_id and entry_values are required")
        if data["parent_object"] != "people" or data["entry_values"] != {}:
            raise Refused(400, "value_not_found", "The list holds people, and its entries have no attributes.")
        record_id = str(data["parent_record_id"])
        self._person(record_id)
        return record_id

    def _entry_json(self, entry_id: str) -> dict[str, Any]:
        entry = self.books.entries[entry_id]
        return {
            "data": {
                "id": {"workspace_id": WORKSPACE_ID, "list_id": LIST_ID, "entry_id": entry_id},
                "parent_record_id": entry["parent_record_id"],
                "parent_object": "people",
                "created_at": entry["created_at"],
                "entry_values": {},
            }
        }

    def _notes(self, request: Request, now: datetime) -> dict[str, Any]:
        """Newest first."""
        shown = _page(request.query, NOTES_DEFAULT, most=NOTES_MAX)
        parent = request.query.get("parent_record_id")
        if parent is not None:
            self._person(parent)
        mine = [note for note in reversed(self.books.notes) if parent in (None, note["parent_record_id"])]
        return {"data": mine[shown]}

    def _add_note(self, request: Request, now: datetime) -> dict[str, Any]:
        """Always another note, whatever is there already."""
        data = _json_body(request, allowed={"data"}).get("data")
        required = {"parent_object", "parent_record_id", "title", "format", "content"}
        if not isinstance(data, dict) or required - set(data) or set(data) - required - {"created_at", "meeting_id"}:
            raise Refused(400, "validation_type", f"A note takes {', '.join(sorted(required))}")
        if data["parent_object"] != "people" or data["format"] not in ("plaintext", "markdown"):
            raise Refused(400, "validation_type", "parent_object or format is not known")
        self._person(str(data["parent_record_id"]))
        note = {
            "id": {"workspace_id": WORKSPACE_ID, "note_id": self.books.new_id("note")},
            "parent_object": "people",
            "parent_record_id": data["parent_record_id"],
            "title": data["title"],
            "content_plaintext": data["content"],
            "content_markdown": data["content"],
            "tags": [],
            "created_by_actor": {"type": "api-token", "id": TOKEN_ID},
            "created_at": data.get("created_at") or stamp(now),
        }
        self.books.notes.append(note)
        return {"data": note}

    def _person(self, record_id: str) -> dict[str, Any]:
        person: dict[str, Any] | None = self.books.people.get(record_id)
        if person is None:
            raise Refused(404, "not_found", f'Record with ID "{record_id}" was not found.')
        return person


def _json_body(request: Request, *, allowed: set[str]) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as exc:
        raise Refused(400, "validation_type", "The body is not JSON") from exc
    if not isinstance(body, dict) or set(body) - allowed:
        raise Refused(400, "validation_type", f"The body takes {', '.join(sorted(allowed))}")
    return body


def _page(asked: Mapping[str, Any], default: int, *, most: int = RECORDS_DEFAULT) -> slice:
    try:
        limit, offset = int(asked.get("limit", default)), int(asked.get("offset", 0))
    except (TypeError, ValueError) as exc:
        raise Refused(400, "validation_type", "limit and offset are whole numbers") from exc
    if not 0 < limit <= most or offset < 0:
        raise Refused(400, "validation_type", f"limit must be from 1 to {most}")
    return slice(offset, offset + limit)
