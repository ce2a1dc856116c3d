"""Requests to Attio: when they may go out, and which answers are errors of the whole call.

Source: contracts/attio.md, "Errors" and "Limits".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from cmo.config.secrets import Secret, mask_addresses
from cmo.domain.text import clean_line
from cmo.errors import ProviderError
from cmo.providers.attio.parse import rows
from cmo.providers.calling import LEAST_WAIT_S, READ_TRIES, Caller, finite, is_garbled, within
from cmo.providers.http import HttpAnswer, harmless
from cmo.providers.limiter import RateLimiter

READS_PER_S, WRITES_PER_S = 100, 25
PATIENCE_S = 60.0
"""A whole minute, so that a cap of requests in a minute is kept by waiting."""
WHOLE_CALL = frozenset({401, 402, 403, 408, 429})
"""Refusals that are not about what was asked; 408 is none, it leaves open what happened."""
MAX_PAGES = 200


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

    def __init__(self, key: Secret, caller: Caller) -> None:
        self._credentials = {"Authorization": Secret(f"Bearer {key.reveal()}")}
        self._caller = caller
        self._reads = RateLimiter(caller.clock, (READS_PER_S, 1.0))
        self._writes = RateLimiter(caller.clock, (WRITES_PER_S, 1.0))

    async def close(self) -> None:
        await self._caller.close()

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
        return await self._caller.again(
            lambda: self._exchange(self._reads, method, path, operation, params, json_body), tries=tries
        )

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
        raise self._caller.broken(operation, "the list has no end")

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
        await limit.turn()
        answer = await self._caller.send(
            method, path, operation=operation, credentials=self._credentials, params=params, json_body=json_body
        )
        return self._read_answer(answer, operation)

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
        if answer.status == 429:
            wait_s = self._wait_s(answer.headers.get("retry-after"))
            return self._caller.limited(message, operation, wait_s=wait_s, status=429)
        if 200 <= answer.status < 300 or (answer.status == 404 and is_garbled(answer)):
            return self._caller.broken(operation, "the answer is no JSON object", status=answer.status)
        hint = "Check the scopes of the key and ATTIO_BASE_URL."
        return self._caller.error(answer.status, message, operation, hint=hint)

    def _wait_s(self, retry_after: str | None) -> float:
        """Seconds to wait: Attio says when as an HTTP date, in whole seconds of another clock; a number is understood
        too."""
        if (told_s := finite(retry_after)) is not None:
            return within(told_s)
        try:
            until = parsedate_to_datetime(str(retry_after))
            return within(until.timestamp() - self._caller.clock.now().timestamp())
        except (ValueError, TypeError, OverflowError):
            return LEAST_WAIT_S
