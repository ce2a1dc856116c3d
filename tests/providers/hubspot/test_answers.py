"""Single answers of HubSpot, strange ones too, and what the client makes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import pytest

from cmo.config.secrets import Secret
from cmo.domain.outward import Fate
from cmo.errors import ProviderError, ProviderRejected, RateLimited
from cmo.providers.hubspot import HubSpot
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.fakes.clock import StillClock
from tests.providers.hubspot.rig import ADA, COMPANY, CONTACT, DEAL, NOTE, company, contact, hung, rig

T = TypeVar("T")
ITEMS = {CONTACT: contact(), COMPANY: company(), NOTE: hung("101"), DEAL: hung("101")}


def refusal(status: int, category: str, message: str = "No.", **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"status": "error", "category": category, "message": message, **more})


def with_answers(
    write: httpx.Response,
    act: Callable[[HubSpot], Awaitable[T]],
    read: httpx.Response | None = None,
    **options: Any,
) -> T:
    """What `act` gives where every write is answered by `write`, every read by `read` (nothing there)."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_read = request.method == "GET" or request.url.path.endswith(("/read", "/search"))
        given = (read or httpx.Response(200, json={"results": []})) if is_read else write
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)

    async def scene() -> T:
        async with HubSpot(
            Secret("a-token-for-tests"),
            base_url="https://hubspot.example",
            timeout_s=5.0,
            clock=options.pop("clock", None) or StillClock(),
            meter=Meter(),
            transport=httpx.MockTransport(answer),
            **options,
        ) as client:
            return await act(client)

    return asyncio.run(scene())


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize(
    ("answer", "fate", "code"),
    [
        (refusal(400, "VALIDATION_ERROR"), Fate.REFUSED, "rejected"),
        (refusal(400, "VALIDATION_ERROR", errors=[{"code": "INVALID_EMAIL"}]), Fate.REFUSED, "invalid_email"),
        (refusal(409, "CONFLICT", "Already exists."), Fate.LATER, "conflict"),
        (refusal(404, "OBJECT_NOT_FOUND"), Fate.REFUSED, "record_missing"),
        (httpx.Response(422, text="<html>no</html>"), Fate.REFUSED, "rejected"),
        (
            httpx.Response(404, content=b'{"cut', headers={"Content-Type": "application/json"}),
            Fate.UNKNOWN,
            "contract_broken",
        ),
        (refusal(408, ""), Fate.UNKNOWN, "server_error"),
        (httpx.Response(302, headers={"Location": "/elsewhere"}), Fate.UNKNOWN, "server_error"),
        (httpx.Response(503, text="<html>"), Fate.UNKNOWN, "server_error"),
    ],
)
def test_a_refusal_becomes_the_fate_that_it_stands_for(
    operation: str, answer: httpx.Response, fate: Fate, code: str
) -> None:
    (receipt,) = with_answers(answer, lambda client: client.write(operation, [ITEMS[operation]]))
    assert (receipt.fate, receipt.code, receipt.status) == (fate, code, answer.status_code)


def test_a_company_that_a_conflict_names_is_the_one() -> None:
    there = refusal(409, "CONFLICT", "Company already exists. Existing ID: 20000000123")
    (receipt,) = with_answers(there, lambda client: client.write(COMPANY, [company()]))
    assert (receipt.fate, receipt.effect, receipt.provider_id) == (Fate.CONFIRMED, "noop", "20000000123")


def batch(results: object, errors: object = None, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"status": "COMPLETE", "results": results, "errors": errors, **more})


def test_results_are_told_apart_by_trace_id_or_address_in_whatever_order_they_come() -> None:
    answer = batch(
        [
            {"id": 7, "new": False, "properties": {"email": "bo@x.example"}},
            {"id": "9", "new": None, "objectWriteTraceId": "cmo-0", "properties": None},
        ],
        [
            {"category": "VALIDATION_ERROR", "message": "No: cy@x.example", "context": {"ids": ["cy@x.example"]}},
            {"category": "RATE_LIMITS", "context": {"objectWriteTraceId": ["cmo-3"]}},
            {"category": "CONFLICT", "message": "Existing ID: 5", "context": {"ids": ["fy@x.example"]}},
            {"category": 7, "context": None, "errors": "none"},
            "nonsense",
        ],
    )
    emails = (ADA, "Bo@x.example", "cy@x.example", "di@x.example", "ed@x.example", "fy@x.example")
    receipts = with_answers(answer, lambda client: client.write(CONTACT, [contact(email) for email in emails]))
    assert [(receipt.fate, receipt.effect, receipt.provider_id, receipt.code) for receipt in receipts] == [
        (Fate.CONFIRMED, "created", "9", ""),
        (Fate.CONFIRMED, "updated", "7", ""),
        (Fate.REFUSED, "", None, "rejected"),
        (Fate.LATER, "", None, "rate_limited"),
        (Fate.UNKNOWN, "", None, "contract_broken"),
        (Fate.LATER, "", None, "conflict"),
    ]
    assert "cy@" not in receipts[2].reason


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "CANCELED", None])
def test_a_batch_that_is_not_complete_is_unknown(status: str | None) -> None:
    result = {"id": "9", "new": True, "properties": {"email": ADA}}
    (receipt,) = with_answers(batch([result], status=status), lambda client: client.write(CONTACT, [contact()]))
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "contract_broken")


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize("status", [402, 403, 404])
def test_a_refusal_of_the_whole_call_is_raised(operation: str, status: int) -> None:
    answer = httpx.Response(status, text="<html>nothing here</html>")
    with pytest.raises(ProviderRejected):
        with_answers(answer, lambda client: client.write(operation, [ITEMS[operation]]))


