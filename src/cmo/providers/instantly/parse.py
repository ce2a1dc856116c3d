"""Instantly's JSON to plain values; shapes that cannot be used are None, never an exception."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmo.providers.sequencer.letters import BODY_VARIABLE, SUBJECT_VARIABLE
from cmo.providers.sequencer.values import record_id, rows_of, text, whole

BLOCKED = "in_blocklist"
REFUSALS = {
    BLOCKED: "blocklisted",
    "invalid_email_count": "invalid_email",
    "incomplete_count": "incomplete",
    "duplicate_email_count": "duplicate",
}
"""Counter of /leads/add -> the code of a receipt. Source: contracts/instantly.md, POST /leads/add."""
STOPS = {-1: "bounced", -2: "unsubscribed"}
"""Status of a person -> the code of a receipt. Source: contracts/instantly.md, Enumerations."""
COUNTERS = (*REFUSALS, "duplicated_leads", "skipped_count")
"""All that explain why somebody was not added."""


@dataclass(frozen=True)
class Added:
    """What /leads/add says it did."""

    created: Mapping[int, str]
    """Place in the request -> id."""
    counters: Mapping[str, int]
    """Each of `COUNTERS`."""
    is_whole: bool
    """Whether the figures account for everybody exactly once."""
    is_plan_full: bool
    """The plan holds no more people, which no counter counts."""

    @property
    def told(self) -> str:
        """The figures, for a person."""
        figures = ", ".join(f"{name} {count}" for name, count in self.counters.items() if count)
        return f"{len(self.created)} created, {figures or 'nothing else counted'}"


@dataclass(frozen=True)
class Enrolled:
    """One person in one campaign."""

    id: str
    email: str
    """Case-folded."""
    campaign_id: str
    """Empty for none."""
    stop: str
    """`bounced` or `unsubscribed`; empty for neither."""
    subject: object
    body: object


def parse_added(body: object, emails: Sequence[str]) -> Added | None:
    """The answer to adding `emails` (case-folded, in the order sent); None where it does not say what happened."""
    if not isinstance(body, dict) or body.get("error"):
        return None
    created = _parse_created(body.get("created_leads"), emails)
    counters = {name: count for name in COUNTERS if (count := whole(body.get(name))) is not None and count >= 0}
    if created is None or len(counters) < len(COUNTERS):
        return None
    accounted = len(created) + sum(counters.values())
    is_whole = accounted == len(emails) and whole(body.get("leads_uploaded")) == len(created)
    is_plan_full = accounted < len(emails) and whole(body.get("remaining_in_plan")) == 0
    return Added(created=created, counters=counters, is_whole=is_whole, is_plan_full=is_plan_full)


def _parse_created(rows: object, emails: Sequence[str]) -> dict[int, str] | None:
    """Place -> id; None where a row names nobody of `emails`, somebody else than its place, or a place twice."""
    if not isinstance(rows, list):
        return None
    created: dict[int, str] = {}
    for row in rows:
        place = whole(row.get("index")) if isinstance(row, dict) else None
        if place is None or not 0 <= place < len(emails) or place in created:
            return None
        email = row.get("email")
        if isinstance(email, str) and email.strip().casefold() != emails[place]:
            return None
        created[place] = record_id(row)
    return created


def parse_blocked(body: object) -> set[str]:
    """Addresses and domains of a page of the block list, case-folded; empty for another shape."""
    rows = body.get("items") if isinstance(body, dict) else None
    return {text(row.get("bl_value")).strip().casefold() for row in rows_of(rows) if isinstance(row, dict)}


def parse_page(body: object) -> tuple[list[Enrolled], str] | None:
    """People of a page of /leads/list, and the cursor of the next (empty for none); None for another shape."""
    rows = body.get("items") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(rows, list):
        return None
    return [_parse_enrolled(row) for row in rows if isinstance(row, dict)], text(body.get("next_starting_after"))


def _parse_enrolled(row: Mapping[str, object]) -> Enrolled:
    payload = row.get("payload")
    held = payload if isinstance(payload, dict) else {}
    return Enrolled(
        id=record_id(row),
        email=text(row.get("email")).strip().casefold(),
        campaign_id=text(row.get("campaign")).casefold(),
        stop=STOPS.get(whole(row.get("status")) or 0, ""),
        subject=held.get(SUBJECT_VARIABLE),
        body=held.get(BODY_VARIABLE),
    )
