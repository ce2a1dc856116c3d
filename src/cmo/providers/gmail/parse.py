"""Gmail's JSON, read tolerantly: what is missing is None, never a crash. Lists say clearly whether they are empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmo.config.secrets import mask_addresses
from cmo.domain.text import clean_line
from cmo.providers.http import harmless

LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
DAY_REASONS = frozenset({"dailyLimitExceeded"})
RIGHTS_REASONS = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_RETRY_AFTER = re.compile(r"\bretry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z", re.I)


@dataclass(frozen=True)
class Said:
    """The error in an answer."""

    message: str
    """Gmail's words, without keys and addresses."""
    reasons: frozenset[str]

    @property
    def is_limit(self) -> bool:
        return bool(self.reasons & LIMIT_REASONS)

    @property
    def lacks_rights(self) -> bool:
        return bool(self.reasons & RIGHTS_REASONS)

    @property
    def retry_at(self) -> datetime | None:
        """When a limit ends, where the words say so: a mailbox's own limits come without a header."""
        found = _RETRY_AFTER.search(self.message)
        try:
            return datetime.fromisoformat(f"{found[1]}+00:00") if found else None
        except ValueError:
            return None


def read_error(body: object) -> Said:
    """Source: contracts/google.md, Gmail, Errors."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Said("", frozenset())
    details = error.get("errors")
    entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
    message = error.get("message")
    return Said(
        message=mask_addresses(harmless(message)) if isinstance(message, str) else "",
        reasons=frozenset(str(entry.get("reason")) for entry in entries),
    )


def find_ids(body: Mapping[str, Any], field: str) -> list[str] | None:
    """The ids of a list; None where the answer does not say what is in it.

    An empty list has no entry of its own in Gmail's JSON, but an estimate of zero.
    """
    rows, estimate = body.get(field), body.get("resultSizeEstimate")
    if rows is None and estimate == 0 and estimate is not False:
        return []
    if not isinstance(rows, list):
        return None
    ids = [find_id(row) for row in rows]
    return [found for found in ids if found] if all(ids) else None


def find_id(row: object) -> str:
    """Empty where there is none."""
    value = row.get("id") if isinstance(row, dict) else None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value)
    return text if text.isascii() and text.replace("-", "").replace("_", "").isalnum() else ""


def headers_of(message: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a message, names in lower case; the first of several."""
    payload = message.get("payload")
    given = payload.get("headers") if isinstance(payload, dict) else None
    found: dict[str, str] = {}
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("value"), str):
            found.setdefault(entry["name"].lower(), clean_line(entry["value"], limit=1000))
    return found


def bare_id(header: str) -> str:
    """A Message-ID without its angle brackets."""
    return header.strip().removeprefix("<").removesuffix(">")
