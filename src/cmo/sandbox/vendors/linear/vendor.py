"""Linear's one endpoint: keys, limits, GraphQL."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from cmo.sandbox.vendors.linear.rows import Comment, Issue, Link, Rows
from cmo.sandbox.vendors.linear.schema import Context, load_schema, points
from cmo.sandbox.wire import Request, Response

PATH = "/graphql"
API_KEY = "lin_api_sandbox0000000000000000"
OAUTH_TOKEN = "lin_oauth_sandbox000000000000000"
REQUESTS_PER_HOUR = 2500
POINTS_PER_HOUR = 3_000_000
MOST_POINTS = 10_000
"""In one query."""
FAULT_WAIT_S = 20.0


@dataclass
class Bucket:
    """A leaky bucket: it refills continuously, whole in an hour."""

    limit: float
    used: float = 0.0
    at: float = 0.0
    """Epoch seconds of `used`."""

    def leak(self, now: datetime) -> None:
        """Let run out what has run out until `now`."""
        passed = max(0.0, now.timestamp() - self.at)
        self.used = max(0.0, self.used - passed * self.limit / 3600)
        self.at = now.timestamp()

    def headers(self, name: str) -> dict[str, str]:
        reset = self.at + self.used * 3600 / self.limit
        return {
            f"X-RateLimit-{name}-Limit": f"{self.limit:.0f}",
            f"X-RateLimit-{name}-Remaining": f"{max(0, math.floor(self.limit - self.used))}",
            f"X-RateLimit-{name}-Reset": f"{reset * 1000:.0f}",
        }


class LinearVendor:
    """A workspace with one team. Its key is `API_KEY`, sent raw; `OAUTH_TOKEN` goes as Bearer."""

    name = "linear"

    def __init__(
        self,
        *,
        seed: int = 7,
        requests_per_hour: int = REQUESTS_PER_HOUR,
        points_per_hour: int = POINTS_PER_HOUR,
        issue_limit: int = 100_000,
    ) -> None:
        self._rows = Rows(seed, issue_limit)
        self._requests = Bucket(requests_per_hour)
        self._points = Bucket(points_per_hour)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Every issue, archived and trashed ones too, oldest first."""
        return tuple(self._rows.issues.values())

    @property
    def comments(self) -> tuple[Comment, ...]:
        return tuple(self._rows.comments.values())

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(self._rows.links.values())

    def archive(self, issue_id: str, now: datetime) -> None:
        """As a person in Linear does it: hidden from lists that do not ask for it."""
        self._rows.issues[issue_id].archived_at = now.isoformat()

    def answer(self, request: Request, now: datetime) -> Response:
        """As `Vendor.answer`."""
        if request.path != PATH or request.method != "POST":
            return Response.json(404, {"message": "Not Found"})
        if refused := _key_refused(request.headers.get("authorization", "")):
            return refused
        self._requests.leak(now)
        self._points.leak(now)
        if self._requests.used + 1 > self._requests.limit:
            return self._over_limit()
        self._requests.used += 1
        return self._run(request, now)

    def _run(self, request: Request, now: datetime) -> Response:
        asked = _read(request.body)
        if asked is None:
            return _errors(400, "graphql error", "GRAPHQL_PARSE_FAILED", "The body holds no query.")
        try:
            document = parse(asked["query"])
        except GraphQLError as error:
            return _errors(400, "graphql error", "GRAPHQL_PARSE_FAILED", error.message)
        problems = validate(load_schema(), document)
        operation = get_operation_ast(document, asked.get("operationName"))
        if problems or operation is None:
            message = problems[0].message if problems else "No operation was found to execute."
            return _errors(400, "graphql error", "GRAPHQL_VALIDATION_FAILED", message)
        return self._execute(document, operation, asked, now)

    def _execute(
        self, document: DocumentNode, operation: OperationDefinitionNode, asked: dict[str, Any], now: datetime
    ) -> Response:
        variables = asked.get("variables") or {}
        price = points(operation.selection_set.selections, variables)
        if price > MOST_POINTS:
            return _errors(400, "invalid input", "INPUT_ERROR", "Query too complex")
        if self._points.used + price > self._points.limit:
            return self._over_limit()
        self._points.used += price
        result = execute_sync(
            load_schema(), document, context_value=Context(self._rows, now), variable_values=variables
        )
        if result.errors and any(error.path is None for error in result.errors):
            return _errors(400, "graphql error", "BAD_USER_INPUT", result.errors[0].message)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [error.formatted for error in result.errors]
        return Response.json(200, body, {"X-Complexity": f"{price:.0f}", **self._limits()})

    def limited(self, now: datetime) -> Response:
        """As `Vendor.limited`: 400, not 429."""
        headers = {
            **self._limits(),
            "X-RateLimit-Requests-Remaining": "0",
            "X-RateLimit-Requests-Reset": f"{(now.timestamp() + FAULT_WAIT_S) * 1000:.0f}",
        }
        return _errors(400, "ratelimited", "RATELIMITED", "Rate limit exceeded", headers)

    def ok_with_error(self, request: Request) -> Response | None:
        """As `Vendor.ok_with_error`: only `issueCreate` can answer without its record."""
        if b"issueCreate" not in request.body:
            return None
        return Response.json(200, {"data": {"issueCreate": {"success": False, "lastSyncId": 0.0, "issue": None}}})

    def to_json(self) -> dict[str, Any]:
        return {
            **self._rows.to_json(),
            "used": [[bucket.used, bucket.at] for bucket in (self._requests, self._points)],
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """As `Vendor.load_json`."""
        self._rows.load_json(saved)
        for bucket, (used, at) in zip((self._requests, self._points), saved["used"], strict=True):
            bucket.used, bucket.at = used, at

    def _over_limit(self) -> Response:
        return _errors(400, "ratelimited", "RATELIMITED", "Rate limit exceeded", self._limits())

    def _limits(self) -> dict[str, str]:
        return {**self._requests.headers("Requests"), **self._points.headers("Complexity")}


def _key_refused(authorization: str) -> Response | None:
    if authorization in (API_KEY, f"Bearer {OAUTH_TOKEN}"):
        return None
    if authorization == f"Bearer {API_KEY}":
        return _errors(400, "authentication error", "INPUT_ERROR", "An API key is sent without the Bearer prefix.")
    return _errors(401, "authentication error", "AUTHENTICATION_ERROR", "Authentication required, not authenticated")


def _errors(status: int, kind: str, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    extensions = {"type": kind, "code": code, "userError": True, "userPresentableMessage": message}
    return Response.json(status, {"errors": [{"message": message, "extensions": extensions}]}, headers)


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    return asked if isinstance(asked, dict) and isinstance(asked.get("query"), str) else None
