"""Instantly's twin behind a door, a client pointed at it, and the contract that every request is held to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import httpx
from jsonschema import Draft202012Validator

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Letter
from cmo.providers.instantly import Instantly
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.door import Call
from cmo.sandbox.vendors.instantly import ACTIVE_ID, API_KEY, InstantlyTwin
from tests.fakes.clock import StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers import sending
from tests.providers.doubts import LONG_S, patience_s
from tests.providers.github.shared import contract
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
    """The twin at its door; every request of the block is held to the contract."""
    clock, twin = StillClock(), InstantlyTwin()
    with open_door(twin, *rules, clock=clock) as opened:
        timeout_s = patience_s(*(rule.kind for rule in rules))
        yield Outside(twin, opened.door, opened.url, clock, client, ENROL, timeout_s)
        for call in opened.door.calls:
            check_call(call)


def once(kind: FaultKind, route: str = ADD_ROUTE) -> FaultRule:
    return FaultRule(kind=kind, route=route, nth=(1,))


@lru_cache
def document() -> Any:
    return contract("instantly.openapi.json")


def operation_of(method: str, path: str) -> Mapping[str, Any]:
    """The contract's operation; an empty one where the contract files are not here."""
    if not document():
        return {}
    for template, methods in document()["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in methods:
            found: Mapping[str, Any] = methods[method.lower()]
            return found
    raise AssertionError(f"the contract has no {method} {path}")


def check_call(call: Call) -> None:
    """Path, method and body are what the contract allows, and no key is outside it."""
    operation = operation_of(call.method, call.path)
    if not operation:
        return
    described = operation.get("requestBody")
    if described is None:
        assert not call.body
        return
    schema = described["content"]["application/json"]["schema"]
    body = json.loads(call.body)
    validate(body, schema)
    assert set(body) <= set(schema["properties"])


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    operation = operation_of(method, path)
    if operation:
        validate(body, operation["responses"][str(status)]["content"]["application/json"]["schema"])


def validate(value: Any, schema: Mapping[str, Any]) -> None:
    Draft202012Validator({**schema, "components": document()["components"]}).validate(value)
