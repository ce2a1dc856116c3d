"""Instantly's twin by itself: what its contract says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cmo.sandbox.vendors.instantly import ACTIVE_ID, API_KEY, ELSEWHERE, PAUSED_ID, WRONG_ID, InstantlyTwin
from cmo.sandbox.vendors.instantly.rows import INBOXES
from cmo.sandbox.vendors.sending import as_text, expand
from cmo.sandbox.wire import Request
from tests.fakes.clock import NOON

ADD, LIST = "/api/v2/leads/add", "/api/v2/leads/list"
OPEN = NOON + timedelta(hours=4)
NIGHT = NOON + timedelta(hours=7)
MONDAY = OPEN + timedelta(days=3)
"""Ten in the morning, a Friday, where the campaigns' schedules run."""


def ask(twin: InstantlyTwin, method: str, path: str, body: Any = None, *, key: str = API_KEY) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    request = Request(method, path, {"authorization": f"Bearer {key}"}, content)
    response = twin.answer(request, NOON)
    return response.status, json.loads(response.body)


def person(email: str, **custom: str) -> dict[str, Any]:
    return {"email": email, "first_name": "Ann", "custom_variables": custom}


def add(twin: InstantlyTwin, *leads: dict[str, Any], campaign_id: str = ACTIVE_ID, **more: Any) -> Any:
    return ask(twin, "POST", ADD, {"campaign_id": campaign_id, "leads": list(leads), **more})[1]


def arrived(twin: InstantlyTwin) -> list[tuple[str, str, str]]:
    return [(mail.to_email, mail.subject, mail.body) for mail in twin.sent]


def test_every_answer_is_what_the_contract_says() -> None:
    twin = InstantlyTwin()
    assert add(twin, person("ann@meadow.example"))["leads_uploaded"] == 1
    assert ask(twin, "POST", LIST, {"campaign": ACTIVE_ID})[0] == 200
    for campaign_id in (ACTIVE_ID, PAUSED_ID, WRONG_ID):
        assert ask(twin, "GET", f"/api/v2/campaigns/{campaign_id}")[0] == 200
    assert ask(twin, "POST", f"/api/v2/campaigns/{ACTIVE_ID}/pause")[1]["status"] == 2
    assert ask(twin, "GET", f"/api/v2/accounts/{INBOXES[0]}")[0] == 200
    assert ask(twin, "GET", "/api/v2/workspaces/current")[0] == 200
    for path in ("/api/v2/campaigns/x", "/api/v2/accounts/x"):
        assert ask(twin, "GET", path)[0] == 404
    assert ask(twin, "POST", LIST, {"campaign": "x"})[0] == 404
    assert ask(twin, "POST", LIST, {}, key="other")[0] == 401
    assert twin.limited(NOON).status == 429


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"campaign_id": ACTIVE_ID},
        {"campaign_id": ACTIVE_ID, "leads": []},
        {"campaign_id": ACTIVE_ID, "leads": [{"email": "a@b.example"}] * 1001},
        {"campaign_id": ACTIVE_ID, "list_id": ACTIVE_ID, "leads": [{"email": "a@b.example"}]},
        {"campaign": ACTIVE_ID, "leads": [{"email": "a@b.example"}]},
        {"campaign_id": ACTIVE_ID, "leads": [{"email": "a@b.example", "subject": "x"}]},
        {"campaign_id": ACTIVE_ID, "leads": [{"email": "a@b.example", "custom_variables": {"x": []}}]},
        {"campaign_id": ACTIVE_ID, "leads": [{"email": "a@b.example"}], "force": True},
    ],
)
def test_requests_outside_the_contract_are_refused(body: Any) -> None:
    twin = InstantlyTwin()
    assert ask(twin, "POST", ADD, body)[0] == 400
    assert len(twin.enrolled) == 1


def test_who_is_refused_shows_only_in_the_counters() -> None:
    twin = InstantlyTwin()
    add(twin, person("old@meadow.example"))
    told = add(
        twin,
        person("new@meadow.example"),
        person("old@meadow.example"),
        person("new@meadow.example"),
        person(ELSEWHERE),
        person("x@blocked.example"),
        person("nobody"),
        {"first_name": "Ann"},
        skip_if_in_campaign=True,
    )
    assert [row["index"] for row in told["created_leads"]] == [0]
    assert {name: count for name, count in told.items() if count == 1} == {
        "leads_uploaded": 1,
        "duplicated_leads": 1,
        "duplicate_email_count": 1,
        "skipped_count": 1,
        "in_blocklist": 1,
        "invalid_email_count": 1,
        "incomplete_count": 1,
    }


def test_a_person_of_another_campaign_is_added_unless_told_to_skip() -> None:
    twin = InstantlyTwin()
    assert add(twin, person(ELSEWHERE))["leads_uploaded"] == 1


def test_the_last_page_with_data_has_a_cursor_too() -> None:
    twin = InstantlyTwin()
    add(twin, *(person(f"p{number}@meadow.example") for number in range(3)))
    seen: list[list[str]] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        _, page = ask(twin, "POST", LIST, {"campaign": ACTIVE_ID, "limit": 2, **cursor})
        seen.append([row["email"] for row in page["items"]])
        cursor = {"starting_after": page.get("next_starting_after", "")}
    assert [len(page) for page in seen] == [2, 1, 0]


def test_mail_goes_out_in_the_schedule_once_and_never_from_a_paused_campaign() -> None:
    twin = InstantlyTwin()
    add(twin, person("ann@meadow.example", cmo_subject="S", cmo_body="a &lt;b&gt;<br/>c"))
    add(twin, person("bob@meadow.example", cmo_subject="S", cmo_body="x"), campaign_id=PAUSED_ID)
    twin.advance(NIGHT)
    assert arrived(twin) == []
    twin.advance(MONDAY)
    twin.advance(MONDAY + timedelta(days=1))
    assert arrived(twin) == [("ann@meadow.example", "S", "a <b>\nc")]


def test_words_in_a_value_are_expanded_again() -> None:
    assert expand("{{cmo_body}}", {"cmo_body": "I am {{email}}, {one|two}", "email": "x@y.example"}) == (
        "I am x@y.example, one"
    )
    assert as_text("<div>&lt;a&gt;&nbsp;b<br>c</div>") == "<a> b\nc"


def test_it_goes_on_in_the_next_process_where_it_stopped() -> None:
    twin, other = InstantlyTwin(), InstantlyTwin()
    add(twin, person("ann@meadow.example", cmo_subject="S", cmo_body="x"))
    twin.block_list.add("late@meadow.example")
    twin.advance(OPEN)
    ask(twin, "POST", f"/api/v2/campaigns/{ACTIVE_ID}/pause")
    other.load_json(json.loads(json.dumps(twin.to_json())))
    other.advance(OPEN)
    assert other.to_json() == twin.to_json()
    assert len(other.sent) == 1


def test_more_than_a_hundred_requests_a_second_are_too_many() -> None:
    twin = InstantlyTwin()
    statuses = [ask(twin, "GET", "/api/v2/workspaces/current")[0] for _ in range(101)]
    assert statuses == [200] * 100 + [429]
