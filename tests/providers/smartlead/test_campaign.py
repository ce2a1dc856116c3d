"""Campaigns of Smartlead as they stand."""

from __future__ import annotations

from typing import Any

import pytest

from cmo.providers.smartlead.campaign import parse_inboxes, problems_of, state_of

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
