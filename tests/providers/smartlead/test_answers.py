"""Answers that the twin does not give: contradictory, hostile, broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest

from cmo.domain.outward import Fate, Letter, Receipt
from cmo.errors import PlanFull, ProviderError, ProviderRejected, RateLimited
from cmo.providers.sequencer.letters import variables
from cmo.providers.smartlead import Smartlead
from cmo.sandbox.vendors.smartlead import ACTIVE_ID, API_KEY
from tests.fakes.clock import NOON, StillClock
from tests.providers.smartlead.world import ENROL, client, letter

ANN, BOB = letter("ann@meadow.example"), letter("bob@meadow.example")
OBSERVED = {"ok": True, "upload_count": 1, "total_leads": 0, "skipped_in_other_campaign_count": 1}
"""Seen in public logs of a live account (contracts/smartlead.md, OBS)."""
T = TypeVar("T")


def lead(of: Letter, *campaign_ids: Any, **changed: Any) -> dict[str, Any]:
    """A person as GET /leads/?email= tells of it."""
    places = [{"campaign_id": campaign_id} for campaign_id in campaign_ids]
    return {
        "id": 7,
        "email": of.to_email,
        "custom_fields": variables(of),
        "lead_campaign_data": places,
        **changed,
    }


def ask(
    use: Callable[[Smartlead], Awaitable[T]],
    answers: dict[str, Any],
    *,
    clock: StillClock | None = None,
    headers: dict[str, str] | None = None,
) -> T:
    """What `use` returns where an address (of a look-up) or a path's last word is answered so; a tuple is status
    and body, and a list of answers under an address is given one after the other."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.params["api_key"] == API_KEY
        name = request.url.params.get("email") or request.url.path.rpartition("/")[2]
        answer = answers[name]
        if isinstance(answer, Turns):
            answer = answer.rows.pop(0)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content, headers=headers)

    async def go() -> T:
        transport = httpx.MockTransport(handle)
        used = clock or StillClock()
        async with client("https://server.smartlead.example", clock=used, transport=transport) as smartlead:
            return await use(smartlead)

    return asyncio.run(go())


class Turns:
    """One answer after the other."""

    def __init__(self, *rows: Any) -> None:
        self.rows = list(rows)


def write(answer: Any, ann: Any = None, bob: Any = None) -> list[tuple[Fate, str, str]]:
    def use(smartlead: Smartlead) -> Awaitable[tuple[Receipt, ...]]:
        return smartlead.write(ENROL, [ANN, BOB])

    answers = {"leads": answer, ANN.to_email: ann or {}, BOB.to_email: bob or {}}
    return [(receipt.fate, receipt.effect, receipt.code) for receipt in ask(use, answers)]


HOSTILE: list[Any] = [
    None,
    [],
    {},
    5,
    "text",
    b"",
    b"<html>",
    b"\xff\xfe",
    b"[" * 100_000,
    {"error": "Unexpected"},
    {"message": "Hello"},
    {"ok": None},
    {"ok": "true"},
    {"ok": 1},
    {"success": []},
    {"ok": True, "block_count": {}},
    {"ok": True, "block_count": -1},
    {"ok": True, "block_count": True},
    {"ok": True, "duplicate_count": "many"},
    {"ok": True, "unsubscribed_leads": 1e400},
]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
def test_an_answer_that_does_not_say_what_happened_leaves_all_in_doubt(answer: Any) -> None:
    assert write(answer) == [(Fate.UNKNOWN, "", "contract_broken")] * 2


@pytest.mark.parametrize("status", [301, 303, 307, 408, 500, 502, 503, 504])
def test_a_status_that_does_not_say_what_happened_leaves_all_in_doubt(status: int) -> None:
    assert {fate for fate, _, _ in write((status, {"message": "?"}))} == {Fate.UNKNOWN}


@pytest.mark.parametrize(
    "body",
    [{"message": "No"}, {"error": "No"}, {"error": {"code": "X", "message": "No", "details": {}}}, b"<html>No", b""],
)
@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_call_that_is_refused_as_a_whole_is_raised(status: int, body: Any) -> None:
    with pytest.raises(ProviderRejected) as caught:
        write((status, body))
    assert caught.value.status == status
    assert API_KEY not in caught.value.message


