"""Smartlead's twin behind a door and a client pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Letter
from cmo.providers.ports import Meter
from cmo.providers.smartlead import Smartlead
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.smartlead import ACTIVE_ID, API_KEY, BASE_PATH, Form, SmartleadTwin
from tests.fakes.clock import StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers import sending
from tests.providers.doubts import LONG_S, patience_s
from tests.providers.sending import Outside

ENROL = "smartlead.enrol"
ADD_ROUTE = f"out:smartlead{BASE_PATH}/campaigns/{ACTIVE_ID}/leads"
LEAD_ROUTE = f"out:smartlead{BASE_PATH}/leads/"
T = TypeVar("T")


def letter(email: str = "ann@meadow.example", **changed: Any) -> Letter:
    """An approved letter."""
    return sending.letter(email, ACTIVE_ID, **changed)


def client(
    url: str,
    *,
    clock: Clock,
    key: str = API_KEY,
    timeout_s: float = LONG_S,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Smartlead:
    return Smartlead(
        Secret(key),
        base_url=f"{url.rstrip('/')}{BASE_PATH}/",
        timeout_s=timeout_s,
        clock=clock,
        meter=Meter(),
        transport=transport or loopback(),
    )


@contextmanager
def outside(*rules: FaultRule, form: Form = "live") -> Iterator[Outside[Smartlead, SmartleadTwin]]:
    """The twin at its door."""
    clock, twin = StillClock(), SmartleadTwin(form=form)
    with open_door(twin, *rules, clock=clock) as opened:
        timeout_s = patience_s(*(rule.kind for rule in rules))
        yield Outside(twin, opened.door, opened.url, clock, client, ENROL, timeout_s, pause_s=60.0)


def once(kind: FaultKind, route: str = ADD_ROUTE) -> FaultRule:
    return FaultRule(kind=kind, route=route, nth=(1,))
