"""A client of HubSpot against the sandbox's account, over loopback and under the contract's eyes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from cmo.clock import Clock, ScaledClock
from cmo.config.secrets import Secret
from cmo.domain.outward import CrmItem, Receipt
from cmo.providers.hubspot import HubSpot
from cmo.providers.hubspot.client import API_VERSION
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultRule
from cmo.sandbox.vendors.door import Call
from cmo.sandbox.vendors.hubspot import ACCESS_TOKEN, HubSpotVendor
from tests.fakes.clock import NOON, StillClock
from tests.fakes.doors import OpenDoor, loopback, open_door
from tests.providers.doubts import LONG_S

T = TypeVar("T")
CONTACT, COMPANY, LINK = "hubspot.contact", "hubspot.company", "hubspot.link"
NOTE, DEAL = "hubspot.note", "hubspot.deal"
ADA = "ada@engines.example"
DOMAIN = "engines.example"
MARKER = "[cmo:k3f9a1c2]"


def contact(email: str = ADA, **fields: object) -> CrmItem:
    return CrmItem.model_validate(
        {"key": f"job:{email}", "email": email, "name": "Ada Lovelace", "company": "Engines", **fields}
    )


def company() -> CrmItem:
    return contact(company_domain=DOMAIN)


def link(company_id: str, email: str = ADA) -> CrmItem:
    return contact(email, record_id=company_id)


def hung(record_id: str, marker: str = MARKER, **fields: object) -> CrmItem:
    """A note or deal."""
    told: dict[str, Any] = {"title": f"Cold email scheduled {marker}", "text": "One <b>line</b>.\nTwo.", **fields}
    return contact(record_id=record_id, marker=marker, **told)


def client_at(
    url: str,
    *,
    clock: Clock,
    key: str = ACCESS_TOKEN,
    api_version: str = API_VERSION,
    timeout_s: float = LONG_S,
    meter: Meter | None = None,
    unique_property: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> HubSpot:
    return HubSpot(
        Secret(key),
        base_url=url,
        api_version=api_version,
        timeout_s=timeout_s,
        clock=clock,
        meter=meter or Meter(),
        unique_property=unique_property,
        rng=random.Random(7),
        transport=transport or loopback(),
    )


@dataclass
class Rig:
    """The account, its door, and how to reach them."""

    hubspot: HubSpotVendor
    open: OpenDoor
    clock: ScaledClock | StillClock
    timeout_s: float
    key: str = ACCESS_TOKEN
    api_version: str = API_VERSION
    unique_property: str | None = None
    meter: Meter = field(default_factory=Meter)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[HubSpot]:
        async with client_at(
            self.open.url,
            key=self.key,
            clock=self.clock,
            api_version=self.api_version,
            timeout_s=self.timeout_s,
            meter=self.meter,
            unique_property=self.unique_property,
        ) as client:
            yield client

    @property
    def url(self) -> str:
        return self.open.url

    def run(self, act: Callable[[HubSpot], Awaitable[T]]) -> T:
        """What `act` gives with a fresh client."""

        async def scene() -> T:
            async with self.client() as client:
                return await act(client)

        return asyncio.run(scene())

    def write(self, operation: str, *items: CrmItem) -> tuple[Receipt, ...]:
        return self.run(lambda client: client.write(operation, items))

    def look_up(self, operation: str, item: CrmItem) -> Receipt:
        return self.run(lambda client: client.look_up(operation, [item]))[0]

    def held(self, kind: str) -> list[dict[str, Any]]:
        """The properties of every object of a kind."""
        return [row["properties"] for row in self.hubspot.books.objects[kind].values()]

    def add(self, kind: str, **properties: str) -> str:
        """The id of an object that was there long before."""
        row = self.hubspot.books.add(kind, properties, now=NOON.replace(year=2025))
        return str(row["id"])

    @property
    def writes(self) -> list[Call]:
        """Requests that were to change something."""
        return [call for call in self.open.door.calls if not call.path.endswith(("/read", "/search"))]


@contextmanager
def rig(*rules: FaultRule, clock: StillClock | None = None, timeout_s: float = LONG_S) -> Iterator[Rig]:
    used = clock or ScaledClock(NOON, speed=1000.0)
    vendor = HubSpotVendor(seed=7)
    with open_door(vendor, *rules, clock=used) as door:
        yield Rig(vendor, door, used, timeout_s)