@pytest.mark.parametrize(
    ("told", "headers", "wait_s"),
    [
        ({"policyName": "TEN_SECONDLY_ROLLING"}, {}, 10.0),
        ({"policyName": "SECONDLY"}, {}, 1.0),
        ({"policyName": "DAILY"}, {}, 39_600.0),
        ({"policyName": "SECONDLY"}, {"Retry-After": "4"}, 4.0),
        ({"policyName": "SECONDLY"}, {"Retry-After": "soon"}, 1.0),
        ({"policyName": "SECONDLY"}, {"Retry-After": "nan"}, 1.0),
        ({"policyName": "SECONDLY"}, {"Retry-After": "-3"}, 1.0),
        ({"policyName": 7}, {}, 10.0),
        ([], {}, 10.0),
    ],
)
def test_a_limit_lasts_as_long_as_its_policy(told: object, headers: dict[str, str], wait_s: float) -> None:
    """It is noon, UTC; in Berlin the day has eleven hours left."""
    answer = httpx.Response(429, json=told, headers=headers)
    with pytest.raises(RateLimited) as limited:
        with_answers(answer, lambda client: client.write(NOTE, [hung("101")]), zone=ZoneInfo("Europe/Berlin"))
    assert limited.value.retry_after_s == wait_s


def test_after_the_daily_limit_no_request_goes_out_and_nobody_sleeps_a_day() -> None:
    async def act(client: HubSpot) -> list[float]:
        waits = []
        for _ in range(2):
            with pytest.raises(RateLimited) as limited:
                await client.write(NOTE, [hung("101")])
            waits.append(limited.value.retry_after_s)
            clock.advance(3600.0)
        return waits

    clock = StillClock()
    answer = httpx.Response(429, json={"policyName": "DAILY"})
    assert with_answers(answer, act, clock=clock) == [43_200.0, 39_600.0]
    assert clock.slept_s == []


STRANGE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"yes"',
    b"<html>ok</html>",
    b'{"results": null}',
    b'{"results": [null, 7]}',
    b'{"results": [{"id": null}], "id": null}',
    b'{"results": [{"id": true, "properties": []}], "id": {}}',
    b'{"status": "COMPLETE", "results": "many", "id": []}',
    b'{"results": [{}], "errors": {}}',
    b"[" * 100_000,
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize("body", STRANGE)
def test_a_strange_yes_is_unknown(operation: str, body: bytes) -> None:
    answer = httpx.Response(200, content=body)
    (receipt,) = with_answers(answer, lambda client: client.write(operation, [ITEMS[operation]]))
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "contract_broken")


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize(
    "body",
    [
        *STRANGE,
        b'{"results": [{"from": null, "to": null}]}',
        b'{"results": [{"to": [{"toObjectId": null}], "paging": 7}]}',
        b'{"results": [], "errors": [{"category": "INTERNAL"}]}',
        json.dumps({"results": [{"id": "9" * 10_000, "properties": {"email": ["x"], "hs_note_body": 7}}]}).encode(),
    ],
)
def test_strange_answers_to_looks_crash_nothing_and_are_not_taken_for_absent(operation: str, body: bytes) -> None:
    answer = httpx.Response(200, content=body)
    (looked,) = with_answers(answer, lambda client: client.look_up(operation, [ITEMS[operation]]), read=answer)
    assert looked.fate is Fate.UNKNOWN or b"9999" in body


def test_a_list_of_links_without_an_end_is_given_up() -> None:
    page = httpx.Response(200, json={"results": [{"to": [], "paging": {"next": {"after": "1"}}}]})
    (receipt,) = with_answers(page, lambda client: client.look_up(NOTE, [hung("101")]), read=page)
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "contract_broken")


def test_the_probe_tells_an_accepted_key_from_a_wrong_a_poor_and_an_unreachable_one() -> None:
    with rig() as outside:
        accepted = outside.run(lambda client: client.probe())
        assert (accepted.state, "249,000 requests are left" in accepted.detail) == ("ok", True)
        for scope in ("crm.objects.contacts.read", "crm.objects.companies.read"):
            outside.hubspot.missing_scopes = (scope,)
            poor = outside.run(lambda client: client.probe())
            assert (poor.state, scope in poor.fix) == ("fail", True)
        outside.key = "some-other-token"
        wrong = outside.run(lambda client: client.probe())
        assert (wrong.state, "cmo auth set hubspot" in wrong.fix) == ("fail", True)
    with rig(FaultRule(kind=FaultKind.RESET_BEFORE, route="out:hubspot", share=1.0)) as outside:
        assert outside.run(lambda client: client.probe()).state == "fail"


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(429), httpx.Response(500), httpx.Response(400), *(httpx.Response(200, content=b) for b in STRANGE)],
)
def test_the_probe_never_raises_and_never_calls_nonsense_accepted(answer: httpx.Response) -> None:
    told = with_answers(answer, lambda client: client.probe(), read=answer)
    assert told.state in ("warn", "fail") or b"results" in answer.content


def test_no_error_shows_the_key() -> None:
    answer = refusal(403, "MISSING_SCOPES", "Bearer a-token-for-tests may not")
    with pytest.raises(ProviderError) as told:
        with_answers(answer, lambda client: client.write(NOTE, [hung("101")]))
    assert "a-token-for-tests" not in str(told.value)
