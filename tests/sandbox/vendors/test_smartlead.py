"""Smartlead's twin by itself: what its contract says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cmo.sandbox.vendors.smartlead import (
    ACTIVE_ID,
    API_KEY,
    BASE_PATH,
    ELSEWHERE,
    PAUSED_ID,
    UNSUBSCRIBED,
    WRONG_ID,
    Form,
    SmartleadTwin,
)
from cmo.sandbox.wire import Request
from tests.contracts.files import needs_contracts
from tests.contracts.services import Smartlead
from tests.fakes.clock import NOON

OPEN = NOON + timedelta(hours=4)
NIGHT = NOON + timedelta(hours=7)
MONDAY = OPEN + timedelta(days=3)
"""Ten in the morning, a Friday, where the campaigns' schedules run."""
EVERY_FATE = ("new@meadow.example", "x@blocked.example", "nobody", UNSUBSCRIBED, ELSEWHERE)


def ask(twin: SmartleadTwin, method: str, path: str, body: Any = None, *, query: str = "") -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    request = Request(method, f"{BASE_PATH}{path}?api_key={API_KEY}{query}", {}, content)
    response = twin.answer(request, NOON)
    return response.status, json.loads(response.body)


def add(twin: SmartleadTwin, *emails: str, campaign_id: str = ACTIVE_ID, **fields: str) -> Any:
    leads = [{"email": email, "custom_fields": fields} for email in emails]
    return ask(twin, "POST", f"/campaigns/{campaign_id}/leads", {"lead_list": leads})[1]


def test_every_answer_is_what_the_contract_says() -> None:
    twin = SmartleadTwin()
    assert add(twin, "ann@meadow.example")["ok"]
    for campaign_id in (ACTIVE_ID, PAUSED_ID, WRONG_ID):
        assert ask(twin, "GET", f"/campaigns/{campaign_id}")[0] == 200
    assert ask(twin, "GET", f"/campaigns/{ACTIVE_ID}/sequences")[0] == 200
    for email in ("ann@meadow.example", "bob@meadow.example"):
        assert ask(twin, "GET", "/leads/", query=f"&email={email}")[0] == 200
    assert ask(twin, "GET", "/campaigns/1")[0] == 404
    limited = twin.limited(NOON)
    assert (limited.status, limited.headers["Retry-After"]) == (429, "20")


@needs_contracts
@pytest.mark.parametrize(
    ("form", "definition"),
    [
        ("live", "add_leads.response.observed"),
        ("site", "add_leads.response.docs_2026"),
        ("openapi", "add_leads.response.openapi"),
    ],
)
def test_a_refused_person_answers_ok_in_every_form(form: Form, definition: str) -> None:
    twin = SmartleadTwin(form=form)
    told = add(twin, *EVERY_FATE)
    Smartlead().validate(told, definition)
    assert told.get("ok", told.get("success")) is True
    assert [person.email for person in twin.enrolled] == [ELSEWHERE, "new@meadow.example"]


def test_the_live_form_counts_the_refused_as_uploaded() -> None:
    told = add(SmartleadTwin(), ELSEWHERE)
    assert (told["upload_count"], told["total_leads"], told["skipped_in_other_campaign_count"]) == (1, 0, "1")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"lead_list": []},
        {"lead_list": [{"email": "a@b.example"}] * 101},
        {"lead_list": [{"first_name": "Ann"}]},
        {"lead_list": [{"email": "a@b.example", "subject": "x"}]},
        {"lead_list": [{"email": "a@b.example", "custom_fields": {str(number): 1 for number in range(21)}}]},
        {"lead_list": [{"email": "a@b.example"}], "settings": {"ignore_everything": True}},
        {"lead_list": [{"email": "a@b.example"}], "force": True},
    ],
)
def test_requests_outside_the_contract_are_refused(body: Any) -> None:
    twin = SmartleadTwin()
    assert ask(twin, "POST", f"/campaigns/{ACTIVE_ID}/leads", body)[0] == 400
    assert len(twin.enrolled) == 1


def test_flags_that_lift_protection_really_lift_it() -> None:
    twin = SmartleadTwin()
    settings = {
        "ignore_global_block_list": True,
        "ignore_unsubscribe_list": True,
        "ignore_duplicate_leads_in_other_campaign": True,
    }
    leads = [{"email": email} for email in EVERY_FATE]
    ask(twin, "POST", f"/campaigns/{ACTIVE_ID}/leads", {"lead_list": leads, "settings": settings})
    assert len(twin.enrolled) == 5


def test_mail_goes_out_in_the_schedule_once_and_never_from_a_paused_campaign() -> None:
    twin = SmartleadTwin()
    add(twin, "ann@meadow.example", cmo_subject="S", cmo_body="a &lt;b&gt;<br/>c")
    add(twin, "bob@meadow.example", campaign_id=PAUSED_ID, cmo_subject="S", cmo_body="x")
    twin.advance(NIGHT)
    assert not twin.sent
    twin.advance(MONDAY)
    twin.advance(MONDAY + timedelta(days=1))
    assert [(mail.to_email, mail.subject, mail.body) for mail in twin.floor.sent] == [
        ("ann@meadow.example", "S", "a <b>\nc")
    ]


def test_a_status_is_set_by_the_words_of_the_contract_only() -> None:
    twin = SmartleadTwin()
    for word, status in (("PAUSE", "ACTIVE"), ("PAUSED", "PAUSED"), ("START", "ACTIVE"), ("STOPPED", "STOPPED")):
        ask(twin, "POST", f"/campaigns/{ACTIVE_ID}/status", {"status": word})
        assert ask(twin, "GET", f"/campaigns/{ACTIVE_ID}")[1]["status"] == status


def test_it_goes_on_in_the_next_process_where_it_stopped() -> None:
    twin, other = SmartleadTwin(), SmartleadTwin()
    add(twin, "ann@meadow.example", cmo_subject="S", cmo_body="x")
    twin.block_list.add("late@meadow.example")
    twin.unsubscribed.add("gone@meadow.example")
    twin.advance(OPEN)
    ask(twin, "POST", f"/campaigns/{ACTIVE_ID}/status", {"status": "PAUSED"})
    other.load_json(json.loads(json.dumps(twin.to_json())))
    other.advance(OPEN)
    assert other.to_json() == twin.to_json()
    assert len(other.sent) == 1


def test_the_key_belongs_into_the_query() -> None:
    request = Request("GET", f"{BASE_PATH}/leads/", {"authorization": f"Bearer {API_KEY}"}, b"")
    response = SmartleadTwin().answer(request, NOON)
    assert (response.status, json.loads(response.body)) == (401, {"message": "Invalid API Key"})


def test_more_than_ten_requests_in_two_seconds_are_too_many() -> None:
    twin = SmartleadTwin()
    statuses = [ask(twin, "GET", "/leads/fetch-categories")[0] for _ in range(11)]
    assert statuses == [200] * 10 + [429]
