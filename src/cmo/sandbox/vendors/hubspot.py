"""HubSpot as its contract describes it: contacts, companies, deals, notes; with the traps of upserts and of search.

What is held is in `hubspot_books`; how answers are worded, in `hubspot_answers`.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cmo.sandbox.vendors.hubspot_answers import BATCH_MAX, Refused, batch_json, json_body, object_json, read_inputs
from cmo.sandbox.vendors.hubspot_books import ADDITIONAL, HubSpotBooks
from cmo.sandbox.wire import Request, Response

ACCESS_TOKEN = "sandbox-hubspot-token"
VERSIONS = ("2026-09", "2026-03", "2025-09")
PER_TEN_S, SEARCHES_PER_S = 100, 4
SLACK = timedelta(seconds=0.2)
"""Windows are this much shorter than the contract's: requests do not arrive as evenly as they leave."""
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)
NOTE_MAX_CHARS = 65_536
SEARCH_LAG_S = 10.0
"""How long a new object stays invisible to searches."""
OWNED = ("firstname", "lastname", "company")
"""What an upsert by email empties where it leaves it out: the hardest reading of "no partial upserts"."""
PROPERTIES: Mapping[str, frozenset[str]] = {
    "contacts": frozenset({"email", *OWNED, "website", "jobtitle", "lifecyclestage", ADDITIONAL}),
    "companies": frozenset({"name", "domain"}),
    "deals": frozenset({"dealname", "pipeline", "dealstage", "amount", "closedate"}),
    "notes": frozenset({"hs_timestamp", "hs_note_body", "hubspot_owner_id"}),
}
REQUIRED: Mapping[str, tuple[str, ...]] = {"notes": ("hs_timestamp",), "deals": ("dealname",)}

_KIND = "(contacts|companies|deals|notes)"
_VERSION = r"([^/]+)"
_ROUTES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (method, re.compile(pattern), handler)
    for method, pattern, handler in (
        ("POST", rf"/crm/objects/{_VERSION}/{_KIND}/batch/upsert", "_upsert"),
        ("POST", rf"/crm/objects/{_VERSION}/{_KIND}/batch/read", "_batch_read"),
        ("POST", rf"/crm/objects/{_VERSION}/{_KIND}/search", "_search"),
        ("GET", rf"/crm/objects/{_VERSION}/{_KIND}", "_list"),
        ("POST", rf"/crm/objects/{_VERSION}/{_KIND}", "_create"),
        ("GET", rf"/crm/objects/{_VERSION}/{_KIND}/([^/]+)", "_get"),
        (
            "PUT",
            rf"/crm/objects/{_VERSION}/{_KIND}/([^/]+)/associations/default/{_KIND}/([^/]+)",
            "_link",
        ),
        ("POST", rf"/crm/associations/{_VERSION}/{_KIND}/{_KIND}/batch/read", "_linked"),
        ("POST", rf"/crm/associations/{_VERSION}/{_KIND}/{_KIND}/batch/associate/default", "_link_all"),
    )
)
_ASSOCIATION_TYPES: Mapping[tuple[str, str], int] = {
    ("notes", "contacts"): 202,
    ("notes", "companies"): 190,
    ("notes", "deals"): 214,
    ("deals", "contacts"): 3,
    ("deals", "companies"): 341,
    ("contacts", "companies"): 279,
}


