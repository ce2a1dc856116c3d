"""A campaign of Instantly as it stands, and why approved text would not leave it unchanged.

Source: contracts/instantly.md, "There is no send-this-email call" and Enumerations; data schema `Campaign`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from cmo.domain.outward import Inbox, SequenceState
from cmo.domain.text import clean_line
from cmo.providers.instantly.zones import nearest_zone
from cmo.providers.sequencer.letters import BODY_TEMPLATE, SUBJECT_TEMPLATE, step_problems
from cmo.providers.sequencer.schedules import (
    Schedule,
    clock_words,
    from_sunday,
    other_zones,
    schedule_problems,
    zone_problem,
)
from cmo.providers.sequencer.values import rows_of, text, whole

STATES: Mapping[int, SequenceState] = {
    -99: "unhealthy",
    -2: "unhealthy",
    -1: "unhealthy",
    0: "draft",
    1: "sending",
    2: "paused",
    3: "finished",
    4: "sending",
}
_STATE_PROBLEMS = {
    -99: "The sending account is suspended: ask Instantly's support.",
    -2: "Instantly stopped it because too much mail bounced: find out why before you resume it.",
    -1: "Its inboxes are unhealthy: reconnect them in Instantly.",
    0: "The campaign is a draft, which would only hold what it is handed: launch it in Instantly.",
    2: "The campaign is paused and would only hold what it is handed: resume it in Instantly.",
    3: "It is completed, so nobody who is added gets mail: resume it, or use another campaign.",
    4: "It runs subsequences, whose text nobody approved here: remove them.",
}
_SETTINGS = {
    "open_tracking": (False, "Open tracking is on or unknown, which adds an image to every mail: switch it off."),
    "link_tracking": (False, "Link tracking is on or unknown, which rewrites links: switch it off."),
    "insert_unsubscribe_header": (True, "Mail leaves without an unsubscribe header: switch it on."),
}
_LIFTED = {
    "disable_bounce_protect": "Its bounce protection is off, so it goes on while mail bounces: switch it on.",
    "allow_risky_contacts": "It writes to addresses that Instantly holds for risky: switch that off.",
}
"""Protections that a campaign can do without; ours cannot."""
_DAYS = frozenset("0123456")
"""Keys of the days of a schedule."""
_ACCOUNT_TROUBLES = {
    2: "paused",
    3: "paused for maintenance, and back shortly",
    -1: "disconnected",
    -2: "stopped after soft bounces",
    -3: "stopped after errors while sending",
}
WARM_AFTER = timedelta(days=14)
"""Of warming up; a cautious figure of our own."""


def state_of(campaign: Mapping[str, object]) -> SequenceState:
    status = whole(campaign.get("status"))
    return "unhealthy" if status is None else STATES.get(status, "unhealthy")


def problems_of(
    campaign: Mapping[str, object], *, zone: str | None, hours: tuple[int, int], on: date
) -> tuple[str, ...]:
    """What stands in the way, one plain sentence each, with the fix.

    Args:
        zone: The operator's; None for no opinion.
        hours: From and until when mail may leave, wherever its schedule runs.
    """
    status = whole(campaign.get("status"))
    found = [_STATE_PROBLEMS[status]] if status in _STATE_PROBLEMS else []
    if status not in STATES:
        found.append("Its status is not one that cmo knows: look at it in Instantly.")
    found += _text_problems(_steps(campaign))
    found += [told for name, (right, told) in _SETTINGS.items() if campaign.get(name) is not right]
    found += [told for name, told in _LIFTED.items() if campaign.get(name) is True]
    if campaign.get("cc_list") or campaign.get("bcc_list"):
        found.append("It sends copies to other addresses: empty its cc and bcc lists.")
    if not addresses_of(campaign):
        found.append("It has no inbox to send from: add one in Instantly.")
    return (*found, *_schedule_problems(_dict(campaign.get("campaign_schedule")), zone, hours, on))


def addresses_of(campaign: Mapping[str, object]) -> tuple[str, ...]:
    """The inboxes it sends from."""
    return tuple(dict.fromkeys(line for row in rows_of(campaign.get("email_list")) if (line := clean_line(text(row)))))


def parse_inbox(address: str, account: object, *, now: datetime) -> Inbox:
    """Warm: its warm-up is running and has been for `WARM_AFTER`.

    Args:
        account: What the service knows of it; None where it does not tell.
    """
    held = account if isinstance(account, dict) else {}
    is_warm = whole(held.get("warmup_status")) == 1 and _is_long_ago(held.get("timestamp_warmup_start"), now)
    cap = whole(held.get("daily_limit"))
    return Inbox(
        address=address,
        provider="instantly",
        is_warm=is_warm,
        daily_cap=cap if cap is None or cap >= 0 else 0,
        trouble=_trouble(held) if held else None,
    )


def _trouble(account: Mapping[str, object]) -> str:
    if account.get("setup_pending") is True:
        return "not set up yet"
    status = whole(account.get("status"))
    return "" if status == 1 else _ACCOUNT_TROUBLES.get(status or 0, "in a state that cmo does not know")


def _is_long_ago(moment: object, now: datetime) -> bool:
    try:
        began_at = datetime.fromisoformat(text(moment))
    except ValueError:
        return False
    return began_at.tzinfo is not None and now - began_at >= WARM_AFTER


def _text_problems(steps: Sequence[object]) -> list[str]:
    if not steps:
        return [f"It has no step: add one with subject {SUBJECT_TEMPLATE} and body {BODY_TEMPLATE}"]
    found = []
    if len(steps) > 1:
        found.append(f"It has {len(steps)} steps, and only the first was approved: remove the others.")
    variants = [row for row in rows_of(_dict(steps[0]).get("variants")) if _dict(row).get("v_disabled") is not True]
    if len(variants) != 1:
        found.append(f"Step 1 has {len(variants)} variants in use: leave exactly one.")
    for variant in variants:
        found += step_problems(1, text(_dict(variant).get("subject")), text(_dict(variant).get("body")))
    return list(dict.fromkeys(found))


def _schedule_problems(held: Mapping[str, object], zone: str | None, hours: tuple[int, int], on: date) -> list[str]:
    schedules = [_schedule(_dict(row)) for row in rows_of(held.get("schedules"))]
    found = schedule_problems(schedules, hours)
    starts, ends = text(held.get("start_date"))[:10], text(held.get("end_date"))[:10]
    if ends and ends < on.isoformat():
        found.append(f"Its schedule ended on {clean_line(ends)}: take that date away.")
    if starts > on.isoformat():
        found.append(f"Its schedule begins on {clean_line(starts)} only: wait for that day, or take the date away.")
    if zone is not None and (wrong := other_zones(schedules, zone, on)):
        fit = nearest_zone(zone, on)
        fix = f"choose {fit}, which has the same hours" if fit else "Instantly has no zone with the same hours"
        found.append(zone_problem(wrong[0], zone, fix))
    return found


def _schedule(row: Mapping[str, object]) -> Schedule:
    """Its days are counted from Sunday, which is "0"."""
    timing, days = _dict(row.get("timing")), _dict(row.get("days"))
    return Schedule(
        zone=clean_line(text(row.get("timezone"))),
        opens=clock_words(timing.get("from")),
        closes=clock_words(timing.get("to")),
        days=frozenset(from_sunday(int(day)) for day in days if day in _DAYS and days[day] is not False),
    )


def _steps(campaign: Mapping[str, object]) -> list[object]:
    """Only the first element of `sequences` is used by the service."""
    sequences = rows_of(campaign.get("sequences"))
    return rows_of(_dict(sequences[0]).get("steps")) if sequences else []


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
