"""A client of Attio against the sandbox's workspace, over loopback and under the contract's eyes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from cmo.clock import Clock, ScaledClock
from cmo.config.secrets import Secret
from cmo.domain.outward import CrmItem, Receipt
from cmo.providers.attio import Attio
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultRule
from cmo.sandbox.vendors.attio import API_KEY, LIST_SLUG, AttioVendor
from cmo.sandbox.vendors.door import Call
from tests.fakes.clock import NOON
from tests.fakes.doors import OpenDoor, loopback, open_door
from tests.providers.doubts import LONG_S

T = TypeVar("T")
PERSON, ENTRY, NOTE = "attio.person", "attio.entry", "attio.note"
ADA = "ada@engines.example"
MARKER = "[cmo:k3f9a1c2]"


def person(email: str = ADA, **fields: object) -> CrmItem:
    return CrmItem.model_validate({"key": f"job:{email}", "email": email, "name": "Ada Lovelace", **fields})


def on_list(record_id: str, list_id: str = LIST_SLUG) -> CrmItem:
    return person(record_id=record_id, list_id=list_id)


def note(record_id: str, marker: str = MARKER) -> CrmItem:
    return person(record_id=record_id, marker=marker, title=f"Cold email scheduled {marker}", text="One line.\nTwo.")


def client_at(
    url: str,
    *,
    clock: Clock,
    key: str = API_KEY,
    timeout_s: float = LONG_S,
    meter: Meter | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Attio:
    return Attio(
        Secret(key),
        base_url=url,
        timeout_s=timeout_s,
        clock=clock,
        meter=meter or Meter(),
        rng=random.Random(7),
        transport=transport or loopback(),
    )


@dataclass
class Rig:
    """The workspace, its door, and how to reach them."""

    attio: AttioVendor
    open: OpenDoor
    clock: Clock
    timeout_s: float
    key: str = API_KEY
    meter: Meter = field(default_factory=Meter)
    transport: httpx.AsyncBaseTransport | None = None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Attio]:
        async with client_at(
            self.open.url,
            key=self.key,
            clock=self.clock,
            timeout_s=self.timeout_s,
            meter=self.meter,
            transport=self.transport,
        ) as client:
            yield client

    @property
    def url(self) -> str:
        return self.open.url

    def run(self, act: Callable[[Attio], Awaitable[T]]) -> T:
        """What `act` gives with a fresh client."""

        async def scene() -> T:
            async with self.client() as client:
                return await act(client)

        return asyncio.run(scene())

    def write(self, operation: str, item: CrmItem) -> Receipt:
        return self.run(lambda client: client.write(operation, [item]))[0]

    def look_up(self, operation: str, item: CrmItem) -> Receipt:
        return self.run(lambda client: client.look_up(operation, [item]))[0]

    def preview(self, item: CrmItem) -> Receipt:
        return self.run(lambda client: client.preview(PERSON, [item]))[0]

    def add_person(self, email: str = ADA, name: str = "", **fields: object) -> str:
        parts = {"first_name": "", "last_name": "", "full_name": name} if name else None
        return self.attio.books.add_person(email, now=self.clock.now(), name=parts, **fields)  # type: ignore[arg-type]  # the caller's names

    @property
    def writes(self) -> list[Call]:
        """Requests that were to change something."""
        return [call for call in self.open.door.calls if call.method != "GET" and not call.path.endswith("/query")]


@contextmanager
def rig(*rules: FaultRule, clock: Clock | None = None, timeout_s: float = LONG_S) -> Iterator[Rig]:
    clock = clock or ScaledClock(NOON, speed=1000.0)
    vendor = AttioVendor(seed=7)
    with open_door(vendor, *rules, clock=clock) as door:
        yield Rig(vendor, door, clock, timeout_s)
