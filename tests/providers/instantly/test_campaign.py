"""Campaigns of Instantly as they stand."""

from __future__ import annotations

from typing import Any

import pytest

from cmo.providers.instantly.campaign import addresses_of, parse_inbox, problems_of, state_of
from tests.fakes.clock import NOON

VARIANT = {"subject": "{{cmo_subject}}", "body": "{{cmo_body}}"}


def schedule(**changed: Any) -> dict[str, Any]:
    days = {str(day): day in range(1, 6) for day in range(7)}
    return {"timezone": "Europe/Belgrade", "timing": {"from": "09:00", "to": "18:00"}, "days": days} | changed


def dated(**dates: Any) -> dict[str, Any]:
    return {"campaign_schedule": {"schedules": [schedule()], **dates}}


def scheduled(*rows: Any) -> dict[str, Any]:
    return {"campaign_schedule": {"schedules": list(rows)}}


def campaign(**changed: Any) -> dict[str, Any]:
    """A campaign without problems."""
    right = {
        "status": 1,
        "sequences": [{"steps": [{"type": "email", "delay": 1, "variants": [VARIANT]}]}],
        "open_tracking": False,
        "link_tracking": False,
        "insert_unsubscribe_header": True,
        "email_list": ["ada@send-one.example"],
        "campaign_schedule": {"schedules": [schedule()]},
    }
    return right | changed


def steps(*rows: Any) -> dict[str, Any]:
    return {"sequences": [{"steps": list(rows)}]}


def problems(zone: str | None = None, **changed: Any) -> tuple[str, ...]:
    return problems_of(campaign(**changed), zone=zone, hours=(8, 18), on=NOON.date())


def test_a_right_campaign_has_no_problems() -> None:
    assert problems() == ()
    assert problems("Europe/Berlin") == ()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"status": -99}, "suspended"),
        ({"status": -2}, "bounced"),
        ({"status": -1}, "reconnect"),
        ({"status": 0}, "a draft"),
        ({"status": 2}, "is paused"),
        ({"status": 3}, "completed"),
        ({"status": 4}, "subsequences"),
        ({"status": 17}, "not one that cmo knows"),
        ({"status": None}, "not one that cmo knows"),
        ({"open_tracking": True}, "Open tracking"),
        ({"link_tracking": None}, "Link tracking"),
        ({"insert_unsubscribe_header": False}, "unsubscribe header"),
        ({"insert_unsubscribe_header": None}, "unsubscribe header"),
        ({"disable_bounce_protect": True}, "bounce protection"),
        ({"allow_risky_contacts": True}, "risky"),
        ({"email_list": []}, "no inbox"),
        ({"email_list": None}, "no inbox"),
        ({"bcc_list": ["boss@send-one.example"]}, "copies"),
        ({"cc_list": ["boss@send-one.example"]}, "copies"),
        ({"sequences": []}, "no step"),
        ({"sequences": None}, "no step"),
        (steps(), "no step"),
        ({"campaign_schedule": None}, "no schedule"),
        (scheduled(), "no schedule"),
        (scheduled(schedule(), schedule(days={"0": True, "6": True, "3": True})), "sends on Saturday and Sunday"),
        (scheduled(schedule(days={"1": False})), "no day"),
        (scheduled(schedule(days={"": True, "7": True, "12": True})), "no day"),
        (scheduled(schedule(timing={"from": "07:59", "to": "18:00"})), "from 07:59 to 18:00"),
        (scheduled(schedule(timing={"from": "09:00", "to": "18:01"})), "between 08:00 and 18:00"),
        (scheduled(schedule(timing={"from": "17:00", "to": "09:00"})), "from 17:00 to 09:00"),
        (scheduled(schedule(timing=None)), "from ? to ?"),
        (dated(end_date="2026-11-19"), "ended on 2026-11-19"),
        (dated(start_date="2026-11-21T00:00:00Z"), "begins on 2026-11-21 only"),
        (steps({"variants": [VARIANT]}, {"variants": [VARIANT]}), "2 steps"),
        (steps({"variants": []}), "0 variants"),
        (steps({"variants": [VARIANT, VARIANT]}), "2 variants"),
        (steps({"variants": [{"subject": "Hi", "body": "{{cmo_body}}"}]}), "The subject of step 1"),
        (steps({"variants": [{"subject": "{{cmo_subject}}", "body": "Hi {{cmo_body}}"}]}), "The body of step 1"),
    ],
)
def test_each_problem_is_told_in_one_sentence(changed: dict[str, Any], word: str) -> None:
    [told] = problems(**changed)
    assert word in told


