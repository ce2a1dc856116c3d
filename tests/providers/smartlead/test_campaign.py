"""Campaigns of Smartlead as they stand."""

from __future__ import annotations

from typing import Any

import pytest

from cmo.providers.smartlead.campaign import parse_inboxes, problems_of, state_of, timing_problems
from tests.fakes.clock import NOON

STEP = {"seq_number": 1, "subject": "{{cmo_subject}}", "email_body": "<p>{{cmo_body}}</p>"}
INBOXES = parse_inboxes([{"from_email": "ada@send-one.example"}])


def problems(steps: Any = (STEP,), inboxes: Any = INBOXES, **changed: Any) -> tuple[str, ...]:
    """Of a campaign that is right but for what is changed."""
    right = {"status": "ACTIVE", "track_settings": ["DONT_EMAIL_OPEN", "DONT_LINK_CLICK"], "unsubscribe_text": None}
    return problems_of(right | changed, list(steps), inboxes)


@pytest.mark.parametrize(
    "track_settings",
    [
        ["DONT_EMAIL_OPEN", "DONT_LINK_CLICK"],
        ["DONT_TRACK_EMAIL_OPEN", "DONT_TRACK_LINK_CLICK", "DONT_REPLY_TO_AN_EMAIL"],
        "DONT_EMAIL_OPEN,DONT_LINK_CLICK",
    ],
)
def test_a_right_campaign_has_no_problems(track_settings: object) -> None:
    assert problems(track_settings=track_settings) == ()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"status": "DRAFTED"}, "a draft"),
        ({"status": "PAUSED"}, "is paused"),
        ({"status": "COMPLETED"}, "finished"),
        ({"status": "STOPPED"}, "finished"),
        ({"status": "ARCHIVED"}, "finished"),
        ({"status": None}, "not one that cmo knows"),
        ({"status": "NEW_WORD"}, "not one that cmo knows"),
        ({"track_settings": ["DONT_LINK_CLICK"]}, "Open tracking"),
        ({"track_settings": ["DONT_EMAIL_OPEN"]}, "Link tracking"),
        ({"unsubscribe_text": "Say stop"}, "unsubscribe text"),
        ({"inboxes": ()}, "no inbox"),
        ({"steps": ()}, "no step"),
        ({"steps": (STEP, STEP)}, "2 steps"),
        ({"steps": ({**STEP, "seq_variants": [{"subject": "x"}]},)}, "variants"),
        ({"steps": ({**STEP, "subject": ""},)}, "The subject of step 1"),
        ({"steps": ({**STEP, "email_body": "Hi {{cmo_body}}"},)}, "The body of step 1"),
        ({"steps": ({**STEP, "email_body": None},)}, "The body of step 1"),
    ],
)
def test_each_problem_is_told_in_one_sentence(changed: dict[str, Any], word: str) -> None:
    [told] = problems(**changed)
    assert word in told


def timing(value: object, zone: str | None = None) -> tuple[str, ...]:
    return timing_problems({"scheduler_cron_value": value}, zone=zone, hours=(8, 18), on=NOON.date())


OFFICE = {"tz": "Asia/Tokyo", "days": [1, 2, 3, 4, 5], "startHour": "08:00", "endHour": "18:00"}


@pytest.mark.parametrize(
    "value",
    [
        OFFICE,
        "{ tz: 'Asia/Tokyo', days: [ 1, 2, 3, 4, 5 ], endHour: '18:00', startHour: '08:00' }",
        '{"tz":"Asia/Tokyo","days":["1","5"],"startHour":"9:00","endHour":"17:30"}',
    ],
)
def test_a_schedule_of_working_hours_is_right_in_every_form(value: object) -> None:
    assert timing(value, "Asia/Tokyo") == ()
    [told] = timing(value, "Europe/Berlin")
    assert told == (
        "Its schedule runs in Asia/Tokyo, you work in Europe/Berlin: choose Europe/Berlin there, "
        "or set sender.time_zone."
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "no schedule"),
        ("", "no schedule"),
        ([], "no schedule"),
        ({"tz": "Asia/Tokyo"}, "no schedule"),
        ({**OFFICE, "days": []}, "no day"),
        ({**OFFICE, "days": [0, 1]}, "Sunday"),
        ({**OFFICE, "days": [6, 7]}, "Saturday and Sunday"),
        ({**OFFICE, "endHour": "23:00"}, "08:00 to 23:00"),
        ({**OFFICE, "startHour": 8}, "? to 18:00"),
        ({**OFFICE, "startHour": "8am"}, "8am to 18:00"),
    ],
)
def test_each_problem_of_a_schedule_is_told_in_one_sentence(value: object, word: str) -> None:
    [told] = timing(value)
    assert word in told


def test_unknown_tracking_counts_as_on() -> None:
    assert len(problems(track_settings=None)) == 2


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("DRAFTED", "draft"),
        ("active", "sending"),
        ("PAUSED", "paused"),
        ("COMPLETED", "finished"),
        ("STOPPED", "finished"),
        (None, "unhealthy"),
        (5, "unhealthy"),
    ],
)
def test_the_state_follows_the_status(status: object, state: str) -> None:
    assert state_of({"status": status}) == state


def test_inboxes_are_found_under_any_name_and_never_count_as_warm() -> None:
    rows = [{"from_email": "a@b.example"}, {"from_email": None, "username": "c@d.example"}, {}, None, {"email": " "}]
    found = parse_inboxes(rows)
    assert [(inbox.address, inbox.is_warm) for inbox in found] == [("a@b.example", False), ("c@d.example", False)]
    assert parse_inboxes({"ok": True}) == ()


@pytest.mark.parametrize(
    ("row", "trouble", "cap"),
    [
        ({}, None, None),
        ({"is_smtp_success": True, "is_imap_success": True, "message_per_day": "40"}, "", 40),
        ({"is_smtp_success": False}, "disconnected (SMTP)", None),
        ({"is_smtp_success": True, "is_imap_success": False}, "disconnected (IMAP)", None),
        (
            {"is_smtp_success": False, "is_imap_success": False, "message_per_day": -5},
            "disconnected (SMTP and IMAP)",
            0,
        ),
        ({"is_smtp_success": "no", "message_per_day": "many"}, None, None),
    ],
)
def test_an_inbox_says_whether_it_is_connected_and_what_it_may_send(
    row: dict[str, Any], trouble: str | None, cap: int | None
) -> None:
    [inbox] = parse_inboxes([{"from_email": "a@b.example", **row}])
    assert (inbox.trouble, inbox.daily_cap) == (trouble, cap)
