"""Instantly's twin behind a door and a client pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Letter
from cmo.providers.instantly import Instantly
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.instantly import ACTIVE_ID, API_KEY, InstantlyTwin
from tests.fakes.clock import StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers import sending
from tests.providers.doubts import LONG_S, patience_s
from tests.providers.sending import Outside

ENROL = "instantly.enrol"
ADD_ROUTE = "out:instantly/api/v2/leads/add"
T = TypeVar("T")


def letter(email: str = "ann@meadow.example", **changed: Any) -> Letter:
    """An approved letter."""
    return sending.letter(email, ACTIVE_ID, **changed)


def client(
    url: str,
    *,
    clock: Clock,
    key: str = API_KEY,
    zone: str | None = None,
    meter: Meter | None = None,
    timeout_s: float = LONG_S,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Instantly:
    return Instantly(
        Secret(key),
        base_url=url,
        timeout_s=timeout_s,
        clock=clock,
        meter=meter or Meter(),
        zone=zone,
        transport=transport or loopback(),
    )


@contextmanager
def outside(*rules: FaultRule) -> Iterator[Outside[Instantly, InstantlyTwin]]:
    """The twin at its door."""
    clock, twin = StillClock(), InstantlyTwin()
    with open_door(twin, *rules, clock=clock) as opened:
        timeout_s = patience_s(*(rule.kind for rule in rules))
        yield Outside(twin, opened.door, opened.url, clock, client, ENROL, timeout_s)


def once(kind: FaultKind, route: str = ADD_ROUTE) -> FaultRule:
    return FaultRule(kind=kind, route=route, nth=(1,))
