"""A client of Gmail pointed at the sandbox."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from cmo.config.secrets import Secret
from cmo.providers.gmail import Gmail, GoogleLogin
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultRule
from cmo.sandbox.vendors.door import Call
from cmo.sandbox.vendors.gmail import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, GmailVendor
from tests.fakes.clock import StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers.doubts import LONG_S

INBOX = "ann@sender.example"


@dataclass(frozen=True)
class Rig:
    vendor: GmailVendor
    clock: StillClock
    meter: Meter
    url: str
    client: Callable[..., Gmail]
    calls: Callable[[], tuple[Call, ...]]

    def login(self, refresh_token: str = REFRESH_TOKEN) -> GoogleLogin:
        return GoogleLogin(CLIENT_ID, Secret(CLIENT_SECRET), Secret(refresh_token), f"{self.url}/token")


@contextmanager
def gmail_at_sandbox(*rules: FaultRule, vendor: GmailVendor | None = None) -> Iterator[Rig]:
    """The sandbox's Gmail on loopback."""
    clock, meter, vendor = StillClock(), Meter(), vendor or GmailVendor(address=INBOX)
    with open_door(vendor, *rules, clock=clock) as door:

        def client(key: Secret | GoogleLogin = Secret(ACCESS_TOKEN), timeout_s: float = LONG_S) -> Gmail:  # noqa: B008
            return client_at(door.url, key=key, clock=clock, meter=meter, timeout_s=timeout_s)

        yield Rig(vendor, clock, meter, door.url, client, lambda: door.door.calls)


def client_at(
    url: str = "https://gmail.example",
    *,
    key: Secret | GoogleLogin | None = None,
    clock: StillClock | None = None,
    meter: Meter | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout_s: float = LONG_S,
) -> Gmail:
    return Gmail(
        key or Secret(ACCESS_TOKEN),
        base_url=url,
        timeout_s=timeout_s,
        clock=clock or StillClock(),
        meter=meter or Meter(),
        rng=random.Random(7),
        transport=transport or loopback(),
    )