def test_a_variant_that_is_switched_off_does_not_count() -> None:
    assert problems(**steps({"variants": [VARIANT, {"subject": "x", "body": "y", "v_disabled": True}]})) == ()


def test_the_zone_to_choose_is_named() -> None:
    [told] = problems("America/New_York")
    assert told == (
        "Its schedule runs in Europe/Belgrade, you work in America/New_York: choose America/Detroit, "
        "which has the same hours, or set sender.time_zone."
    )


def test_a_schedule_that_runs_today_is_right() -> None:
    assert problems(**dated(start_date="2026-11-20", end_date="2026-11-20")) == ()
    assert problems(**dated(start_date=None, end_date=None)) == ()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, "draft"),
        (1, "sending"),
        ("2", "paused"),
        (3, "finished"),
        (4, "sending"),
        (-1, "unhealthy"),
        ({}, "unhealthy"),
    ],
)
def test_the_state_follows_the_status(status: object, state: str) -> None:
    assert state_of({"status": status}) == state


@pytest.mark.parametrize(
    ("account", "is_warm"),
    [
        ({"warmup_status": 1, "timestamp_warmup_start": "2026-10-01T00:00:00Z"}, True),
        ({"warmup_status": 1, "timestamp_warmup_start": "2026-11-15T00:00:00Z"}, False),
        ({"warmup_status": 1, "timestamp_warmup_start": "2026-10-01T00:00:00"}, False),
        ({"warmup_status": 1, "timestamp_warmup_start": None}, False),
        ({"warmup_status": 0, "timestamp_warmup_start": "2026-10-01T00:00:00Z"}, False),
        ({}, False),
        (None, False),
        ("<html>", False),
    ],
)
def test_an_inbox_is_warm_after_two_weeks_of_warming_up(account: object, is_warm: bool) -> None:
    assert parse_inbox("ada@send-one.example", account, now=NOON).is_warm is is_warm


@pytest.mark.parametrize(
    ("account", "trouble"),
    [
        ({"status": 1}, ""),
        ({"status": 2}, "paused"),
        ({"status": 3}, "paused for maintenance, and back shortly"),
        ({"status": -1}, "disconnected"),
        ({"status": "-2"}, "stopped after soft bounces"),
        ({"status": -3}, "stopped after errors while sending"),
        ({"status": 1, "setup_pending": True}, "not set up yet"),
        ({"status": 77}, "in a state that cmo does not know"),
        ({"status": None}, "in a state that cmo does not know"),
        (None, None),
        ("<html>", None),
    ],
)
def test_an_inbox_that_is_down_says_why(account: object, trouble: str | None) -> None:
    assert parse_inbox("ada@send-one.example", account, now=NOON).trouble == trouble


@pytest.mark.parametrize(("limit", "cap"), [(30, 30), ("30", 30), (-1, 0), (None, None), ("many", None), (1.5, None)])
def test_an_inbox_has_its_services_cap(limit: object, cap: int | None) -> None:
    account = {"status": 1, "daily_limit": limit}
    assert parse_inbox("ada@send-one.example", account, now=NOON).daily_cap == cap


def test_inboxes_are_read_once_and_cleaned() -> None:
    assert addresses_of({"email_list": ["a@b.example", "a@b.example", None, 5, " c@d.example\n"]}) == (
        "a@b.example",
        "5",
        "c@d.example",
    )
