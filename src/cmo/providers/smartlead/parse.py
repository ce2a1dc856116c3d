"""Smartlead's JSON to plain values: every form that its documents show, told from what says nothing.

Shapes that cannot be used are None, never an exception. Source: contracts/smartlead.md, POST /campaigns/{id}/leads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cmo.providers.calling import finite
from cmo.providers.http import HttpAnswer, harmless
from cmo.providers.sequencer.letters import BODY_VARIABLE, SUBJECT_VARIABLE
from cmo.providers.sequencer.values import record_id, text, whole

REFUSALS = {
    "skipped_in_other_campaign_count": "in_other_campaign",
    "block_count": "blocklisted",
    "blocked_count": "blocklisted",
    "invalid_email_count": "invalid_email",
    "unsubscribed_leads": "unsubscribed",
    "bounce_count": "bounced",
}
"""Counter -> the code of a receipt."""
MAYBE_THERE = {"duplicate_count": "duplicate", "skipped_count": "skipped"}
"""Counter of people who may be in the campaign already, or not at all -> the code for those who are not."""
ADDED = ("added_count", "inserted_count")
"""What two of the three forms call those who were added; `upload_count` of the third counts the refused too."""
NAMED = {"invalid_emails": "invalid_email", "unsubscribed_leads": "unsubscribed", "skipped_leads": "skipped"}
"""Lists of addresses, or of objects with one -> the code for those in them."""


@dataclass(frozen=True)
class Said:
    """What adding people answered."""

    is_ok: bool
    is_limit_reached: bool
    """The plan holds no more people."""
    refusals: Mapping[str, int]
    """Code -> how many were surely refused with it."""
    maybe_there: Mapping[str, int]
    """The same for those who may be in the campaign already."""
    added: int | None
    """None where the form does not say it."""
    already: int | None
    """Who were in the campaign before; None where the form does not say it."""
    named: Mapping[str, str]
    """Case-folded address -> code."""
    told: str
    """The figures, for a person."""


@dataclass(frozen=True)
class Lead:
    """One person of the account."""

    id: str
    email: str
    """Case-folded."""
    campaign_ids: tuple[str, ...]
    """Each as often as it is named."""
    is_unsubscribed: bool
    subject: object
    body: object


def parse_said(body: object) -> Said | None:
    """What an answer to adding people says; None where it does not say what happened."""
    if not isinstance(body, dict):
        return None
    is_ok = body.get("ok", body.get("success"))
    counts = {name: _count(body.get(name)) for name in (*REFUSALS, *MAYBE_THERE, *ADDED)}
    known = {name: count for name, count in counts.items() if count is not None}
    if not isinstance(is_ok, bool) or len(known) < len(counts):
        return None
    return Said(
        is_ok=is_ok and not body.get("error"),
        is_limit_reached=body.get("is_lead_limit_exhausted") is True,
        refusals=_by_code(REFUSALS, known),
        maybe_there=_by_code(MAYBE_THERE, known),
        added=next((known[name] for name in ADDED if body.get(name) is not None), None),
        already=whole(body.get("already_added_to_campaign")),
        named=_named(body),
        told=harmless(", ".join(f"{name} {size}" for name, row in body.items() if (size := _count(row)))),
    )


def parse_lead(body: object) -> Lead | None:
    """The person of GET /leads/?email=, without an address where nobody has it; None for another shape."""
    if not isinstance(body, dict) or body.get("error") or body.get("ok") is False:
        return None
    rows = body.get("lead_campaign_data")
    if rows is not None and not isinstance(rows, list):
        return None
    fields = body.get("custom_fields")
    held = fields if isinstance(fields, dict) else {}
    return Lead(
        id=record_id(body),
        email=text(body.get("email")).strip().casefold(),
        campaign_ids=tuple(text(row.get("campaign_id")) for row in rows or () if isinstance(row, dict)),
        is_unsubscribed=body.get("is_unsubscribed") is True,
        subject=held.get(SUBJECT_VARIABLE),
        body=held.get(BODY_VARIABLE),
    )


def told_wait_s(answer: HttpAnswer, now: datetime) -> float | None:
    """The seconds a 429 asks for: Retry-After (s), X-RateLimit-Reset (epoch s), or its body; None without any.

    Source: contracts/smartlead.md, Limits.
    """
    body = answer.parsed()
    error = body.get("error") if isinstance(body, dict) else None
    reset = finite(answer.headers.get("x-ratelimit-reset"))
    waits = (
        finite(answer.headers.get("retry-after")),
        None if reset is None else reset - now.timestamp(),
        finite(error.get("retry_after")) if isinstance(error, dict) else None,
    )
    return next((wait for wait in waits if wait is not None), None)


def _count(value: object) -> int | None:
    """Of a figure or of a list; a missing one is 0, and None means that it is neither."""
    if value is None:
        return 0
    if isinstance(value, list):
        return len(value)
    figure = whole(value)
    return figure if figure is not None and figure >= 0 else None


def _by_code(names: Mapping[str, str], counts: Mapping[str, int]) -> dict[str, int]:
    """Code -> how many, without zeros."""
    summed: Counter[str] = Counter()
    for name, code in names.items():
        summed[code] += counts[name]
    return dict(+summed)


def _named(body: Mapping[str, object]) -> dict[str, str]:
    named: dict[str, str] = {}
    for name, code in NAMED.items():
        rows = body.get(name)
        for row in rows if isinstance(rows, list) else ():
            email = row.get("email") if isinstance(row, dict) else row
            if isinstance(email, str):
                named[email.strip().casefold()] = code
    return named
