"""Notes about people: `attio.note`. Attio never notices a repeated one, so each carries a marker in its title."""

from __future__ import annotations

from datetime import UTC

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.domain.text import clean_line
from cmo.errors import ConfigError
from cmo.providers.attio.parse import require_id
from cmo.providers.attio.refusals import gone, refusal
from cmo.providers.attio.wire import Wire
from cmo.providers.receipts import UNCLEAR, confirmed, doubtful, one_of

COMPARED_CHARS = 20_000
NOTES_PER_PAGE = 50
"""Most that Attio gives; its default is 10."""


class Notes:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def write(self, item: CrmItem) -> Receipt:
        note = {
            "parent_object": "people",
            "parent_record_id": _record_id(item),
            "title": item.title if item.marker in item.title else f"{item.title} {item.marker}".strip(),
            "format": "plaintext",
            "content": item.text,
        }
        if item.happened_at is not None:
            note["created_at"] = item.happened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        operation = "add a note"
        try:
            reply = await self._wire.write("POST", "/v2/notes", operation=operation, json_body={"data": note})
            if reply.status == 404:
                return gone(item)
            if reply.status >= 400:
                return refusal(item, reply)
            return confirmed(item, require_id(reply.data, "note_id", operation), "created")
        except UNCLEAR as exc:
            return doubtful(item, Fate.UNKNOWN, exc)

    async def find(self, item: CrmItem) -> Receipt:
        """Reads all notes of the person."""
        operation = "look for notes"
        found = await self._wire.read_pages(
            "/v2/notes",
            operation=operation,
            page_size=NOTES_PER_PAGE,
            params={"parent_object": "people", "parent_record_id": _record_id(item)},
        )
        if found is None:
            return gone(item)
        mine = [row for row in found if item.marker in str(row.get("title"))]
        texts = {require_id(row, "note_id", operation): _plain(row.get("content_plaintext")) for row in mine}
        seen = one_of(item, list(texts), "notes with this marker in Attio")
        other = next((text for text in texts.values() if text != _plain(item.text)), None)
        return seen if other is None else seen.model_copy(update={"differs": {"text": other}})


def _plain(text: object) -> str:
    return clean_line(str(text), limit=COMPARED_CHARS)


def _record_id(item: CrmItem) -> str:
    """The person's record.

    Raises:
        ConfigError: the item lacks it, or the marker without which a note is never found again.
    """
    if not item.record_id or not item.marker:
        raise ConfigError("A note in Attio needs the person's record and a marker.")
    return item.record_id
