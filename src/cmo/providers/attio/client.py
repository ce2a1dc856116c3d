"""Attio as a `Crm`: people asserted by address, their place on a list, notes about them.

Source: contracts/attio.md, "Endpoints" and "Idempotency".
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import CrmItem, Fate, Operation, Probe, Receipt, Repeat
from cmo.errors import ConfigError, ProviderError
from cmo.providers.attio.entries import Entries
from cmo.providers.attio.notes import Notes
from cmo.providers.attio.people import People
from cmo.providers.attio.wire import PATIENCE_S, Wire
from cmo.providers.calling import Caller
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, doubtful, foreseen, looked_up

BASE_URL = "https://api.attio.com"
SCOPES = (
    "record_permission:read-write",
    "object_configuration:read",
    "list_entry:read-write",
    "list_configuration:read",
    "note:read-write",
)

PERSON, ENTRY, NOTE = "attio.person", "attio.entry", "attio.note"
_EXCHANGE_S = 20.0

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name=PERSON,
        repeat=Repeat.REPEATABLE,
        known_by="the mail address (assert by email_addresses)",
        batch=1,
        timeout_s=4 * _EXCHANGE_S,
        source="contracts/attio.md, Endpoints: PUT /v2/objects/{object}/records; Idempotency",
    ),
    Operation(
        name=ENTRY,
        repeat=Repeat.REPEATABLE,
        known_by="the list and the person's record (assert by parent)",
        batch=1,
        timeout_s=3 * _EXCHANGE_S,
        source="contracts/attio.md, Endpoints: PUT /v2/lists/{list}/entries; Idempotency",
    ),
    Operation(
        name=NOTE,
        repeat=Repeat.LOOKED_UP,
        known_by="the marker in the title, among the person's notes",
        batch=1,
        timeout_s=_EXCHANGE_S,
        source="contracts/attio.md, Endpoints: POST and GET /v2/notes; Idempotency",
    ),
)
"""Time limits are those of exchanges of 20 s each: a write looks before it leaps, except for notes."""


class Kind(Protocol):
    """One kind of what is written."""

    async def write(self, item: CrmItem) -> Receipt:
        """As `Writer.write`, for one item."""

    async def find(self, item: CrmItem) -> Receipt:
        """How it stands: CONFIRMED or HELD, ABSENT where `write` would write, REFUSED where it would be refused; raises
        what reading raises."""


class Attio:
    """One workspace. An async context manager; closing it closes its connections."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str = BASE_URL,
        timeout_s: float = _EXCHANGE_S,
        clock: Clock,
        meter: Meter,
        per_minute: int | None = None,
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            timeout_s: For one exchange.
            per_minute: Most requests in a minute, on top of Attio's own limits; None for only those.
            rng: Spreads the tries of reads.
            transport: In place of the network, for tests.
        """
        caller = Caller(
            "attio",
            *([(per_minute, 60.0)] if per_minute else []),
            patience_s=PATIENCE_S,
            base_url=base_url,
            timeout_s=timeout_s,
            clock=clock,
            meter=meter,
            rng=rng,
            transport=transport,
        )
        self._wire = Wire(key, caller)
        self._operations = {
            known.name: known.model_copy(update={"timeout_s": known.timeout_s * timeout_s / _EXCHANGE_S})
            for known in OPERATIONS
        }
        self._entries = Entries(self._wire)
        self._kinds: Mapping[str, Kind] = {
            PERSON: People(self._wire),
            ENTRY: self._entries,
            NOTE: Notes(self._wire),
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.close()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    async def write(self, operation: str, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """Write one person, entry or note. People and entries are looked at first: what is right is left alone.

        Raises:
            RateLimited, ProviderUnavailable, AuthRejected, ProviderRejected: nothing was written.
            ConfigError: no such operation, or the item lacks what it needs.
            ValueError: more than one item.
        """
        kind = self._kind(operation)
        if len(items) > 1:
            raise ValueError(f"{operation} takes one item at a time")
        return tuple([await kind.write(item) for item in items])

    async def look_up(self, operation: str, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """Whether each is there. A person counts as there when the address, name and company are.

        Raises:
            As `write`.
        """
        find = self._kind(operation).find
        return tuple([looked_up(await _read(find, item)) for item in items])

    async def preview(self, operation: str, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """What writing each item would do; UNKNOWN without an effect where Attio did not say.

        Raises:
            As `write`.
        """
        find = self._kind(operation).find
        return tuple([foreseen(await _read(find, item)) for item in items])

    async def require_list(self, list_id: str) -> None:
        """Make sure that there is such a list.

        Raises:
            ProviderRejected: there is none, or the key may not see it; else as `write`.
        """
        await self._entries.require_list(list_id)

    async def probe(self) -> Probe:
        """Whether the key is accepted, and which scopes it lacks."""
        try:
            reply = await self._wire.read("GET", "/v2/self", operation="check the key")
        except ProviderError as exc:
            is_passing = exc.code == "rate_limited"
            return Probe(provider="attio", state="warn" if is_passing else "fail", detail=exc.message, fix=exc.hint)
        if reply.status >= 400:
            return Probe(provider="attio", state="fail", detail=f"Attio refused to check the key: {reply.message}")
        told = reply.data if isinstance(reply.data, dict) else {}
        if told.get("active") is not True:
            detail = "Attio answers, but the key is revoked."
            return Probe(provider="attio", state="fail", detail=detail, fix="cmo auth set attio")
        granted = str(told.get("scope") or "").split()
        missing = [scope for scope in SCOPES if scope not in granted]
        if missing:
            return Probe(
                provider="attio",
                state="warn",
                detail=f"The key is accepted but lacks {', '.join(missing)}.",
                fix="Attio → Workspace settings → Developers → the key's scopes",
            )
        return Probe(provider="attio", state="ok", detail="The key is accepted and may do all that is needed.")

    def _kind(self, operation: str) -> Kind:
        if operation not in self._kinds:
            raise ConfigError(f"Attio has no operation `{operation}`.", hint=f"Known: {', '.join(self._kinds)}")
        return self._kinds[operation]


async def _read(look: Callable[[CrmItem], Awaitable[Receipt]], item: CrmItem) -> Receipt:
    try:
        return await look(item)
    except UNCLEAR as exc:
        return doubtful(item, Fate.UNKNOWN, exc)
