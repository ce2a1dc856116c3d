"""The services of one campaign on loopback ports of one thread: they fail as told, and can be out of reach."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar

from cmo.clock import Clock
from cmo.sandbox.faults import FaultPlan, FaultPlayer, FaultRule
from cmo.sandbox.mailserver import MailServer
from cmo.sandbox.server import HOST, SMTP_PASSWORD, SMTP_USER, STOP_S
from cmo.sandbox.smtp_faults import SmtpFault, SmtpFaultPlayer
from cmo.sandbox.vendors.attio import AttioVendor
from cmo.sandbox.vendors.door import Door, Vendor
from cmo.sandbox.vendors.gmail import GmailVendor
from cmo.sandbox.vendors.hubspot import HubSpotVendor
from cmo.sandbox.vendors.instantly import InstantlyTwin
from cmo.sandbox.vendors.linear import LinearVendor
from cmo.sandbox.vendors.registry import OFFERS
from cmo.sandbox.vendors.smartlead import SmartleadTwin
from cmo.sandbox.wire import Fate, Request, Response, serve_connection

T = TypeVar("T")

MAKERS: Mapping[str, Callable[[], Vendor]] = {
    "instantly": InstantlyTwin,
    "smartlead": SmartleadTwin,
    "gmail": GmailVendor,
    "attio": lambda: AttioVendor(seed=7),
    "hubspot": lambda: HubSpotVendor(seed=7),
    "linear": LinearVendor,
}
SILENT_S = 1.0
"""Real seconds after which a request that is never answered is given up by the service too."""
_ID = re.compile(r"(?<=/)(?:[0-9a-f-]{16,}|r?[0-9a-f]*\d[0-9a-f]*|[^/]+@[^/]+)(?=/|$)")
_GRAPHQL_FIELD = re.compile(r"(?:query|mutation)[^{]*\{\s*(\w+)")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Services:
    """Everything that a campaign may write to, with books of its own. Also a context manager."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        clock: Clock,
        rules: Sequence[FaultRule] = (),
        smtp_faults: Sequence[SmtpFault] = (),
        gone_after: int | None = None,
    ) -> None:
        """
        Args:
            names: Of `MAKERS`.
            gone_after: Once so many requests are answered, nobody can be connected to until `return_`.
        """
        self.requests: list[str] = []
        """What was asked for, by service, method and path without ids; in order of arrival."""
        self.vendors: dict[str, Any] = {name: MAKERS[name]() for name in names}
        self.mail = MailServer(clock=clock, faults=SmtpFaultPlayer(smtp_faults), user=SMTP_USER, password=SMTP_PASSWORD)
        player = FaultPlayer(FaultPlan(tuple(rules)))
        doors = {name: Door(vendor, player, clock=clock, latency_s=0.0) for name, vendor in self.vendors.items()}
        self._serves: dict[str, Serve] = {"smtp": self.mail.serve}
        self._serves |= {name: self._at(door) for name, door in doors.items()}
        self._ports = dict.fromkeys(self._serves, 0)
        self._gone_after = gone_after
        self._listeners: list[asyncio.Server] = []
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="campaign-services", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait_for(self._listen())
        if self._gone_after == 0:
            self._wait_for(self._leave())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait_for(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._loop.close()

    @property
    def places(self) -> dict[str, str]:
        """Variables that point clients here."""
        places = dict(SMTP_HOST=HOST, SMTP_PORT=str(self._ports["smtp"]), SMTP_USER=SMTP_USER)
        places["SMTP_PASSWORD"] = SMTP_PASSWORD
        for name in self.vendors:
            offer = OFFERS[name]
            places[offer.url_variable] = f"http://{HOST}:{self._ports[name]}{offer.path}"
            places.update(offer.variables)
        return places

    def leave(self) -> None:
        """Be out of reach."""
        self._wait_for(self._leave())

    def return_(self) -> None:
        """Be reachable again, at the same ports."""
        self._gone_after = None
        if not self._listeners:
            self._wait_for(self._listen())

    def _at(self, door: Door) -> Serve:
        async def handle(request: Request) -> Response:
            self.requests.append(label(door.vendor.name, request))
            try:
                response = await asyncio.wait_for(door.handle(request), SILENT_S)
            except TimeoutError:
                return Response(0, fate=Fate.DROPPED)
            if len(self.requests) == self._gone_after:
                response.headers["Connection"] = "close"
                await self._leave()
            return response

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve_connection(reader, writer, handle, number=next(self._numbers))

        return serve

    async def _listen(self) -> None:
        for name, serve in self._serves.items():
            listener = await asyncio.start_server(serve, HOST, self._ports[name])
            self._ports[name] = listener.sockets[0].getsockname()[1]
            self._listeners.append(listener)

    async def _leave(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    async def _end(self) -> None:
        await self._leave()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_S)


def label(vendor: str, request: Request) -> str:
    """What a request asks for, the same for everybody it is about."""
    if vendor == "linear":
        found = _GRAPHQL_FIELD.search(json.loads(request.body)["query"])
        return f"linear {found[1] if found else 'query'}"
    return f"{vendor} {request.method} {_ID.sub('*', request.path)}"
