"""How HubSpot words its answers: objects, batches, refusals; and how it reads a body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cmo.sandbox.wire import Request

BATCH_MAX = 100


class Refused(Exception):
    """An answer that says no, in HubSpot's envelope."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.more = more

    def body(self) -> dict[str, Any]:
        return {
            "status": "error",
            "message": self.message,
            "correlationId": "00000000-0000-4000-8000-000000000000",
            "category": self.category,
            **self.more,
        }

    def standard(self, named: str, trace_id: str | None) -> dict[str, Any]:
        """The same as one error of a batch."""
        context = {"ids": [named]} | ({"objectWriteTraceId": [trace_id]} if trace_id else {})
        return {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": context,
            "links": {},
            "errors": self.more.get("errors", []),
        }


def json_body(request: Request, allowed: set[str]) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as exc:
        raise Refused(400, "VALIDATION_ERROR", "Invalid input JSON") from exc
    if not isinstance(body, dict) or set(body) - allowed:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid input JSON: it takes {', '.join(sorted(allowed))}")
    return body


def read_inputs(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not 0 < len(inputs) <= BATCH_MAX:
        raise Refused(400, "VALIDATION_ERROR", f"inputs must hold 1 to {BATCH_MAX} objects")
    if not all(isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in inputs):
        raise Refused(400, "VALIDATION_ERROR", "Every input needs an id")
    return inputs


def object_json(row: Mapping[str, Any], properties: list[str]) -> dict[str, Any]:
    """Unset properties are null, and the id is always among them."""
    held = row["properties"]
    return {
        "id": row["id"],
        "properties": {"hs_object_id": row["id"], **{name: held.get(name) or None for name in properties if name}},
        "createdAt": stamp(row["createdAt"]),
        "updatedAt": stamp(row["updatedAt"]),
        "archived": False,
    }


def batch_json(results: list[dict[str, Any]], errors: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    moment = stamp(now.timestamp())
    told: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}
    return {**told, "numErrors": len(errors), "errors": errors} if errors else told


def stamp(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
