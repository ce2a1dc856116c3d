"""What happens to every request to a service that is written to: faults, time, books."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from cmo.clock import Clock
from cmo.sandbox.faults import WRITES_ROUTE, FaultKind, FaultPlayer
from cmo.sandbox.wire import Fate, Request, Response

SILENCE_S = 600.0
"""How long a request that is never answered is kept open, in real seconds."""


class Vendor(Protocol):
    """A service: its data, and what it answers. Used from the server's thread only, but read by tests while it runs."""

    @property
    def name(self) -> str:
        """In lower case, as in `SandboxSettings` and fault routes."""

    def answer(self, request: Request, now: datetime) -> Response:
        """Carry `request` out: keys, validation, limits and data as the contract says."""

    def limited(self, now: datetime) -> Response:
        """How it says that its limit is reached."""

    def ok_with_error(self, request: Request) -> Response | None:
        """How it answers 200 and does nothing; None where it never does that for such a request."""

    def to_json(self) -> dict[str, Any]:
        """Everything it holds, for the next process."""

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Take over what `to_json` gave."""


@dataclass(frozen=True)
class Call:
    """One request as the door's books hold it."""

    vendor: str
    method: str
    path: str
    body: str
    status: int
    """0 where nothing was answered."""
    fault: str
    """Name of the fault that was played, or empty."""
    acted: bool
    """Whether the service carried it out."""


class Door:
    """The front door of one service."""

    def __init__(self, vendor: Vendor, faults: FaultPlayer, *, clock: Clock, latency_s: float) -> None:
        self.vendor = vendor
        self._faults = faults
        self._clock = clock
        self._latency_s = latency_s
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return tuple(self._calls)

    async def handle(self, request: Request) -> Response:
        """Answer one request, or fail it as the plan of faults says."""
        kind, late_s = self._fault(request)
        response, acted = self._respond(request, kind)
        status = 0 if response.fate is Fate.DROPPED or kind is FaultKind.TIMEOUT_AFTER else response.status
        with self._lock:
            self._calls.append(
                Call(
                    vendor=self.vendor.name,
                    method=request.method,
                    path=request.path,
                    body=request.body.decode("utf-8", "replace"),
                    status=status,
                    fault=kind.value if kind else "",
                    acted=acted,
                )
            )
        if kind is FaultKind.TIMEOUT_AFTER:
            await asyncio.sleep(SILENCE_S)
        await self._clock.sleep(self._latency_s + late_s)
        return response

    def _fault(self, request: Request) -> tuple[FaultKind | None, float]:
        route = f"{WRITES_ROUTE}{self.vendor.name}{request.path}"
        content = f"{request.method} {route} {len(request.body)}"
        for number, rule in self._faults.pick(route, content):
            if self._faults.play(number):
                return rule.kind, rule.seconds if rule.kind is FaultKind.SLOW else 0.0
        return None, 0.0

    def _respond(self, request: Request, kind: FaultKind | None) -> tuple[Response, bool]:
        """The answer, and whether the request was carried out."""
        now = self._clock.now()
        match kind:
            case FaultKind.RESET_BEFORE:
                return Response(0, fate=Fate.DROPPED), False
            case FaultKind.RATE_LIMIT:
                return self.vendor.limited(now), False
            case FaultKind.SERVER_ERROR:
                return Response.json(500, {"message": "Internal Server Error"}), False
            case FaultKind.BAD_GATEWAY:
                return Response.html(502, "<html><h1>502 Bad Gateway</h1></html>"), False
            case FaultKind.UNAVAILABLE:
                return Response.html(503, "<html><h1>503 Service Unavailable</h1></html>"), False
            case FaultKind.OK_WITH_ERROR:
                told = self.vendor.ok_with_error(request)
                if told is not None:
                    return told, False
            case _:
                pass
        response = self.vendor.answer(request, now)
        match kind:
            case FaultKind.RESET_AFTER:
                response.fate = Fate.DROPPED
            case FaultKind.TRUNCATED_BODY:
                response.fate = Fate.TRUNCATED
            case FaultKind.MALFORMED_JSON:
                response.body = response.body[: len(response.body) // 2]
            case FaultKind.ERROR_AFTER:
                response = Response.json(500, {"message": "Internal Server Error"})
            case _:
                pass
        return response, True

    def to_json(self) -> dict[str, Any]:
        return {"vendor": self.vendor.to_json(), "calls": [asdict(call) for call in self.calls]}

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Go on where `to_json` stopped."""
        self.vendor.load_json(saved["vendor"])
        with self._lock:
            self._calls = [Call(**call) for call in saved["calls"]]