class HubSpotVendor:
    """One account."""

    name = "hubspot"

    def __init__(self, *, seed: int) -> None:
        self.books = HubSpotBooks(seed)
        self.search_lag_s = SEARCH_LAG_S
        self.fails_whole_batches = False
        """One bad input fails its whole batch, as it does where inputs carry no trace id."""
        self.missing_scopes: tuple[str, ...] = ()
        """What the key may not do, e.g. `crm.objects.contacts.write`."""
        self._arrivals: deque[datetime] = deque()
        self._searches: deque[datetime] = deque()

    def to_json(self) -> dict[str, Any]:
        return self.books.to_json()

    def load_json(self, saved: Mapping[str, Any]) -> None:
        self.books.load_json(saved)

    def limited(self, now: datetime, *, policy: str = "TEN_SECONDLY_ROLLING") -> Response:
        """429 without a Retry-After."""
        told = {
            "status": "error",
            "message": f"You have reached your {policy.lower()} limit.",
            "errorType": "RATE_LIMIT",
            "policyName": policy,
        }
        return Response.json(429, told)

    def ok_with_error(self, request: Request) -> Response | None:
        """A batch that is complete and consists of errors."""
        if not request.path.endswith("/batch/upsert"):
            return None
        no = Refused(400, "VALIDATION_ERROR", "Property values were not valid")
        inputs = json.loads(request.body)["inputs"]
        errors = [no.standard(entry["id"], entry.get("objectWriteTraceId")) for entry in inputs]
        return Response.json(200, batch_json([], errors, OPENED_AT))

    def answer(self, request: Request, now: datetime) -> Response:
        is_search = request.path.endswith("/search")
        if is_search and _is_over(self._searches, SEARCHES_PER_S, timedelta(seconds=1), now):
            return self.limited(now, policy="SECONDLY")
        if _is_over(self._arrivals, PER_TEN_S, timedelta(seconds=10), now):
            return self.limited(now)
        try:
            self._check_key(request)
            for method, pattern, handler in _ROUTES:
                match = pattern.fullmatch(request.path)
                if match and method == request.method and match[1] in VERSIONS:
                    self._check_scope(request, match[2])
                    status, body = getattr(self, handler)(request, now, *match.groups()[1:])
                    return Response.json(status, body, {} if is_search else self._headers())
            return Response.html(404, "<html><h1>404 Not Found</h1></html>")
        except Refused as refusal:
            return Response.json(refusal.status, refusal.body())

    def _headers(self) -> dict[str, str]:
        return {
            "X-HubSpot-RateLimit-Max": str(PER_TEN_S),
            "X-HubSpot-RateLimit-Remaining": str(PER_TEN_S - len(self._arrivals)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": "250000",
            "X-HubSpot-RateLimit-Daily-Remaining": "249000",
        }

    def _check_key(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            raise Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def _check_scope(self, request: Request, kind: str) -> None:
        is_read = request.method == "GET" or request.path.endswith(("/read", "/search"))
        scope = f"crm.objects.{'contacts' if kind == 'notes' else kind}.{'read' if is_read else 'write'}"
        if scope in self.missing_scopes:
            detail = {"message": "Missing scopes", "context": {"requiredGranularScopes": [scope]}}
            raise Refused(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes.", errors=[detail])

    def _list(self, request: Request, now: datetime, kind: str) -> tuple[int, dict[str, Any]]:
        shown = list(self.books.objects[kind].values())[: int(request.query.get("limit", 10))]
        return 200, {"results": [object_json(row, ["email", "name"]) for row in shown]}

    def _get(self, request: Request, now: datetime, kind: str, key: str) -> tuple[int, dict[str, Any]]:
        id_property = request.query.get("idProperty")
        self._check_unique(kind, id_property)
        row = self.books.find(kind, key, id_property)
        if row is None:
            raise Refused(404, "OBJECT_NOT_FOUND", "Object not found.")
        return 200, object_json(row, request.query.get("properties", "").split(","))

    def _batch_read(self, request: Request, now: datetime, kind: str) -> tuple[int, dict[str, Any]]:
        body = json_body(request, {"inputs", "properties", "propertiesWithHistory", "idProperty"})
        if {"inputs", "properties", "propertiesWithHistory"} - set(body):
            raise Refused(400, "VALIDATION_ERROR", "inputs, properties and propertiesWithHistory are required")
        self._check_unique(kind, body.get("idProperty"))
        found, errors = {}, []
        for entry in read_inputs(body):
            row = self.books.find(kind, entry["id"], body.get("idProperty"))
            if row is None:
                errors.append(
                    Refused(404, "OBJECT_NOT_FOUND", "Could not get some objects.").standard(entry["id"], None)
                )
            else:
                found[row["id"]] = object_json(row, body["properties"])
        return 207 if errors else 200, batch_json(list(found.values()), errors, now)

    def _search(self, request: Request, now: datetime, kind: str) -> tuple[int, dict[str, Any]]:
        """Only EQ; objects that are younger than the lag are not in the index yet."""
        body = json_body(request, {"filterGroups", "properties", "sorts", "limit", "after", "query"})
        filters = [entry for group in body.get("filterGroups", []) for entry in group["filters"]]
        if len(filters) != 1 or filters[0]["operator"] != "EQ" or int(body.get("limit", 10)) > 200:
            raise Refused(400, "VALIDATION_ERROR", "This sandbox searches by one EQ filter")
        name, value = filters[0]["propertyName"], filters[0]["value"]
        oldest = now.timestamp() - self.search_lag_s
        found = [
            row
            for row in self.books.objects[kind].values()
            if row["createdAt"] <= oldest and (row["properties"].get(name) or "").lower() == value.lower()
        ]
        shown = found[: int(body.get("limit", 10))]
        return 200, {"total": len(found), "results": [object_json(row, body.get("properties", [])) for row in shown]}

    def _create(self, request: Request, now: datetime, kind: str) -> tuple[int, dict[str, Any]]:
        body = json_body(request, {"properties", "associations"})
        properties: dict[str, Any] = body.get("properties", {})
        self._check_properties(kind, properties)
        missing = [name for name in REQUIRED.get(kind, ()) if not properties.get(name)]
        if missing:
            raise Refused(400, "VALIDATION_ERROR", f"Required properties are missing: {', '.join(missing)}")
        if len(properties.get("hs_note_body", "")) > NOTE_MAX_CHARS:
            raise Refused(400, "VALIDATION_ERROR", "hs_note_body is too long")
        for name in self.books.unique_properties[kind]:
            taken = self.books.find(kind, properties[name], name) if properties.get(name) else None
            if taken is not None:
                text = f"{kind[:-1].capitalize()} already exists. Existing ID: {taken['id']}"
                raise Refused(409, "CONFLICT", text)
        targets = [self._association(kind, entry) for entry in body.get("associations", [])]
        row = self.books.add(kind, properties, now=now)
        for to_kind, to_number in targets:
            self.books.link(kind, row["id"], to_kind, to_number)
        return 201, object_json(row, list(properties))

    def _association(self, kind: str, entry: Mapping[str, Any]) -> tuple[str, str]:
        type_ids = {spec["associationTypeId"] for spec in entry["types"]}
        for (from_kind, to_kind), type_id in _ASSOCIATION_TYPES.items():
            if from_kind == kind and type_ids == {type_id}:
                target = self.books.find(to_kind, entry["to"]["id"])
                if target is None:
                    raise Refused(404, "OBJECT_NOT_FOUND", f"No {to_kind[:-1]} with ID {entry['to']['id']} exists")
                return to_kind, target["id"]
        raise Refused(400, "VALIDATION_ERROR", f"{kind} have no association of type {sorted(type_ids)}")

    def _upsert(self, request: Request, now: datetime, kind: str) -> tuple[int, dict[str, Any]]:
        inputs = read_inputs(json_body(request, {"inputs"}))
        if len({entry["id"].lower() for entry in inputs}) < len(inputs):
            raise Refused(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
        is_multi_status = not self.fails_whole_batches and all(entry.get("objectWriteTraceId") for entry in inputs)
        refusals = {}
        for entry in inputs:
            try:
                self._check_upsert(kind, entry)
            except Refused as refusal:
                if not is_multi_status:
                    raise
                refusals[entry["id"]] = refusal.standard(entry["id"], entry["objectWriteTraceId"])
        results = [self._upsert_one(kind, entry, now) for entry in inputs if entry["id"] not in refusals]
        return 207 if refusals else 200, batch_json(results[::-1], list(refusals.values()), now)

    def _check_upsert(self, kind: str, entry: Mapping[str, Any]) -> None:
        self._check_unique(kind, entry.get("idProperty"))
        self._check_properties(kind, entry.get("properties"))

    def _upsert_one(self, kind: str, entry: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Results come in another order than the inputs."""
        id_property, properties = entry["idProperty"], dict(entry["properties"])
        row = self.books.find(kind, entry["id"], id_property)
        is_new = row is None
        if row is None:
            row = self.books.add(kind, {id_property: entry["id"], **properties}, now=now)
        else:
            emptied = dict.fromkeys(OWNED, "") if id_property == "email" else {}
            self.books.change(row, {**emptied, **properties}, now=now)
        shown = {**object_json(row, [id_property, *properties]), "new": is_new}
        if entry.get("objectWriteTraceId"):
            shown["objectWriteTraceId"] = entry["objectWriteTraceId"]
        return shown

    def _link(
        self, request: Request, now: datetime, kind: str, key: str, to_kind: str, to_key: str
    ) -> tuple[int, dict[str, Any]]:
        return 200, batch_json(self._link_each(kind, to_kind, [(key, to_key)]), [], now)

    def _link_all(self, request: Request, now: datetime, kind: str, to_kind: str) -> tuple[int, dict[str, Any]]:
        """All of them, or none where one does not exist."""
        inputs = json_body(request, {"inputs"}).get("inputs")
        if not isinstance(inputs, list) or not 0 < len(inputs) <= BATCH_MAX:
            raise Refused(400, "VALIDATION_ERROR", f"inputs must hold 1 to {BATCH_MAX} pairs")
        pairs = [(str(entry["from"]["id"]), str(entry["to"]["id"])) for entry in inputs]
        return 200, batch_json(self._link_each(kind, to_kind, pairs), [], now)

    def _link_each(self, kind: str, to_kind: str, pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
        found = [(self.books.find(kind, key), self.books.find(to_kind, to_key)) for key, to_key in pairs]
        known = [(row["id"], to_row["id"]) for row, to_row in found if row is not None and to_row is not None]
        if len(known) < len(pairs):
            raise Refused(404, "OBJECT_NOT_FOUND", "One of the objects does not exist.")
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _ASSOCIATION_TYPES[kind, to_kind]}
        for number, to_number in known:
            self.books.link(kind, number, to_kind, to_number)
        return [{"from": {"id": one}, "to": {"id": other}, "associationSpec": spec} for one, other in known]

    def _linked(self, request: Request, now: datetime, kind: str, to_kind: str) -> tuple[int, dict[str, Any]]:
        """At most 100 of each object, then a cursor; an object without any is an error of the batch."""
        results, errors = [], []
        for entry in read_inputs(json_body(request, {"inputs"})):
            row = self.books.find(kind, entry["id"])
            ids = list(self.books.linked(kind, row["id"], to_kind)) if row else []
            first = int(entry.get("after") or 0)
            if not ids:
                no = Refused(404, "OBJECT_NOT_FOUND", f"No {to_kind} are associated with {kind[:-1]} {entry['id']}.")
                errors.append(no.standard(entry["id"], None))
                continue
            spec = {"category": "HUBSPOT_DEFINED", "typeId": 201}
            shown = [{"toObjectId": number, "associationTypes": [spec]} for number in ids[first : first + BATCH_MAX]]
            paging = {"paging": {"next": {"after": str(first + BATCH_MAX)}}} if len(ids) > first + BATCH_MAX else {}
            results.append({"from": {"id": entry["id"]}, "to": shown, **paging})
        return 207 if errors else 200, batch_json(results, errors, now)

    def _check_unique(self, kind: str, id_property: str | None) -> None:
        if id_property is not None and id_property not in self.books.unique_properties[kind]:
            text = f"Unable to perform update/upsert by non-unique 0-2 property {id_property}"
            raise Refused(400, "VALIDATION_ERROR", text)

    def _check_properties(self, kind: str, properties: Any) -> None:
        known = PROPERTIES[kind] | set(self.books.unique_properties[kind])
        if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
            raise Refused(400, "VALIDATION_ERROR", "properties must be an object of strings")
        unknown = sorted(set(properties) - known)
        if unknown:
            detail = {"message": f'Property "{unknown[0]}" does not exist', "code": "PROPERTY_DOESNT_EXIST"}
            raise Refused(400, "VALIDATION_ERROR", "Property values were not valid", errors=[detail])
        address = properties.get("email")
        if address is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", address):
            detail = {"message": "Email address is invalid", "code": "INVALID_EMAIL"}
            raise Refused(400, "VALIDATION_ERROR", "Property values were not valid", errors=[detail])


def _is_over(arrivals: deque[datetime], most: int, window: timedelta, now: datetime) -> bool:
    while arrivals and arrivals[0] <= now - window + SLACK:
        arrivals.popleft()
    if len(arrivals) >= most:
        return True
    arrivals.append(now)
    return False
