"""Requests to Attio: when they may go out, and which answers are errors of the whole call.

Source: contracts/attio.md, "Errors" and "Limits".
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret, mask_addresses
from cmo.domain.text import clean_line
from cmo.errors import AuthRejected, ContractBroken, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.attio.parse import rows
from cmo.providers.http import HttpAnswer, HttpClient, harmless
from cmo.providers.limiter import RateLimiter
from cmo.providers.ports import Meter

READS_PER_S, WRITES_PER_S = 100, 25
LEAST_WAIT_S = 1.0
"""After a refusal: its date is whole seconds of another clock, and may lie in the past of ours."""
LONGEST_WAIT_S = 3600.0
PATIENCE_S = 5.0
"""After a refusal, longer waits are the caller's, who can be interrupted."""
WHOLE_CALL = frozenset({401, 402, 403, 408, 429})
"""Refusals that are not about what was asked; 408 is none, it leaves open what happened."""
READ_TRIES = 3
MAX_PAGES = 200
FIRST_BACKOFF_S = 0.5


@dataclass(frozen=True)
class Reply:
    """An answer that is either a yes or a refusal of what was asked."""

    status: int
    data: Any
    """What `data` held, or the whole object where there is none; empty for a refusal."""
    code: str = ""
    """Attio's word for a refusal, e.g. value_not_found."""
    message: str = ""
    """Its sentence, cleaned, without keys or addresses."""


class Wire:
    """Sends one request at a time under Attio's limits."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        per_minute: int | None,
        rng: random.Random,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._bearer = Secret(f"Bearer {key.reveal()}")
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._meter = meter
        self._rng = rng
        self._http = HttpClient("attio", clock=clock, timeout_s=timeout_s, base_urls=(base_url,), transport=transport)
        self._reads = RateLimiter(clock, (READS_PER_S, 1.0))
        self._writes = RateLimiter(clock, (WRITES_PER_S, 1.0))
        self._closed_until_s = 0.0
        self._all = RateLimiter(clock, *([(per_minute, 60.0)] if per_minute else []))

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

        Raises:
            RateLimited, AuthRejected, ProviderRejected, ProviderUnavailable, ContractBroken.
        """
        for tried in range(1, tries):
            try:
                return await self._exchange(self._reads, method, path, operation, params, json_body)
            except (ProviderUnavailable, ContractBroken):
                await self._clock.sleep(self._rng.uniform(0.0, FIRST_BACKOFF_S * 2**tried))
        return await self._exchange(self._reads, method, path, operation, params, json_body)

    async def read_pages(
        self,
        path: str,
        *,
        operation: str,
        page_size: int,
        params: Mapping[str, str] | None = None,
        tries: int = READ_TRIES,
    ) -> list[Mapping[str, Any]] | None:
        """Every row of a list that is paged by offset, until a short page; None where Attio says `not_found`.

        Raises:
            As `read`; ContractBroken also where there is no end.
        """
        found: list[Mapping[str, Any]] = []
        for page in range(MAX_PAGES):
            paging = {"limit": str(page_size), "offset": str(page * page_size)}
            reply = await self.read("GET", path, operation=operation, params={**(params or {}), **paging}, tries=tries)
            if reply.status == 404:
                return None
            shown = rows(reply.data, operation)
            found.extend(shown)
            if len(shown) < page_size:
                return found
        raise ContractBroken(f"attio: {operation}: the list has no end", provider="attio", operation=operation)

    async def write(
        self, method: str, path: str, *, operation: str, json_body: object, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Ask for a change, once.

        Raises:
            RateLimited, AuthRejected, ProviderRejected: it surely did not happen.
            ProviderUnavailable, ContractBroken: it may have happened, unless `details["connected"]` is False.
        """
        return await self._exchange(self._writes, method, path, operation, params, json_body)

    async def _exchange(
        self,
        limit: RateLimiter,
        method: str,
        path: str,
        operation: str,
        params: Mapping[str, str] | None,
        json_body: object,
    ) -> Reply:
        self._check_gate(operation)
        await limit.turn()
        await self._all.turn()
        self._meter.add("api_calls")
        self._meter.add("attio_api_calls")
        answer = await self._http.send(
            method,
            f"{self._base_url}{path}",
            operation=operation,
            credentials={"Authorization": self._bearer},
            params=params,
            json_body=json_body,
        )
        return self._read_answer(answer, operation)

    def _check_gate(self, operation: str) -> None:
        left_s = self._closed_until_s - self._clock.monotonic()
        if left_s > PATIENCE_S:
            raise RateLimited(
                f"attio: {operation}: still limited", provider="attio", operation=operation, retry_after_s=left_s
            )

    def _read_answer(self, answer: HttpAnswer, operation: str) -> Reply:
        body = answer.parsed()
        told: Mapping[str, Any] = body if isinstance(body, dict) else {}
        status = answer.status
        code = told["code"] if isinstance(told.get("code"), str) else ""
        message = mask_addresses(harmless(str(told.get("message") or f"status {status}")))
        if 200 <= status < 300 and told:
            return Reply(status, told.get("data", told))
        if 400 <= status < 500 and status not in WHOLE_CALL and (status != 404 or code == "not_found"):
            return Reply(status, {}, clean_line(code, limit=60), message)
        raise self._error(answer, operation, message)

    def _error(self, answer: HttpAnswer, operation: str, message: str) -> ProviderError:
        status = answer.status
        text = f"attio: {operation}: {message}"
        if status == 429:
            wait_s = self._wait_s(answer.headers.get("retry-after"))
            self._all.hold(wait_s)
            self._closed_until_s = max(self._closed_until_s, self._clock.monotonic() + wait_s)
            return RateLimited(text, provider="attio", operation=operation, status=status, retry_after_s=wait_s)
        if status == 401:
            hint = "Make a new key, then: cmo auth set attio"
            return AuthRejected(text, provider="attio", operation=operation, status=status, hint=hint)
        is_garbled = (
            status == 404 and "json" in answer.headers.get("content-type", "") and not isinstance(answer.parsed(), dict)
        )
        if status in (402, 403, 404) and not is_garbled:
            hint = "Check the scopes of the key and ATTIO_BASE_URL."
            return ProviderRejected(text, provider="attio", operation=operation, status=status, hint=hint)
        if 200 <= status < 300 or is_garbled:
            text = f"attio: {operation}: the answer is no JSON object"
            return ContractBroken(text, provider="attio", operation=operation, status=status)
        return ProviderUnavailable(text, provider="attio", operation=operation, status=status)

    def _wait_s(self, retry_after: str | None) -> float:
        """Seconds to wait: Attio says when as an HTTP date; a number is understood too."""
        wait_s = LEAST_WAIT_S
        try:
            wait_s = float(retry_after or LEAST_WAIT_S)
        except ValueError:
            try:
                until = parsedate_to_datetime(str(retry_after))
                wait_s = until.timestamp() - self._clock.now().timestamp()
            except (ValueError, TypeError, OverflowError):
                pass
        return min(max(wait_s, LEAST_WAIT_S), LONGEST_WAIT_S) if wait_s == wait_s else LEAST_WAIT_S
