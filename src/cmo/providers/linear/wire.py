"""Requests to Linear: whose turn it is, how often a read is repeated, and which answers concern the whole call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmo.config.secrets import Secret
from cmo.errors import ProviderRejected, ProviderUnavailable
from cmo.providers.calling import Caller
from cmo.providers.linear.parse import Reply, Trouble, read_reply

WINDOWS = ((2500, 3600.0),)
"""Requests, seconds; per user, all keys together. Complexity needs no gate of its own: our dearest query costs about 75
points, and at least 2,000,000 an hour are free."""
PATIENCE_S = 20.0


class Wire:
    """Sends GraphQL to one Linear under its limits."""

    def __init__(self, key: Secret, caller: Caller) -> None:
        value = key.reveal()
        self._authorization = Secret(f"Bearer {value}") if value.startswith("lin_oauth") else key
        self._caller = caller

    async def close(self) -> None:
        await self._caller.close()

    async def read(self, document: str, variables: Mapping[str, Any], *, operation: str) -> Reply:
        """Ask, again after passing failures.

        Raises:
            ProviderUnavailable, ContractBroken, RateLimited, AuthRejected, ProviderRejected.
        """

        async def ask() -> Reply:
            return self._readable(await self.send(document, variables, operation=operation), operation)

        return await self._caller.again(ask)

    async def send(self, document: str, variables: Mapping[str, Any], *, operation: str) -> Reply:
        """One exchange, in its turn."""
        answer = await self._caller.send(
            "POST",
            "",
            operation=operation,
            credentials={"Authorization": self._authorization},
            json_body={"query": document, "variables": dict(variables)},
        )
        return read_reply(answer, self._caller.clock.now())

    def raise_for_call(self, reply: Reply, operation: str) -> None:
        """Raise for troubles of the whole call, after which surely nothing happened; a limit closes the gate."""
        match reply.trouble:
            case Trouble.LIMITED:
                words = f"{reply.message} (free again in {reply.wait_s:.0f} s)"
                raise self._caller.limited(words, operation, wait_s=reply.wait_s, status=reply.status)
            case Trouble.AUTH:
                raise self._caller.error(401, f"the key was refused (HTTP {reply.status})", operation)
            case Trouble.REFUSED:
                hint = "Check LINEAR_API_URL: it is the address of the GraphQL endpoint."
                raise self._caller.error(reply.status, reply.message, operation, hint=hint)
            case _:
                return

    def _readable(self, reply: Reply, operation: str) -> Reply:
        """`reply` where it has data, with or without errors beside them."""
        self.raise_for_call(reply, operation)
        if reply.trouble is None or reply.data:
            return reply
        if reply.is_broken:
            raise self._caller.broken(operation, reply.message, status=reply.status)
        said = f"linear: {operation}: {reply.message}"
        kind = ProviderUnavailable if reply.trouble is Trouble.UNCLEAR else ProviderRejected
        hint = "See https://linearstatus.com; the same command may be run again." if kind is ProviderUnavailable else ""
        raise kind(said, provider="linear", operation=operation, status=reply.status, hint=hint)
