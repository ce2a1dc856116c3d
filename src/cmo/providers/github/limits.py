"""What an answer of GitHub means: the decision order of its documents, as one pure function.

Sources:
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Literal

from cmo.providers.http import harmless

Api = Literal["rest", "graphql"]

SECONDARY_WAIT_S = 60.0
"""The least wait after a secondary limit without `retry-after`."""
UNTOLD_WAIT_S = 60.0
"""Wait after a primary limit that does not say when it ends."""
LONGEST_WAIT_S = 2 * 3600.0
"""A server that asks for more has its clock wrong, or we have."""

# Sentences change; these patterns have held since 2012.
_SECONDARY = re.compile(r"secondary rate|abuse detection", re.IGNORECASE)
_PRIMARY = re.compile(r"rate limit (already )?exceeded", re.IGNORECASE)
_TOO_SLOW = re.compile(
    r"something went wrong while executing your query|couldn't respond to your request in time|timed? ?out",
    re.IGNORECASE,
)
_BLOCKED = re.compile(r"access blocked|dmca|unavailable due to|legal reasons", re.IGNORECASE)
_WINDOW = re.compile(r"first 1,?000 search results", re.IGNORECASE)
_EMPTY = re.compile(r"repository is empty", re.IGNORECASE)

# GitHub documents RATE_LIMITED and sends RATE_LIMIT: https://github.com/yanyongyu/githubkit/issues/271
_LIMIT_TYPES = frozenset({"RATE_LIMITED", "RATE_LIMIT", "GRAPHQL_RATE_LIMIT"})
# Both spellings of the node limit occur; the resource limit answers with partial data since 2025-10:
# https://github.com/integrations/terraform-provider-github/issues/2770
_HEAVY_TYPES = frozenset(
    {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "MAX_NODE_LIMIT", "ARGUMENT_LIMIT", "TIMEOUT"}
)
_PASSING_TYPES = frozenset({"INTERNAL", "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"})


class Kind(StrEnum):
    """What to do with an answer."""

    OK = "ok"
    PARTIAL = "partial"
    """GraphQL data with errors beside it: both are used."""
    NOT_MODIFIED = "not_modified"
    REDIRECT = "redirect"
    NOT_READY = "not_ready"
    """202: GitHub is still computing; ask again."""
    PRIMARY_LIMIT = "primary_limit"
    SECONDARY_LIMIT = "secondary_limit"
    AUTH = "auth"
    SCOPES = "scopes"
    """The token may not read one of the fields; the whole document failed."""
    NOT_FOUND = "not_found"
    EMPTY = "empty"
    """409: a repository without commits."""
    BLOCKED = "blocked"
    """Taken down, for legal reasons or by GitHub."""
    SEARCH_WINDOW = "search_window"
    """Past the first 1,000 results."""
    VALIDATION = "validation"
    PERMANENT = "permanent"
    TRANSIENT = "transient"


@dataclass(frozen=True)
class Verdict:
    kind: Kind
    wait_s: float | None = None
    """How long to leave GitHub alone, as far as it said so."""
    shrink: bool = False
    """It was too much for one query: ask for less."""
    message: str = ""
    """GitHub's words, harmless."""

    @property
    def is_limit(self) -> bool:
        return self.kind in (Kind.PRIMARY_LIMIT, Kind.SECONDARY_LIMIT)


def classify(status: int, headers: Mapping[str, str], body: object, api: Api, now: float) -> Verdict:
    """What `status` with `headers` and `body` means. Never raises.

    Args:
        headers: Names in any case.
        body: Parsed JSON, text where it is no JSON, None where it is empty.
        now: Epoch seconds, against which `x-ratelimit-reset` is read.
    """
    told = {str(name).lower(): str(value) for name, value in headers.items()}
    limit = _limit(status, told, body, api, now)
    if limit is not None:
        return limit
    if api == "graphql" and status == 200:
        return _graphql(body)
    return _by_status(status, told, body, api, now)


