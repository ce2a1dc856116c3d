"""Requests to HubSpot: when they may go out, and which answers are errors of the whole call.

Source: contracts/hubspot.md, "Version", "Errors" and "Limits".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from cmo.config.secrets import Secret
from cmo.errors import ProviderError, RateLimited
from cmo.providers.calling import READ_TRIES, Caller, finite, is_garbled, within
from cmo.providers.http import HttpAnswer, harmless
from cmo.providers.hubspot.parse import code_of, message_of, missing_scopes, strings
from cmo.providers.limiter import RateLimiter

WINDOWS = ((100, 10.0),)
"""Requests, seconds. The least of all editions; the larger ones allow 190 and more."""
SEARCHES_PER_S = 4
WAITS_S: Mapping[str, float] = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
"""Name of a limit -> its window, which is waited for where no Retry-After is sent."""
DEFAULT_WAIT_S = 10.0
LONGEST_DAY_S = 90_000.0
"""A day and an hour: days of 25 hours exist."""
PATIENCE_S = 11.0
WHOLE_CALL = frozenset({401, 402, 403, 408, 429})
"""Refusals that are not about what was asked; 408 is none, it leaves open what happened."""


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

    def __init__(self, key: Secret, caller: Caller, *, api_version: str, zone: tzinfo) -> None:
        self._credentials = {"Authorization": Secret(f"Bearer {key.reveal()}")}
        self._caller = caller
        self._version = api_version
        self._zone = zone
        self._searches = RateLimiter(caller.clock, (SEARCHES_PER_S, 1.0))

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

        Args:
            path: With `{V}` where the version belongs.
        Raises:
            RateLimited, AuthRejected, ProviderRejected, ProviderUnavailable, ContractBroken.
        """
        return await self._caller.again(lambda: self._exchange(method, path, operation, params, json_body), tries=tries)

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
        if path.endswith("/search"):
            await self._searches.turn()
        answer = await self._caller.send(
            method,
            path.replace("{V}", self._version),
            operation=operation,
            credentials=self._credentials,
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
        if answer.status == 429:
            return self._limited(answer, told, operation, message)
        if 200 <= answer.status < 300 or (answer.status == 404 and is_garbled(answer)):
            return self._caller.broken(operation, "the answer is no JSON object", status=answer.status)
        scopes = missing_scopes(told)
        hint = (
            f"Give the token the scope {', '.join(scopes)}."
            if scopes
            else "Check the token's scopes, HUBSPOT_BASE_URL and HUBSPOT_API_VERSION."
        )
        return self._caller.error(answer.status, message, operation, hint=hint)

    def _limited(self, answer: HttpAnswer, told: Mapping[str, Any], operation: str, message: str) -> RateLimited:
        """Which limit it is, and how long it lasts."""
        policy = next(strings([told.get("policyName")]), "")
        is_days = policy == "DAILY"
        told_s = finite(answer.headers.get("retry-after"))
        if told_s is None:
            told_s = self._until_midnight_s() if is_days else WAITS_S.get(policy, DEFAULT_WAIT_S)
        wait_s = within(told_s, longest_s=LONGEST_DAY_S) if is_days else within(told_s)
        resource = harmless(policy.lower())
        return self._caller.limited(message, operation, wait_s=wait_s, status=answer.status, resource=resource)

    def _until_midnight_s(self) -> float:
        here = self._caller.clock.now().astimezone(self._zone)
        midnight = datetime.combine(here.date() + timedelta(days=1), time(), tzinfo=self._zone)
        return (midnight.astimezone(UTC) - here.astimezone(UTC)).total_seconds()
