from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.draft import DraftState, Step
from cmo.domain.lead import EmailClass, MxState
from cmo.domain.policy import (
    BOUNCE_LEAST,
    COMPLAINT_LEAST,
    CONTACT_DAYS,
    FAULT_OF_NOBODY,
    RULES,
    Facts,
    InboxRoom,
    Limits,
    RuleName,
    Standing,
    Used,
    Verdict,
    day_started,
    decide,
    inbox_cap,
    next_midnight,
    standing_verdict,
)
from tests.fakes.clock import NOON

BOX = InboxRoom(address="sam@field.example", is_warm=True, first_used_on=NOON - timedelta(days=90))
FACTS: dict[str, Any] = {
    "outbox_id": 1,
    "step": Step.FIRST_TOUCH,
    "content_hash": "h1",
    "draft_state": DraftState.APPROVED,
    "draft_version": 1,
    "approved_hash": "h1",
    "approved_version": 1,
    "approval_expires_at": NOON + timedelta(days=1),
    "approval_revoked": False,
    "suppressed": None,
    "email_class": EmailClass.PUBLISHED,
    "country": "PT",
    "zone": "Europe/Lisbon",
    "contacted": None,
    "first_touch_confirmed": False,
    "conversation": None,
    "email_key": "ana@org.example",
    "company_key": "org",
    "contact_times": (),
    "mx_state": MxState.OK,
    "mx_checked_at": NOON - timedelta(hours=1),
}
STANDING: dict[str, Any] = {"may_send": True, "mode": "send_allowed"}
FULL: dict[str, Any] = {"day": 0, "inboxes": {}, "companies": {}}

TROUBLES: dict[RuleName, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "kill_switch": ({}, {"killed_by": "operator:ana"}, {}),
    "paused": ({}, {"paused": "10 errors of one kind"}, {}),
    "mode": ({}, {"may_send": False, "mode": "draft_only"}, {}),
    "approval": ({"approval_revoked": True}, {}, {}),
    "suppressed": ({"suppressed": "asked to stop (reply)"}, {}, {}),
    "address_policy": ({"email_class": EmailClass.COMMIT}, {}, {}),
    "country": ({"country": "DE"}, {}, {}),
    "contacted": ({"contacted": "The same mail went to this person on 2026-11-01."}, {}, {}),
    "dependency": ({"step": Step.FOLLOW_UP_1}, {}, {}),
    "conversation": ({"conversation": "replied"}, {}, {}),
    "quota_inbox": ({}, {}, {"inboxes": {BOX.address: 50}}),
    "quota_day": ({}, {}, {"day": 20}),
    "quota_company": ({}, {}, {"companies": {"org": 5}}),
    "quota_contact": ({"contact_times": (NOON - timedelta(days=3), NOON - timedelta(days=2))}, {}, {}),
    "window": ({"zone": "Asia/Tokyo"}, {}, {}),
    "verification": ({"mx_state": None, "mx_checked_at": None}, {}, {}),
    "health": ({}, {"sent": BOUNCE_LEAST, "bounces": 1}, {}),
}
"""Rule -> changes of the facts, of the standing and of what is used that make it say no."""
FINAL = {"suppressed", "contacted"}


def ask(
    facts: dict[str, Any] | None = None,
    standing: dict[str, Any] | None = None,
    used: dict[str, Any] | None = None,
    *,
    limits: Limits | None = None,
    boxes: tuple[InboxRoom, ...] = (BOX,),
    now: datetime = NOON,
) -> tuple[Verdict, str]:
    return decide(
        Facts.model_validate({**FACTS, **(facts or {})}),
        Standing.model_validate({**STANDING, **(standing or {})}),
        Used(**{**FULL, **(used or {})}),
        limits or Limits(),
        boxes,
        now,
    )


def test_a_mail_that_nothing_speaks_against_leaves_from_the_inbox() -> None:
    assert ask() == (Verdict(rule=None), BOX.address)


def test_every_rule_has_a_trouble_here() -> None:
    assert list(TROUBLES) == list(RULES)


@given(st.sets(st.sampled_from(list(TROUBLES)), min_size=1))
def test_the_first_rule_that_says_no_is_the_answer(troubled: set[RuleName]) -> None:
    facts: dict[str, Any] = {}
    standing: dict[str, Any] = {}
    used: dict[str, Any] = {}
    for rule in troubled:
        for changes, more in zip((facts, standing, used), TROUBLES[rule], strict=True):
            changes.update(more)
    verdict, _ = ask(facts, standing, used)
    assert verdict.rule == next(rule for rule in RULES if rule in troubled)
    assert verdict.message
    assert verdict.final == (verdict.rule in FINAL or (verdict.rule == "address_policy" and "dependency" in troubled))
    if verdict.rule in FAULT_OF_NOBODY:
        assert verdict.retry_at is not None
        assert verdict.retry_at > NOON
    else:
        assert verdict.retry_at is None