def graphql_errors(body: object) -> list[dict[str, Any]]:
    """The `errors` of a GraphQL answer that have the form of errors."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def error_type(error: Mapping[str, Any]) -> str:
    """The machine-readable word of a GraphQL error, in capitals; GitHub has moved it about."""
    extensions = error.get("extensions")
    nested = extensions if isinstance(extensions, dict) else {}
    for place in (error.get("type"), nested.get("type"), error.get("code"), nested.get("code")):
        if isinstance(place, str) and place:
            return place.upper()
    return ""


def is_blocked(message: str) -> bool:
    """The words speak of something taken down."""
    return bool(_BLOCKED.search(message))


def seconds(text: str | None, now: float) -> float | None:
    """A `retry-after`: seconds, or an HTTP date; None where it is neither."""
    if not text:
        return None
    try:
        wait = float(text)
    except ValueError:
        try:
            wait = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    if wait != wait:  # NaN
        return None
    return min(max(wait, 0.0), LONGEST_WAIT_S)


def _limit(status: int, headers: Mapping[str, str], body: object, api: Api, now: float) -> Verdict | None:
    """A refusal for sending too much; None where the answer is something else."""
    words = _words(body)
    errors = graphql_errors(body) if api == "graphql" else []
    typed = any(error_type(error) in _LIMIT_TYPES for error in errors)
    named_secondary = bool(_SECONDARY.search(words))
    if status == 200:
        # Only an answer that is nothing but an error; a repository's description may contain these words.
        refused = typed or (_is_only_an_error(body) and bool(named_secondary or _PRIMARY.search(words)))
    else:
        refused = status in (403, 429)
    if not refused:
        return None
    wait = seconds(headers.get("retry-after"), now)
    spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
    if named_secondary or (wait is not None and not spent and not typed):
        return Verdict(Kind.SECONDARY_LIMIT, wait if wait is not None else SECONDARY_WAIT_S, message=harmless(words))
    if spent or typed or _PRIMARY.search(words):
        until = _until_reset(headers, now) if wait is None else wait
        return Verdict(Kind.PRIMARY_LIMIT, until, message=harmless(words))
    if status == 429:
        return Verdict(Kind.SECONDARY_LIMIT, SECONDARY_WAIT_S, message=harmless(words))
    return None


def _until_reset(headers: Mapping[str, str], now: float) -> float:
    try:
        wait = float(headers.get("x-ratelimit-reset", "")) - now
    except ValueError:
        return UNTOLD_WAIT_S
    return min(max(wait, 0.0), LONGEST_WAIT_S) if wait == wait else UNTOLD_WAIT_S


def _graphql(body: object) -> Verdict:
    if not isinstance(body, dict) or ("data" not in body and not graphql_errors(body)):
        return Verdict(Kind.TRANSIENT, message="the answer is not GraphQL")
    data, errors = body.get("data"), graphql_errors(body)
    words = harmless(_words(body))
    types = {error_type(error) for error in errors}
    heavy = bool(types & _HEAVY_TYPES) or any(_TOO_SLOW.search(str(error.get("message"))) for error in errors)
    if isinstance(data, dict) and (data or not errors):
        return Verdict(Kind.PARTIAL, shrink=heavy, message=words) if errors else Verdict(Kind.OK)
    if heavy:
        return Verdict(Kind.TRANSIENT, shrink=True, message=words)
    if "INSUFFICIENT_SCOPES" in types or "required scopes" in words:
        return Verdict(Kind.SCOPES, message=words)
    if types & _PASSING_TYPES or types <= {""}:  # "Something went wrong." and nothing else: a passing trouble
        return Verdict(Kind.TRANSIENT, message=words)
    return Verdict(Kind.NOT_FOUND if types == {"NOT_FOUND"} else Kind.PERMANENT, message=words)


def _by_status(status: int, headers: Mapping[str, str], body: object, api: Api, now: float) -> Verdict:
    words = _words(body)
    message = harmless(words)
    if (status >= 500 and status != 501) or status == 408:
        too_slow = status in (502, 504) or bool(_TOO_SLOW.search(words))
        wait = seconds(headers.get("retry-after"), now)
        return Verdict(Kind.TRANSIENT, wait, shrink=api == "graphql" and too_slow, message=message)
    if status == 200 and (body is None or isinstance(body, str)):
        return Verdict(Kind.TRANSIENT, message="the answer is not JSON")
    if status == 409:
        return Verdict(Kind.EMPTY if _EMPTY.search(words) else Kind.PERMANENT, message=message)
    if status == 422:
        return Verdict(Kind.SEARCH_WINDOW if _WINDOW.search(words) else Kind.VALIDATION, message=message)
    if status == 403:
        return Verdict(Kind.BLOCKED if is_blocked(words) else Kind.PERMANENT, message=message)
    if status in _PLAIN:
        return Verdict(_PLAIN[status], message=message)
    if status < 200:
        return Verdict(Kind.TRANSIENT, message=message)
    return Verdict(Kind.OK if status < 300 else Kind.PERMANENT, message=message)


_PLAIN: Mapping[int, Kind] = {
    202: Kind.NOT_READY,
    301: Kind.REDIRECT,
    302: Kind.REDIRECT,
    303: Kind.REDIRECT,
    304: Kind.NOT_MODIFIED,
    307: Kind.REDIRECT,
    308: Kind.REDIRECT,
    401: Kind.AUTH,
    404: Kind.NOT_FOUND,
    451: Kind.BLOCKED,
}


def _words(body: object) -> str:
    """Every message in an error body, or the text itself."""
    if isinstance(body, str):
        return body[:2000]
    if not isinstance(body, dict):
        return ""
    said = [body.get("message"), *(error.get("message") for error in graphql_errors(body)[:5])]
    return "; ".join(word for word in said if isinstance(word, str))


def _is_only_an_error(body: object) -> bool:
    return isinstance(body, dict) and not body.get("data") and ("message" in body or "errors" in body)
