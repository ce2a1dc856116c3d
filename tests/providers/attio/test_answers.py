"""Single answers of Attio, strange ones too, and what the client makes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import pytest

from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Probe
from cmo.errors import ProviderError, ProviderRejected, RateLimited
from cmo.providers.attio import Attio
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.fakes.clock import StillClock
from tests.providers.attio.rig import ENTRY, NOTE, PERSON, note, on_list, person, rig

T = TypeVar("T")
RECORD = "7c0b7a35-9d1e-4f43-8f0a-3b1f9a6f4e55"
ITEMS = {PERSON: person(), ENTRY: on_list(RECORD), NOTE: note(RECORD)}


def refusal(status: int, code: str, message: str = "No.") -> httpx.Response:
    told = {"status_code": status, "type": "invalid_request_error", "code": code, "message": message}
    return httpx.Response(status, json=told)


def with_answers(
    write: httpx.Response,
    act: Callable[[Attio], Awaitable[T]],
    read: httpx.Response | None = None,
    clock: StillClock | None = None,
) -> T:
    """What `act` gives where every write is answered by `write`, every read by `read` (nothing there)."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_write = request.method == "PUT" or (request.url.path == "/v2/notes" and request.method == "POST")
        given = write if is_write else read or httpx.Response(200, json={"data": []})
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)

    async def scene() -> T:
        async with Attio(
            Secret("a-key-for-tests"),
            base_url="https://attio.example",
            timeout_s=5.0,
            clock=clock or StillClock(),
            meter=Meter(),
            transport=httpx.MockTransport(answer),
        ) as client:
            return await act(client)

    return asyncio.run(scene())


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize(
    ("answer", "fate", "code"),
    [
        (refusal(400, "value_not_found", 'Cannot find attribute "company".'), Fate.REFUSED, "value_not_found"),
        (refusal(400, "missing_value"), Fate.REFUSED, "missing_value"),
        (refusal(400, "merge_in_progress"), Fate.LATER, "merge_in_progress"),
        (refusal(400, "multiple_match_results"), Fate.HELD, "multiple_match_results"),
        (refusal(413, ""), Fate.REFUSED, "too_large"),
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


def test_the_reason_names_the_attribute_and_no_address() -> None:
    answer = refusal(400, "value_not_found", 'ada@engines.example: no option "x" of attribute "company"')
    (receipt,) = with_answers(answer, lambda client: client.write(PERSON, [person()]))
    assert 'attribute "company"' in receipt.reason
    assert "ada@" not in receipt.reason


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize("status", [402, 403, 404])
def test_a_refusal_of_the_whole_call_is_raised(operation: str, status: int) -> None:
    answer = httpx.Response(status, text="<html>nothing here</html>")
    with pytest.raises(ProviderRejected, match="status"):
        with_answers(answer, lambda client: client.write(operation, [ITEMS[operation]]))


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        ("Fri, 20 Nov 2026 12:00:07 GMT", 7.0),
        ("Fri, 20 Nov 2026 11:59:00 GMT", 1.0),
        ("3", 3.0),
        ("nan", 1.0),
        ("soon", 1.0),
        ("Fri, 20 Nov 9999 12:00:00 GMT", 3600.0),
        (None, 1.0),
    ],
)
def test_a_limit_is_told_as_a_date_and_other_forms_are_survived(retry_after: str | None, wait_s: float) -> None:
    headers = {"Retry-After": retry_after} if retry_after else {}
    with pytest.raises(RateLimited) as limited:
        with_answers(httpx.Response(429, headers=headers), lambda client: client.write(NOTE, [note(RECORD)]))
    assert limited.value.retry_after_s == wait_s


def test_a_long_wait_is_the_callers_and_no_request_goes_out_meanwhile() -> None:
    async def act(client: Attio) -> list[float]:
        waits = []
        for _ in range(2):
            with pytest.raises(RateLimited) as limited:
                await client.write(NOTE, [note(RECORD)])
            waits.append(limited.value.retry_after_s)
            clock.advance(40.0)
        return waits

    clock = StillClock()
    assert with_answers(httpx.Response(429, headers={"Retry-After": "120"}), act, clock=clock) == [120.0, 80.0]
    assert clock.slept_s == []


