"""A plug-in that holds every request of our clients, and every answer of the sandbox's services, to the contracts.

In any test: where requests leave (`HttpClient`), where those of commands that a test starts arrive (`Door`, `Gateway`),
and where the sandbox answers. What a contract does not allow fails the test, but for one that is marked `off_contract`,
which sends or answers wrongly on purpose. Without the contract files nothing is held to anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import httpx
import pytest
from jsonschema import ValidationError

from cmo.providers.http import USER_AGENT, HttpClient
from cmo.sandbox.gateway import Gateway
from cmo.sandbox.vendors.attio import AttioVendor
from cmo.sandbox.vendors.door import Door, Vendor
from cmo.sandbox.vendors.gmail import GmailVendor
from cmo.sandbox.vendors.hubspot import HubSpotVendor
from cmo.sandbox.vendors.instantly import InstantlyTwin
from cmo.sandbox.vendors.linear import LinearVendor
from cmo.sandbox.vendors.smartlead import SmartleadTwin
from cmo.sandbox.wire import Request, Response
from tests.contracts.files import DATA
from tests.contracts.services import CONTRACTS

VENDORS: tuple[type[Any], ...] = (
    AttioVendor,
    GmailVendor,
    HubSpotVendor,
    InstantlyTwin,
    LinearVendor,
    SmartleadTwin,
)
_SENT, _ARRIVED, _ANSWERED = "sent", "arrived", "answered"

_session = pytest.MonkeyPatch()
problems: list[str] = []
"""What the test that runs, or a fixture before it, did against a contract."""
_counts: Counter[str] = Counter()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "off_contract: sends or answers on purpose what no contract allows")
    if DATA.is_dir():
        _session.setattr(HttpClient, "__init__", _watched_client(HttpClient.__init__))
        _session.setattr(Door, "handle", _watched_door(Door.handle, lambda door: door.vendor.name))
        _session.setattr(Gateway, "handle", _watched_door(Gateway.handle, lambda gateway: "github"))
        for vendor in VENDORS:
            _session.setattr(vendor, "answer", _watched_vendor(vendor.answer))


def pytest_unconfigure() -> None:
    _session.undo()


@pytest.fixture(autouse=True)
def contracts_are_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test that sent, or had the sandbox answer, what a contract does not allow."""
    yield
    told, problems[:] = "\n".join(dict.fromkeys(problems)), []
    assert not told or request.node.get_closest_marker("off_contract"), told


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["contracts"] = dict(_counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _counts.update(getattr(node, "workeroutput", {}).get("contracts", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(_counts.items()) if count)
    terminalreporter.write_line(f"held to the contracts: {told or 'nothing'}")


def _watched_client(opened: Callable[..., None]) -> Callable[..., None]:
    def init(self: Any, provider: str, **options: Any) -> None:
        opened(self, provider, **options)

        async def leaving(request: httpx.Request) -> None:
            _check(_SENT, provider, request.method, request.url.raw_path.decode(), request.content)

        if provider in CONTRACTS:
            self._client.event_hooks["request"].append(leaving)

    return init


def _watched_door(handle: Callable[..., Any], name_of: Callable[[Any], str]) -> Callable[..., Any]:
    async def watched(self: Any, request: Request) -> Response:
        if request.headers.get("user-agent") == USER_AGENT:
            _check(_ARRIVED, name_of(self), request.method, request.target, request.body)
        response: Response = await handle(self, request)
        return response

    return watched


def _watched_vendor(answer: Callable[[Vendor, Request, datetime], Response]) -> Callable[..., Response]:
    def watched(self: Vendor, request: Request, now: datetime) -> Response:
        response = answer(self, request, now)
        try:
            kept = CONTRACTS[self.name].check_answer(
                request.method, request.target, response.status, response.body, request.body
            )
            _counts[f"{self.name} {_ANSWERED}"] += kept
        except (AssertionError, LookupError, TypeError, ValueError, ValidationError) as error:
            problems.append(f"{self.name} answers {request.method} {request.path} {response.status}: {_told(error)}")
        return response

    return watched


def _check(way: str, service: str, method: str, target: str, content: bytes) -> None:
    _counts[f"{service} {way}"] += 1
    if problem := _problem(service, method, target, content):
        problems.append(f"{service} is asked {method} {target.partition('?')[0]}: {problem}")


@lru_cache(maxsize=4096)
def _problem(service: str, method: str, target: str, content: bytes) -> str:
    try:
        CONTRACTS[service].check_request(method, target, content)
    except (AssertionError, LookupError, TypeError, ValueError, ValidationError) as error:
        return _told(error)
    return ""


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return f"{'/'.join(map(str, error.absolute_path))}: {error.message}"[:600]
    return f"{type(error).__name__}: {error}"[:600]
