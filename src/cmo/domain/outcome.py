"""What came of a person, as the operator says: how far the two are with each other, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class LeadStatus(StrEnum):
    """Where a person stands. Until somebody says so: CONTACTED once a mail of the job left, NEW before."""

    NEW = "NEW"
    QUALIFIED = "QUALIFIED"
    NEEDS_INFO = "NEEDS_INFO"
    DISQUALIFIED = "DISQUALIFIED"
    CONTACTED = "CONTACTED"
    MEETING_BOOKED = "MEETING_BOOKED"
    CLOSED_WON = "CLOSED_WON"
    CLOSED_LOST = "CLOSED_LOST"


class Outcome(StrEnum):
    """How it ended, or where it stands."""

    BOOKED_DEMO = "booked_demo"
    NO_RESPONSE = "no_response"
    DISQUALIFIED = "disqualified"
    CLOSED_WON = "closed_won"
    CLOSED_LOST = "closed_lost"


STATUS_AFTER: Mapping[Outcome, LeadStatus] = {
    Outcome.BOOKED_DEMO: LeadStatus.MEETING_BOOKED,
    Outcome.NO_RESPONSE: LeadStatus.CONTACTED,
    Outcome.DISQUALIFIED: LeadStatus.DISQUALIFIED,
    Outcome.CLOSED_WON: LeadStatus.CLOSED_WON,
    Outcome.CLOSED_LOST: LeadStatus.CLOSED_LOST,
}
"""The status that an outcome brings with it."""
WORDS: Mapping[Outcome, str] = {
    Outcome.BOOKED_DEMO: "booked",
    Outcome.NO_RESPONSE: "no answer",
    Outcome.DISQUALIFIED: "not a fit",
    Outcome.CLOSED_WON: "won",
    Outcome.CLOSED_LOST: "lost",
}
"""As a person says it."""
STOPS: Mapping[Outcome, str] = {
    Outcome.BOOKED_DEMO: "They booked a meeting",
    Outcome.DISQUALIFIED: "They are not a fit",
    Outcome.CLOSED_WON: "They were won",
    Outcome.CLOSED_LOST: "They were lost",
}
"""Outcomes after which no campaign mail is written to the person any more, and why."""
STOPS_ALL: Mapping[Outcome, str] = {Outcome.BOOKED_DEMO: "Somebody there booked a meeting"}
"""Outcomes after which nobody else at the organisation is written to either, and why."""
