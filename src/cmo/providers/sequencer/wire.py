"""One request to a sending service: its key, and what its statuses mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from cmo.config.secrets import Secret
from cmo.errors import ContractBroken, RateLimited
from cmo.providers.calling import READ_TRIES, Caller, within
from cmo.providers.http import HttpAnswer, harmless

PATIENCE_S = 60.0
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0
"""After a 429 that says nothing: 2, 4, 8 ... 60 seconds."""
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_HINTS = {
    402: "The plan does not cover this: check the subscription at the service.",
    403: "The key lacks a permission: make one that may read campaigns and accounts, and all of leads.",
    404: "Check the campaign id.",
}


class Wire:
    """Every request of one client."""

    def __init__(
        self,
        caller: Caller,
        *,
        told_wait_s: Callable[[HttpAnswer, datetime], float | None],
        credentials: Mapping[str, Secret] | None = None,
        secret_params: Mapping[str, Secret] | None = None,
    ) -> None:
        """
        Args:
            told_wait_s: The seconds that a 429 asks for, in the service's own form; None where it does not say.
        """
        self._caller = caller
        self._told_wait_s = told_wait_s
        self._credentials = credentials
        self._secret_params = secret_params
        self._strikes = 0

    async def close(self) -> None:
        await self._caller.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        tries: int = READ_TRIES,
        patience_s: float = 0.0,
    ) -> object:
        """Ask for what does no harm when it is done twice; the JSON value of the answer. Raises as `write`.

        Args:
            patience_s: How long, in all, limits are waited out.
        """
        ends_s = self._caller.clock.monotonic() + patience_s
        while True:
            try:
                return await self._caller.again(
                    lambda: self.write(method, path, operation=operation, params=params, body=body), tries=tries
                )
            except RateLimited as exc:  # the next turn is only after the wait
                if self._caller.clock.monotonic() + exc.retry_after_s > ends_s:
                    raise

    async def write(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> object:
        """One attempt; the JSON value of the answer.

        Raises:
            RateLimited, AuthRejected, ProviderRejected: it surely did not happen.
            ProviderUnavailable, ContractBroken: it may have happened, unless `details["connected"]` is False.
        """
        answer = await self._caller.send(
            method,
            path,
            operation=operation,
            credentials=self._credentials,
            params=params,
            secret_params=self._secret_params,
            json_body=body,
        )
        if answer.status == 429:
            raise self._caller.limited(_words(answer), operation, wait_s=self._wait_s(answer), status=429)
        self._strikes = 0
        if not 200 <= answer.status < 300:
            raise self._caller.error(answer.status, _words(answer), operation, hint=_HINTS.get(answer.status, ""))
        value = answer.parsed()
        if not isinstance(value, dict | list):
            raise self.broken(operation, "it is not JSON", status=answer.status)
        return value

    def broken(self, operation: str, reason: str, *, status: int = 200) -> ContractBroken:
        """The error for an answer that cannot be understood."""
        return self._caller.broken(operation, f"the answer cannot be used: {reason}", status=status)

    def _wait_s(self, answer: HttpAnswer) -> float:
        self._strikes += 1
        told = self._told_wait_s(answer, self._caller.clock.now())
        own = min(FIRST_WAIT_S * 2.0 ** min(self._strikes - 1, 10), LONGEST_WAIT_S)
        return own if told is None else within(told)


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