@pytest.mark.parametrize(
    ("answer", "ann", "bob", "expected"),
    [
        ({"ok": True, "already_added_to_campaign": 0}, [ACTIVE_ID], [int(ACTIVE_ID)], ["created", "created"]),
        ({"success": True, "added_count": 2, "skipped_count": 0}, [ACTIVE_ID], [ACTIVE_ID], ["created", "created"]),
        ({"ok": True, "inserted_count": "1", "duplicate_count": 1}, [ACTIVE_ID], [ACTIVE_ID], ["", ""]),
        ({"ok": True}, [ACTIVE_ID], [ACTIVE_ID], ["", ""]),
        ({"ok": False, "error": "partly"}, [ACTIVE_ID], [ACTIVE_ID], ["", ""]),
    ],
)
def test_who_is_found_in_the_campaign_is_confirmed(
    answer: Any, ann: list[Any], bob: list[Any], expected: list[str]
) -> None:
    told = write(answer, lead(ANN, *ann), lead(BOB, *bob))
    assert told == [(Fate.CONFIRMED, effect, "") for effect in expected]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"ok": True, "upload_count": 2, "skipped_in_other_campaign_count": 1}, "in_other_campaign"),
        ({"ok": True, "upload_count": 2, "block_count": "1"}, "blocklisted"),
        ({"ok": True, "unsubscribed_leads": 1}, "unsubscribed"),
        ({"ok": True, "unsubscribed_leads": ["BOB@meadow.example"]}, "unsubscribed"),
        ({"ok": True, "invalid_email_count": 1, "invalid_emails": ["bob@meadow.example"]}, "invalid_email"),
        ({"ok": True, "bounce_count": 1}, "bounced"),
        ({"ok": True, "inserted_count": 1, "blocked_count": 1}, "blocklisted"),
        ({"success": True, "added_count": 1, "skipped_count": 1, "skipped_leads": [{"email": None}]}, "skipped"),
        ({"ok": True, "duplicate_count": 1}, "duplicate"),
    ],
)
def test_who_is_not_found_is_refused_where_the_counters_say_so(answer: Any, code: str) -> None:
    assert write(answer, lead(ANN, ACTIVE_ID))[1] == (Fate.REFUSED, "", code)


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True, "upload_count": 2, "total_leads": 2},
        {"ok": True, "block_count": 2},
        {"ok": True, "brand_new_count": 1},
        {"ok": True, "inserted_count": 2, "blocked_count": 1},
        {"success": True, "added_count": 2, "skipped_count": 1},
    ],
)
def test_who_is_not_found_and_not_explained_is_held_with_the_figures(answer: Any) -> None:
    assert write(answer, lead(ANN, ACTIVE_ID))[1] == (Fate.HELD, "ambiguous", "counters")


def test_the_answer_seen_at_a_live_account_is_a_refusal() -> None:
    [receipt] = ask(lambda smartlead: smartlead.write(ENROL, [ANN]), {"leads": OBSERVED, ANN.to_email: lead(ANN, "12")})
    assert (receipt.fate, receipt.code) == (Fate.REFUSED, "in_other_campaign")
    assert "skipped_in_other_campaign_count 1" in receipt.reason


def test_by_elimination_everybodys_own_reason_is_found() -> None:
    answer = {"ok": True, "skipped_in_other_campaign_count": 1, "block_count": 1}
    assert [code for _, _, code in write(answer, lead(ANN, "12"))] == ["in_other_campaign", "blocklisted"]
    assert [code for _, _, code in write({"ok": True, "bounce_count": 1, "block_count": 1})] == ["rejected"] * 2


def test_who_is_in_another_campaign_is_never_called_blocked_by_elimination() -> None:
    answer = {"ok": True, "skipped_in_other_campaign_count": 1, "block_count": 1}
    codes = [code for _, _, code in write(answer, lead(ANN, "12"), lead(BOB, "12"))]
    assert codes == ["in_other_campaign"] * 2


@pytest.mark.parametrize("name", ["unsubscribed_leads", "block_count", "skipped_in_other_campaign_count"])
def test_who_unsubscribed_is_told_so_whatever_the_counter(name: str) -> None:
    answer = {"ok": True, name: 1}
    assert write(answer, lead(ANN, ACTIVE_ID), lead(BOB, "12", is_unsubscribed=True))[1][2] == "unsubscribed"


