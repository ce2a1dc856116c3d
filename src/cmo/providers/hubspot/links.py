"""Contacts and the company that they work for: `hubspot.link`, the default link, which may be repeated."""

from __future__ import annotations

from urllib.parse import quote

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.errors import ConfigError
from cmo.providers.calling import READ_TRIES
from cmo.providers.hubspot.objects import linked_ids, read_objects
from cmo.providers.hubspot.parse import ADDITIONAL
from cmo.providers.hubspot.refusals import no, refusal
from cmo.providers.hubspot.wire import Wire
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, held

LOOK, LINK = "look for a contact and its companies", "link a contact with its company"


class Links:
    """The item names the company by `record_id` and the contact by addresses; HubSpot finds both exactly."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def write(self, item: CrmItem) -> Receipt:
        try:
            before, contact_id = await self._see(item, tries=1)
        except UNCLEAR as exc:
            return doubtful(item, Fate.LATER, exc)
        if before.fate is not Fate.ABSENT:
            return before
        company_id = _company_id(item)
        path = (
            f"/crm/objects/{{V}}/contacts/{quote(contact_id, safe='')}"
            f"/associations/default/companies/{quote(company_id, safe='')}"
        )
        try:
            reply = await self._wire.write("PUT", path, operation=LINK)
        except UNCLEAR as exc:
            return doubtful(item, Fate.UNKNOWN, exc)
        return refusal(item, reply) if reply.status >= 400 else confirmed(item, company_id, "created")

    async def find(self, item: CrmItem) -> Receipt:
        """REFUSED where there is no contact to be linked."""
        seen, _ = await self._see(item, tries=READ_TRIES)
        return seen

    async def _see(self, item: CrmItem, *, tries: int) -> tuple[Receipt, str]:
        """How the link stands, and the contact's id; empty where there is not one contact."""
        company_id = _company_id(item)
        found = await read_objects(
            self._wire,
            "contacts",
            item.addresses,
            ("email", ADDITIONAL),
            operation=LOOK,
            id_property="email",
            tries=tries,
        )
        contacts = list(dict.fromkeys(contact.id for contact in found if contact.has_one_of(item.addresses)))
        if not contacts:
            reason = "There is no contact with this address in HubSpot any more."
            return no(item, "record_missing", reason, status=404), ""
        if len(contacts) > 1:
            return held(item, "several", f"There are {len(contacts)} contacts with this address in HubSpot."), ""
        linked = await linked_ids(self._wire, "contacts", contacts[0], "companies", operation=LOOK, tries=tries)
        if company_id in linked:
            return confirmed(item, company_id, "noop"), contacts[0]
        return absent(item, "created"), contacts[0]


def _company_id(item: CrmItem) -> str:
    """The company's id.

    Raises:
        ConfigError: the item lacks it.
    """
    if not item.record_id:
        raise ConfigError("A link in HubSpot needs the company's id.")
    return item.record_id
