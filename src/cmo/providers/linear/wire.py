"""Requests to Linear: whose turn it is, how often a read is repeated, and which answers concern the whole call."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.errors import AuthRejected, ContractBroken, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.http import HttpClient
from cmo.providers.limiter import RateLimiter
from cmo.providers.linear.parse import Reply, Trouble, read_reply
from cmo.providers.ports import Meter

REQUESTS_PER_HOUR = 2500
"""Per user, all keys together. Complexity needs no gate of its own: our dearest query costs about 75 points, and at
least 2,000,000 an hour are free."""
READ_TRIES = 3


class Wire:
    """Sends GraphQL to one Linear under its limits."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        rng: random.Random,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        value = key.reveal()
        self._authorization = Secret(f"Bearer {value}") if value.startswith("lin_oauth") else key
        self._url = base_url
        self._clock = clock
        self._meter = meter
        self._rng = rng
        self._limiter = RateLimiter(clock, (REQUESTS_PER_HOUR, 3600.0))
        self._http = HttpClient("linear", clock=clock, timeout_s=timeout_s, base_urls=(base_url,), transport=transport)

    async def close(self) -> None:
        await self._http.close()

    async def read(self, document: str, variables: Mapping[str, Any], *, operation: str) -> Reply:
        """Ask, again after passing failures.

        Raises:
            ProviderUnavailable, ContractBroken, RateLimited, AuthRejected, ProviderRejected.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return _readable(await self.send(document, variables, operation=operation), operation)
            except (ProviderUnavailable, ContractBroken):
                if tries == READ_TRIES:
                    raise
            await self._clock.sleep(self._rng.uniform(0.0, 2.0 ** (tries - 1)))

    async def send(self, document: str, variables: Mapping[str, Any], *, operation: str) -> Reply:
        """One exchange, in its turn; a limit closes the gate."""
        await self._limiter.turn()
        self._meter.add("api_calls")
        self._meter.add("linear_api_calls")
        answer = await self._http.send(
            "POST",
            self._url,
            operation=operation,
            credentials={"Authorization": self._authorization},
            json_body={"query": document, "variables": dict(variables)},
        )
        reply = read_reply(answer, self._clock.now())
        if reply.trouble is Trouble.LIMITED:
            self._limiter.hold(reply.wait_s)
        return reply


def raise_for_call(reply: Reply, operation: str) -> None:
    """Raise for troubles of the whole call, after which surely nothing happened."""
    said = f"linear: {operation}: {reply.message}"
    match reply.trouble:
        case Trouble.LIMITED:
            raise RateLimited(
                f"{said} (free again in {reply.wait_s:.0f} s)",
                provider="linear",
                operation=operation,
                retry_after_s=reply.wait_s,
                status=reply.status,
            )
        case Trouble.AUTH:
            raise AuthRejected(
                f"linear: {operation}: the key was refused (HTTP {reply.status})",
                provider="linear",
                operation=operation,
                status=reply.status,
                hint="The key is wrong, expired or revoked: cmo auth set linear",
            )
        case Trouble.REFUSED:
            raise ProviderRejected(
                said,
                provider="linear",
                operation=operation,
                status=reply.status,
                hint="Check LINEAR_API_URL: it is the address of the GraphQL endpoint.",
            )
        case _:
            return


def _readable(reply: Reply, operation: str) -> Reply:
    """`reply` where it has data, with or without errors beside them."""
    raise_for_call(reply, operation)
    if reply.trouble is None or reply.data:
        return reply
    said = f"linear: {operation}: {reply.message}"
    if reply.trouble is not Trouble.UNCLEAR:
        raise ProviderRejected(said, provider="linear", operation=operation, status=reply.status)
    kind = ContractBroken if reply.is_broken else ProviderUnavailable
    raise kind(
        said,
        provider="linear",
        operation=operation,
        status=reply.status,
        hint="See https://linearstatus.com; the same command may be run again.",
    )
