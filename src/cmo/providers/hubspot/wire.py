"""Requests to HubSpot: when they may go out, and which answers are errors of the whole call.

Source: contracts/hubspot.md, "Version", "Errors" and "Limits".
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.errors import (
    AuthRejected,
    ContractBroken,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from cmo.providers.http import HttpAnswer, HttpClient, harmless
from cmo.providers.hubspot.parse import code_of, message_of, missing_scopes, strings
from cmo.providers.limiter import RateLimiter
from cmo.providers.ports import Meter

PER_TEN_S = 100
"""The least of all editions; the larger ones allow 190 and more."""
SEARCHES_PER_S = 4
WAITS_S: Mapping[str, float] = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
"""Name of a limit -> its window, which is waited for where no Retry-After is sent."""
DEFAULT_WAIT_S = 10.0
LONGEST_WAIT_S = 90_000.0
"""A day and an hour: days of 25 hours exist."""
PATIENCE_S = 11.0
"""After a refusal, longer waits are the caller's, who can be interrupted."""
WHOLE_CALL = frozenset({401, 402, 403, 408, 429})
"""Refusals that are not about what was asked; 408 is none, it leaves open what happened."""
READ_TRIES = 3
FIRST_BACKOFF_S = 0.5


@dataclass(frozen=True)
class Reply:
    """An answer that is either a yes or a refusal of what was asked."""

    status: int
    body: Mapping[str, Any]
    code: str = ""
    """Stable word for a refusal."""
    message: str = ""
    """HubSpot's sentence, cleaned, without keys or addresses."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire:
    """Sends one request at a time under HubSpot's limits."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str,
        api_version: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        zone: tzinfo,
        rng: random.Random,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._bearer = Secret(f"Bearer {key.reveal()}")
        self._base_url = base_url.rstrip("/")
        self._version = api_version
        self._clock = clock
        self._meter = meter
        self._zone = zone
        self._rng = rng
        self._http = HttpClient("hubspot", clock=clock, timeout_s=timeout_s, base_urls=(base_url,), transport=transport)
        self._searches = RateLimiter(clock, (SEARCHES_PER_S, 1.0))
        self._all = RateLimiter(clock, (PER_TEN_S, 10.0))
        self._closed_until_s = 0.0

    async def close(self) -> None:
        await self._http.close()

    async def read(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        json_body: object = None,
        tries: int = READ_TRIES,
    ) -> Reply:
        """Ask for something that changes nothing, again where an answer was lost.

        Args:
            path: With `{V}` where the version belongs.
        Raises:
            RateLimited, AuthRejected, ProviderRejected, ProviderUnavailable, ContractBroken.
        """
        for tried in range(1, tries):
            try:
                return await self._exchange(method, path, operation, params, json_body)
            except (ProviderUnavailable, ContractBroken):
                await self._clock.sleep(self._rng.uniform(0.0, FIRST_BACKOFF_S * 2**tried))
        return await self._exchange(method, path, operation, params, json_body)

    async def write(self, method: str, path: str, *, operation: str, json_body: object = None) -> Reply:
        """Ask for a change, once.

        Raises:
            RateLimited, AuthRejected, ProviderRejected: it surely did not happen.
            ProviderUnavailable, ContractBroken: it may have happened, unless `details["connected"]` is False.
        """
        return await self._exchange(method, path, operation, None, json_body)

    async def _exchange(
        self, method: str, path: str, operation: str, params: Mapping[str, str] | None, json_body: object
    ) -> Reply:
        left_s = self._closed_until_s - self._clock.monotonic()
        if left_s > PATIENCE_S:
            text = f"hubspot: {operation}: still limited"
            raise RateLimited(text, provider="hubspot", operation=operation, retry_after_s=left_s)
        if path.endswith("/search"):
            await self._searches.turn()
        await self._all.turn()
        self._meter.add("api_calls")
        self._meter.add("hubspot_api_calls")
        answer = await self._http.send(
            method,
            f"{self._base_url}{path.replace('{V}', self._version)}",
            operation=operation,
            credentials={"Authorization": self._bearer},
            params=params,
            json_body=json_body,
        )
        return self._read_answer(answer, operation)

    def _read_answer(self, answer: HttpAnswer, operation: str) -> Reply:
        body = answer.parsed()
        told: Mapping[str, Any] = body if isinstance(body, dict) else {}
        status = answer.status
        message = message_of(told, f"status {status}")
        if 200 <= status < 300 and told:
            return Reply(status, told, headers=answer.headers)
        is_about_it = status != 404 or told.get("category") == "OBJECT_NOT_FOUND"
        if 400 <= status < 500 and status not in WHOLE_CALL and is_about_it:
            return Reply(status, told, code_of(told), message)
        raise self._error(answer, told, operation, message)

    def _error(self, answer: HttpAnswer, told: Mapping[str, Any], operation: str, message: str) -> ProviderError:
        status = answer.status
        text = f"hubspot: {operation}: {message}"
        if status == 429:
            return self._limited(answer, told, operation, text)
        if status == 401:
            hint = "Make a new token, then: cmo auth set hubspot"
            return AuthRejected(text, provider="hubspot", operation=operation, status=status, hint=hint)
        is_garbled = (
            status == 404 and "json" in answer.headers.get("content-type", "") and not isinstance(answer.parsed(), dict)
        )
        if status in (402, 403, 404) and not is_garbled:
            scopes = missing_scopes(told)
            hint = (
                f"Give the token the scope {', '.join(scopes)}."
                if scopes
                else "Check the token's scopes, HUBSPOT_BASE_URL and HUBSPOT_API_VERSION."
            )
            return ProviderRejected(text, provider="hubspot", operation=operation, status=status, hint=hint)
        if 200 <= status < 300 or is_garbled:
            text = f"hubspot: {operation}: the answer is no JSON object"
            return ContractBroken(text, provider="hubspot", operation=operation, status=status)
        return ProviderUnavailable(text, provider="hubspot", operation=operation, status=status)

    def _limited(self, answer: HttpAnswer, told: Mapping[str, Any], operation: str, text: str) -> RateLimited:
        """Which limit it is, and how long it lasts; nothing goes out before."""
        policy = next(strings([told.get("policyName")]), "")
        wait_s = self._until_midnight_s() if policy == "DAILY" else WAITS_S.get(policy, DEFAULT_WAIT_S)
        try:
            told_s = float(answer.headers.get("retry-after", wait_s))
        except ValueError:
            told_s = wait_s
        if told_s == told_s:
            wait_s = min(max(told_s, 1.0), LONGEST_WAIT_S)
        self._all.hold(wait_s)
        self._closed_until_s = max(self._closed_until_s, self._clock.monotonic() + wait_s)
        return RateLimited(
            text,
            provider="hubspot",
            operation=operation,
            retry_after_s=wait_s,
            resource=harmless(policy.lower()),
            status=answer.status,
        )

    def _until_midnight_s(self) -> float:
        here = self._clock.now().astimezone(self._zone)
        midnight = datetime.combine(here.date() + timedelta(days=1), time(), tzinfo=self._zone)
        return (midnight.astimezone(UTC) - here.astimezone(UTC)).total_seconds()