def test_a_full_plan_is_for_later_unless_some_were_added() -> None:
    answer = {"ok": False, "is_lead_limit_exhausted": True, "error": "full"}
    with pytest.raises(PlanFull):
        write(answer)
    assert write(answer, lead(ANN, ACTIVE_ID)) == [(Fate.CONFIRMED, "", ""), (Fate.UNKNOWN, "", "not_ok")]
    assert write({"ok": True, "error": "odd"}) == [(Fate.UNKNOWN, "", "not_ok")] * 2


def test_people_who_appear_late_are_found() -> None:
    clock = StillClock()
    answers = {"leads": {"ok": True, "upload_count": 1}, ANN.to_email: Turns({}, {}, lead(ANN, ACTIVE_ID))}
    [receipt] = ask(lambda smartlead: smartlead.write(ENROL, [ANN]), answers, clock=clock)
    assert receipt.fate is Fate.CONFIRMED
    assert clock.monotonic() == 20


@pytest.mark.parametrize(
    ("found", "fate"),
    [
        ({}, Fate.ABSENT),
        (lead(ANN), Fate.ABSENT),
        (lead(ANN, lead_campaign_data=None), Fate.ABSENT),
        (lead(ANN, "12", None), Fate.ABSENT),
        (lead(ANN, int(ACTIVE_ID)), Fate.CONFIRMED),
        (lead(ANN, "12", ACTIVE_ID, email="ANN@meadow.example"), Fate.CONFIRMED),
        (lead(ANN, ACTIVE_ID, ACTIVE_ID), Fate.HELD),
        (lead(BOB, ACTIVE_ID), Fate.HELD),
        (lead(ANN, ACTIVE_ID, email=None), Fate.HELD),
        (lead(ANN, ACTIVE_ID, custom_fields=None), Fate.HELD),
        (lead(ANN, ACTIVE_ID, custom_fields={"cmo_subject": ANN.subject}), Fate.HELD),
        ([], Fate.UNKNOWN),
        (None, Fate.UNKNOWN),
        (b"<html>", Fate.UNKNOWN),
        ({"error": "odd"}, Fate.UNKNOWN),
        ({"ok": False}, Fate.UNKNOWN),
        (lead(ANN, lead_campaign_data="x"), Fate.UNKNOWN),
    ],
)
def test_looking_up_believes_only_our_text_under_our_campaign(found: Any, fate: Fate) -> None:
    [receipt] = ask(lambda smartlead: smartlead.look_up(ENROL, [ANN]), {ANN.to_email: found})
    assert receipt.fate is fate


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        ({"Retry-After": "7", "X-RateLimit-Reset": "99"}, {}, 7),
        ({"X-RateLimit-Reset": str(int((NOON + timedelta(seconds=45)).timestamp()))}, {}, 45),
        ({"X-RateLimit-Reset": "12"}, {}, 1),
        ({"Retry-After": "0"}, {}, 1),
        ({"Retry-After": "-9"}, {}, 1),
        ({}, {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "no", "retry_after": 9}}, 9),
        ({"Retry-After": "999999"}, {}, 3600),
        ({"Retry-After": "nan"}, {}, 2),
        ({"Retry-After": "soon"}, {"error": "no"}, 2),
        ({}, b"", 2),
    ],
)
def test_a_limit_waits_as_long_as_any_form_says(headers: dict[str, str], body: Any, wait_s: float) -> None:
    with pytest.raises(RateLimited) as caught:
        ask(lambda smartlead: smartlead.write(ENROL, [ANN]), {"leads": (429, body)}, headers=headers)
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize("body", [None, [], {}, "x", b"<html>", {"status": 5, "track_settings": {}, "name": []}])
def test_a_campaign_in_another_shape_is_told_not_crashed_on(body: Any) -> None:
    answers = {ACTIVE_ID: body, "sequences": {"data": 5}, "email-accounts": {"x": None}}
    try:
        found = ask(lambda smartlead: smartlead.sequence(ACTIVE_ID), answers)
    except ProviderError:
        return
    assert found.state == "unhealthy"
    assert len(found.problems) >= 4


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ([], "ok"),
        (b"<html>", "fail"),
        ((401, {}), "fail"),
        ((403, "no"), "fail"),
        ((429, {}), "warn"),
        ((500, b""), "fail"),
    ],
)
def test_the_probe_never_raises(answer: Any, state: str) -> None:
    assert ask(lambda smartlead: smartlead.probe(), {"fetch-categories": answer}).state == state
