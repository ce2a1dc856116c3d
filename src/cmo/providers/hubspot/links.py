"""Contacts and the company that they work for: `hubspot.link`, the default link, which may be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.errors import ConfigError, ProviderError
from cmo.providers.calling import READ_TRIES
from cmo.providers.hubspot.objects import linked_ids, linked_pairs, read_objects
from cmo.providers.hubspot.parse import ADDITIONAL
from cmo.providers.hubspot.refusals import no, refusal
from cmo.providers.hubspot.wire import Wire
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, failed, held

LOOK, LINK = "look for a contact and its companies", "link a contact with its company"


@dataclass(frozen=True)
class Planned:
    """How a link stands, and whom it would link."""

    item: CrmItem
    seen: Receipt
    contact_id: str = ""
    """Empty where there is not one contact."""


class Links:
    """Items name the company by `record_id` and the contact by addresses; HubSpot finds both exactly."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def write(self, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """Make the links that are not there: together, and one by one those that the answer does not confirm."""
        try:
            plans = await self._plan(items, tries=1)
        except UNCLEAR as exc:
            return tuple(doubtful(item, Fate.LATER, exc) for item in items)
        due = [plan for plan in plans if plan.seen.fate is Fate.ABSENT]
        receipts = await self._link_all(due) if len(due) > 1 else [await self._link(plan) for plan in due]
        made = {receipt.key: receipt for receipt in receipts}
        return tuple(made.get(plan.item.key, plan.seen) for plan in plans)

    async def find(self, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """REFUSED where there is no contact to be linked."""
        try:
            return tuple(plan.seen for plan in await self._plan(items, tries=READ_TRIES))
        except UNCLEAR as exc:
            return tuple(doubtful(item, Fate.UNKNOWN, exc) for item in items)

    async def _plan(self, items: Sequence[CrmItem], *, tries: int) -> list[Planned]:
        companies = [_company_id(item) for item in items]
        emails = list(dict.fromkeys(email for item in items for email in item.addresses))
        found = await read_objects(
            self._wire, "contacts", emails, ("email", ADDITIONAL), operation=LOOK, id_property="email", tries=tries
        )
        theirs = [
            list(dict.fromkeys(contact.id for contact in found if contact.has_one_of(item.addresses))) for item in items
        ]
        sole = list(dict.fromkeys(ids[0] for ids in theirs if len(ids) == 1))
        linked = await linked_ids(self._wire, "contacts", sole, "companies", operation=LOOK, tries=tries)
        return [
            _planned(item, ids, company_id, linked)
            for item, ids, company_id in zip(items, theirs, companies, strict=True)
        ]

    async def _link_all(self, plans: Sequence[Planned]) -> list[Receipt]:
        pairs = {(plan.contact_id, _company_id(plan.item)) for plan in plans}
        body = {"inputs": [{"from": {"id": contact}, "to": {"id": company}} for contact, company in sorted(pairs)]}
        path = "/crm/associations/{V}/contacts/companies/batch/associate/default"
        try:
            reply = await self._wire.write("POST", path, operation=LINK, json_body=body)
            made = linked_pairs(reply.body, LINK) if reply.status < 400 else set()
        except UNCLEAR as exc:
            return [doubtful(plan.item, Fate.UNKNOWN, exc) for plan in plans]
        receipts = []
        for plan in plans:
            company_id = _company_id(plan.item)
            if {plan.contact_id, company_id} in made:
                receipts.append(confirmed(plan.item, company_id, "created"))
                continue
            try:
                receipts.append(await self._link(plan))
            except ProviderError as exc:
                receipts.append(failed(plan.item, Fate.LATER, exc))
        return receipts

    async def _link(self, plan: Planned) -> Receipt:
        company_id = _company_id(plan.item)
        path = (
            f"/crm/objects/{{V}}/contacts/{quote(plan.contact_id, safe='')}"
            f"/associations/default/companies/{quote(company_id, safe='')}"
        )
        try:
            reply = await self._wire.write("PUT", path, operation=LINK)
        except UNCLEAR as exc:
            return doubtful(plan.item, Fate.UNKNOWN, exc)
        return refusal(plan.item, reply) if reply.status >= 400 else confirmed(plan.item, company_id, "created")


def _planned(item: CrmItem, contacts: Sequence[str], company_id: str, linked: Mapping[str, Sequence[str]]) -> Planned:
    if not contacts:
        reason = "There is no contact with this address in HubSpot any more."
        return Planned(item, no(item, "record_missing", reason, status=404))
    if len(contacts) > 1:
        reason = f"There are {len(contacts)} contacts with this person's addresses in HubSpot."
        return Planned(item, held(item, "several", reason))
    if company_id in linked.get(contacts[0], ()):
        return Planned(item, confirmed(item, company_id, "noop"))
    return Planned(item, absent(item, "created"), contacts[0])


def _company_id(item: CrmItem) -> str:
    """The company's id.

    Raises:
        ConfigError: the item lacks it.
    """
    if not item.record_id:
        raise ConfigError("A link in HubSpot needs the company's id.")
    return item.record_id