@pytest.mark.parametrize(
    "changes",
    [
        {"approved_hash": None},
        {"draft_state": DraftState.PENDING},
        {"approval_expires_at": NOON},
        {"draft_version": 2},
        {"content_hash": "h2"},
    ],
    ids=["nobody approved it", "not approved any more", "expired", "edited after approval", "sender changed"],
)
def test_an_approval_holds_for_exactly_what_was_approved_and_for_its_time(changes: dict[str, Any]) -> None:
    assert ask(changes)[0].rule == "approval"


def test_an_address_of_a_commit_waits_for_a_basis_and_gets_no_follow_up_even_with_one() -> None:
    commit = {"email_class": EmailClass.COMMIT}
    follow_up = {**commit, "step": Step.FOLLOW_UP_1, "first_touch_confirmed": True}
    assert ask(commit)[0].rule == "address_policy"
    assert ask(commit, {"commit_basis": True})[0].rule is None
    assert ask(follow_up, {"commit_basis": True})[0].final


def test_a_country_that_is_not_known_waits_for_a_basis_and_a_known_one_for_the_operators_rule() -> None:
    allowed = Limits(country_overrides={"DE": "ok"})
    assert ask({"country": None})[0].rule == "country"
    assert ask({"country": None}, {"unknown_country_basis": True})[0].rule is None
    assert ask({"country": "DE"}, limits=allowed)[0].rule is None


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_of_all_quotas_the_strictest_wins(day: int, inbox: int, company: int, contact: int, warm_up: int) -> None:
    limits = Limits(
        max_emails_per_day=day,
        per_inbox_daily=inbox,
        max_per_company_daily=company,
        max_per_contact=contact,
        new_inbox_daily=warm_up,
    )
    new = InboxRoom(address="new@field.example", is_warm=False, first_used_on=None)
    used, left = Used(**FULL), 0
    while True:
        facts = Facts.model_validate({**FACTS, "step": f"step_{left}", "first_touch_confirmed": True})
        verdict, left_from = decide(facts, Standing(**STANDING), used, limits, (new,), NOON)
        if verdict.rule is not None:
            break
        used.take(facts, left_from)
        left += 1
    assert verdict.rule.startswith("quota_")
    assert left == min(day, inbox, company, contact, warm_up)


def test_mail_leaves_from_the_inbox_with_the_most_room_and_never_from_a_paused_one() -> None:
    boxes = tuple(BOX.model_copy(update={"address": f"{name}@field.example"}) for name in ("ada", "bo", "cy"))
    used = {"inboxes": {"ada@field.example": 3, "bo@field.example": 1, "cy@field.example": 2}}
    paused = {"inbox_paused": {"bo@field.example": "blocked"}}
    assert ask(used=used, boxes=boxes)[1] == "bo@field.example"
    assert ask(standing=paused, used=used, boxes=boxes)[1] == "cy@field.example"
    everything = {"inbox_paused": {box.address: "blocked" for box in boxes}}
    verdict = ask(standing=everything, boxes=boxes)[0]
    assert (verdict.rule, "cmo resume --sending" in verdict.message) == ("health", True)
    assert "set up" in ask(boxes=())[0].message


def test_a_new_inbox_may_send_five_mails_and_five_more_each_day() -> None:
    new = InboxRoom(address="new@field.example", is_warm=False, first_used_on=NOON)
    days = [NOON + timedelta(days=days) for days in (0, 1, 2, 3, 8, 9, 20)]
    assert [inbox_cap(new, Limits(), day) for day in days] == [5, 10, 15, 20, 45, 50, 50]
    assert inbox_cap(new, Limits(), NOON - timedelta(days=1)) == 5
    assert inbox_cap(BOX, Limits(), NOON) == 50


@pytest.mark.parametrize(("theirs", "cap"), [(None, 50), (30, 30), (80, 50), (0, 0)])
def test_of_our_cap_and_the_services_the_stricter_holds(theirs: int | None, cap: int) -> None:
    assert inbox_cap(BOX.model_copy(update={"daily_cap": theirs}), Limits(), NOON) == cap
    new = InboxRoom(address="new@field.example", is_warm=False, first_used_on=NOON, daily_cap=theirs)
    assert inbox_cap(new, Limits(), NOON + timedelta(days=20)) == cap


