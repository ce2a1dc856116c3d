"""Gmail's client against the sandbox over loopback HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Letter, Receipt, Repeat
from cmo.errors import AuthRejected, ContractBroken, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.gmail import OPERATIONS, Gmail, GoogleLogin
from cmo.providers.mail.mime import build_mail
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.gmail import GmailVendor
from tests.fakes.clock import StillClock
from tests.providers.gmail.rig import INBOX, client_at, gmail_at_sandbox
from tests.providers.mail.letters import letter_of

WRONG = Secret("ya29.wrong-token-altogether")


def _write(client: Gmail, *letters: Letter) -> tuple[Receipt, ...]:
    async def act() -> tuple[Receipt, ...]:
        async with client:
            return tuple([(await client.write("gmail.send", [letter]))[0] for letter in letters])

    return asyncio.run(act())


def _look_up(client: Gmail, *letters: Letter) -> tuple[Receipt, ...]:
    async def act() -> tuple[Receipt, ...]:
        async with client:
            return await client.look_up("gmail.send", letters)

    return asyncio.run(act())


def test_a_letter_leaves_with_exactly_its_bytes_and_its_message_id() -> None:
    letter = letter_of(subject="Größere Testläufe", to_name="Jané Döe")
    with gmail_at_sandbox() as rig:
        (receipt,) = _write(rig.client(), letter)
        (found,) = _look_up(rig.client(), letter)
    (sent,) = rig.vendor.sent
    assert (receipt.fate, receipt.effect, receipt.provider_id, receipt.code) == (Fate.CONFIRMED, "created", sent.id, "")
    assert sent.content == build_mail(letter)
    assert (sent.recipients, sent.message_id) == (("jane@buyer.example",), letter.message_id)
    assert rig.vendor.drafts == ()
    assert (found.fate, found.provider_id) == (Fate.CONFIRMED, sent.id)
    assert rig.meter.snapshot()["gmail_api_calls"] == len(rig.calls())


def test_a_letter_that_was_sent_is_not_sent_again() -> None:
    with gmail_at_sandbox() as rig:
        first, again = _write(rig.client(), letter_of(), letter_of())
    assert (first.effect, again.fate, again.effect) == ("created", Fate.CONFIRMED, "noop")
    assert len(rig.vendor.sent) == 1


def test_a_sent_letter_in_the_trash_is_still_found() -> None:
    with gmail_at_sandbox() as rig:
        _write(rig.client(), letter_of())
        rig.vendor.trash(rig.vendor.sent[0].id)
        assert _look_up(rig.client(), letter_of())[0].fate is Fate.CONFIRMED


def test_a_draft_that_is_there_is_overwritten_and_sent() -> None:
    letter = letter_of()
    with gmail_at_sandbox() as rig:
        edited = build_mail(letter).replace(b"an hour", b"a year!")
        rig.vendor.write_draft(base64.urlsafe_b64encode(edited).decode(), rig.clock.now())
        before = _look_up(rig.client(), letter)[0].fate
        (receipt,) = _write(rig.client(), letter)
    assert (before, receipt.fate, rig.vendor.drafts) == (Fate.ABSENT, Fate.CONFIRMED, ())
    assert [mail.content for mail in rig.vendor.sent] == [build_mail(letter)]


def test_a_copy_that_came_in_is_no_proof_of_sending() -> None:
    mine = letter_of("me", to_email=INBOX)
    with gmail_at_sandbox() as rig:
        (receipt,) = _write(rig.client(), mine)
        assert _look_up(rig.client(), mine)[0].provider_id == receipt.provider_id == rig.vendor.sent[0].id


def test_a_replaced_message_id_is_told() -> None:
    with gmail_at_sandbox(vendor=GmailVendor(address=INBOX, keeps_message_ids=False)) as rig:
        (receipt,) = _write(rig.client(), letter_of())
        (found,) = _look_up(rig.client(), letter_of())
    assert (receipt.fate, receipt.code) == (Fate.CONFIRMED, "message_id_replaced")
    assert rig.vendor.sent[0].message_id in receipt.reason
    assert found.fate is Fate.CONFIRMED


def test_a_mail_like_it_under_googles_message_id_is_held_and_another_one_is_not() -> None:
    letter, other = letter_of(), letter_of("other", subject="Something else")
    mail = build_mail(letter).replace(letter.message_id.encode(), b"CAxyz@mail.gmail.com")
    with gmail_at_sandbox() as rig:
        rig.vendor.send_mail(base64.urlsafe_b64encode(mail).decode(), rig.clock.now())
        looked = _look_up(rig.client(), letter, other)
        written = _write(rig.client(), letter)
    assert [receipt.fate for receipt in (*looked, *written)] == [Fate.HELD, Fate.ABSENT, Fate.HELD]
    assert len(rig.vendor.sent) == 1


def test_a_clock_that_is_ahead_of_googles_does_not_hide_what_was_sent() -> None:
    with gmail_at_sandbox(vendor=GmailVendor(address=INBOX, keeps_message_ids=False)) as rig:
        late = letter_of(written_at=rig.clock.now() + timedelta(minutes=10))
        assert [_write(rig.client(), late)[0].fate for _ in range(2)] == [Fate.CONFIRMED] * 2
    assert len(rig.vendor.sent) == 1


def test_among_too_many_mails_to_one_person_nothing_is_called_absent() -> None:
    many = {"messages": [{"id": f"m{number}"} for number in range(11)], "resultSizeEstimate": 11}

    def answer(request: httpx.Request) -> httpx.Response:
        is_by_person = request.url.params.get("q", "").startswith("to:")
        return httpx.Response(200, json=many) if is_by_person else _answering()(request)

    [receipt] = _look_up(client_at(transport=httpx.MockTransport(answer)), letter_of())
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "too_many")


def test_a_letter_of_another_sender_is_refused() -> None:
    with gmail_at_sandbox() as rig:
        (receipt,) = _write(rig.client(), letter_of(from_email="bob@sender.example"))
    assert (receipt.fate, receipt.code, rig.vendor.sent) == (Fate.REFUSED, "wrong_sender", ())


def test_a_letter_that_is_no_plain_mail_is_refused() -> None:
    with gmail_at_sandbox() as rig:
        (receipt,) = _write(rig.client(), letter_of(subject="Hi =?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?="))
    assert (receipt.fate, receipt.code, rig.vendor.sent) == (Fate.REFUSED, "unsafe_mail", ())


def test_an_expired_token_is_renewed_once_and_the_letter_leaves() -> None:
    with gmail_at_sandbox() as rig:

        async def act() -> tuple[Receipt, ...]:
            async with rig.client(rig.login()) as client:
                await client.sequence(None)
                rig.vendor.expire_token()
                return await client.write("gmail.send", [letter_of()])

        assert asyncio.run(act())[0].fate is Fate.CONFIRMED
    assert [call.path for call in rig.calls()].count("/token") == 2
    assert len(rig.vendor.sent) == 1


def test_a_withdrawn_login_asks_for_a_new_one() -> None:
    with gmail_at_sandbox() as rig:
        rig.vendor.revoke()
        with pytest.raises(AuthRejected, match="withdrawn") as caught:
            _write(rig.client(rig.login()), letter_of())
    assert "Log in again" in caught.value.hint


def test_a_login_that_ends_between_draft_and_sending_raises() -> None:
    with pytest.raises(AuthRejected):
        _said(send=(401, {"error": {"code": 401}}))


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"errors": [{"reason": "rateLimitExceeded"}]}, (2.0, 4.0)),
        ({"errors": [{"reason": "userRateLimitExceeded"}]}, (2.0, 4.0)),
        ({"errors": [{"reason": "dailyLimitExceeded"}]}, (3600.0, 3600.0)),
    ],
)
def test_a_limit_told_as_403_is_a_limit(body: dict[str, object], wait: tuple[float, float]) -> None:
    client = client_at(transport=httpx.MockTransport(lambda _: httpx.Response(403, json={"error": body})))
    with pytest.raises(RateLimited) as caught:
        _write(client, letter_of())
    assert wait[0] <= caught.value.retry_after_s <= wait[1]


def test_waits_after_limits_grow_and_nothing_leaves_meanwhile() -> None:
    rule = FaultRule(kind=FaultKind.RATE_LIMIT, route="out:gmail", nth=(1, 2, 3))
    with gmail_at_sandbox(rule) as rig:

        async def act() -> list[float]:
            waits = []
            async with rig.client() as client:
                for _ in range(3):
                    with pytest.raises(RateLimited) as caught:
                        await client.write("gmail.send", [letter_of()])
                    waits.append(caught.value.retry_after_s)
                assert (await client.write("gmail.send", [letter_of()]))[0].fate is Fate.CONFIRMED
            return waits

        waits = asyncio.run(act())
    assert waits == sorted(waits)
    assert rig.clock.monotonic() >= sum(waits)


def test_units_are_kept_within_the_minute() -> None:
    clock = StillClock()
    sent_s: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/send"):
            sent_s.append(clock.monotonic())
        return _answering()(request)

    letters = [letter_of(f"key{number}") for number in range(60)]
    receipts = _write(client_at(clock=clock, transport=httpx.MockTransport(answer)), *letters)
    assert {receipt.fate for receipt in receipts} == {Fate.CONFIRMED}
    assert sum(at_s < 60 for at_s in sent_s) == 6000 // (100 + 10 + 5 * 4)


def test_a_login_without_the_rights_asks_for_another_one() -> None:
    body = {"error": {"code": 403, "message": "no", "errors": [{"reason": "insufficientPermissions"}]}}
    with pytest.raises(AuthRejected, match="lacks the right") as caught:
        _write(client_at(transport=httpx.MockTransport(lambda _: httpx.Response(403, json=body))), letter_of())
    assert "gmail.compose and gmail.readonly" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "header", "words", "wait_s"),
    [
        (429, {"retry-after": "37"}, "", 37.0),
        (429, {}, "User-rate limit exceeded.  Retry after 2026-11-20T12:05:00.000Z", 300.0),
        (403, {}, "Retry after 2026-11-20T11:00:00Z", 1.0),
        (429, {}, "Retry after 2026-12-24T12:00:00Z", 3600.0),
    ],
)
def test_a_limit_lasts_as_long_as_gmail_says(status: int, header: dict[str, str], words: str, wait_s: float) -> None:
    body = {"error": {"code": status, "message": words, "errors": [{"reason": "userRateLimitExceeded"}]}}
    answer = httpx.Response(status, json=body, headers=header)
    with pytest.raises(RateLimited) as caught:
        _write(client_at(transport=httpx.MockTransport(lambda _: answer)), letter_of())
    assert caught.value.retry_after_s == wait_s


def test_a_refused_client_is_told_apart_from_a_login_that_is_over() -> None:
    login = GoogleLogin("id", Secret("secret-of-the-client"), Secret("refresh-token"), "https://oauth.example/token")
    refusal = httpx.Response(401, json={"error": "invalid_client"})
    with pytest.raises(AuthRejected, match="client was refused") as caught:
        _write(client_at(key=login, transport=httpx.MockTransport(lambda _: refusal)), letter_of())
    assert "google_secret" in caught.value.hint


@pytest.mark.parametrize(("status", "reason"), [(403, "domainPolicy"), (404, "notFound")])
def test_a_call_that_is_not_allowed_raises(status: int, reason: str) -> None:
    body = {"error": {"code": status, "message": "no", "errors": [{"reason": reason}]}}
    with pytest.raises(ProviderRejected, match="no"):
        _write(client_at(transport=httpx.MockTransport(lambda _: httpx.Response(status, json=body))), letter_of())


def _answering(**answers: object) -> Callable[[httpx.Request], httpx.Response]:
    """Gmail with one mailbox and nothing in it, and `answers` (status and body) for a path's last word."""
    usual: dict[str, object] = {
        "profile": {"emailAddress": INBOX}, "messages": {"resultSizeEstimate": 0},
        "drafts": {"resultSizeEstimate": 0}, "POST": {"id": "r1"}, "send": {"id": "m1"}, "m1": {},
    }  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        word = request.url.path.rpartition("/")[2]
        given = {**usual, **answers}["POST" if (request.method, word) == ("POST", "drafts") else word]
        status, body = given if isinstance(given, tuple) else (200, given)
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    return answer


