"""What an answer of Linear means. Data may be there next to errors, and a limit is told as 400."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from cmo.config.secrets import mask_addresses
from cmo.domain.base import Frozen
from cmo.providers.calling import finite, within
from cmo.providers.http import HttpAnswer, harmless

WAIT_S = 60.0
"""After a limit that does not say how long."""


class Team(Frozen):
    """Where issues are kept."""

    id: str
    key: str
    """Short, as in `ENG-12`."""
    name: str


class Trouble(Enum):
    """Why a call did not simply work."""

    LIMITED = "rate_limited"
    AUTH = "auth_rejected"
    FORBIDDEN = "forbidden"
    FULL = "usage_limit"
    """The workspace's plan allows no more issues."""
    INVALID = "rejected"
    REFUSED = "provider_rejected"
    """The whole call, by something that does not speak GraphQL."""
    UNCLEAR = "server_error"
    """Passing, or not understood: a write may have happened."""


_BY_TYPE = {
    "ratelimited": Trouble.LIMITED,
    "authentication error": Trouble.AUTH,
    "forbidden": Trouble.FORBIDDEN,
    "feature not accessible": Trouble.FORBIDDEN,
    "usage limit exceeded": Trouble.FULL,
    "invalid input": Trouble.INVALID,
    "user error": Trouble.INVALID,
    "graphql error": Trouble.INVALID,
}
"""`extensions.type` -> meaning; the others (network error, internal error, lock timeout, unknown, ...) are unclear."""
_BUCKETS = ("x-ratelimit-requests", "x-ratelimit-complexity", "x-ratelimit-endpoint-requests")


@dataclass(frozen=True)
class Reply:
    """One answer, read."""

    data: Mapping[str, Any]
    """Empty where there is none."""
    trouble: Trouble | None
    message: str
    """Linear's words, without keys and addresses."""
    status: int
    is_broken: bool = False
    """Not what the contract says an answer looks like."""
    wait_s: float = 0.0
    """After a limit."""


def read_reply(answer: HttpAnswer, now: datetime) -> Reply:
    """Judge one answer.

    Source: contracts/linear.md, Errors and Limits.
    """
    body = answer.parsed()
    errors = body.get("errors") if isinstance(body, dict) else None
    first = next((error for error in errors if isinstance(error, dict)), None) if isinstance(errors, list) else None
    data = body.get("data") if isinstance(body, dict) else None
    is_broken = 200 <= answer.status < 300 and first is None and not isinstance(data, dict)
    trouble = _trouble(answer.status, first) or (Trouble.UNCLEAR if is_broken else None)
    return Reply(
        data=data if isinstance(data, dict) else {},
        trouble=trouble,
        message=_message(first) or (f"HTTP {answer.status}" if trouble else ""),
        status=answer.status,
        is_broken=is_broken,
        wait_s=wait_s(answer.headers, now) if trouble is Trouble.LIMITED else 0.0,
    )


def _trouble(status: int, error: Mapping[str, Any] | None) -> Trouble | None:
    extensions = error.get("extensions") if error else None
    told = extensions if isinstance(extensions, dict) else {}
    if status == 429 or told.get("code") == "RATELIMITED":
        return Trouble.LIMITED
    if status >= 500 or status == 408:
        return Trouble.UNCLEAR
    kind = told.get("type")
    if isinstance(kind, str) and kind.lower() in _BY_TYPE:
        return _BY_TYPE[kind.lower()]
    if status == 401:
        return Trouble.AUTH
    if status == 400 and error is not None:
        return Trouble.INVALID
    if 400 <= status < 500:
        return Trouble.REFUSED
    return Trouble.UNCLEAR if error is not None or not 200 <= status < 300 else None


def _message(error: Mapping[str, Any] | None) -> str:
    """The words meant for people where there are any."""
    if error is None:
        return ""
    extensions = error.get("extensions")
    shown = extensions.get("userPresentableMessage") if isinstance(extensions, dict) else None
    words = shown if isinstance(shown, str) and shown.strip() else error.get("message")
    return mask_addresses(harmless(words)) if isinstance(words, str) else ""


def wait_s(headers: Mapping[str, str], now: datetime) -> float:
    """How long to wait after a limit: `Retry-After` in seconds, else until the empty buckets' reset in epoch
    milliseconds, else a minute."""
    if (told := finite(headers.get("retry-after"))) is not None:
        return within(told)
    waits = [
        reset / 1000 - now.timestamp()
        for bucket in _BUCKETS
        if (reset := finite(headers.get(f"{bucket}-reset"))) is not None
        and (finite(headers.get(f"{bucket}-remaining")) or 0.0) < 1
    ]
    return within(max(waits)) if waits else WAIT_S


def part(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The object at `names`, one inside the other; empty where there is none."""
    here: Mapping[str, Any] = data
    for name in names:
        inner = here.get(name)
        if not isinstance(inner, dict):
            return {}
        here = inner
    return here


def nodes(connection: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], bool]:
    """The readable rows of a connection, and whether that is all of them."""
    given = connection.get("nodes")
    if not isinstance(given, list):
        return [], False
    rows: list[Mapping[str, Any]] = [row for row in given if isinstance(row, dict) and text(row.get("id"))]
    return rows, len(rows) == len(given)


def text(value: object) -> str:
    """An id or a word, also where it came as a number; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return harmless(str(value))


def parse_team(row: Mapping[str, Any]) -> Team | None:
    """None where it lacks an id."""
    team_id = text(row.get("id"))
    return Team(id=team_id, key=text(row.get("key")), name=text(row.get("name"))) if team_id else None
