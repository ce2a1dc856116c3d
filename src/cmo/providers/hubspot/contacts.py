"""Contacts, upserted a hundred at a time by their address: `hubspot.contact`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.errors import ProviderError
from cmo.providers.calling import READ_TRIES
from cmo.providers.hubspot.objects import read_objects
from cmo.providers.hubspot.parse import (
    ADDITIONAL,
    OWNED,
    Record,
    batch_errors,
    broken,
    code_of,
    contact_properties,
    differences,
    holds,
    message_of,
    named_in,
    records,
)
from cmo.providers.hubspot.refusals import no, refusal
from cmo.providers.hubspot.wire import Reply, Wire
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, failed, one_of

LOOK, UPSERT = "look for contacts", "upsert contacts"


@dataclass(frozen=True)
class Planned:
    """How a contact stands, and what an upsert would send."""

    item: CrmItem
    seen: Receipt
    properties: dict[str, str]


class Contacts:
    """Reads before it writes: an upsert by address must carry the whole set of properties, and would turn an
    additional address into the first one."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def write(self, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """Upsert those that differ; of several items for one contact, the first now and the others later."""
        try:
            plans = await self._plan(items, tries=1)
        except UNCLEAR as exc:
            return tuple(doubtful(item, Fate.LATER, exc) for item in items)
        receipts: dict[int, Receipt] = {}
        due: dict[str, int] = {}
        for number, plan in enumerate(plans):
            if plan.seen.fate is not Fate.ABSENT:
                receipts[number] = plan.seen
            elif due.setdefault(plan.properties["email"], number) != number:
                reason = "The same contact is in this batch twice."
                receipts[number] = Receipt(key=plan.item.key, fate=Fate.LATER, code="too_early", reason=reason)
        if due:
            receipts |= zip(due.values(), await self._upsert([plans[number] for number in due.values()]), strict=True)
        return tuple(receipts[number] for number in range(len(plans)))

    async def find(self, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """What `write` would do: `effect` says it, and ABSENT that there is something to write. Where an address is
        nobody's any more, who was known by the item's `record_id` is looked at too."""
        try:
            seen = [plan.seen for plan in await self._plan(items, tries=READ_TRIES)]
            return await self._under_ids(items, seen)
        except UNCLEAR as exc:
            return tuple(doubtful(item, Fate.UNKNOWN, exc) for item in items)

    async def _under_ids(self, items: Sequence[CrmItem], seen: Sequence[Receipt]) -> tuple[Receipt, ...]:
        """`seen`, with the contacts that have other addresses now."""
        lost = [item.record_id for item, one in zip(items, seen, strict=True) if one.effect == "created"]
        ids = list(dict.fromkeys(number for number in lost if number))
        found = await read_objects(self._wire, "contacts", ids, ("email", ADDITIONAL), operation=LOOK)
        held = {contact.id: ", ".join(contact.addresses()) for contact in found}
        return tuple(
            absent(item, provider_id=item.record_id, differs={"email": held[item.record_id]})
            if one.effect == "created" and item.record_id in held
            else one
            for item, one in zip(items, seen, strict=True)
        )

    async def _plan(self, items: Sequence[CrmItem], *, tries: int) -> list[Planned]:
        found = await read_objects(
            self._wire,
            "contacts",
            list(dict.fromkeys(email for item in items for email in item.addresses)),
            ("email", ADDITIONAL, *OWNED),
            operation=LOOK,
            id_property="email",
            tries=tries,
        )
        return [_planned(item, found) for item in items]

    async def _upsert(self, plans: Sequence[Planned]) -> list[Receipt]:
        """A receipt for each, in order."""
        inputs = [
            {
                "idProperty": "email",
                "id": plan.properties["email"],
                "properties": plan.properties,
                "objectWriteTraceId": _trace_id(number),
            }
            for number, plan in enumerate(plans)
        ]
        path = "/crm/objects/{V}/contacts/batch/upsert"
        try:
            reply = await self._wire.write("POST", path, operation=UPSERT, json_body={"inputs": inputs})
            if reply.status < 400:
                return _sort_out(plans, reply)
        except UNCLEAR as exc:
            return [doubtful(plan.item, Fate.UNKNOWN, exc) for plan in plans]
        if len(plans) == 1:
            return [refusal(plans[0].item, reply)]
        return await self._upsert_singly(plans)

    async def _upsert_singly(self, plans: Sequence[Planned]) -> list[Receipt]:
        """After a refusal of the whole batch, in which one bad input may have spoilt the others."""
        receipts: list[Receipt] = []
        for plan in plans:
            try:
                receipts += await self._upsert([plan])
            except ProviderError as exc:
                receipts.append(failed(plan.item, Fate.LATER, exc))
        return receipts


def _planned(item: CrmItem, found: Sequence[Record]) -> Planned:
    matching = {contact.id: contact for contact in found if contact.has_one_of(item.addresses)}
    if not matching:
        return Planned(item, absent(item, "created"), contact_properties(item, None))
    if len(matching) > 1:
        return Planned(item, one_of(item, list(matching), "contacts with this person's addresses in HubSpot"), {})
    (held,) = matching.values()
    properties, differs = contact_properties(item, held), differences(item, held)
    if holds(held, properties):
        return Planned(item, confirmed(item, held.id, "noop", differs=differs), properties)
    return Planned(item, absent(item, "updated", provider_id=held.id, differs=differs), properties)


def _sort_out(plans: Sequence[Planned], reply: Reply) -> list[Receipt]:
    """Results and errors come in any order: they are told apart by trace id and address.

    Raises:
        ContractBroken: the answer cannot be read, or is about a batch that is still under way.
    """
    results = records(reply.body, UPSERT)
    errors = batch_errors(reply.body)
    by_name = {result.trace_id or result.properties.get("email", "").lower(): result for result in results}
    receipts = []
    for number, plan in enumerate(plans):
        names = (_trace_id(number), plan.properties["email"])
        result = next((by_name[name] for name in names if name in by_name), None)
        error = next((error for error in errors if named_in(error) & set(names)), None)
        if result is not None:
            effect = plan.seen.effect if result.is_new is None else "created" if result.is_new else "updated"
            receipts.append(confirmed(plan.item, result.id, effect))
        elif error is not None:
            receipts.append(no(plan.item, code_of(error), message_of(error), status=reply.status))
        else:
            receipts.append(failed(plan.item, Fate.UNKNOWN, broken(UPSERT, "the answer says nothing about this one")))
    return receipts


def _trace_id(number: int) -> str:
    return f"cmo-{number}"