@pytest.mark.parametrize(
    ("zone", "started", "next_one"),
    [
        ("UTC", "2026-11-20T00:00", "2026-11-21T00:00"),
        ("America/Los_Angeles", "2026-11-20T00:00", "2026-11-21T08:00"),
        ("Australia/Brisbane", "2026-11-19T14:00", "2026-11-21T00:00"),
    ],
)
def test_the_day_of_a_quota_is_that_of_utc_and_of_the_sender_together(zone: str, started: str, next_one: str) -> None:
    assert day_started(NOON, zone) == datetime.fromisoformat(f"{started}+00:00")
    assert next_midnight(NOON, zone) == datetime.fromisoformat(f"{next_one}+00:00")


def test_a_full_day_is_asked_again_when_the_next_one_has_opened_for_the_sender() -> None:
    verdict, _ = ask(used={"day": 20}, limits=Limits(sender_zone="America/Los_Angeles"))
    assert verdict.retry_at == datetime.fromisoformat("2026-11-23T16:00+00:00")  # Monday, eight o'clock there


def test_a_person_with_enough_mail_is_asked_again_once_the_oldest_is_a_week_old() -> None:
    times = (NOON - timedelta(days=3), NOON - timedelta(days=2))
    assert ask({"contact_times": times})[0].retry_at == times[0] + timedelta(days=CONTACT_DAYS)


@pytest.mark.parametrize(
    ("changes", "retry"),
    [
        ({"mx_state": None}, None),
        ({"mx_state": MxState.RISKY}, NOON + timedelta(hours=1)),
        ({"mx_checked_at": NOON - timedelta(days=8)}, NOON + timedelta(hours=1)),
    ],
)
def test_an_address_is_verified_and_not_too_long_ago(changes: dict[str, Any], retry: datetime | None) -> None:
    verdict, _ = ask(changes)
    assert (verdict.rule, verdict.retry_at) == ("verification", retry)


@pytest.mark.parametrize(
    ("standing", "is_healthy"),
    [
        ({"sent": BOUNCE_LEAST - 1, "bounces": 20}, True),
        ({"sent": 100, "bounces": 1}, True),
        ({"sent": 100, "bounces": 2}, False),
        ({"sent": COMPLAINT_LEAST - 1, "complaints": 20}, True),
        ({"sent": 1_000, "complaints": 2}, True),
        ({"sent": 1_000, "complaints": 3}, False),
    ],
)
def test_too_many_bounces_or_complaints_stop_all_mail(standing: dict[str, Any], is_healthy: bool) -> None:
    assert (ask(standing=standing)[0].rule is None) == is_healthy


def test_a_timed_pause_tells_when_it_ends() -> None:
    until = NOON + timedelta(minutes=30)
    standing = Standing(paused="looking", paused_until=until, **STANDING)
    assert standing_verdict(standing).retry_at == until


@pytest.mark.parametrize(("login", "email"), [("ana", "ana@home.example"), ("", "ana@org.example")])
def test_two_mails_of_one_step_never_leave_together_to_one_person(login: str, email: str) -> None:
    used = Used(**FULL)
    used.take(Facts.model_validate({**FACTS, "login": "Ana"}), BOX.address)
    again = Facts.model_validate({**FACTS, "login": login, "email_key": email})
    verdict, _ = decide(again, Standing(**STANDING), used, Limits(), (BOX,), NOON)
    assert (verdict.rule, verdict.retry_at) == ("contacted", NOON + timedelta(hours=1))


def test_a_mail_that_may_have_left_is_asked_about_again_and_one_that_did_is_final() -> None:
    contacted = {"contacted": "The same mail went to this person."}
    assert ask(contacted)[0].final
    doubtful = ask({**contacted, "contacted_for_good": False})[0]
    assert (doubtful.final, doubtful.retry_at) == (False, NOON + timedelta(hours=1))


def test_a_mail_planned_for_another_way_out_than_the_job_has_now_needs_another_approval() -> None:
    assert ask({"is_current_route": False})[0].rule == "approval"


def test_quotas_are_counted_at_the_newest_claim_and_hours_by_the_clock() -> None:
    new = BOX.model_copy(update={"is_warm": False, "first_used_on": NOON})
    used, tomorrow = Used(**{**FULL, "inboxes": {BOX.address: 5}}), NOON + timedelta(days=1)
    facts, standing = Facts.model_validate(FACTS), Standing(**STANDING)
    assert decide(facts, standing, used, Limits(), (new,), NOON)[0].rule == "quota_inbox"
    assert decide(facts, standing, used, Limits(), (new,), NOON, counted_at=tomorrow)[0].rule is None


def test_a_job_that_starts_later_sends_nothing_before_its_day() -> None:
    day = (NOON + timedelta(days=4)).date()
    verdict = ask(standing={"starts_on": day})[0]
    assert (verdict.rule, verdict.retry_at is not None and verdict.retry_at.date() >= day) == ("window", True)
    assert ask(standing={"starts_on": NOON.date()})[0].rule is None
