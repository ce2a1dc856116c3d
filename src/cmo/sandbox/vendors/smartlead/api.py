"""A model of Smartlead's API v1, with its manners: 200 for a refused person, ids now a number and now text.

Source: contracts/smartlead.md, whose documents contradict each other: `form` chooses which of them is believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cmo.sandbox.vendors.sending import Campaign, Person, SendingFloor, SendingTwin
from cmo.sandbox.vendors.smartlead.rows import (
    API_KEY,
    BLOCKED,
    ELSEWHERE,
    FORMS,
    SINCE,
    UNSUBSCRIBED,
    WRONG_ID,
    Form,
    campaign_row,
    inbox_row,
    ready_campaigns,
    step_rows,
)
from cmo.sandbox.wire import Request, Response

BASE_PATH = "/api/v1"
LIMIT_WAIT_S = 20
_FIRST_LEAD = 880_001
_LIMITS = ((10, 2.0), (60, 60.0))
_LEAD_KEYS = frozenset(
    (
        *("email", "first_name", "last_name", "phone_number", "company_name", "website", "location"),
        *("linkedin_profile", "company_url", "custom_fields"),
    )
)
_SETTINGS = frozenset(
    (
        *("ignore_global_block_list", "ignore_unsubscribe_list", "ignore_unsubscribe", "ignore_community_bounce_list"),
        *("ignore_duplicate_leads_in_other_campaign", "return_lead_ids"),
    )
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
_ONE_CAMPAIGN = re.compile(r"/campaigns/(\d+)(/leads(?:/\d+)?|/status|/sequences|/email-accounts)?")
_FULL = {"ok": False, "is_lead_limit_exhausted": True, "error": "Lead limit reached"}
_STATUSES = {"START": "ACTIVE", "PAUSED": "PAUSED", "STOPPED": "STOPPED"}


class SmartleadTwin(SendingTwin):
    """One account with three campaigns."""

    name = "smartlead"

    def __init__(self, *, form: Form = "live") -> None:
        """Make the account.

        Args:
            form: Of the answer to adding people: as seen, as the site says, as the OpenAPI document says.
        """
        super().__init__(SendingFloor(ready_campaigns(), active="ACTIVE"), *_LIMITS)
        self.form = form
        self.block_list = set(BLOCKED)
        """Addresses and domains, in lower case."""
        self.unsubscribed = {UNSUBSCRIBED}
        """Addresses in lower case."""
        earlier = self._add(WRONG_ID, {"email": ELSEWHERE, "first_name": "Tia"}, datetime(2026, 1, 12, 9, tzinfo=UTC))
        earlier.is_done = True

    def answer(self, request: Request, now: datetime) -> Response:
        self.floor.advance(now)
        if request.query.get("api_key") != API_KEY:
            return Response.json(401, {"message": "Invalid API Key"})
        if self.is_over_limit(now):
            return self.limited(now)
        path = request.path.removeprefix(BASE_PATH)
        if request.method == "GET" and path == "/leads/":
            return self._get_lead(request.query.get("email", ""))
        if request.method == "GET" and path == "/leads/fetch-categories":
            return Response.json(200, [{"id": 1, "name": "Interested", "created_at": SINCE}])
        found = _ONE_CAMPAIGN.fullmatch(path)
        campaign = self.floor.campaigns.get(found.group(1)) if found else None
        if found is None or campaign is None:
            return Response.json(404, {"error": "Campaign not found"})
        return self._at_campaign(request, campaign, found.group(2) or "", now)

    def limited(self, now: datetime) -> Response:
        reset = str(int(now.timestamp()) + LIMIT_WAIT_S)
        error = {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests", "retry_after": LIMIT_WAIT_S}
        headers = {"Retry-After": str(LIMIT_WAIT_S), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        return Response.json(429, {"error": error}, headers)

    def ok_with_error(self, request: Request) -> Response | None:
        if request.method == "DELETE":
            return Response.json(200, {"ok": False, "error": "Something went wrong"})
        if request.method != "POST" or not request.path.endswith("/leads"):
            return None
        return Response.json(200, _FULL)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.floor.to_json(),
            "block_list": sorted(self.block_list),
            "unsubscribed": sorted(self.unsubscribed),
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        self.floor.load_json(saved)
        self.block_list = set(saved["block_list"])
        self.unsubscribed = set(saved["unsubscribed"])

    def _at_campaign(self, request: Request, campaign: Campaign, what: str, now: datetime) -> Response:
        match request.method, what:
            case "GET", "":
                return Response.json(200, campaign_row(campaign))
            case "GET", "/sequences":
                return Response.json(200, step_rows(campaign))
            case "GET", "/email-accounts":
                numbered = enumerate(campaign.inboxes, start=71)
                rows = [inbox_row(number, inbox) | self.inbox_state.get(inbox, {}) for number, inbox in numbered]
                return Response.json(200, rows)
            case "POST", "/status":
                return self._set_status(campaign, _body(request))
            case "POST", "/leads":
                return self._add_leads(campaign, _body(request), now)
            case "DELETE", _ if what.startswith("/leads/"):
                gone = self.floor.take_out(what.removeprefix("/leads/"), campaign_id=campaign.id)
                return Response.json(200, {"ok": True}) if gone else Response.json(404, {"error": "Lead not found"})
            case _:
                return Response.json(404, {"error": "Route not found"})

    def _set_status(self, campaign: Campaign, body: Mapping[str, Any]) -> Response:
        if set(body) != {"status"} or body["status"] not in _STATUSES:
            return _wrong("status must be START, PAUSED or STOPPED")
        if body["status"] == "PAUSED" and campaign.status not in ("ACTIVE", "PAUSED"):
            return _wrong("only a running campaign can be paused")
        campaign.status = _STATUSES[body["status"]]
        return Response.json(200, {"ok": True})

    def _add_leads(self, campaign: Campaign, body: Mapping[str, Any], now: datetime) -> Response:
        if problem := _add_problem(body):
            return _wrong(problem)
        if self.is_unreadable(body["lead_list"]):
            return _wrong("a lead cannot be read")
        settings: Mapping[str, Any] = body.get("settings") or {}
        fates = [self._add_one(campaign, lead, settings, now) for lead in body["lead_list"]]
        emails = [str(lead["email"]) for lead in body["lead_list"]]
        told = _FULL if "stopped" in fates and "added" not in fates else FORMS[self.form](emails, fates)
        return Response.json(200, told)

    def _add_one(self, campaign: Campaign, lead: Mapping[str, Any], settings: Mapping[str, Any], now: datetime) -> str:
        """What became of it; `added` for a person who is in the campaign now and was not."""
        email = str(lead["email"]).casefold()
        if not _EMAIL.fullmatch(email):
            return "invalid"
        if not settings.get("ignore_global_block_list") and {email, email.rpartition("@")[2]} & self.block_list:
            return "blocked"
        if email in self.unsubscribed and not (
            settings.get("ignore_unsubscribe_list") or settings.get("ignore_unsubscribe")
        ):
            return "unsubscribed"
        if self.floor.find(email, campaign_id=campaign.id):
            return "already"
        if self.floor.find(email) and not settings.get("ignore_duplicate_leads_in_other_campaign"):
            return "elsewhere"
        if not self.room:
            return "stopped"
        self._add(campaign.id, lead, now)
        return "added"

    def _add(self, campaign_id: str, lead: Mapping[str, Any], now: datetime) -> Person:
        person_id = str(_FIRST_LEAD + len(self.floor.people))
        custom = lead.get("custom_fields") or {}
        return self.floor.add(person_id, campaign_id, lead, custom=custom, now=now)

    def _get_lead(self, email: str) -> Response:
        """Everything the account holds of one address; an empty object for nobody."""
        places = self.floor.find(email)
        if not places:
            return Response.json(200, {})
        person = places[0]
        told = {
            "id": person.id,
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "company_name": person.company_name,
            "custom_fields": person.custom,
            "is_unsubscribed": person.email.casefold() in self.unsubscribed,
            "lead_campaign_data": [
                {"campaign_lead_map_id": place.id, "campaign_id": int(place.campaign_id)} for place in places
            ],
        }
        return Response.json(200, told)


def _body(request: Request) -> dict[str, Any]:
    """An empty object for anything but an object: every write needs a key."""
    try:
        value = json.loads(request.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _add_problem(body: Mapping[str, Any]) -> str:
    leads, settings = body.get("lead_list"), body.get("settings", {})
    if set(body) - {"lead_list", "settings"} or not isinstance(settings, dict) or set(settings) - _SETTINGS:
        return "unknown keys in the body or its settings"
    if not isinstance(leads, list) or not 1 <= len(leads) <= 100:
        return "lead_list must have 1 to 100 items"
    for lead in leads:
        if not isinstance(lead, dict) or "email" not in lead or set(lead) - _LEAD_KEYS:
            return "a lead has unknown keys or no email"
        if len(lead.get("custom_fields") or {}) > 20:
            return "at most 20 custom fields"
    return ""


def _wrong(message: str) -> Response:
    return Response.json(400, {"error": message})
