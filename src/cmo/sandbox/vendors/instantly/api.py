"""Instantly's API v2 as its contract says: answers, refusals, counters.

Source: contracts/instantly.md. Where it is silent: an unsubscribed person counts as blocked, a person of the same
campaign as a duplicate, not as skipped, and only what runs can be paused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

from cmo.sandbox.vendors.instantly.rows import (
    API_KEY,
    BLOCKED,
    ELSEWHERE,
    INBOXES,
    UNSUBSCRIBED,
    WRONG_ID,
    account_row,
    blocked_row,
    campaign_row,
    lead_row,
    ready_campaigns,
    workspace_row,
)
from cmo.sandbox.vendors.sending import Person, SendingFloor, SendingTwin
from cmo.sandbox.wire import Request, Response

_LEAD_KEYS = frozenset(
    (
        *("email", "personalization", "website", "last_name", "first_name", "company_name", "job_title", "phone"),
        *("lt_interest_status", "pl_value_lead", "assigned_to", "custom_variables"),
    )
)
_ADD_KEYS = frozenset(
    (
        *("campaign_id", "list_id", "leads", "blocklist_id", "assigned_to", "verify_leads_on_import"),
        *("skip_if_in_workspace", "skip_if_in_campaign", "skip_if_in_list"),
    )
)
_COUNTERS = (
    *("in_blocklist", "duplicated_leads", "skipped_count"),
    *("invalid_email_count", "incomplete_count", "duplicate_email_count"),
)
_LIST_KEYS = frozenset({"campaign", "contacts", "limit", "starting_after"})
"""Of the filters only those that are modelled."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
_PAUSE = re.compile(r"/api/v2/campaigns/([^/]+)/pause")
_ONE_CAMPAIGN = re.compile(r"/api/v2/campaigns/([^/]+)")
_ONE_ACCOUNT = re.compile(r"/api/v2/accounts/([^/]+)")
_ONE_LEAD = re.compile(r"/api/v2/leads/([^/]+)")
_SCOPES = (
    ("GET", re.compile(r"/api/v2/campaigns.*"), "campaigns:read"),
    ("POST", re.compile(r"/api/v2/campaigns/.*"), "campaigns:update"),
    ("GET", re.compile(r"/api/v2/accounts.*"), "accounts:read"),
    ("POST", re.compile(r"/api/v2/leads/list"), "leads:read"),
    ("POST", re.compile(r"/api/v2/leads/add"), "leads:create"),
    ("DELETE", re.compile(r"/api/v2/leads/.*"), "leads:delete"),
    ("GET", re.compile(r"/api/v2/workspaces/.*"), "workspaces:read"),
    ("GET", re.compile(r"/api/v2/block-lists-entries"), "block_list_entries:read"),
)
_LIMITS = ((100, 1.0), (6_000, 60.0))
_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}


