"""Answers that the twin does not give: contradictory, hostile, broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest

from cmo.domain.outward import Fate, Letter, Receipt
from cmo.errors import ProviderError, ProviderRejected
from cmo.providers.instantly import Instantly
from cmo.providers.sequencer.letters import variables
from cmo.sandbox.vendors.instantly import ACTIVE_ID
from tests.fakes.clock import StillClock
from tests.providers.instantly.world import ENROL, client, letter

ANN, BOB = letter("ann@meadow.example"), letter("bob@meadow.example")
T = TypeVar("T")


def counters(**changed: Any) -> dict[str, Any]:
    """What /leads/add answers when it added nobody."""
    names = ("in_blocklist", "duplicated_leads", "skipped_count", "invalid_email_count", "incomplete_count")
    plain = dict.fromkeys((*names, "duplicate_email_count", "leads_uploaded"), 0)
    return {**plain, "status": "success", "created_leads": [], **changed}


def row(of: Letter, **changed: Any) -> dict[str, Any]:
    """A person as /leads/list tells of it."""
    return {"id": "L1", "email": of.to_email, "campaign": ACTIVE_ID, "payload": variables(of), **changed}


def ask(use: Callable[[Instantly], Awaitable[T]], answers: dict[str, Any]) -> T:
    """What `use` returns where each path (its last word) is answered so; a tuple is status and body."""

    def handle(request: httpx.Request) -> httpx.Response:
        answer = answers[request.url.path.rpartition("/")[2]]
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content)

    async def go() -> T:
        transport = httpx.MockTransport(handle)
        async with client("https://api.instantly.example", clock=StillClock(), transport=transport) as instantly:
            return await use(instantly)

    return asyncio.run(go())


def write(answer: Any, *letters: Letter, there: Any = None) -> list[tuple[Fate, str]]:
    def use(instantly: Instantly) -> Awaitable[tuple[Receipt, ...]]:
        return instantly.write(ENROL, letters or (ANN, BOB))

    empty: dict[str, Any] = {"items": []}
    answers = {"add": answer, "list": there or empty, "block-lists-entries": empty}
    return [(receipt.fate, receipt.code) for receipt in ask(use, answers)]


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
    {"status": "success"},
    counters(error="Leads could not be imported"),
    counters(in_blocklist=None),
    counters(in_blocklist=-1),
    counters(skipped_count=True),
    counters(skipped_count=1e400),
    counters(created_leads=None),
    counters(created_leads={"index": 0}),
    counters(created_leads=["x"]),
    counters(created_leads=[{"id": "x"}]),
    counters(created_leads=[{"index": 2, "id": "x"}]),
    counters(created_leads=[{"index": -1, "id": "x"}]),
    counters(created_leads=[{"index": True, "id": "x"}]),
    counters(created_leads=[{"index": "9" * 5000, "id": "x"}]),
    counters(created_leads=[{"index": 0, "id": "x"}, {"index": 0, "id": "y"}]),
    counters(created_leads=[{"index": 0, "id": "x", "email": BOB.to_email}]),
]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
def test_an_answer_that_does_not_say_who_was_added_leaves_all_in_doubt(answer: Any) -> None:
    assert write(answer) == [(Fate.UNKNOWN, "contract_broken")] * 2


@pytest.mark.parametrize("status", [301, 303, 408, 500, 502, 503, 504, 599])
def test_a_status_that_does_not_say_what_happened_leaves_all_in_doubt(status: int) -> None:
    assert {fate for fate, _ in write((status, {"message": "?"}))} == {Fate.UNKNOWN}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_call_that_is_refused_as_a_whole_is_raised_without_addresses(status: int) -> None:
    body = {"statusCode": status, "error": "No", "message": "ann@meadow.example may not, Bearer abcdefghijklmnop"}
    with pytest.raises(ProviderRejected) as caught:
        write((status, body))
    assert caught.value.status == status
    assert "(address) may not" in caught.value.message
    assert "abcdefghijklmnop" not in caught.value.message


def test_numbers_that_come_as_text_and_keys_nobody_knows_are_understood() -> None:
    added = [{"index": "1", "id": 77, "email": "BOB@meadow.example", "new": None}]
    answer = counters(created_leads=added, in_blocklist="1", leads_uploaded=1.0, surprise={"a": 1})
    assert write(answer) == [(Fate.REFUSED, "blocklisted"), (Fate.CONFIRMED, "")]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"in_blocklist": 2}, (Fate.REFUSED, "blocklisted")),
        ({"invalid_email_count": 2}, (Fate.REFUSED, "invalid_email")),
        ({"incomplete_count": 2}, (Fate.REFUSED, "incomplete")),
        ({"duplicate_email_count": 2}, (Fate.REFUSED, "duplicate")),
        ({"in_blocklist": 1, "invalid_email_count": 1}, (Fate.REFUSED, "rejected")),
        ({"skipped_count": 2}, (Fate.HELD, "counters")),
        ({"duplicated_leads": 2}, (Fate.HELD, "counters")),
        ({"duplicated_leads": 1, "in_blocklist": 1}, (Fate.HELD, "counters")),
        ({}, (Fate.HELD, "counters")),
        ({"in_blocklist": 1}, (Fate.HELD, "counters")),
        ({"in_blocklist": 3}, (Fate.HELD, "counters")),
        ({"in_blocklist": 2, "leads_uploaded": 1}, (Fate.HELD, "counters")),
    ],
)
def test_counters_are_believed_only_when_they_add_up(changed: dict[str, int], expected: tuple[Fate, str]) -> None:
    assert write(counters(**changed)) == [expected] * 2


def test_who_is_in_the_campaign_is_confirmed_whatever_the_counters_say() -> None:
    there = {"items": [row(ANN), row(BOB, campaign="1a6c0000-0000-4000-8000-0000000000aa")]}
    assert write(counters(skipped_count=1), there=there) == [(Fate.CONFIRMED, ""), (Fate.HELD, "counters")]
    assert write(counters(skipped_count=2), there=there) == [(Fate.CONFIRMED, ""), (Fate.REFUSED, "in_other_campaign")]


@pytest.mark.parametrize(("status", "code"), [(-1, "bounced"), (-2, "unsubscribed"), (3, "in_other_campaign")])
def test_how_a_person_stands_in_another_campaign_is_why_they_are_skipped(status: int, code: str) -> None:
    there = {"items": [row(ANN, campaign="1a6c0000-0000-4000-8000-0000000000aa", status=status), row(BOB)]}
    assert write(counters(skipped_count=1, duplicated_leads=1), there=there)[0] == (Fate.REFUSED, code)


def test_people_who_are_there_already_do_not_blur_why_another_was_refused() -> None:
    answer = counters(duplicated_leads=1, in_blocklist=1)
    assert write(answer, there={"items": [row(ANN)]}) == [(Fate.CONFIRMED, ""), (Fate.REFUSED, "blocklisted")]


@pytest.mark.parametrize(
    ("items", "fate"),
    [
        ([row(ANN)], Fate.CONFIRMED),
        ([row(ANN, email="ANN@Meadow.example", campaign=ACTIVE_ID.upper())], Fate.CONFIRMED),
        ([row(ANN, campaign=None)], Fate.CONFIRMED),
        ([row(ANN), row(ANN, id="L2")], Fate.HELD),
        ([row(BOB)], Fate.ABSENT),
        ([row(ANN, campaign="1a6c0000-0000-4000-8000-0000000000aa")], Fate.ABSENT),
        ([row(ANN, payload=None)], Fate.HELD),
        ([row(ANN, payload={**variables(ANN), "cmo_body": 5})], Fate.HELD),
        ([None, 5, {"email": None, "campaign": []}], Fate.ABSENT),
        (None, Fate.UNKNOWN),
        ({"a": 1}, Fate.UNKNOWN),
    ],
)
def test_looking_up_believes_only_our_text_under_our_campaign(items: Any, fate: Fate) -> None:
    [receipt] = ask(lambda instantly: instantly.look_up(ENROL, [ANN]), {"list": {"items": items}})
    assert receipt.fate is fate


def test_pages_that_do_not_end_cannot_be_known() -> None:
    endless = {"items": [row(BOB)], "next_starting_after": "c"}
    [receipt] = ask(lambda instantly: instantly.look_up(ENROL, [ANN]), {"list": endless})
    assert receipt.fate is Fate.UNKNOWN


@pytest.mark.parametrize("body", [None, [], {}, "x", b"<html>", {"status": None, "sequences": 5, "email_list": {}}])
def test_a_campaign_in_another_shape_is_told_not_crashed_on(body: Any) -> None:
    try:
        found = ask(lambda instantly: instantly.sequence(ACTIVE_ID), {ACTIVE_ID: body})
    except ProviderError:
        return
    assert found.state == "unhealthy"
    assert found.problems


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"name": None}, "ok"),
        ([], "ok"),
        (b"<html>", "fail"),
        ((401, {"message": "Invalid"}), "fail"),
        ((402, {"message": "Upgrade"}), "fail"),
        ((403, "no"), "fail"),
        ((429, {}), "warn"),
        ((500, b""), "fail"),
    ],
)
def test_the_probe_never_raises(answer: Any, state: str) -> None:
    answers = dict.fromkeys(("current", "campaigns", "accounts", "list"), answer)
    assert ask(lambda instantly: instantly.probe(), answers).state == state


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("Forbidden", "campaigns:read"),
        ("needs one of campaigns:all, all:read", "campaigns:all, all:read"),
        (None, "campaigns:read"),
    ],
)
def test_a_scope_is_named_as_the_service_names_it_or_else_as_ours(words: object, named: str) -> None:
    refusal = {"statusCode": 403, "error": "Forbidden", "message": words}
    answers = {"current": {}, "campaigns": (403, refusal), "accounts": {}, "list": {}}
    found = ask(lambda instantly: instantly.probe(), answers)
    assert found.detail == f"The key is known, but it lacks {named}."


@pytest.mark.parametrize("email", ["ann+list@meadow.example", "ANN@Meadow.example.", "ann+x@meadow.example"])
def test_another_spelling_of_the_address_is_for_a_person_and_never_absent(email: str) -> None:
    there = {"items": [row(ANN, email=email)]}
    [receipt] = ask(lambda instantly: instantly.look_up(ENROL, [ANN]), {"list": there})
    assert (receipt.fate, receipt.code) == (Fate.HELD, "other_spelling")


def test_our_person_in_another_campaign_only_is_absent() -> None:
    there = {"items": [row(ANN, campaign="1a6c0000-0000-4000-8000-00000000dead")]}
    [receipt] = ask(lambda instantly: instantly.look_up(ENROL, [ANN]), {"list": there})
    assert receipt.fate is Fate.ABSENT
