"""What GitHub answers when it is asked too much, in every form that documents and recordings show."""

from __future__ import annotations

from typing import Any

from cmo.sandbox.limits import Refusal, Resource
from cmo.sandbox.wire import Response

_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
SECONDARY_TEXT = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. For more on scraping"
    " GitHub and how it may affect your rights, please review our Terms of Service"
    " (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service). If you reach out to GitHub Support"
    " for help, please include the request ID {request_id}."
)
ABUSE_TEXT = "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."


def refuse(refusal: Refusal, resource: Resource, *, request_id: str, headers: dict[str, str]) -> Response:
    """The answer to a refused request; `headers` are the `x-ratelimit-*` ones, which some forms leave out."""
    if refusal.secondary:
        form = _secondary_graphql if resource is Resource.GRAPHQL else _secondary_rest
        response = form(refusal, request_id, headers)
        if refusal.silent:
            response.headers.pop("Retry-After", None)
        return response
    return _primary_graphql(refusal, headers) if resource is Resource.GRAPHQL else _primary_rest(refusal, headers)


def _primary_rest(refusal: Refusal, headers: dict[str, str]) -> Response:
    status = 403 if refusal.form % 2 else 429
    message = "API rate limit exceeded for user ID 1."
    return Response.json(status, {"message": message, "documentation_url": _DOCS}, headers)


def _primary_graphql(refusal: Refusal, headers: dict[str, str]) -> Response:
    current: dict[str, Any] = {
        "type": "RATE_LIMIT",
        "code": "graphql_rate_limit",
        "message": "API rate limit already exceeded for user ID 1.",
    }
    documented = {"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}
    match refusal.form % 4:
        case 1:
            return Response.json(200, {"errors": [current]}, headers)
        case 2:
            return Response.json(200, {"errors": [documented]}, headers)
        case 3:
            return Response.json(200, {"errors": [current]}, {**headers, "X-RateLimit-Remaining": "7"})
        case _:
            return Response.json(403, {"message": current["message"], "documentation_url": _DOCS}, headers)


def _secondary_rest(refusal: Refusal, request_id: str, headers: dict[str, str]) -> Response:
    wait = {"Retry-After": str(refusal.wait_s)}
    body = {
        "message": SECONDARY_TEXT.format(request_id=request_id),
        "documentation_url": f"{_DOCS}#about-secondary-rate-limits",
    }
    match refusal.form % 5:
        case 1:
            return Response.json(403, body, wait)
        case 2:
            return Response.json(429, body, headers)
        case 3:
            return Response.json(403, body, {**headers, **wait})
        case 4:
            return Response.json(403, body | {"message": ABUSE_TEXT}, wait)
        case _:
            return Response.json(403, body)


def _secondary_graphql(refusal: Refusal, request_id: str, headers: dict[str, str]) -> Response:
    wait = {"Retry-After": str(refusal.wait_s)}
    text = SECONDARY_TEXT.format(request_id=request_id)
    match refusal.form % 3:
        case 1:
            return Response.json(200, {"errors": [{"message": text}]}, {**headers, **wait})
        case 2:
            return Response.json(403, {"message": text, "documentation_url": _DOCS}, wait)
        case _:
            return Response.json(200, {"data": None, "errors": [{"message": text}]}, headers)
