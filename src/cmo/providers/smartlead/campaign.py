"""A campaign of Smartlead as it stands, and why approved text would not leave it unchanged.

Source: contracts/smartlead.md, Endpoints; data schemas `campaign` and `sequences.request`. The shape of an inbox is
not documented, so its address, its connections and its cap are looked for under the names that clients in public
use agree on, and none counts as warm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date

from cmo.domain.outward import Inbox, SequenceState
from cmo.domain.text import clean_line
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

PAUSED = "PAUSED"
STATES: Mapping[str, SequenceState] = {
    "ACTIVE": "sending",
    PAUSED: "paused",
    "DRAFTED": "draft",
    "COMPLETED": "finished",
    "STOPPED": "finished",
    "ARCHIVED": "finished",
}
_STATE_PROBLEMS: Mapping[SequenceState, str] = {
    "draft": "The campaign is a draft, which would only hold what it is handed: start it in Smartlead.",
    "paused": "The campaign is paused and would only hold what it is handed: start it again in Smartlead.",
    "finished": "It is finished, so nobody who is added gets mail: start it again, or use another campaign.",
    "unhealthy": "Its status is not one that cmo knows: look at it in Smartlead.",
}
_ADDRESS_NAMES = ("from_email", "email", "username")
_VARIANT_NAMES = ("seq_variants", "sequence_variants", "variants")
_WORD = re.compile(r"[A-Z_]+")
_SCHEDULE_PART = re.compile(r"""\b(?P<name>tz|startHour|endHour)["']?\s*:\s*["'](?P<value>[^"']{1,60})["']""")
_DAYS = re.compile(r"""\bdays["']?\s*:\s*\[(?P<days>[0-9,\s"']*)\]""")


def state_of(campaign: Mapping[str, object]) -> SequenceState:
    return STATES.get(text(campaign.get("status")).upper(), "unhealthy")


def parse_inboxes(accounts: object) -> tuple[Inbox, ...]:
    rows = [row for row in rows_of(accounts) if isinstance(row, dict)]
    found = [next((text(row[name]) for name in _ADDRESS_NAMES if text(row.get(name))), "") for row in rows]
    boxes = {line: _inbox(line, row) for address, row in zip(found, rows, strict=True) if (line := clean_line(address))}
    return tuple(boxes.values())


def _inbox(address: str, row: Mapping[str, object]) -> Inbox:
    down = [name.upper() for name in ("smtp", "imap") if row.get(f"is_{name}_success") is False]
    said = [name for name in ("smtp", "imap") if isinstance(row.get(f"is_{name}_success"), bool)]
    cap = whole(row.get("message_per_day"))
    return Inbox(
        address=address,
        provider="smartlead",
        daily_cap=cap if cap is None or cap >= 0 else 0,
        trouble=f"disconnected ({' and '.join(down)})" if down else "" if said else None,
    )


def problems_of(campaign: Mapping[str, object], steps: object, inboxes: Sequence[Inbox]) -> tuple[str, ...]:
    """What stands in the way, one plain sentence each, with the fix."""
    state = state_of(campaign)
    found = [_STATE_PROBLEMS[state]] if state in _STATE_PROBLEMS else []
    found += _text_problems([row for row in rows_of(steps) if isinstance(row, dict)])
    found += _setting_problems(campaign)
    if not inboxes:
        found.append("It has no inbox to send from: add one in Smartlead.")
    return tuple(found)


def timing_problems(
    campaign: Mapping[str, object], *, zone: str | None, hours: tuple[int, int], on: date
) -> tuple[str, ...]:
    """Why it sends when people are not at work, one plain sentence each, with the fix.

    Args:
        zone: The operator's; None for no opinion.
        hours: From and until when mail may leave, wherever its schedule runs.
    """
    schedules = _schedules(campaign.get("scheduler_cron_value"))
    found = schedule_problems(schedules, hours)
    if zone is not None and (wrong := other_zones(schedules, zone, on)):
        found.append(zone_problem(wrong[0], zone, f"choose {zone} there"))
    return tuple(found)


def _schedules(value: object) -> list[Schedule]:
    """At most one; its days are counted from Sunday, which is 0.

    The contract leaves the shape open: it is seen as an object and as text like `{ tz: 'Asia/Tokyo', days: [ 1, 2 ],
    startHour: '09:00', endHour: '17:00' }`, so both are read for the names in it.
    """
    told = json.dumps(value) if isinstance(value, dict) else text(value)
    days = _DAYS.search(told)
    parts = {match["name"]: clock_words(match["value"]) for match in _SCHEDULE_PART.finditer(told)}
    if days is None or not parts:
        return []
    return [
        Schedule(
            zone=parts.get("tz", ""),
            opens=parts.get("startHour", ""),
            closes=parts.get("endHour", ""),
            days=frozenset(from_sunday(int(day)) for day in re.findall("[0-7]", days["days"])),
        )
    ]


def _text_problems(steps: Sequence[Mapping[str, object]]) -> list[str]:
    if not steps:
        return [f"It has no step: add one with subject {SUBJECT_TEMPLATE} and body {BODY_TEMPLATE}"]
    found = []
    if len(steps) > 1:
        found.append(f"It has {len(steps)} steps, and only the first was approved: remove the others.")
    first = steps[0]
    if any(first.get(name) for name in _VARIANT_NAMES):
        found.append("Step 1 has variants: remove them and leave one text.")
    return found + step_problems(1, text(first.get("subject")), text(first.get("email_body")))


def _setting_problems(campaign: Mapping[str, object]) -> list[str]:
    """`track_settings` comes as a list or as text, and names what is not tracked."""
    untracked = [word for word in _WORD.findall(str(campaign.get("track_settings"))) if word.startswith("DONT_")]
    found = []
    if not any(word.endswith("EMAIL_OPEN") for word in untracked):
        found.append("Open tracking is on or unknown, which adds an image to every mail: switch it off.")
    if not any(word.endswith("LINK_CLICK") for word in untracked):
        found.append("Link tracking is on or unknown, which rewrites links: switch it off.")
    if text(campaign.get("unsubscribe_text")).strip():
        found.append("It adds an unsubscribe text of its own to every mail: empty that text.")
    return found
