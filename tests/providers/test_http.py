"""The one HTTP client: no vendor's exception leaves it, no secret leaves by it."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from cmo.config.secrets import Secret
from cmo.errors import ContractBroken, ProviderError, ProviderRejected, ProviderUnavailable
from cmo.providers.http import USER_AGENT, HttpAnswer, HttpClient, harmless
from tests.fakes.clock import StillClock

KEY = Secret("Bearer ghp_0123456789abcdefghij0123456789abcdef")
HOME = "https://api.example"

# Every exception class of httpx, those it adds later too.
EXCEPTIONS = [
    kind
    for _, kind in inspect.getmembers(httpx, inspect.isclass)
    if issubclass(kind, Exception) and kind is not httpx.HTTPStatusError
]


def send(
    handler: Callable[[httpx.Request], httpx.Response],
    url: str = f"{HOME}/a?since=1",
    method: str = "GET",
    **options: Any,
) -> HttpAnswer:
    """One exchange with `handler`, with a secret header."""
    limits = {name: options.pop(name) for name in ("timeout_s", "max_body_bytes") if name in options}

    async def run() -> HttpAnswer:
        transport = httpx.MockTransport(handler)
        client = HttpClient("vendor", clock=StillClock(), transport=transport, **{"timeout_s": 5.0, **limits})
        try:
            return await client.send(method, url, operation="read", credentials={"Authorization": KEY}, **options)
        finally:
            await client.close()

    return asyncio.run(run())


def raising(kind: type[Exception]) -> Callable[[httpx.Request], httpx.Response]:
    takes_words = bool(inspect.signature(kind).parameters)

    def handler(request: httpx.Request) -> httpx.Response:
        raise kind(f"failed with {request.headers['authorization']}") if takes_words else kind()

    return handler


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_no_exception_of_httpx_escapes_and_its_cause_is_kept(kind: type[Exception]) -> None:
    with pytest.raises(ProviderError) as caught:
        send(raising(kind))
    assert type(caught.value.__cause__) is kind
    assert KEY.reveal().removeprefix("Bearer ") not in str(caught.value)


def test_a_network_failure_is_transient_and_says_what_was_being_done() -> None:
    with pytest.raises(ProviderUnavailable, match=r"vendor: read: no connection to api\.example") as caught:
        send(raising(httpx.ConnectError))
    assert (caught.value.provider, caught.value.operation, caught.value.status) == ("vendor", "read", None)


@pytest.mark.parametrize("url", ["ftp://api.example/", "no address", "https:///a", "https://a:b/"])
def test_an_address_that_cannot_be_used_is_refused_for_good(url: str) -> None:
    with pytest.raises(ProviderRejected) as caught:
        send(lambda request: httpx.Response(200), url)
    assert "base URL" in caught.value.hint


def test_a_header_that_cannot_be_sent_is_refused_without_showing_it() -> None:
    with pytest.raises(ProviderRejected) as caught:
        send(lambda request: httpx.Response(200), headers={"X-Odd": "geheim-ü"})
    assert "geheim" not in str(caught.value)


def test_every_status_comes_back_with_lower_case_headers_and_our_user_agent() -> None:
    answer = send(
        lambda request: httpx.Response(503, headers={"Retry-After": "3", "X-Ua": request.headers["user-agent"]})
    )
    assert (answer.status, answer.headers["retry-after"], answer.headers["x-ua"]) == (503, "3", USER_AGENT)


def test_a_body_over_the_cap_is_not_read_to_its_end() -> None:
    with pytest.raises(ContractBroken, match="larger than 100 bytes"):
        send(lambda request: httpx.Response(200, content=b"x" * 101), max_body_bytes=100)


def test_a_body_that_only_drips_ends_with_the_time_limit() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    with pytest.raises(ProviderUnavailable, match="no answer within"):
        send(lambda request: httpx.Response(200, content=drip()), timeout_s=0.05)


def redirecting(
    location: str, status: int = 301
) -> tuple[Callable[[httpx.Request], httpx.Response], list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, headers={"location": location}) if len(seen) == 1 else httpx.Response(200)

    return handler, seen


def test_a_redirect_keeps_the_query_and_adds_what_the_new_address_says() -> None:
    handler, seen = redirecting("/repositories/1?page=2")
    assert send(handler).status == 200
    assert dict(seen[1].url.params) == {"since": "1", "page": "2"}


def test_a_redirect_within_the_server_keeps_the_token() -> None:
    handler, seen = redirecting(f"{HOME}/elsewhere")
    send(handler)
    assert seen[1].headers["authorization"] == KEY.reveal()


@pytest.mark.parametrize(
    "target", ["https://evil.example/a", "http://api.example/a", "https://api.example:8443/a", "//evil.example/a"]
)
def test_a_redirect_elsewhere_never_carries_the_token(target: str) -> None:
    handler, seen = redirecting(target)
    send(handler)
    assert len(seen) == 2
    assert "authorization" not in seen[1].headers


def test_the_token_stays_dropped_when_a_redirect_leads_back() -> None:
    seen: list[httpx.Request] = []
    hops = {"/a": "https://evil.example/b", "/b": f"{HOME}/c"}

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        location = hops.get(request.url.path)
        return httpx.Response(302, headers={"location": location}) if location else httpx.Response(200)

    send(handler)
    assert ["authorization" in request.headers for request in seen] == [True, False, False]


def test_redirects_that_go_in_circles_end() -> None:
    with pytest.raises(ProviderRejected, match="circles"):
        send(lambda request: httpx.Response(302, headers={"location": f"{HOME}/a"}))


def test_a_post_is_repeated_only_where_the_redirect_keeps_its_body() -> None:
    handler, seen = redirecting(f"{HOME}/new", status=308)
    assert send(handler, method="POST", json_body={"query": "q"}).status == 200
    assert seen[1].content == seen[0].content
    handler, seen = redirecting(f"{HOME}/new", status=301)
    assert send(handler, method="POST", json_body={"query": "q"}).status == 301


def test_a_post_never_follows_to_another_server() -> None:
    handler, seen = redirecting("https://evil.example/", status=307)
    assert send(handler, method="POST", json_body={"query": "q"}).status == 307
    assert len(seen) == 1


def test_cookies_are_not_kept() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"set-cookie": "id=1; Path=/"})

    async def run() -> None:
        client = HttpClient("vendor", clock=StillClock(), timeout_s=5.0, transport=httpx.MockTransport(handler))
        for _ in range(2):
            await client.send("GET", HOME, operation="read")
        await client.close()

    asyncio.run(run())
    assert "cookie" not in seen[1].headers


@pytest.mark.parametrize(
    ("body", "value"),
    [(b"", None), (b'{"a": 1}', {"a": 1}), (b"<html>", "<html>"), (b"\xff", "\ufffd"), (b"[" * 100_000, "[" * 100_000)],
    ids=["empty", "json", "html", "no_utf8", "nested"],
)
def test_a_body_is_json_text_or_nothing(body: bytes, value: object) -> None:
    assert send(lambda request: httpx.Response(200, content=body)).parsed() == value


def test_words_for_a_message_are_short_one_line_and_without_keys() -> None:
    told = harmless("bad\n\x1b[31m Authorization: Bearer abcdefghijklmnop " + "x" * 1000)
    assert "abcdefghijklmnop" not in told
    assert "\n" not in told
    assert "\x1b" not in told
    assert len(told) <= 300


@pytest.mark.parametrize("end", ["\nx-injected: 1", "\r\n", "\u00e9", "\0"])
def test_a_key_that_fits_into_no_header_is_refused_and_no_part_of_it_is_told(end: str) -> None:
    async def run(port: int) -> None:
        client = HttpClient("vendor", clock=StillClock(), timeout_s=5.0)
        key = Secret(f"first-part-of-a-key{end}second-part-of-a-key")
        try:
            await client.send("GET", f"http://127.0.0.1:{port}/", operation="read", credentials={"Authorization": key})
        finally:
            await client.close()

    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(ProviderRejected, match="cannot be sent") as caught,
    ):
        asyncio.run(run(server.getsockname()[1]))
    assert "-part-of-a-key" not in f"{caught.value.message} {caught.value.hint} {caught.value.details}"


def test_a_form_is_sent_as_a_form() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    send(handler, method="POST", form_body={"grant_type": "refresh_token", "token": "a b&c"})
    assert seen[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen[0].content == b"grant_type=refresh_token&token=a+b%26c"
