"""What really arrived at the sandbox's mail services: read from their own books, not from our ledger."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from email.parser import BytesParser
from email.policy import default as modern
from email.utils import getaddresses
from typing import Any

from cmo.config import Settings
from cmo.service.wiring import BOOKS_FILE
from cmo.service.writers import OUTGOING


def arrived(settings: Settings, mailer: str, sequence_id: str | None) -> Counter[str]:
    """Who got what at `mailer` in this sandbox -> how often; a second one of the same is a double."""
    if mailer == "maildir":
        folder = settings.paths.data_dir / OUTGOING
        return Counter(_heads(path.read_bytes() for kind in ("new", "cur") for path in (folder / kind).glob("*")))
    path = settings.paths.sandbox_dir / BOOKS_FILE
    books = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"doors": {}}
    return Counter(_at(mailer, sequence_id, books))


def _at(mailer: str, sequence_id: str | None, books: dict[str, Any]) -> Iterator[str]:
    if mailer == "smtp":
        return _heads(mail["data"].encode("ascii") for mail in books.get("mail", {}).get("received", ()))
    held = books["doors"].get(mailer, {}).get("vendor", {})
    if mailer == "gmail":
        sent = (mail["raw"] for mail in held.get("messages", ()) if "SENT" in mail["labels"])
        return _heads(base64.urlsafe_b64decode(raw) for raw in sent)
    return (person["email"].lower() for person in held.get("people", ()) if person["campaign_id"] == sequence_id)


def _heads(mails: Iterable[bytes]) -> Iterator[str]:
    """Recipient and subject of each mail."""
    for mail in mails:
        read = BytesParser(policy=modern).parsebytes(mail, headersonly=True)
        to = ",".join(sorted(address.lower() for _, address in getaddresses(read.get_all("To", []))))
        yield f"{to} {read['Subject']}"
