"""What the model of Smartlead holds from the start, and its records and answers as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from cmo.sandbox.vendors.sending import Campaign

API_KEY = "sandbox-smartlead-key"
ACTIVE_ID = "4101"
"""Sends exactly what was approved, from three inboxes."""
PAUSED_ID = "4102"
"""As the active one, but paused."""
WRONG_ID = "4103"
"""Active, with words of its own, tracking and a second step; `ELSEWHERE` is in it."""
ELSEWHERE = "taken@elsewhere.example"
BLOCKED = ("blocked@meadow.example", "blocked.example")
"""An address and a domain."""
UNSUBSCRIBED = "stopped@meadow.example"

Form = Literal["live", "site", "openapi"]

INBOXES = ("ada@send-one.example", "ada@send-two.example", "ada@send-three.example")
SINCE = "2026-01-12T09:00:00.000Z"


def ready_campaigns() -> tuple[Campaign, ...]:
    ours: dict[str, Any] = {"subject": "{{cmo_subject}}", "body": "<p>{{cmo_body}}</p>", "inboxes": INBOXES}
    quiet: dict[str, Any] = {"track_settings": ["DONT_EMAIL_OPEN", "DONT_LINK_CLICK"], "unsubscribe_text": ""}
    return (
        Campaign(id=ACTIVE_ID, name="Approved letters", status="ACTIVE", settings=quiet, **ours),
        Campaign(id=PAUSED_ID, name="Approved letters, later", status="PAUSED", settings=quiet, **ours),
        Campaign(
            id=WRONG_ID,
            name="Spring newsletter",
            status="ACTIVE",
            subject="{{first_name}}, {quick|short} question",
            body="Hi {{first_name}},<br/>{{cmo_body}}<br/>Ada",
            inboxes=INBOXES[:1],
            settings={"track_settings": [], "unsubscribe_text": "Do not want this? Say stop."},
        ),
    )


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": int(campaign.id),
        "name": campaign.name,
        "status": campaign.status,
        "created_at": SINCE,
        "updated_at": SINCE,
        "scheduler_cron_value": {
            "tz": campaign.zone,
            "days": [(day + 1) % 7 for day in campaign.days],
            "startHour": f"{campaign.opens:%H:%M}",
            "endHour": f"{campaign.closes:%H:%M}",
        },
        "max_leads_per_day": "100",
        "stop_lead_settings": "REPLY_TO_AN_EMAIL",
        "send_as_plain_text": False,
        **campaign.settings,
    }


def inbox_row(number: int, address: str) -> dict[str, Any]:
    return {"id": number, "from_email": address, "is_smtp_success": True, "is_imap_success": True}


def step_rows(campaign: Campaign) -> list[dict[str, Any]]:
    texts = [(campaign.subject, campaign.body)]
    if campaign.id == WRONG_ID:
        texts.append(("", "Did you see my mail, {{first_name}}?"))
    return [
        {
            "id": int(campaign.id) * 10 + number,
            "seq_number": number,
            "subject": subject,
            "email_body": body,
            "seq_delay_details": {"delay_in_days": 3 * (number - 1)},
        }
        for number, (subject, body) in enumerate(texts, start=1)
    ]


def _live_form(emails: Sequence[str], fates: Sequence[str]) -> dict[str, Any]:
    """As seen: `upload_count` counts the refused too; lists and figures mixed."""
    return {
        "ok": True,
        "upload_count": len(fates),
        "total_leads": fates.count("added"),
        "already_added_to_campaign": fates.count("already"),
        "skipped_in_other_campaign_count": str(fates.count("elsewhere")),
        "block_count": fates.count("blocked"),
        "duplicate_count": 0,
        "invalid_email_count": fates.count("invalid"),
        "invalid_emails": _with_fate(emails, fates, "invalid"),
        "unsubscribed_leads": _with_fate(emails, fates, "unsubscribed"),
        "bounce_count": 0,
        "is_lead_limit_exhausted": "stopped" in fates,
        "lead_import_stopped_count": fates.count("stopped"),
    }


def _site_form(emails: Sequence[str], fates: Sequence[str]) -> dict[str, Any]:
    skipped = [{"email": email, "reason": fate} for email, fate in zip(emails, fates, strict=True) if fate != "added"]
    added = len(fates) - len(skipped)
    return {
        "success": True,
        "message": "ok",
        "added_count": added,
        "skipped_count": len(skipped),
        "skipped_leads": skipped,
    }


def _openapi_form(emails: Sequence[str], fates: Sequence[str]) -> dict[str, Any]:
    added, already = fates.count("added"), fates.count("already")
    return {
        "ok": True,
        "inserted_count": added,
        "duplicate_count": already,
        "blocked_count": len(fates) - added - already,
    }


FORMS: Mapping[Form, Callable[[Sequence[str], Sequence[str]], dict[str, Any]]] = {
    "live": _live_form,
    "site": _site_form,
    "openapi": _openapi_form,
}


def _with_fate(emails: Sequence[str], fates: Sequence[str], wanted: str) -> list[str]:
    return [email for email, fate in zip(emails, fates, strict=True) if fate == wanted]
