"""The sandbox's Gmail is strict where the contract is."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from cmo.sandbox.vendors.gmail import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, GmailVendor
from cmo.sandbox.wire import Request, Response
from tests.fakes.clock import NOON

RAW = base64.urlsafe_b64encode(b"To: jane@buyer.example\r\nMessage-ID: <a1@sender.example>\r\n\r\nHi\r\n").decode()


def _ask(
    vendor: GmailVendor,
    method: str,
    path: str,
    body: object = None,
    *,
    query: Mapping[str, str] | None = None,
    at_s: float = 0.0,
) -> Response:
    target = f"/gmail/v1/users/me/{path}?{urlencode(query or {})}"
    content = json.dumps(body).encode() if body is not None else b""
    request = Request(method, target, {"authorization": f"Bearer {ACCESS_TOKEN}"}, content)
    return vendor.answer(request, NOON + timedelta(seconds=at_s))


def _told(response: Response) -> Any:
    return json.loads(response.body)


def _draft(vendor: GmailVendor, raw: str = RAW) -> str:
    return str(_told(_ask(vendor, "POST", "drafts", {"message": {"raw": raw}}))["id"])


def test_a_draft_can_be_sent_only_once() -> None:
    vendor = GmailVendor()
    draft_id = _draft(vendor)
    first, second = (_ask(vendor, "POST", "drafts/send", {"id": draft_id}) for _ in range(2))
    assert (first.status, _told(first)["labelIds"], second.status) == (200, ["SENT"], 404)
    assert len(vendor.sent) == 1


def test_sending_itself_is_not_idempotent() -> None:
    vendor = GmailVendor()
    ids = {_told(_ask(vendor, "POST", "messages/send", {"raw": RAW}))["id"] for _ in range(2)}
    assert len(ids) == len(vendor.sent) == 2


def test_updating_replaces_the_whole_draft_and_deleting_removes_it() -> None:
    vendor = GmailVendor()
    draft_id = _draft(vendor)
    other = base64.urlsafe_b64encode(b"To: bob@buyer.example\r\n\r\n").decode()
    assert _ask(vendor, "PUT", f"drafts/{draft_id}", {"message": {"raw": other}}).status == 200
    assert [mail.recipients for mail in vendor.drafts] == [("bob@buyer.example",)]
    assert [_ask(vendor, "DELETE", f"drafts/{draft_id}").status for _ in range(2)] == [204, 404]
    assert _ask(vendor, "PUT", f"drafts/{draft_id}", {"message": {"raw": other}}).status == 404


def test_a_message_is_found_by_its_own_id_after_the_lag_of_search() -> None:
    vendor = GmailVendor(search_lag_s=30)
    _ask(vendor, "POST", "messages/send", {"raw": RAW})
    query = {"q": "rfc822msgid:a1@sender.example", "labelIds": "SENT"}
    assert _told(_ask(vendor, "GET", "messages", query=query)) == {"resultSizeEstimate": 0}
    found = _told(_ask(vendor, "GET", "messages", query=query, at_s=30))
    assert [row["id"] for row in found["messages"]] == [vendor.sent[0].id]


def test_trashed_messages_are_hidden_unless_asked_for() -> None:
    vendor = GmailVendor()
    _ask(vendor, "POST", "messages/send", {"raw": RAW})
    vendor.trash(vendor.sent[0].id)
    counts = [
        _told(_ask(vendor, "GET", "messages", query={"includeSpamTrash": asked}))["resultSizeEstimate"]
        for asked in ("false", "true")
    ]
    assert counts == [0, 1]


def test_threads_list_no_messages_and_a_thread_holds_them() -> None:
    vendor = GmailVendor(address="me@sandbox.example")
    raw = base64.urlsafe_b64encode(b"To: me@sandbox.example\r\n\r\n").decode()
    thread = _told(_ask(vendor, "POST", "messages/send", {"raw": raw}))["threadId"]
    (listed,) = _told(_ask(vendor, "GET", "threads"))["threads"]
    messages = _told(_ask(vendor, "GET", f"threads/{thread}", query={"format": "minimal"}))["messages"]
    assert (listed["id"], "messages" in listed) == (thread, False)
    assert [message["labelIds"] for message in messages] == [["SENT"], ["INBOX", "UNREAD"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status"),
    [
        ("POST", "drafts", {"message": {}}, {}, 400),
        ("POST", "drafts", {"message": {"raw": "a"}}, {}, 400),
        ("POST", "drafts", {"message": {"raw": RAW}, "extra": 1}, {}, 400),
        ("POST", "drafts", [], {}, 400),
        ("POST", "messages/send", {"raw": base64.urlsafe_b64encode(b"Subject: x\r\n\r\n").decode()}, {}, 400),
        ("GET", "messages", None, {"query": "x"}, 400),
        ("GET", "messages", None, {"q": "wondrous:x"}, 400),
        ("GET", "messages/none", None, {}, 404),
        ("GET", "threads/none", None, {}, 404),
        ("POST", "drafts/send", {"id": "none"}, {}, 404),
        ("GET", "settings", None, {}, 404),
    ],
)
def test_what_gmail_refuses_is_refused(
    method: str, path: str, body: object, query: dict[str, str], status: int
) -> None:
    vendor = GmailVendor()
    if query.get("q"):
        _ask(vendor, "POST", "messages/send", {"raw": RAW})
    response = _ask(vendor, method, path, body, query=query)
    assert (response.status, _told(response)["error"]["code"]) == (status, status)


def test_more_units_than_a_minute_has_are_a_403_with_a_reason() -> None:
    vendor = GmailVendor(units_per_minute=250)
    statuses = [_ask(vendor, "POST", "messages/send", {"raw": RAW}).status for _ in range(2)]
    refused = _ask(vendor, "POST", "messages/send", {"raw": RAW}, at_s=59)
    assert (statuses, refused.status) == ([200, 200], 403)
    assert _told(refused)["error"]["errors"][0]["reason"] == "userRateLimitExceeded"
    assert _ask(vendor, "POST", "messages/send", {"raw": RAW}, at_s=61).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({}, 200, "ya29.sandbox-1"),
        ({"refresh_token": "other"}, 400, "invalid_grant"),
        ({"client_secret": "other"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_exchanges_a_refresh_token(changes: dict[str, str], status: int, word: str) -> None:
    vendor = GmailVendor()
    vendor.expire_token()
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        **changes,
    }
    response = vendor.answer(Request("POST", "/token", {}, urlencode(form).encode()), NOON)
    told = _told(response)
    assert (response.status, told.get("access_token") or told["error"]) == (status, word)
    assert _ask(vendor, "GET", "profile").status == 401


def test_what_it_holds_survives_a_restart() -> None:
    vendor, after = GmailVendor(), GmailVendor()
    _ask(vendor, "POST", "messages/send", {"raw": RAW})
    _draft(vendor)
    after.load_json(json.loads(json.dumps(vendor.to_json())))
    assert (after.sent, after.drafts) == (vendor.sent, vendor.drafts)
    assert _draft(after) == _draft(vendor)
