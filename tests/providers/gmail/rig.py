"""A client of Gmail pointed at the sandbox, with every request and answer checked against Google's own description
if it is here."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from cmo.config.secrets import Secret
from cmo.providers.gmail import Gmail, GoogleLogin
from cmo.providers.ports import Meter
from cmo.sandbox.faults import FaultRule
from cmo.sandbox.vendors.door import Call
from cmo.sandbox.vendors.gmail import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, GmailVendor
from tests.fakes.clock import StillClock
from tests.fakes.doors import Checked, open_door
from tests.providers.doubts import LONG_S
from tests.providers.github.shared import contract

INBOX = "ann@sender.example"
DISCOVERY: dict[str, Any] = contract("google.gmail.v1.discovery.json")
SCHEMA: dict[str, Any] = contract("google.schema.json")


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
            return client_at(door.url, key=key, clock=clock, meter=meter, transport=Checked(check), timeout_s=timeout_s)

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
        transport=transport,
    )


def check(request: httpx.Request) -> None:
    """Google's description allows it."""
    if request.url.path == "/token":
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    elif DISCOVERY:
        check_request(request.method, request.url, request.content)


def described(method: str, path: str) -> dict[str, Any]:
    """Google's description of the method behind a request."""
    fits = [
        entry
        for entry in DISCOVERY["methods"].values()
        if entry["httpMethod"] == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", entry["path"]), path.lstrip("/"))
    ]
    return min(fits, key=lambda entry: str(entry["path"]).count("{"))  # drafts/send, not drafts/{id}


def check_request(method: str, url: httpx.URL, content: bytes) -> None:
    entry = described(method, url.path)
    known = {name for name, given in entry.get("parameters", {}).items() if given["location"] == "query"}
    assert set(url.params) <= known, url
    if content:
        body, kind = json.loads(content), entry["request"]["$ref"]
        validate(body, kind)
        assert set(body) <= set(SCHEMA["$defs"][f"gmail.{kind}"]["properties"])


def validate(body: object, kind: str) -> None:
    Draft202012Validator({"$ref": f"#/$defs/gmail.{kind}", "$defs": SCHEMA["$defs"]}).validate(body)
