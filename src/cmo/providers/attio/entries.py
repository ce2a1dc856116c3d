"""People's places on a list, asserted by parent: `attio.entry`."""

from __future__ import annotations

import asyncio
from typing import NoReturn
from urllib.parse import quote
from weakref import WeakValueDictionary

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.errors import ConfigError, ProviderRejected
from cmo.providers.attio.parse import require_id
from cmo.providers.attio.refusals import gone, refusal
from cmo.providers.attio.wire import Wire
from cmo.providers.calling import READ_TRIES
from cmo.providers.receipts import UNCLEAR, confirmed, doubtful, one_of

ENTRIES_PER_PAGE = 100
LOOK, PEOPLE = "look for the list", "people"


class Entries:
    """An assert fails where the person is on the list twice; that is seen beforehand, or told by Attio."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def write(self, item: CrmItem) -> Receipt:
        record_id, list_id = _ids(item)
        async with self._locks.setdefault(f"{list_id}/{record_id}", asyncio.Lock()):
            try:
                before = await self._see(item, tries=1)
            except UNCLEAR as exc:
                return doubtful(item, Fate.LATER, exc)
            if before.fate is not Fate.ABSENT:
                return before
            try:
                return await self._assert(item)
            except UNCLEAR as exc:
                return doubtful(item, Fate.UNKNOWN, exc)

    async def find(self, item: CrmItem) -> Receipt:
        return await self._see(item, tries=READ_TRIES)

    async def _see(self, item: CrmItem, *, tries: int) -> Receipt:
        """The person's entries on the list; REFUSED where the person's record is gone."""
        record_id, list_id = _ids(item)
        found = await self._wire.read_pages(
            f"/v2/objects/people/records/{quote(record_id, safe='')}/entries",
            operation="look for entries",
            page_size=ENTRIES_PER_PAGE,
            tries=tries,
        )
        if found is None:
            return gone(item)
        mine = [row for row in found if list_id in (row.get("list_id"), row.get("list_api_slug"))]
        entry_ids = dict.fromkeys(require_id(row, "entry_id", "look for entries") for row in mine)
        return one_of(item, list(entry_ids), "entries of this person on the list in Attio")

    async def _assert(self, item: CrmItem) -> Receipt:
        record_id, list_id = _ids(item)
        operation = "put a person on a list"
        reply = await self._wire.write(
            "PUT",
            f"/v2/lists/{quote(list_id, safe='')}/entries",
            operation=operation,
            json_body={"data": {"parent_object": PEOPLE, "parent_record_id": record_id, "entry_values": {}}},
        )
        if reply.status == 404:
            return await self._explain_missing(item)
        if reply.status >= 400:
            return refusal(item, reply)
        return confirmed(item, require_id(reply.data, "entry_id", operation), "created")

    async def require_list(self, list_id: str) -> None:
        """Raises ProviderRejected where there is no such list, or one that holds no people."""
        told = await self._wire.read("GET", f"/v2/lists/{quote(list_id, safe='')}", operation=LOOK)
        holds = told.data.get("parent_object") if isinstance(told.data, dict) else None
        if told.status >= 400 or (isinstance(holds, list) and PEOPLE not in holds):
            _no_such_list(list_id)

    async def _explain_missing(self, item: CrmItem) -> Receipt:
        """A 404 is told alike for the list and for the person: ask for the list."""
        _, list_id = _ids(item)
        try:
            told = await self._wire.read("GET", f"/v2/lists/{quote(list_id, safe='')}", operation=LOOK)
        except UNCLEAR as exc:
            return doubtful(item, Fate.LATER, exc)
        if told.status < 400:
            return gone(item)
        _no_such_list(list_id)


def _no_such_list(list_id: str) -> NoReturn:
    raise ProviderRejected(
        f"attio: there is no list `{list_id}` of people, or the key may not see it",
        provider="attio",
        operation="put a person on a list",
        status=404,
        hint="Take the list's slug or id from its address in Attio, and check that it holds people.",
    )


def _ids(item: CrmItem) -> tuple[str, str]:
    """The person's record and the list.

    Raises:
        ConfigError: the item lacks one.
    """
    if not item.record_id or not item.list_id:
        raise ConfigError("An entry of an Attio list needs the person's record and a list.", hint="--list ID")
    return item.record_id, item.list_id
