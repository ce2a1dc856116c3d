"""A client of Linear pointed at the sandbox."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from cmo.config.secrets import Secret
from cmo.domain.outward import TicketItem
from cmo.providers.linear import Linear
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultRule
from cmo.sandbox.vendors.linear import API_KEY, TEAM_ID, LinearVendor
from tests.fakes.clock import StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers.doubts import LONG_S


def ticket_id(key: str) -> str:
    """A UUID v4 that is the same for the same `key`."""
    return str(uuid.UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4))


def issue(key: str = "job/issue", **given: object) -> TicketItem:
    fields = {"id": ticket_id(key), "team_id": TEAM_ID, "title": "41 people wait for GitHub", "body": "It is slow."}
    return TicketItem.model_validate({"key": key, **fields, **given})


def comment(parent: TicketItem, key: str = "job/comment", **given: object) -> TicketItem:
    return issue(key, **{"parent_id": parent.id, "title": "", "body": "Three more.", **given})


def link(parent: TicketItem, key: str = "job/link", **given: object) -> TicketItem:
    fields = {"parent_id": parent.id, "title": "Ada Quill", "url": "https://github.example/ada-quill"}
    return issue(key, **{**fields, **given})


@dataclass(frozen=True)
class Rig:
    vendor: LinearVendor
    clock: StillClock
    meter: Meter
    url: str
    client: Callable[..., Linear]
    calls: Callable[[], int]


@contextmanager
def linear_at_sandbox(*rules: FaultRule, vendor: LinearVendor | None = None) -> Iterator[Rig]:
    """The sandbox's Linear on loopback."""
    clock, meter, vendor = StillClock(), Meter(), vendor or LinearVendor()
    with open_door(vendor, *rules, clock=clock) as door:

        def client(
            key: str = API_KEY, url: str = f"{door.url}/graphql", team: str = "", timeout_s: float = LONG_S
        ) -> Linear:
            return client_at(url, key=key, team=team, timeout_s=timeout_s, clock=clock, meter=meter)

        yield Rig(vendor, clock, meter, door.url, client, lambda: len(door.door.calls))


def client_at(
    url: str = "https://linear.example/graphql",
    *,
    key: str = API_KEY,
    clock: StillClock | None = None,
    meter: Meter | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout_s: float = LONG_S,
    team: str = "",
) -> Linear:
    return Linear(
        Secret(key),
        base_url=url,
        timeout_s=timeout_s,
        clock=clock or StillClock(),
        meter=meter or Meter(),
        team=team,
        rng=random.Random(7),
        transport=transport or loopback(),
    )
