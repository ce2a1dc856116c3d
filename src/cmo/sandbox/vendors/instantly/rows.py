"""What the model of Instantly holds from the start, and its records as JSON."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cmo.sandbox.vendors.sending import Campaign, Person

API_KEY = "sandbox-instantly-key"
ACTIVE_ID = "1a6c0000-0000-4000-8000-000000000001"
"""Sends exactly what was approved, from three warm inboxes."""
PAUSED_ID = "1a6c0000-0000-4000-8000-000000000002"
"""As the active one, but paused."""
WRONG_ID = "1a6c0000-0000-4000-8000-000000000003"
"""Active, with words of its own, tracking and a second step; `ELSEWHERE` is in it."""
ELSEWHERE = "taken@elsewhere.example"
BLOCKED = ("blocked@meadow.example", "blocked.example")
"""An address and a domain."""
UNSUBSCRIBED = "stopped@meadow.example"

INBOXES = ("ada@send-one.example", "ada@send-two.example", "ada@send-three.example")
_WARM_SINCE = "2026-01-12T09:00:00.000Z"
_OWNER = "1a6c0000-0000-4000-8000-0000000000ff"
_STATUSES = {"draft": 0, "active": 1, "paused": 2, "completed": 3}


def ready_campaigns() -> tuple[Campaign, ...]:
    """The three campaigns of the workspace."""
    return (
        _ours(ACTIVE_ID, "Approved letters", "active"),
        _ours(PAUSED_ID, "Approved letters, later", "paused"),
        Campaign(
            id=WRONG_ID,
            name="Spring newsletter",
            status="active",
            subject="{{firstName}}, {quick|short} question",
            body="Hi {{firstName}},<br/>{{cmo_body}}<br/>Ada",
            inboxes=INBOXES[:1],
            settings={"open_tracking": True, "link_tracking": True, "insert_unsubscribe_header": False},
        ),
    )


def _ours(campaign_id: str, name: str, status: str) -> Campaign:
    return Campaign(
        id=campaign_id,
        name=name,
        status=status,
        subject="{{cmo_subject}}",
        body="<div>{{cmo_body}}</div>",
        inboxes=INBOXES,
    )


def workspace_row() -> dict[str, Any]:
    return {
        "id": _OWNER,
        "timestamp_created": _WARM_SINCE,
        "timestamp_updated": _WARM_SINCE,
        "owner": _OWNER,
        "name": "Sandbox workspace",
    }


def account_row(email: str) -> dict[str, Any]:
    return {
        "email": email,
        "timestamp_created": _WARM_SINCE,
        "timestamp_updated": _WARM_SINCE,
        "first_name": "Ada",
        "last_name": "Sender",
        "organization": _OWNER,
        "status": 1,
        "warmup_status": 1,
        "timestamp_warmup_start": _WARM_SINCE,
        "provider_code": 1,
        "setup_pending": False,
        "is_managed_account": False,
    }


def blocked_row(value: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, value)),
        "timestamp_created": _WARM_SINCE,
        "organization_id": _OWNER,
        "bl_value": value,
        "is_domain": "@" not in value,
    }


def lead_row(person: Person) -> dict[str, Any]:
    names = {"firstName": person.first_name, "lastName": person.last_name, "companyName": person.company_name}
    return {
        "id": person.id,
        "timestamp_created": person.added_at,
        "timestamp_updated": person.added_at,
        "organization": _OWNER,
        "campaign": person.campaign_id,
        "status": 3 if person.is_done else 1,
        "email": person.email,
        "first_name": person.first_name or None,
        "last_name": person.last_name or None,
        "company_name": person.company_name or None,
        "payload": {**{name: value for name, value in names.items() if value}, **person.custom},
        "email_open_count": 0,
        "email_reply_count": 0,
        "email_click_count": 0,
        "company_domain": person.email.rpartition("@")[2],
        "status_summary": {},
        "upload_method": "api",
    }


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    steps = [_step(campaign.subject, campaign.body)]
    if campaign.id == WRONG_ID:
        steps.append(_step("", "Did you see my mail, {{firstName}}?"))
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": _STATUSES[campaign.status],
        "campaign_schedule": {
            "schedules": [
                {
                    "name": "Working hours",
                    "timing": {"from": f"{campaign.opens:%H:%M}", "to": f"{campaign.closes:%H:%M}"},
                    "days": {str((day + 1) % 7): day in campaign.days for day in range(7)},
                    "timezone": campaign.zone,
                }
            ]
        },
        "sequences": [{"steps": steps}],
        "timestamp_created": _WARM_SINCE,
        "timestamp_updated": _WARM_SINCE,
        "email_list": list(campaign.inboxes),
        "daily_limit": 50,
        "stop_on_reply": True,
        "open_tracking": False,
        "link_tracking": False,
        "insert_unsubscribe_header": True,
        **campaign.settings,
    }


def _step(subject: str, body: str) -> dict[str, Any]:
    return {"type": "email", "delay": 3, "variants": [{"subject": subject, "body": body}]}
