"""How every client that writes reaches its service: in its turn, counted, held back after a limit, reads asked again.

What an answer says stays with each service; what its status means for the whole call is the same for all.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.errors import AuthRejected, ContractBroken, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.http import HttpAnswer, HttpClient
from cmo.providers.limiter import RateLimiter
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, is_unconnected

T = TypeVar("T")

READ_TRIES = 3
FIRST_PAUSE_S = 1.0
"""Ceiling of the first pause between tries; it doubles, and the pause is drawn from zero to it."""
LEAST_WAIT_S, LONGEST_WAIT_S = 1.0, 3600.0
"""After a limit, whatever a service says: 0, the past and the far future are no waits."""


class Caller:
    """The requests of one client to one service."""

    def __init__(
        self,
        provider: str,
        *windows: tuple[int, float],
        patience_s: float,
        base_url: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        rng: random.Random | None,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        """Open no connection yet.

        Args:
            windows: As of `RateLimiter`.
            patience_s: Longest wait for a turn; longer ones are the caller's, who can be interrupted, and whose claim
                on what is to be written would run out meanwhile.
            rng: Spreads the tries of reads.
        """
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._patience_s = patience_s
        self.clock = clock
        self._meter = meter
        self._limiter = RateLimiter(clock, *windows)
        self._rng = rng or random.Random()
        self._http = HttpClient(provider, clock=clock, timeout_s=timeout_s, base_urls=(base_url,), transport=transport)

    async def close(self) -> None:
        await self._http.close()

    async def send(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        cost: int = 1,
        credentials: Mapping[str, Secret] | None = None,
        params: Mapping[str, str] | None = None,
        secret_params: Mapping[str, Secret] | None = None,
        json_body: object = None,
    ) -> HttpAnswer:
        """One exchange, in its turn; for the arguments and errors see `HttpClient.send`.

        Raises:
            RateLimited: its turn is further away than `patience_s`; nothing was sent.
        """
        wait_s = self._limiter.wait_s(cost)
        if wait_s > self._patience_s:
            raise RateLimited(
                f"{self._provider}: {operation}: still limited",
                provider=self._provider,
                operation=operation,
                retry_after_s=wait_s,
            )
        await self._limiter.turn(cost)
        self._meter.add("api_calls")
        self._meter.add(f"{self._provider}_api_calls")
        return await self._http.send(
            method,
            f"{self._base_url}{path}",
            operation=operation,
            credentials=credentials,
            params=params,
            secret_params=secret_params,
            json_body=json_body,
        )

    async def again(self, ask: Callable[[], Awaitable[T]], *, tries: int = READ_TRIES) -> T:
        """What `ask` gives; asked again where an answer was lost, so only for what changes nothing."""
        for tried in range(tries - 1):
            try:
                return await ask()
            except UNCLEAR as exc:
                if is_unconnected(exc):
                    raise
                await self.clock.sleep(self._rng.uniform(0.0, FIRST_PAUSE_S * 2.0**tried))
        return await ask()

    def limited(
        self, words: str, operation: str, *, wait_s: float, status: int | None = None, resource: str = ""
    ) -> RateLimited:
        """The error for a limit that was reached; nothing goes out before `wait_s` have passed."""
        self._limiter.hold(wait_s)
        return RateLimited(
            f"{self._provider}: {operation}: {words}",
            provider=self._provider,
            operation=operation,
            retry_after_s=wait_s,
            resource=resource,
            status=status,
        )

    def error(self, status: int, words: str, operation: str, *, hint: str = "") -> ProviderError:
        """What an answer with `status`, which is no limit, means for the whole call.

        AuthRejected and ProviderRejected: nothing was done. A redirect that was not followed proves nothing, 303 even
        comes after the deed (RFC 9110, 15.4.4); nor does 408.
        """
        kind: type[ProviderError] = ProviderUnavailable
        if 200 <= status < 300:
            kind = ContractBroken
        elif status == 401:
            kind, hint = AuthRejected, f"cmo auth set {self._provider}"
        elif 400 <= status < 500 and status != 408:
            kind = ProviderRejected
        text = f"{self._provider}: {operation}: {words}"
        return kind(text, provider=self._provider, operation=operation, status=status, hint=hint)

    def broken(self, operation: str, what: str, *, status: int | None = None) -> ContractBroken:
        """The error for an answer that does not say what it should."""
        text = f"{self._provider}: {operation}: {what}"
        return ContractBroken(text, provider=self._provider, operation=operation, status=status)


def is_garbled(answer: HttpAnswer) -> bool:
    """Whether it claims to be JSON and is no JSON object."""
    return "json" in answer.headers.get("content-type", "") and not isinstance(answer.parsed(), dict)


def finite(value: object) -> float | None:
    """A number, also as text; None for anything else, NaN and infinities."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def within(seconds: float, *, longest_s: float = LONGEST_WAIT_S) -> float:
    """`seconds` as a wait that makes sense."""
    return min(max(seconds, LEAST_WAIT_S), longest_s)
