"""Access tokens for Google: given, or had for a refresh token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.errors import AuthRejected, ContractBroken, ProviderUnavailable
from cmo.providers.http import HttpClient
from cmo.providers.ports import Meter

LOG_IN_AGAIN = "Log in again: cmo auth set google_refresh"


@dataclass(frozen=True)
class GoogleLogin:
    """What an access token can be had for, again and again."""

    client_id: str
    client_secret: Secret
    refresh_token: Secret
    token_url: str
    """`https://oauth2.googleapis.com/token`."""


class Tokens:
    """The access token of one mailbox."""

    def __init__(
        self,
        given: Secret | GoogleLogin,
        *,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._login = given if isinstance(given, GoogleLogin) else None
        self._token = None if isinstance(given, GoogleLogin) else given
        self._meter = meter
        self._asking = asyncio.Lock()
        urls = (self._login.token_url,) if self._login else ()
        self._http = HttpClient("google", clock=clock, timeout_s=timeout_s, base_urls=urls, transport=transport)

    async def close(self) -> None:
        await self._http.close()

    async def current(self) -> Secret:
        """The token to use; asked for where there is none yet.

        Raises:
            AuthRejected: the login was withdrawn, or has run out.
            ProviderUnavailable, ContractBroken: no token could be had now.
        """
        async with self._asking:
            if self._token is None:
                self._token = await self._ask()
            return self._token

    async def is_renewed(self, refused: Secret) -> bool:
        """Whether there is another token now that `refused` was refused; it is not if it was given as it is.

        Raises:
            As `current`.
        """
        async with self._asking:
            if self._login is None:
                return False
            if self._token is refused:
                self._token = await self._ask()
            return True

    async def _ask(self) -> Secret:
        assert self._login is not None
        operation = "get an access token"
        self._meter.add("api_calls")
        self._meter.add("gmail_api_calls")
        answer = await self._http.send(
            "POST",
            self._login.token_url,
            operation=operation,
            form_body={
                "grant_type": "refresh_token",
                "client_id": self._login.client_id,
                "client_secret": self._login.client_secret.reveal(),
                "refresh_token": self._login.refresh_token.reveal(),
            },
        )
        body = answer.parsed()
        token = body.get("access_token") if isinstance(body, dict) else None
        if answer.status == 200 and isinstance(token, str) and token:
            return Secret(token)
        said = f"google: {operation}: HTTP {answer.status}"
        if 400 <= answer.status < 500 and answer.status not in (408, 429):
            error = body.get("error") if isinstance(body, dict) else None
            is_over = error == "invalid_grant"
            reason = "the login was withdrawn or has run out" if is_over else "the client was refused"
            raise AuthRejected(
                f"google: {operation}: {reason}",
                provider="gmail",
                operation=operation,
                status=answer.status,
                hint=LOG_IN_AGAIN if is_over else "Check google.client_id, and: cmo auth set google_secret",
            )
        kind = ContractBroken if answer.status == 200 else ProviderUnavailable
        raise kind(said, provider="gmail", operation=operation, status=answer.status)