class InstantlyTwin(SendingTwin):
    """One workspace with three campaigns."""

    name = "instantly"

    def __init__(self, *, seed: int = 7) -> None:
        super().__init__(SendingFloor(ready_campaigns(), active="active"), *_LIMITS)
        self._seed = seed
        self.block_list = {*BLOCKED, UNSUBSCRIBED}
        """Addresses and domains, in lower case."""
        self.scopes = {scope for _, _, scope in _SCOPES}
        """What the key may do."""
        earlier = self._add(WRONG_ID, {"email": ELSEWHERE, "first_name": "Tia"}, datetime(2026, 1, 12, 9, tzinfo=UTC))
        earlier.is_done = True

    def answer(self, request: Request, now: datetime) -> Response:
        self.floor.advance(now)
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return _refusal(401, "Invalid API key")
        if self.is_over_limit(now):
            return self.limited(now)
        path = unquote(request.path)
        wanted = {name for method, form, name in _SCOPES if method == request.method and form.fullmatch(path)}
        if lacking := wanted - self.scopes:
            return _refusal(403, f"The key lacks the scope {lacking.pop()}")
        body = _body(request)
        if body is None:
            return _refusal(400, "body must be an object")
        match request.method, path:
            case "POST", "/api/v2/leads/add":
                return self._add_leads(body, now)
            case "POST", "/api/v2/leads/list":
                return self._list_leads(body)
            case "GET", "/api/v2/workspaces/current":
                return Response.json(200, workspace_row())
            case "GET", "/api/v2/block-lists-entries":
                wanted_name = request.query.get("search", "").casefold()
                found = [value for value in sorted(self.block_list) if wanted_name in value]
                return Response.json(200, {"items": [blocked_row(value) for value in found]})
            case "GET", "/api/v2/campaigns":
                return Response.json(200, {"items": [campaign_row(row) for row in self.floor.campaigns.values()]})
            case "GET", "/api/v2/accounts":
                return Response.json(200, {"items": [self._account(inbox) for inbox in INBOXES]})
            case _:
                return self._by_id(request.method, path)

    def _by_id(self, method: str, path: str) -> Response:
        routes: tuple[tuple[str, re.Pattern[str], Callable[[str], Response]], ...] = (
            ("POST", _PAUSE, self._pause),
            ("GET", _ONE_CAMPAIGN, self._get_campaign),
            ("GET", _ONE_ACCOUNT, self._get_account),
            ("DELETE", _ONE_LEAD, self._delete_lead),
        )
        for wanted, pattern, act in routes:
            if method == wanted and (found := pattern.fullmatch(path)):
                return act(found.group(1))
        return _refusal(404, "Route not found")

    def limited(self, now: datetime) -> Response:
        """Without any header: callers back off on their own."""
        return _refusal(429, "Rate limit exceeded")

    def ok_with_error(self, request: Request) -> Response | None:
        if request.method == "DELETE":
            return Response.json(200, {"error": "Lead could not be deleted, try again later"})
        if request.path != "/api/v2/leads/add":
            return None
        return Response.json(200, {"error": "Leads could not be imported, try again later"})

    def to_json(self) -> dict[str, Any]:
        return {**self.floor.to_json(), "block_list": sorted(self.block_list)}

    def load_json(self, saved: Mapping[str, Any]) -> None:
        self.floor.load_json(saved)
        self.block_list = set(saved["block_list"])

    def _add_leads(self, body: Mapping[str, Any], now: datetime) -> Response:
        leads, campaign_id = body.get("leads"), body.get("campaign_id")
        problem = _add_problem(body)
        if problem:
            return _refusal(400, problem)
        if campaign_id not in self.floor.campaigns:
            return _refusal(404, "Campaign not found")
        assert isinstance(leads, list)
        if self.is_unreadable(leads):
            return _refusal(400, "a lead cannot be read")
        counters = dict.fromkeys(_COUNTERS, 0)
        created = []
        seen: set[str] = set()
        for index, lead in enumerate(leads):
            why = self._why_not(lead, campaign_id, seen, skips=body.get("skip_if_in_campaign") is True)
            seen.add(str(lead.get("email") or "").casefold())
            if why:
                counters[why] += 1
                continue
            if not self.room:  # no counter of the contract is for them
                continue
            person = self._add(campaign_id, lead, now)
            created.append({"index": index, "id": person.id, "email": person.email})
        told = {
            "status": "success",
            "total_sent": len(leads),
            "leads_uploaded": len(created),
            **counters,
            "blocklist_used": None,
            "remaining_in_plan": self.room,
            "created_leads": created,
        }
        return Response.json(200, told)

    def _why_not(self, lead: Mapping[str, Any], campaign_id: str, seen: set[str], *, skips: bool) -> str:
        """The counter of a lead that is not added; empty for one that is."""
        email = str(lead.get("email") or "").casefold()
        if not email:
            return "incomplete_count"
        if not _EMAIL.fullmatch(email):
            return "invalid_email_count"
        if email in seen:
            return "duplicate_email_count"
        if {email, email.rpartition("@")[2]} & self.block_list:
            return "in_blocklist"
        if self.floor.find(email, campaign_id=campaign_id):
            return "duplicated_leads"
        return "skipped_count" if skips and self.floor.find(email) else ""

    def _add(self, campaign_id: str, lead: Mapping[str, Any], now: datetime) -> Person:
        name = f"{self._seed}|{campaign_id}|{str(lead['email']).casefold()}"
        person_id = str(uuid5(NAMESPACE_URL, name))
        custom = lead.get("custom_variables") or {}
        return self.floor.add(person_id, campaign_id, lead, custom=custom, now=now)

    def _list_leads(self, body: Mapping[str, Any]) -> Response:
        """A last page with data carries a cursor too."""
        unknown = set(body) - _LIST_KEYS
        limit = body.get("limit", 10)
        if unknown or not isinstance(limit, int) or not 1 <= limit <= 100:
            return _refusal(400, f"body has unknown or wrong properties: {sorted(unknown) or 'limit'}")
        campaign_id, contacts = body.get("campaign"), body.get("contacts")
        if campaign_id is not None and campaign_id not in self.floor.campaigns:
            return _refusal(404, "Campaign not found")
        wanted = None if contacts is None else {str(contact).casefold() for contact in contacts}
        found = [
            person
            for person in self.enrolled
            if campaign_id in (None, person.campaign_id) and (wanted is None or person.email.casefold() in wanted)
        ]
        after = str(body.get("starting_after") or "")
        start = next((place + 1 for place, person in enumerate(found) if person.id == after), 0)
        page = found[start : start + limit]
        cursor = {"next_starting_after": page[-1].id} if page else {}
        return Response.json(200, {"items": [lead_row(person) for person in page], **cursor})

    def _get_campaign(self, campaign_id: str) -> Response:
        campaign = self.floor.campaigns.get(campaign_id)
        return Response.json(200, campaign_row(campaign)) if campaign else _refusal(404, "Campaign not found")

    def _pause(self, campaign_id: str) -> Response:
        campaign = self.floor.campaigns.get(campaign_id)
        if campaign is None:
            return _refusal(404, "Campaign not found")
        if campaign.status not in ("active", "paused"):
            return _refusal(400, "Only a running campaign can be paused")
        campaign.status = "paused"
        return Response.json(200, campaign_row(campaign))

    def _delete_lead(self, lead_id: str) -> Response:
        person = self.floor.take_out(lead_id)
        return Response.json(200, lead_row(person)) if person else _refusal(404, "Lead not found")

    def _get_account(self, email: str) -> Response:
        return Response.json(200, self._account(email)) if email in INBOXES else _refusal(404, "Account not found")

    def _account(self, email: str) -> dict[str, Any]:
        return {**account_row(email), **self.inbox_state.get(email, {})}


def _body(request: Request) -> dict[str, Any] | None:
    """An empty body is an empty object; None for anything but an object."""
    if not request.body:
        return {}
    try:
        value = json.loads(request.body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _add_problem(body: Mapping[str, Any]) -> str:
    leads = body.get("leads")
    if unknown := set(body) - _ADD_KEYS:
        return f"body has unknown properties: {sorted(unknown)}"
    if ("campaign_id" in body) == ("list_id" in body):
        return "exactly one of campaign_id and list_id is required"
    if not isinstance(leads, list) or not 1 <= len(leads) <= 1000 or not all(isinstance(lead, dict) for lead in leads):
        return "leads must have 1 to 1000 items"
    if unknown := {key for lead in leads for key in lead} - _LEAD_KEYS:
        return f"a lead has unknown properties: {sorted(unknown)}"
    values = [value for lead in leads for value in dict(lead.get("custom_variables") or {}).values()]
    return "" if all(value is None or isinstance(value, str | int | float) for value in values) else "custom_variables"


def _refusal(status: int, message: str) -> Response:
    return Response.json(status, {"statusCode": status, "error": _TITLES[status], "message": message})
