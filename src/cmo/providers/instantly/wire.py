"""One request to a sending service: its pace, its key, what its statuses mean, and when all is in doubt."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Letter, Receipt
from cmo.errors import (
    AuthRejected,
    ContractBroken,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from cmo.providers.http import HttpAnswer, HttpClient, harmless
from cmo.providers.limiter import RateLimiter
from cmo.providers.ports import Meter

TRIES = 3
RETRY_S = 0.5
"""Ceiling of the first pause between tries; it doubles, and the pause is drawn from zero to it."""
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0
"""After a 429 that says nothing: 2, 4, 8 ... 60 seconds."""
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_HINTS = {
    402: "The plan does not cover this: check the subscription at the service.",
    403: "The key lacks a permission: make one that may read campaigns and accounts, and read and create leads.",
    404: "Check the campaign id.",
}


class InDoubt(Exception):
    """A write may have happened; nobody can say from here."""

    def __init__(self, code: str, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.status = status


class Wire:
    """Every request of one client."""

    def __init__(
        self,
        provider: str,
        *,
        base_url: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        limiter: RateLimiter,
        told_wait_s: Callable[[HttpAnswer, datetime], float | None],
        credentials: Mapping[str, Secret] | None = None,
        secret_params: Mapping[str, Secret] | None = None,
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            told_wait_s: The seconds that a 429 asks for, in the service's own form; None where it does not say.
        """
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._meter = meter
        self._limiter = limiter
        self._told_wait_s = told_wait_s
        self._credentials = credentials
        self._secret_params = secret_params
        self._rng = rng or random.Random()
        self._strikes = 0
        self._http = HttpClient(provider, clock=clock, timeout_s=timeout_s, base_urls=(base_url,), transport=transport)

    async def close(self) -> None:
        await self._http.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        tries: int = TRIES,
    ) -> object:
        """Ask for what does no harm when it is done twice; the JSON value of the answer. It is tried three times.

        Raises:
            ProviderError: refused, limited, unreachable, or no JSON.
        """
        ceiling_s = RETRY_S
        while True:
            try:
                return await self._ask_once(method, path, operation=operation, params=params, body=body)
            except ProviderUnavailable as exc:
                tries -= 1
                if not tries or is_sure(exc):
                    raise
            await self._clock.sleep(ceiling_s * self._rng.random())
            ceiling_s *= 2

    async def write(self, method: str, path: str, *, operation: str, body: object = None) -> object:
        """Write something, in one attempt; the JSON value of the answer.

        Raises:
            RateLimited, AuthRejected, ProviderRejected: it surely did not happen.
            ProviderUnavailable: no connection stood; it surely did not happen.
            InDoubt: anything else.
        """
        try:
            answer = await self._send(method, path, operation=operation, params=None, body=body)
        except ProviderUnavailable as exc:
            if is_sure(exc):
                raise
            is_late = isinstance(exc.__cause__, TimeoutError | httpx.TimeoutException)
            raise InDoubt("timeout" if is_late else "reset", "the connection ended before an answer came") from exc
        except ContractBroken as exc:
            raise InDoubt("contract_broken", "the answer is too large", status=exc.status) from exc
        if 400 <= answer.status < 500 and answer.status != 408:
            raise self._refusal(answer, operation)
        if not 200 <= answer.status < 300:
            raise InDoubt("server_error", f"the service answered {answer.status}", status=answer.status)
        value = answer.parsed()
        if not isinstance(value, dict | list):
            raise InDoubt("contract_broken", "the answer is not JSON", status=answer.status)
        return value

    async def _ask_once(
        self, method: str, path: str, *, operation: str, params: Mapping[str, str] | None, body: object
    ) -> object:
        answer = await self._send(method, path, operation=operation, params=params, body=body)
        if answer.status >= 500 or answer.status == 408:
            raise ProviderUnavailable(
                f"{self._provider}: {operation}: the service answered {answer.status}",
                provider=self._provider,
                operation=operation,
                status=answer.status,
            )
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, operation)
        value = answer.parsed()
        if not isinstance(value, dict | list):
            raise self.broken(operation, "it is not JSON")
        return value

    async def _send(
        self, method: str, path: str, *, operation: str, params: Mapping[str, str] | None, body: object
    ) -> HttpAnswer:
        await self._limiter.turn()
        self._meter.add("api_calls")
        self._meter.add(f"{self._provider}_api_calls")
        answer = await self._http.send(
            method,
            f"{self._base_url}{path}",
            operation=operation,
            credentials=self._credentials,
            params=params,
            secret_params=self._secret_params,
            json_body=body,
        )
        if answer.status != 429:
            self._strikes = 0
        return answer

    def _refusal(self, answer: HttpAnswer, operation: str) -> ProviderError:
        """The error for an answer that says: nothing was done."""
        about = f"{self._provider}: {operation}: {_words(answer)}"
        if answer.status == 429:
            wait_s = self._wait_s(answer)
            self._limiter.hold(wait_s)
            return RateLimited(
                about, provider=self._provider, operation=operation, retry_after_s=wait_s, status=answer.status
            )
        kind = AuthRejected if answer.status == 401 else ProviderRejected
        hint = f"cmo auth set {self._provider}" if answer.status == 401 else _HINTS.get(answer.status, "")
        return kind(about, provider=self._provider, operation=operation, status=answer.status, hint=hint)

    def _wait_s(self, answer: HttpAnswer) -> float:
        self._strikes += 1
        told = self._told_wait_s(answer, self._clock.now())
        return told if told is not None else min(FIRST_WAIT_S * 2.0 ** (self._strikes - 1), LONGEST_WAIT_S)

    def broken(self, operation: str, reason: str) -> ContractBroken:
        """The error for an answer that cannot be understood."""
        return ContractBroken(
            f"{self._provider}: {operation}: the answer cannot be used: {reason}",
            provider=self._provider,
            operation=operation,
        )


def is_sure(error: ProviderError) -> bool:
    """Whether `error` says that surely nothing happened."""
    if isinstance(error, ProviderUnavailable):
        return error.details.get("connected") is False
    return not isinstance(error, ContractBroken)


def unknown(letters: Iterable[Letter], doubt: InDoubt) -> dict[str, Receipt]:
    """The same doubt for each of `letters`, by key."""
    return {
        letter.key: Receipt(
            key=letter.key, fate=Fate.UNKNOWN, code=doubt.code, reason=doubt.reason, status=doubt.status
        )
        for letter in letters
    }


def error_words(body: object) -> str:
    """What a service says in its error body, without addresses and keys; empty where it says nothing.

    Forms: {message}, {error}, {error: {message}}, {error, message}, text.
    """
    if isinstance(body, dict):
        found = [body.get("message"), body.get("error")]
        words = next((word for word in found if isinstance(word, str) and word), None)
        if words is None:
            return error_words(body["error"]) if isinstance(body.get("error"), dict) else ""
        return _ADDRESS.sub("(address)", harmless(words))
    return ""


def _words(answer: HttpAnswer) -> str:
    said = error_words(answer.parsed())
    return f"refused with {answer.status}{f': {said}' if said else ''}"