def _said(**answers: object) -> Receipt:
    return _write(client_at(transport=httpx.MockTransport(_answering(**answers))), letter_of())[0]


def test_a_draft_that_gmail_refuses_is_refused() -> None:
    receipt = _said(POST=(400, {"error": {"message": "Invalid To header: jane@buyer.example"}}))
    assert (receipt.fate, receipt.code, receipt.status) == (Fate.REFUSED, "rejected", 400)
    assert "jane@" not in receipt.reason


def test_a_draft_that_is_gone_leaves_it_unknown() -> None:
    assert _said(send=(404, {"error": {"message": "Requested entity was not found."}})).code == "draft_gone"


HOSTILE = ["", "null", "[]", "7", "<html>", "{", "{}", '{"id": {"a": 1}}', '{"id": "../../x"}', '{"id": ""}',
           '{"messages": [null]}', '{"messages": 7}', '{"resultSizeEstimate": false}', "[" * 90_000]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE)
def test_a_hostile_answer_to_sending_leaves_it_unknown(body: str) -> None:
    assert _said(send=body).fate is Fate.UNKNOWN


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("word", ["profile", "messages", "drafts", "POST"])
def test_a_hostile_answer_before_sending_means_later(word: str, body: str) -> None:
    receipt = _said(**{word: body})
    assert (receipt.fate, receipt.code) == (Fate.LATER, "contract_broken")