STRANGE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"yes"',
    b"<html>ok</html>",
    b'{"data": null}',
    b'{"data": []}',
    b'{"data": {"id": null}}',
    b'{"data": {"id": {"record_id": null, "entry_id": true, "note_id": {}}}}',
    b'{"data": [null, 7, "x"]}',
    b'{"data": {"id": "flat"}}',
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
        b'{"data": [{"id": {"record_id": 7}, "values": null, "title": null, "list_id": null}]}',
        b'{"data": [{"id": {"record_id": "r"}, "values": {"email_addresses": {"a": 1}, "name": [null]}}]}',
        json.dumps({"data": [{"id": {"record_id": "r" * 10_000}, "title": ["x"], "api_slug": 3}]}).encode(),
    ],
)
def test_strange_answers_to_looks_crash_nothing(operation: str, body: bytes) -> None:
    answer = httpx.Response(200, content=body)
    item = ITEMS[operation]
    (looked,) = with_answers(answer, lambda client: client.look_up(operation, [item]), read=answer)
    (seen,) = with_answers(answer, lambda client: client.preview(PERSON, [item]), read=answer)
    assert {looked.fate, seen.fate} <= {Fate.UNKNOWN, Fate.ABSENT}


@pytest.mark.parametrize("provider_id", [12345, "12345"])
def test_ids_may_be_numbers_and_extra_fields_do_no_harm(provider_id: object) -> None:
    answer = httpx.Response(200, json={"data": {"id": {"note_id": provider_id, "new": 1}, "extra": []}, "more": {}})
    (receipt,) = with_answers(answer, lambda client: client.write(NOTE, [note(RECORD)]))
    assert (receipt.fate, receipt.provider_id) == (Fate.CONFIRMED, "12345")


def test_a_list_of_notes_without_an_end_is_given_up() -> None:
    page = httpx.Response(200, json={"data": [{"id": {"note_id": str(n)}, "title": ""} for n in range(50)]})
    (receipt,) = with_answers(page, lambda client: client.look_up(NOTE, [note(RECORD)]), read=page)
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "contract_broken")


def probed(answer: httpx.Response) -> Probe:
    return with_answers(answer, lambda client: client.probe(), read=answer)


def test_the_probe_tells_an_accepted_key_from_a_revoked_a_wrong_and_an_unreachable_one() -> None:
    with rig() as outside:
        assert outside.run(lambda client: client.probe()).state == "ok"
        outside.attio.books.is_key_revoked = True
        revoked = outside.run(lambda client: client.probe())
        assert (revoked.state, revoked.detail) == ("fail", "Attio answers, but the key is revoked.")
        outside.key = "some-other-key"
        wrong = outside.run(lambda client: client.probe())
        assert (wrong.state, "cmo auth set attio" in wrong.fix) == ("fail", True)
    with rig(FaultRule(kind=FaultKind.RESET_BEFORE, route="out:attio", share=1.0)) as outside:
        assert outside.run(lambda client: client.probe()).state == "fail"
    with rig(FaultRule(kind=FaultKind.OK_WITH_ERROR, route="out:attio/v2/self", nth=(1,))) as outside:
        assert "revoked" in outside.run(lambda client: client.probe()).detail


def test_the_probe_names_the_scopes_that_are_missing() -> None:
    told = probed(httpx.Response(200, json={"active": True, "scope": "record_permission:read-write note:read-write"}))
    assert told.state == "warn"
    assert "list_entry:read-write" in told.detail


@pytest.mark.parametrize("answer", [httpx.Response(code, content=b"[1]") for code in (200, 400, 429, 500)])
def test_the_probe_never_raises(answer: httpx.Response) -> None:
    assert probed(answer).state in ("warn", "fail")


def test_no_error_shows_the_key() -> None:
    answer = httpx.Response(403, json={"code": "forbidden", "message": "Bearer a-key-for-tests may not"})
    with pytest.raises(ProviderError) as told:
        with_answers(answer, lambda client: client.write(NOTE, [note(RECORD)]))
    assert "a-key-for-tests" not in str(told.value)


def test_a_cap_of_requests_in_a_minute_is_kept() -> None:
    clock = StillClock()

    async def scene() -> None:
        async with Attio(
            Secret("a-key-for-tests"),
            base_url="https://attio.example",
            timeout_s=5.0,
            clock=clock,
            meter=Meter(),
            per_minute=3,
            transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"data": []})),
        ) as client:
            await client.look_up(NOTE, [note(RECORD)] * 4)

    asyncio.run(scene())
    assert clock.monotonic() == 60.0


@pytest.mark.parametrize(
    "told", [httpx.Response(200, json={"data": {"parent_object": ["companies"]}}), refusal(400, "")]
)
def test_a_list_that_holds_no_people_is_none(told: httpx.Response) -> None:
    with pytest.raises(ProviderRejected, match="`deals`"):
        with_answers(told, lambda client: client.require_list("deals"), read=told)
