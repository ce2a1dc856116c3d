"""Instantly's twin behind a door, a client pointed at it, and the contract that every request is held to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import httpx
from jsonschema import Draft202012Validator

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Letter, Receipt
from cmo.providers.instantly import Instantly
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.door import Call, Door
from cmo.sandbox.vendors.instantly import ACTIVE_ID, API_KEY, InstantlyTwin
from tests.fakes.clock import NOON, StillClock
from tests.fakes.doors import loopback, open_door
from tests.providers.doubts import LONG_S, patience_s
from tests.providers.github.shared import contract

ENROL = "instantly.enrol"
ADD_ROUTE = "out:instantly/api/v2/leads/add"
T = TypeVar("T")


def letter(email: str = "ann@meadow.example", **changed: Any) -> Letter:
    """An approved letter."""
    fields: dict[str, Any] = {
        "key": f"{email}|email|{ACTIVE_ID}|first_touch",
        "step": "first_touch",
        "to_email": email,
        "first_name": "Ann",
        "last_name": "Moss",
        "company": "Meadow & Sons",
        "from_email": "ada@send-one.example",
        "subject": "Flaky tests in <pytest> & co",
        "body": 'Hi Ann,\n\n  I read "it\'s flaky" & liked a<b.\nReply "no" and I stop.\n',
        "message_id": "m1@send-one.example",
        "sequence_id": ACTIVE_ID,
        "written_at": NOON,
    }
    return Letter.model_validate(fields | changed)


@dataclass(frozen=True)
class Outside:
    """The twin, its door, and where it is."""

    twin: InstantlyTwin
    door: Door
    url: str
    clock: StillClock
    timeout_s: float

    def run(self, use: Callable[[Instantly], Awaitable[T]], *, key: str = API_KEY, zone: str | None = None) -> T:
        """What `use` returns for a client of its own."""

        async def go() -> T:
            async with client(self.url, clock=self.clock, key=key, zone=zone, timeout_s=self.timeout_s) as instantly:
                return await use(instantly)

        return asyncio.run(go())

    def write(self, *letters: Letter) -> tuple[Receipt, ...]:
        return self.run(lambda instantly: instantly.write(ENROL, letters))

    def look_up(self, *letters: Letter) -> tuple[Receipt, ...]:
        return self.run(lambda instantly: instantly.look_up(ENROL, letters))

    def texts(self) -> dict[str, tuple[str, str]]:
        """Address -> subject and body as they arrived."""
        return {mail.to_email: (mail.subject, mail.body) for mail in self.twin.sent}

    def has(self, email: str, campaign_id: str = ACTIVE_ID) -> bool:
        return any(row.email == email and row.campaign_id == campaign_id for row in self.twin.enrolled)


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
def outside(*rules: FaultRule) -> Iterator[Outside]:
    """The twin at its door; every request of the block is held to the contract."""
    clock, twin = StillClock(), InstantlyTwin()
    with open_door(twin, *rules, clock=clock) as opened:
        yield Outside(twin, opened.door, opened.url, clock, patience_s(*(rule.kind for rule in rules)))
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