@pytest.mark.parametrize("body", ["", "null", '{"payload": 7}', '{"payload": {"headers": [null, {"name": 1}]}}'])
def test_a_hostile_answer_after_sending_changes_nothing(body: str) -> None:
    assert _said(m1=body).fate is Fate.CONFIRMED


@pytest.mark.parametrize("body", HOSTILE)
def test_a_hostile_answer_is_never_taken_for_absence(body: str) -> None:
    client = client_at(transport=httpx.MockTransport(_answering(messages=body)))
    assert _look_up(client, letter_of())[0].fate is Fate.UNKNOWN


@pytest.mark.parametrize("status", [500, 503])
def test_a_token_that_cannot_be_had_now_means_later(status: int) -> None:
    login = GoogleLogin("id", Secret("client-secret"), Secret("refresh-token"), "https://google.example/token")
    client = client_at(key=login, transport=httpx.MockTransport(lambda _: httpx.Response(status)))
    assert _write(client, letter_of())[0].fate is Fate.LATER


def test_a_token_answer_without_a_token_breaks_the_contract() -> None:
    login = GoogleLogin("id", Secret("client-secret"), Secret("refresh-token"), "https://google.example/token")
    client = client_at(key=login, transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"ok": 1})))
    with pytest.raises(ContractBroken):
        asyncio.run(client.sequence(None))


