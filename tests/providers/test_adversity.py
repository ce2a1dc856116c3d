"""What no client may get wrong, whichever service it speaks to: strange answers to the one request that writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cmo.domain.outward import Fate, Receipt
from cmo.errors import AuthRejected, PlanFull, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.http import MAX_BODY_BYTES
from tests.fakes.clock import StillClock
from tests.providers.attio import rig as attio
from tests.providers.gmail import rig as gmail
from tests.providers.hubspot import rig as hubspot
from tests.providers.instantly import world as instantly
from tests.providers.linear import rig as linear
from tests.providers.mail.letters import letter_of
from tests.providers.smartlead import world as smartlead

RECORD = "7c0b7a35-9d1e-4f43-8f0a-3b1f9a6f4e55"
HOST = "https://service.example"
Answer = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Write:
    """One write of one service, and the end of the path of the request that carries it."""

    client: Callable[..., Any]
    operation: str
    item: Any
    ends: str


WRITES = {
    "attio": Write(attio.client_at, attio.NOTE, attio.note(RECORD), "/v2/notes"),
    "gmail": Write(gmail.client_at, "gmail.send", letter_of(), "/drafts/send"),
    "hubspot": Write(hubspot.client_at, hubspot.NOTE, hubspot.hung("101"), "/notes"),
    "instantly": Write(instantly.client, instantly.ENROL, instantly.letter(), "/leads/add"),
    "linear": Write(linear.client_at, "linear.issue", linear.issue(), "/graphql"),
    "smartlead": Write(smartlead.client, smartlead.ENROL, smartlead.letter(), "/leads"),
}
each_service = pytest.mark.parametrize("name", WRITES)


class Endless(httpx.AsyncByteStream):
    """A body larger than anybody takes."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 2**20 + 1):
            yield b" " * 2**20


STRANGE: dict[str, Answer] = {
    **{f"redirect {status}": lambda _, status=status: _moved(status, "/elsewhere") for status in (301, 302, 303)},  # type: ignore[misc]  # a default argument
    "redirect to another host": lambda _: _moved(307, "https://other.example/v2"),
    "not modified": lambda _: httpx.Response(304),
    "request timeout": lambda _: httpx.Response(408),
    "gateway timeout": lambda _: httpx.Response(504, html="<h1>late</h1>"),
    "a page": lambda _: httpx.Response(200, html="<h1>Log in</h1>"),
    "created, says a page": lambda _: httpx.Response(201, html="<h1>ok</h1>"),
    "accepted": lambda _: httpx.Response(202),
    "no content": lambda _: httpx.Response(204),
    "junk as gzip": lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x")),
    "too large": lambda _: httpx.Response(200, stream=Endless()),
    "an array": lambda _: httpx.Response(200, json=[]),
    "nulls": lambda _: httpx.Response(200, json={"data": None, "id": None, "ok": None, "created_leads": None}),
}


def _moved(status: int, to: str) -> httpx.Response:
    return httpx.Response(status, headers={"location": to})


def write(name: str, answer: Answer, *, url: str = HOST, asked: list[str] | None = None, **options: Any) -> Receipt:
    """What the service's write comes to where `answer` answers it; everything before it goes well."""
    service = WRITES[name]

    def reply(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(str(request.url.copy_with(query=None)))
        if request.url.path.endswith(service.ends):
            return answer(request)
        if request.url.path.endswith("/profile"):
            return httpx.Response(200, json={"emailAddress": gmail.INBOX})
        return httpx.Response(200, json={"resultSizeEstimate": 0, "id": "r1"}) if name == "gmail" else answer(request)

    async def act() -> Sequence[Receipt]:
        options.setdefault("clock", StillClock())
        async with service.client(url, transport=httpx.MockTransport(reply), **options) as client:
            receipts: Sequence[Receipt] = await client.write(service.operation, [service.item])
            return receipts

    (receipt,) = asyncio.run(act())
    return receipt


@each_service
@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
def test_an_answer_that_does_not_say_what_happened_leaves_the_write_unknown(name: str, answer: Answer) -> None:
    receipt = write(name, answer)
    assert receipt.fate is Fate.UNKNOWN
    assert receipt.code in ("server_error", "contract_broken", "reset")


@each_service
@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthRejected), (402, (PlanFull, ProviderRejected)), (403, ProviderRejected), (404, ProviderRejected)],
)
def test_a_refusal_of_the_whole_call_raises_and_is_no_doubt(name: str, status: int, kind: Any) -> None:
    if (name, status) == ("gmail", 404):
        assert write(name, lambda _: httpx.Response(status, json={})).code == "draft_gone"
        return
    with pytest.raises(kind) as caught:
        write(name, lambda _: httpx.Response(status, json={}))
    assert caught.value.status == status


@each_service
@pytest.mark.parametrize("told", ["0", "-60", "1e300", "inf", "nan", "soon", "", "Tue, 23 May 2023 14:42:01 GMT"])
def test_a_limit_is_waited_for_at_least_a_second_and_at_most_an_hour(name: str, told: str) -> None:
    with pytest.raises(RateLimited) as caught:
        write(name, lambda _: httpx.Response(429, json={}, headers={"retry-after": told}))
    assert 1 <= caught.value.retry_after_s <= 3600


@each_service
def test_a_cancelled_write_ends_at_once_and_is_not_told_as_anything(name: str) -> None:
    def cancelled(request: httpx.Request) -> httpx.Response:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        write(name, cancelled)


@each_service
@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout])
def test_without_a_connection_surely_nothing_happened(name: str, kind: type[httpx.TransportError]) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise kind("nobody there")

    with pytest.raises(ProviderUnavailable) as caught:
        write(name, unreachable)
    assert caught.value.details == {"connected": False}


@each_service
@pytest.mark.off_contract
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/base", "http://127.0.0.1:9/base/", "http://[::1]:9/base//"])
def test_a_base_url_may_have_a_path_a_slash_at_its_end_and_an_ipv6_host(name: str, url: str) -> None:
    asked: list[str] = []
    if name == "linear":
        url = f"{url.rstrip('/')}/graphql" + "/" * url.endswith("/")
    write(name, lambda _: httpx.Response(500), url=url, asked=asked)
    host = url.partition("/base")[0]
    assert all(one.startswith(f"{host}/base/") and "//" not in one.removeprefix(host) for one in asked)
