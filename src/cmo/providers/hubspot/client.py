"""HubSpot as a `Crm`: contacts upserted by address, companies by domain and their links, notes and deals.

Lists have no endpoint in the contract, so there is no operation for them, and an item with a list is refused.

Source: contracts/hubspot.md, "Endpoints", "Upsert traps" and "Idempotency".
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from types import TracebackType
from typing import Protocol, Self

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import CrmItem, Fate, Operation, Probe, Receipt, Repeat
from cmo.errors import ConfigError, ProviderError
from cmo.providers.calling import Caller
from cmo.providers.hubspot.attached import Attached, Shape, marked_title, note_body
from cmo.providers.hubspot.companies import SEARCH_MARGIN_S, Companies
from cmo.providers.hubspot.contacts import Contacts
from cmo.providers.hubspot.links import Links
from cmo.providers.hubspot.parse import broken
from cmo.providers.hubspot.wire import PATIENCE_S, WINDOWS, Reply, Wire
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, doubtful, foreseen, looked_up

BASE_URL = "https://api.hubapi.com"
API_VERSION = "2026-09"
NOTE_TO_CONTACT, DEAL_TO_CONTACT = 202, 3
"""Association types. Source: contracts/hubspot.md, "Endpoints"."""

CONTACT, COMPANY, LINK = "hubspot.contact", "hubspot.company", "hubspot.link"
NOTE, DEAL = "hubspot.note", "hubspot.deal"
_EXCHANGE_S = 20.0

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name=CONTACT,
        repeat=Repeat.REPEATABLE,
        known_by="any of the contact's mail addresses",
        batch=100,
        timeout_s=2 * _EXCHANGE_S,
        source="contracts/hubspot.md, Endpoints: batch/upsert; Upsert traps",
    ),
    Operation(
        name=COMPANY,
        repeat=Repeat.LOOKED_UP,
        known_by="the domain, found by a search that lags",
        batch=1,
        timeout_s=2 * _EXCHANGE_S,
        margin_s=SEARCH_MARGIN_S,
        source="contracts/hubspot.md, Upsert traps; Idempotency",
    ),
    Operation(
        name=LINK,
        repeat=Repeat.REPEATABLE,
        known_by="the contact and the company: the default link is there or not",
        batch=100,
        timeout_s=3 * _EXCHANGE_S,
        source="contracts/hubspot.md, Endpoints: batch/associate/default, PUT associations/default; Idempotency",
    ),
    Operation(
        name=NOTE,
        repeat=Repeat.LOOKED_UP,
        known_by="the marker in the text, among the contact's notes",
        batch=1,
        timeout_s=_EXCHANGE_S,
        source="contracts/hubspot.md, Endpoints: POST notes, associations batch/read; Idempotency",
    ),
    Operation(
        name=DEAL,
        repeat=Repeat.LOOKED_UP,
        known_by="the marker in the name, among the contact's deals",
        batch=1,
        timeout_s=_EXCHANGE_S,
        source="contracts/hubspot.md, Endpoints: POST deals, associations batch/read; Idempotency",
    ),
)
"""Time limits are those of exchanges of 20 s each. With a custom unique property companies are repeatable."""


class Kind(Protocol):
    """One kind of what is written one at a time."""

    async def write(self, item: CrmItem) -> Receipt:
        """As `Writer.write`, for one item."""

    async def find(self, item: CrmItem) -> Receipt:
        """How it stands: CONFIRMED, HELD, ABSENT or UNKNOWN; raises what reading raises."""


class Batched(Protocol):
    """One kind of what is written many at a time."""

    async def write(self, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """As `Writer.write`."""

    async def find(self, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """As `Kind.find`, of each."""


class HubSpot:
    """One account. An async context manager; closing it closes its connections."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str = BASE_URL,
        api_version: str = API_VERSION,
        timeout_s: float = _EXCHANGE_S,
        clock: Clock,
        meter: Meter,
        unique_property: str | None = None,
        pipeline: str = "default",
        deal_stage: str = "appointmentscheduled",
        zone: tzinfo = UTC,
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            timeout_s: For one exchange.
            unique_property: A custom property of companies with `hasUniqueValue`, to hold the domain; None for none.
            pipeline: Internal id of the pipeline that deals go to; `deal_stage` is one of its stages.
            zone: The account's, at whose midnight the daily limit starts anew.
            rng: Spreads the tries of reads.
            transport: In place of the network, for tests.
        """
        caller = Caller(
            "hubspot",
            *WINDOWS,
            patience_s=PATIENCE_S,
            base_url=base_url,
            timeout_s=timeout_s,
            clock=clock,
            meter=meter,
            rng=rng,
            transport=transport,
        )
        self._wire = Wire(key, caller, api_version=api_version, zone=zone)
        repeat = {"repeat": Repeat.REPEATABLE, "known_by": f"the unique property {unique_property}", "margin_s": 30.0}
        self._operations = {
            known.name: known.model_copy(
                update={
                    "timeout_s": known.timeout_s * timeout_s / _EXCHANGE_S,
                    **(repeat if known.name == COMPANY and unique_property else {}),
                }
            )
            for known in OPERATIONS
        }
        self._together: Mapping[str, Batched] = {CONTACT: Contacts(self._wire), LINK: Links(self._wire)}

        def note(item: CrmItem) -> dict[str, str]:
            at = item.happened_at or clock.now()
            return {"hs_timestamp": str(int(at.timestamp() * 1000)), "hs_note_body": note_body(item)}

        def deal(item: CrmItem) -> dict[str, str]:
            return {"dealname": marked_title(item), "pipeline": pipeline, "dealstage": deal_stage}

        self._kinds: Mapping[str, Kind] = {
            COMPANY: Companies(self._wire, clock, unique_property),
            NOTE: Attached(self._wire, Shape("notes", NOTE_TO_CONTACT, "hs_note_body", note)),
            DEAL: Attached(self._wire, Shape("deals", DEAL_TO_CONTACT, "dealname", deal)),
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
        """Write up to 100 contacts or links, or one company, note or deal. What is right already is left alone.

        Raises:
            RateLimited, ProviderUnavailable, AuthRejected, ProviderRejected: nothing was written.
            ConfigError: no such operation, a list, or the item lacks what it needs.
            ValueError: more items than the operation takes.
        """
        self._check(operation, items)
        if len(items) > self._operations[operation].batch:
            raise ValueError(f"{operation} takes at most {self._operations[operation].batch} items at a time")
        if operation in self._together:
            return await self._together[operation].write(items)
        return tuple([await self._kinds[operation].write(item) for item in items])

    async def look_up(self, operation: str, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """Whether each is there. A contact counts as there when all that we know of it is.

        Raises:
            As `write`.
        """
        return tuple(looked_up(receipt) for receipt in await self._found(operation, items))

    async def preview(self, operation: str, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """What writing each item would do; UNKNOWN without an effect where HubSpot did not say.

        Raises:
            As `write`.
        """
        return tuple(foreseen(receipt) for receipt in await self._found(operation, items))

    async def require_list(self, list_id: str) -> None:
        """Raises ConfigError: lists are not part of the contract that this client is built on."""
        raise _no_lists()

    async def probe(self) -> Probe:
        """Whether the key is accepted and may read contacts and companies, and what is left of the day's requests."""
        operation = "check the key"
        try:
            await self._list_one("companies", operation)
            told = await self._list_one("contacts", operation)
        except ProviderError as exc:
            is_passing = exc.code == "rate_limited"
            return Probe(provider="hubspot", state="warn" if is_passing else "fail", detail=exc.message, fix=exc.hint)
        left = told.headers.get("x-hubspot-ratelimit-daily-remaining", "")
        detail = "The key is accepted and may read contacts and companies."
        if left.isdecimal():
            detail = f"{detail} {int(left[:12]):,} requests are left today."
        return Probe(provider="hubspot", state="ok", detail=detail)

    async def _list_one(self, kind: str, operation: str) -> Reply:
        told = await self._wire.read("GET", f"/crm/objects/{{V}}/{kind}", operation=operation, params={"limit": "1"})
        if told.status >= 400 or not isinstance(told.body.get("results"), list):
            raise broken(operation, told.message or "the answer has no results")
        return told

    def _check(self, operation: str, items: Sequence[CrmItem]) -> None:
        if operation not in self._operations:
            raise ConfigError(f"HubSpot has no operation `{operation}`.", hint=f"Known: {', '.join(self._operations)}")
        if any(item.list_id for item in items):
            raise _no_lists()

    async def _found(self, operation: str, items: Sequence[CrmItem]) -> Sequence[Receipt]:
        self._check(operation, items)
        if operation in self._together:
            return await self._together[operation].find(items)
        return [await self._find(self._kinds[operation], item) for item in items]

    async def _find(self, kind: Kind, item: CrmItem) -> Receipt:
        try:
            return await kind.find(item)
        except UNCLEAR as exc:
            return doubtful(item, Fate.UNKNOWN, exc)


def _no_lists() -> ConfigError:
    hint = "Leave --list away. A list of the job's own: cmo jobs set JOB list_id=none (or crm=attio)"
    return ConfigError("HubSpot lists are not supported.", hint=hint)
