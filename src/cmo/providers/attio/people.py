"""People, asserted by their address: `attio.person`."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.errors import ProviderRejected
from cmo.providers.attio.parse import (
    EMAILS,
    Record,
    differences,
    person_values,
    record,
    records,
    require_id,
    usable_slugs,
)
from cmo.providers.attio.refusals import refusal
from cmo.providers.attio.wire import Wire
from cmo.providers.calling import READ_TRIES
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, one_of

ASSERT, LOOK = "assert a person", "look for a person"


class People:
    """Looks before it writes: no answer of an assert says whether it created, updated or changed nothing, and what
    somebody wrote into the record is not ours to replace."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._slugs: frozenset[str] | None = None
        self._company_ids: dict[str, str] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def write(self, item: CrmItem) -> Receipt:
        """One at a time for each address: asserts side by side may both create it. A person who is known by another of
        their addresses gets this one too."""
        async with self._locks.setdefault(item.email.lower(), asyncio.Lock()):
            try:
                before, values = await self._see(item, tries=1)
            except UNCLEAR as exc:
                return doubtful(item, Fate.LATER, exc)
            if before.fate is not Fate.ABSENT:
                return before
            try:
                return await self._assert(item, before, values)
            except UNCLEAR as exc:
                return doubtful(item, Fate.UNKNOWN, exc)

    async def find(self, item: CrmItem) -> Receipt:
        """What `write` would do: `effect` says it, and ABSENT that there is something to write. Where the address is
        nobody's any more, who was known by the item's `record_id` is looked at too."""
        seen, _ = await self._see(item, tries=READ_TRIES)
        return await self._under_id(item) or seen if seen.effect == "created" and item.record_id else seen

    async def _under_id(self, item: CrmItem) -> Receipt | None:
        """The person's record, which has other addresses now; None where it is gone."""
        path = f"/v2/objects/people/records/{quote(item.record_id or '', safe='')}"
        reply = await self._wire.read("GET", path, operation=LOOK)
        if reply.status >= 400:
            return None
        held = record(reply.data, LOOK)
        return absent(item, provider_id=held.id, differs={"email": held.all(EMAILS, "email_address")})

    async def _assert(self, item: CrmItem, before: Receipt, values: dict[str, Any]) -> Receipt:
        reply = await self._wire.write(
            "PUT",
            "/v2/objects/people/records",
            operation=ASSERT,
            params={"matching_attribute": EMAILS},
            json_body={"data": {"values": values}},
        )
        if reply.status == 404:
            raise ProviderRejected(
                f"attio: {ASSERT}: the workspace has no object `people`", provider="attio", operation=ASSERT, status=404
            )
        if reply.status >= 400:
            return refusal(item, reply)
        return confirmed(item, require_id(reply.data, "record_id", ASSERT), before.effect)

    async def _see(self, item: CrmItem, *, tries: int) -> tuple[Receipt, dict[str, Any]]:
        """How the person stands, and the values that an assert would send."""
        slugs = await self._usable_slugs(tries=tries)
        values = person_values(item, slugs, await self._company_id(item.company_domain, tries=tries))
        matching: dict[str, tuple[Record, str]] = {}
        for email in item.addresses:
            for found in await self._query("people", EMAILS, email, tries=tries):
                if found.has(EMAILS, "email_address", email):
                    matching.setdefault(found.id, (found, email))
        if not matching:
            return absent(item, "created"), values
        if len(matching) > 1:
            return one_of(item, list(matching), "people with this person's addresses in Attio"), values
        ((held, known_as),) = matching.values()
        differs = differences(held, values)
        due = {slug for slug, theirs in differs.items() if item.overwrites or not theirs}
        if known_as != item.email.lower():  # named too, so that the assert finds the record and adds ours to it
            values[EMAILS].append({"email_address": known_as})
            differs["email"] = held.all(EMAILS, "email_address")
            due.add(EMAILS)
        if not due:
            return confirmed(item, held.id, "noop", differs=differs), values
        values = {slug: given for slug, given in values.items() if slug == EMAILS or slug in due}
        return absent(item, "updated", provider_id=held.id, differs=differs), values

    async def _usable_slugs(self, *, tries: int) -> frozenset[str]:
        if self._slugs is None:
            operation = "read the attributes of people"
            reply = await self._wire.read("GET", "/v2/objects/people/attributes", operation=operation, tries=tries)
            self._slugs = usable_slugs(reply.data, operation)
        return self._slugs

    async def _company_id(self, domain: str, *, tries: int) -> str | None:
        """The one company with `domain`; None where there is none, since a reference to nothing is refused.

        Source: https://docs.attio.com/rest-api/guides/linking-referenced-records
        """
        if domain and domain not in self._company_ids:
            found = await self._query("companies", "domains", domain.lower(), tries=tries)
            if len(found) == 1:
                self._company_ids[domain] = found[0].id
        return self._company_ids.get(domain)

    async def _query(self, object_slug: str, slug: str, text: str, *, tries: int) -> list[Record]:
        operation = f"look for {object_slug}"
        reply = await self._wire.read(
            "POST",
            f"/v2/objects/{object_slug}/records/query",
            operation=operation,
            json_body={"filter": {slug: text}},
            tries=tries,
        )
        return records(reply.data, operation)
