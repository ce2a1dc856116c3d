"""Companies by their domain: `hubspot.company`.

A domain is no unique property, so a company cannot be upserted by it, and a search does not find what was created a
moment ago. With a custom unique property (`hasUniqueValue`) that holds the domain, creating is an upsert by that
property and may be repeated. Without one it is a search and a POST: what this client created is remembered, and after
a doubtful POST nothing is created for the domain until searches would have found it. The outbox keeps one row for each
domain, so that no two processes create the same company; where somebody else did within that time there are two, the
next look shows both, and the write is held for a person.

Source: contracts/hubspot.md, "Upsert traps".
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote
from weakref import WeakValueDictionary

from cmo.clock import Clock
from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.errors import ConfigError, ProviderError
from cmo.providers.calling import READ_TRIES
from cmo.providers.hubspot.objects import read_objects
from cmo.providers.hubspot.parse import batch_errors, broken, code_of, existing_id, message_of, object_id, records
from cmo.providers.hubspot.refusals import no, refusal
from cmo.providers.hubspot.wire import Reply, Wire
from cmo.providers.receipts import UNCLEAR, confirmed, doubtful, failed, is_unconnected, one_of

LOOK, CREATE = "look for a company", "create a company"
SEARCH_MARGIN_S = 300.0
"""After this long a new company is expected to be found by searches; the contract gives no figure."""
SEARCH_LIMIT = 10


class Companies:
    def __init__(self, wire: Wire, clock: Clock, unique_property: str | None) -> None:
        self._wire = wire
        self._clock = clock
        self._unique_property = unique_property
        self._made: dict[str, str] = {}
        self._doubtful_since_s: dict[str, float] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def write(self, item: CrmItem) -> Receipt:
        """Create the company where there is none."""
        domain = _domain(item)
        async with self._locks.setdefault(domain, asyncio.Lock()):
            try:
                found = await self._find_ids(domain, tries=1)
            except UNCLEAR as exc:
                return doubtful(item, Fate.LATER, exc)
            if len(found) > 1:
                return one_of(item, found, "companies with this domain in HubSpot")
            if not found and self._wait_s(domain) > 0:
                return self._too_early(item, Fate.LATER)
            if found:
                return confirmed(item, found[0], "noop")
            return await self._create(item, domain)

    async def find(self, item: CrmItem) -> Receipt:
        """A company that was known by an id is found by it at once."""
        domain = _domain(item)
        if item.record_id and await read_objects(
            self._wire, "companies", [item.record_id], ("domain",), operation=LOOK
        ):
            return confirmed(item, item.record_id, "noop")
        found = await self._find_ids(domain, tries=READ_TRIES)
        if not found and self._wait_s(domain) > 0:
            return self._too_early(item, Fate.UNKNOWN)
        return one_of(item, found, "companies with this domain in HubSpot")

    async def _find_ids(self, domain: str, *, tries: int) -> list[str]:
        """The company of that domain by what is exact, else all that a search finds."""
        if domain in self._made:
            return [self._made[domain]]
        if self._unique_property:
            path = f"/crm/objects/{{V}}/companies/{quote(domain, safe='')}"
            told = await self._wire.read(
                "GET", path, operation=LOOK, params={"idProperty": self._unique_property}, tries=tries
            )
            if told.status < 400:
                return [object_id(told.body.get("id"), LOOK)]
            if told.status != 404:
                raise broken(LOOK, told.message)
        query = {
            "filterGroups": [{"filters": [{"propertyName": "domain", "operator": "EQ", "value": domain}]}],
            "properties": ["domain"],
            "limit": SEARCH_LIMIT,
        }
        path = "/crm/objects/{V}/companies/search"
        told = await self._wire.read("POST", path, operation=LOOK, json_body=query, tries=tries)
        if told.status >= 400 or batch_errors(told.body):
            raise broken(LOOK, told.message or "errors in the search")
        return list(dict.fromkeys(company.id for company in records(told.body, LOOK)))

    async def _create(self, item: CrmItem, domain: str) -> Receipt:
        """The receipt has an id only where the company surely is there.

        The domain is doubtful from before the call until it is settled, so also where the task is cancelled meanwhile.
        """
        properties = {"domain": domain, "name": item.company or domain}
        path = "/crm/objects/{V}/companies"
        body: dict[str, object] = {"properties": properties}
        if self._unique_property:
            path = f"{path}/batch/upsert"
            entry = {"idProperty": self._unique_property, "id": domain, "objectWriteTraceId": "cmo-0"}
            body = {"inputs": [{**entry, "properties": {**properties, self._unique_property: domain}}]}
        if not self._unique_property:
            self._doubtful_since_s[domain] = self._clock.monotonic()
        try:
            reply = await self._wire.write("POST", path, operation=CREATE, json_body=body)
            receipt = self._created(item, reply)
        except ProviderError as exc:
            if isinstance(exc, UNCLEAR) and not is_unconnected(exc):
                return failed(item, Fate.UNKNOWN, exc)
            self._doubtful_since_s.pop(domain, None)
            raise
        self._doubtful_since_s.pop(domain, None)
        if receipt.provider_id is not None:
            self._made[domain] = receipt.provider_id
        return receipt

    def _created(self, item: CrmItem, reply: Reply) -> Receipt:
        """
        Raises:
            ContractBroken: the answer does not say what happened.
        """
        if reply.status == 409 and (there := existing_id(reply.body)):
            return confirmed(item, there, "noop")
        if reply.status >= 400:
            return refusal(item, reply)
        errors = batch_errors(reply.body)
        if errors and not reply.body.get("results"):
            return no(item, code_of(errors[0]), message_of(errors[0]), status=reply.status)
        made = records(reply.body, CREATE)[:1] if self._unique_property else []
        company_id = made[0].id if made else object_id(reply.body.get("id"), CREATE)
        return confirmed(item, company_id, "created")

    def _wait_s(self, domain: str) -> float:
        """Seconds until a search would find what a doubtful POST may have created."""
        since_s = self._doubtful_since_s.get(domain)
        return 0.0 if since_s is None else since_s + SEARCH_MARGIN_S - self._clock.monotonic()

    def _too_early(self, item: CrmItem, fate: Fate) -> Receipt:
        reason = "The company may have been created a moment ago; searches cannot show it yet."
        wait_s = self._wait_s(_domain(item))
        return Receipt(key=item.key, fate=fate, code="too_early", reason=reason, retry_after_s=wait_s)


def _domain(item: CrmItem) -> str:
    """The company's domain in lower case.

    Raises:
        ConfigError: the item has none.
    """
    if not item.company_domain:
        raise ConfigError("A company in HubSpot needs a domain.")
    return item.company_domain.lower()
