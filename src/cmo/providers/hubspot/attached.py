"""What hangs on a contact, notes and deals: `hubspot.note`, `hubspot.deal`.

HubSpot never notices a repeated one, so each carries a marker. It is created together with its link, and looked for
among what is linked with the contact, which is exact; a search for the marker would find it some time later.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.domain.text import clean_line
from cmo.errors import ConfigError
from cmo.providers.hubspot.objects import linked_ids, read_objects
from cmo.providers.hubspot.parse import object_id
from cmo.providers.hubspot.refusals import no, refusal
from cmo.providers.hubspot.wire import Wire
from cmo.providers.receipts import UNCLEAR, confirmed, doubtful, one_of

TEXT_MAX_CHARS = 65_536


@dataclass(frozen=True)
class Shape:
    """How one kind is written."""

    kind: str
    """HubSpot's type: notes, deals."""
    association_type: int
    """Of its link with a contact."""
    marked: str
    """The property that carries the marker."""
    properties: Callable[[CrmItem], dict[str, str]]


class Attached:
    def __init__(self, wire: Wire, shape: Shape) -> None:
        self._wire = wire
        self._shape = shape

    async def write(self, item: CrmItem) -> Receipt:
        contact_id = _contact_id(item)
        properties = self._shape.properties(item)
        if len(properties[self._shape.marked]) > TEXT_MAX_CHARS:
            return no(item, "too_large", f"HubSpot takes at most {TEXT_MAX_CHARS:,} characters.")
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": self._shape.association_type}
        body = {"properties": properties, "associations": [{"to": {"id": contact_id}, "types": [link]}]}
        operation = f"add to {self._shape.kind}"
        try:
            reply = await self._wire.write(
                "POST", f"/crm/objects/{{V}}/{self._shape.kind}", operation=operation, json_body=body
            )
            if reply.status >= 400:
                return refusal(item, reply)
            return confirmed(item, object_id(reply.body.get("id"), operation), "created")
        except UNCLEAR as exc:
            return doubtful(item, Fate.UNKNOWN, exc)

    async def find(self, item: CrmItem) -> Receipt:
        """Reads everything of this kind that is linked with the contact."""
        operation = f"look for {self._shape.kind}"
        kind, marked = self._shape.kind, self._shape.marked
        linked = await linked_ids(self._wire, "contacts", [_contact_id(item)], kind, operation=operation)
        ids = list(dict.fromkeys(number for numbers in linked.values() for number in numbers))
        held = await read_objects(self._wire, kind, ids, (marked,), operation=operation)
        texts = {found.id: _plain(found.properties.get(marked, "")) for found in held}
        mine = {found_id: text for found_id, text in texts.items() if item.marker in text}
        ours = _plain(self._shape.properties(item)[marked])
        seen = one_of(item, list(mine), f"{kind} with this marker in HubSpot")
        other = next((text for text in mine.values() if text != ours), None)
        return seen if other is None else seen.model_copy(update={"differs": {"text": other}})


def marked_title(item: CrmItem) -> str:
    return item.title if item.marker in item.title else f"{item.title} {item.marker}".strip()


def note_body(item: CrmItem) -> str:
    """HTML: what looks like markup in the text is shown, not obeyed."""
    return html.escape(f"{marked_title(item)}\n\n{item.text}".strip(), quote=False).replace("\n", "<br>")


def _plain(text: str) -> str:
    """What a reader sees, in one line: HubSpot may keep other markup than was sent."""
    return clean_line(html.unescape(re.sub(r"<[^<>]*>", " ", text)), limit=TEXT_MAX_CHARS)


def _contact_id(item: CrmItem) -> str:
    """The contact's id.

    Raises:
        ConfigError: the item lacks it, or the marker without which it is never found again.
    """
    if not item.record_id or not item.marker:
        raise ConfigError("A note or deal in HubSpot needs the contact's id and a marker.")
    return item.record_id
