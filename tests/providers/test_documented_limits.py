"""Every form in which a service says that its limit is reached: the wait is kept, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from cmo.domain.outward import Fate, Receipt
from cmo.errors import RateLimited
from cmo.sandbox.vendors.attio import AttioVendor
from cmo.sandbox.vendors.door import Vendor
from cmo.sandbox.vendors.gmail import GmailVendor
from cmo.sandbox.vendors.hubspot import HubSpotVendor
from cmo.sandbox.vendors.instantly import InstantlyTwin
from cmo.sandbox.vendors.linear import LinearVendor
from cmo.sandbox.vendors.smartlead import SmartleadTwin
from tests.fakes.clock import NOON, StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers.attio import rig as attio
from tests.providers.gmail import rig as gmail
from tests.providers.hubspot import rig as hubspot
from tests.providers.instantly import world as instantly
from tests.providers.linear import rig as linear
from tests.providers.mail.letters import letter_of
from tests.providers.smartlead import world as smartlead


@dataclass(frozen=True)
class Service:
    """One write of one service, and the end of the path of the request that carries it out."""

    vendor: Callable[[], Vendor]
    client: Callable[..., Any]
    operation: str
    item: Any
    ends: str
    path: str = ""


SERVICES = {
    "attio": Service(lambda: AttioVendor(seed=7), attio.client_at, attio.PERSON, attio.person(), "/records"),
    "gmail": Service(
        lambda: GmailVendor(address=gmail.INBOX), gmail.client_at, "gmail.send", letter_of(), "/drafts/send"
    ),
    "hubspot": Service(
        lambda: HubSpotVendor(seed=7), hubspot.client_at, hubspot.CONTACT, hubspot.contact(), "/batch/upsert"
    ),
    "instantly": Service(InstantlyTwin, instantly.client, instantly.ENROL, instantly.letter(), "/leads/add"),
    "linear": Service(LinearVendor, linear.client_at, "linear.issue", linear.issue(), "/graphql", path="/graphql"),
    "smartlead": Service(SmartleadTwin, smartlead.client, smartlead.ENROL, smartlead.letter(), "/leads"),
}


@dataclass(frozen=True)
class Limit:
    """One form, from its service's page of the contracts, and the wait that it asks for."""

    service: str
    status: int
    body: object
    wait_s: float
    headers: Mapping[str, str] = field(default_factory=dict)


def epoch_s(after_s: float) -> str:
    return str(int(NOON.timestamp() + after_s))


def hubspots(policy: str, wait_s: float, **headers: str) -> Limit:
    words = f"You have reached your {policy.lower()} limit."
    body = {"status": "error", "message": words, "errorType": "RATE_LIMIT", "policyName": policy}
    return Limit("hubspot", 429, body, wait_s, headers)


def linears(status: int, wait_s: float, bucket: str, **headers: str) -> Limit:
    body = {
        "errors": [{"message": "Rate limit exceeded", "extensions": {"type": "ratelimited", "code": "RATELIMITED"}}]
    }
    if bucket:
        headers |= {f"X-RateLimit-{bucket}-Remaining": "0", f"X-RateLimit-{bucket}-Reset": f"{epoch_s(wait_s)}000"}
    return Limit("linear", status, body, wait_s, headers)


def gmails(status: int, reason: str, wait_s: float, **headers: str) -> Limit:
    errors = [{"domain": "usageLimits", "reason": reason}]
    return Limit("gmail", status, {"error": {"code": status, "message": "no", "errors": errors}}, wait_s, headers)


INSTANTLYS = {"statusCode": 429, "error": "Too Many Requests", "message": "Rate limit exceeded"}
ATTIOS = {"status_code": 429, "type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "Too many"}
SMARTLEADS = {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests", "retry_after": 20}}

LIMITS = {
    "attio, a date": Limit(
        "attio", 429, ATTIOS, 30, {"Retry-After": format_datetime(NOON + timedelta(seconds=30), usegmt=True)}
    ),
    "hubspot, ten seconds": hubspots("TEN_SECONDLY_ROLLING", 10),
    "hubspot, a second": hubspots("SECONDLY", 1),
    "hubspot, the day": hubspots("DAILY", 43_200),
    "hubspot, seconds told": hubspots("TEN_SECONDLY_ROLLING", 7, **{"Retry-After": "7"}),
    "linear, requests": linears(400, 90, "Requests"),
    "linear, complexity": linears(400, 45, "Complexity"),
    "linear, one endpoint": linears(400, 30, "Endpoint-Requests"),
    "linear, as 429": linears(429, 90, "Requests"),
    "linear, seconds told": linears(400, 12, "", **{"Retry-After": "12"}),
    "gmail, the project": gmails(403, "rateLimitExceeded", 2),
    "gmail, the person": gmails(403, "userRateLimitExceeded", 2),
    "gmail, the day": gmails(403, "dailyLimitExceeded", 3600),
    "gmail, as 429": gmails(429, "rateLimitExceeded", 2),
    "gmail, seconds told": gmails(429, "rateLimitExceeded", 40, **{"Retry-After": "40"}),
    "instantly, bare": Limit("instantly", 429, INSTANTLYS, 2),
    "smartlead, seconds told": Limit("smartlead", 429, SMARTLEADS, 25, {"Retry-After": "25"}),
    "smartlead, a moment": Limit("smartlead", 429, {}, 45, {"X-RateLimit-Reset": epoch_s(45)}),
    "smartlead, in the body": Limit("smartlead", 429, SMARTLEADS, 20),
}


class Limited(httpx.AsyncBaseTransport):
    """The network, behind one refusal for the request that writes; notes when it was asked for that."""

    def __init__(self, limit: Limit, ends: str, clock: StillClock) -> None:
        self._limit, self._ends, self._clock = limit, ends, clock
        self._network = loopback()
        self.asked_at_s: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith(self._ends) or (
            self._ends == "/graphql" and b"mutation" not in request.content
        ):
            return await self._network.handle_async_request(request)
        self.asked_at_s.append(self._clock.monotonic())
        if len(self.asked_at_s) == 1:
            return httpx.Response(self._limit.status, json=self._limit.body, headers=self._limit.headers)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_a_limit_is_waited_for_as_long_as_it_says_and_the_write_then_happens_once(limit: Limit) -> None:
    service, clock = SERVICES[limit.service], StillClock()

    async def written(url: str) -> tuple[RateLimited, Receipt]:
        async with service.client(f"{url}{service.path}", clock=clock, transport=transport) as client:
            with pytest.raises(RateLimited) as caught:
                await client.write(service.operation, [service.item])
            while True:
                try:
                    (receipt,) = await client.write(service.operation, [service.item])
                    return caught.value, receipt
                except RateLimited as exc:
                    clock.advance(exc.retry_after_s)

    transport = Limited(limit, service.ends, clock)
    with open_door(service.vendor(), clock=clock) as opened:
        raised, receipt = asyncio.run(written(opened.url))
        writes = [call for call in opened.door.calls if call.path.endswith(service.ends) and "query " not in call.body]
    refused_at_s, sent_at_s = transport.asked_at_s
    assert sent_at_s - refused_at_s >= limit.wait_s
    assert limit.wait_s <= raised.retry_after_s <= 2 * limit.wait_s
    assert (receipt.fate, receipt.effect) == (Fate.CONFIRMED, "created")
    assert [call.acted for call in writes] == [True]