def test_no_connection_raises_since_nothing_can_have_happened() -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        _write(client_at("http://127.0.0.1:1"), letter_of())
    assert caught.value.details["connected"] is False


def test_the_mailbox_is_a_campaign_with_one_inbox_and_nothing_to_pause() -> None:
    with gmail_at_sandbox() as rig:

        async def act() -> None:
            async with rig.client() as client:
                campaign = await client.sequence(None)
                assert ([box.address for box in campaign.inboxes], campaign.state) == ([INBOX], "sending")
                report = await client.pause(campaign.id)
                assert report.is_quiet
                assert report.detail

        asyncio.run(act())


def test_the_probe_tells_whether_the_login_will_do() -> None:
    def probed(client: Gmail) -> tuple[str, str]:
        async def act() -> tuple[str, str]:
            async with client:
                probe = await client.probe()
            return probe.state, probe.detail

        return asyncio.run(act())

    with gmail_at_sandbox() as rig:
        assert probed(rig.client()) == ("ok", f"accepted; mail leaves from {INBOX}")
        state, words = probed(rig.client(WRONG))
        assert (state, "refused" in words, "wrong-token" in words) == ("fail", True, False)
    state, words = probed(client_at("http://127.0.0.1:1"))
    assert (state, "no connection" in words) == ("fail", True)


def test_sending_is_looked_up_and_not_repeated() -> None:
    (send,) = OPERATIONS
    assert (send.name, send.repeat, send.batch) == ("gmail.send", Repeat.LOOKED_UP, 1)
    assert client_at(timeout_s=30.0).operations["gmail.send"].timeout_s == 240.0
