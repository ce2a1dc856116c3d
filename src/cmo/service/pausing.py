"""Pausing what a job sends, and saying when it goes on: the choices, the verbs, and what they tell."""

from __future__ import annotations

from cmo.config import Settings
from cmo.service.controls import pause_sending, resume_sending
from cmo.service.errors import resume_after

WAITS_MIN = (5, 15, 60)
"""Minutes to choose from."""
LONGEST_WAIT_MIN = 7 * 24 * 60
CHOICES: tuple[str, ...] = (
    *(f"in {minutes} minutes, one mail first" for minutes in WAITS_MIN),
    "in as many minutes as I type",
    "when I say",
    "now",
)
"""When paused sending goes on."""
TYPED, WHEN_I_SAY = len(WAITS_MIN), len(WAITS_MIN) + 1
"""Places among the choices."""


def minutes_of(text: str) -> int | None:
    """The minutes that somebody typed; None where these are none."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 9 and 0 < int(text) <= LONGEST_WAIT_MIN
    return int(text) if is_number else None


def not_minutes(text: str) -> tuple[str, str]:
    """What is wrong with what was typed, and the way out."""
    return f"{text} is no number of minutes.", f"1 to {LONGEST_WAIT_MIN:,}. Nothing was changed."


def minutes_chosen(place: int) -> int | None:
    """What a choice other than `TYPED` means; 0: now, None: when a person says so."""
    if place < TYPED:
        return WAITS_MIN[place]
    return None if place == WHEN_I_SAY else 0


def pause(settings: Settings, job_id: str) -> str:
    """Pause sending of one job."""
    pause_sending(settings, job_id)
    return "Sending of this job is paused."


def go_on(settings: Settings, job_id: str, minutes: int | None) -> str:
    """Say when paused sending goes on.

    Args:
        minutes: 0: now; None: when a person says so.
    """
    if minutes == 0:
        wider = resume_sending(settings, job_id)
        return "Sending goes on." if wider is None else "Sending of all jobs is still paused."
    pause = resume_after(settings, job_id, minutes)
    if pause is None or pause.until is None:
        return "Sending stays paused until you say so."
    return f"Sending goes on at {pause.until.astimezone():%H:%M}, with one mail first."
