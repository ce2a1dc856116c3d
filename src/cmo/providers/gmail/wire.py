"""Requests to Gmail: tokens, units per minute, and what an answer that is no success means."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from cmo.config.secrets import Secret
from cmo.errors import AuthRejected, ProviderError
from cmo.providers.calling import Caller, finite, within
from cmo.providers.gmail.parse import DAY_REASONS, Said, read_error
from cmo.providers.gmail.tokens import LOG_IN_AGAIN, Tokens
from cmo.providers.http import HttpAnswer

WINDOWS = ((6000, 60.0),)
"""Units, seconds. Per user, the newest figure."""
UNITS = {"profile": 1, "messages": 5, "drafts.list": 5, "drafts.create": 10, "drafts.update": 15, "drafts.send": 100}
"""Call -> units. Source: contracts/google.md, Gmail, Quota units; `drafts.list`, which it does not name, as
`messages.list`."""
PATIENCE_S = 60.0
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 64.0
DAY_WAIT_S = 3600.0
"""After the day's limit, whose end Gmail does not tell."""


class Wire:
    """Sends requests for one mailbox under its limits."""

    def __init__(self, tokens: Tokens, caller: Caller, *, rng: random.Random) -> None:
        self._tokens = tokens
        self._caller = caller
        self._rng = rng
        self._strikes = 0

    async def close(self) -> None:
        await self._caller.close()
        await self._tokens.close()

    async def read(
        self, path: str, *, units: str, operation: str, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """GET `path`, again after passing failures. Raises as `call`."""
        return await self._caller.again(lambda: self.call("GET", path, units=units, operation=operation, params=params))

    async def call(
        self,
        method: str,
        path: str,
        *,
        units: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        json_body: object = None,
    ) -> Mapping[str, Any]:
        """One exchange, in its turn; a refused token is renewed once.

        Returns:
            The object in a successful answer.
        Raises:
            RateLimited, AuthRejected, ProviderRejected: it was surely not carried out.
            ProviderUnavailable: `details["connected"]` is False where it was surely not carried out.
            ContractBroken: a success without an object in it.
        """
        token = await self._tokens.current()
        answer = await self._send(method, path, token, units, operation, params, json_body)
        if answer.status == 401 and await self._tokens.is_renewed(token):
            token = await self._tokens.current()
            answer = await self._send(method, path, token, units, operation, params, json_body)
        body = answer.parsed()
        if not 200 <= answer.status < 300:
            raise self._failure(answer, read_error(body), operation)
        self._strikes = 0
        if not isinstance(body, dict):
            raise self._caller.broken(operation, "the answer is no object", status=answer.status)
        return body

    async def _send(
        self,
        method: str,
        path: str,
        token: Secret,
        units: str,
        operation: str,
        params: Mapping[str, str] | None,
        json_body: object,
    ) -> HttpAnswer:
        return await self._caller.send(
            method,
            f"/gmail/v1/users/me/{path}",
            operation=operation,
            cost=UNITS[units],
            credentials={"Authorization": Secret(f"Bearer {token.reveal()}")},
            params=params,
            json_body=json_body,
        )

    def _failure(self, answer: HttpAnswer, said: Said, operation: str) -> ProviderError:
        status = answer.status
        words = "the login was refused" if status == 401 else said.message or "no usable answer"
        words = f"{words} (HTTP {status})"
        if status == 429 or (status == 403 and said.is_limit):
            return self._caller.limited(words, operation, wait_s=self._wait_s(answer, said), status=status)
        if status == 403 and said.lacks_rights:
            return AuthRejected(
                f"gmail: {operation}: the login lacks the right to do this (HTTP 403)",
                provider="gmail",
                operation=operation,
                status=status,
                hint=f"{LOG_IN_AGAIN}, allowing gmail.compose and gmail.readonly.",
            )
        hint = "Check GMAIL_API_URL, and that the login may compose and read mail." if status in (403, 404) else ""
        return self._caller.error(status, words, operation, hint=hint)

    def _wait_s(self, answer: HttpAnswer, said: Said) -> float:
        """As Gmail says, else exponential with jitter, from one refusal to the next."""
        self._strikes += 1
        if said.reasons & DAY_REASONS:
            return DAY_WAIT_S
        if (told_s := finite(answer.headers.get("retry-after"))) is not None:
            return within(told_s)
        if said.retry_at is not None:
            return within((said.retry_at - self._caller.clock.now()).total_seconds())
        ceiling = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._strikes, 10))
        return self._rng.uniform(ceiling / 2, ceiling)
