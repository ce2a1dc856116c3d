"""A transport that lets nothing through, in either direction, that a service's OpenAPI document does not describe."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.fakes.doors import loopback
from tests.providers.github.shared import contract


class ContractTransport(httpx.AsyncBaseTransport):
    """The network, or `inner`, behind checks against `data/<name>`; without the file nothing is checked."""

    def __init__(self, name: str, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._document, self._closed = _load(name)
        self._inner = inner or loopback()
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        described = self._described(request) if self._document else {}
        if described:
            self._check_query(request, described)
            self._check_body(request, described)
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        if described:
            self._check_answer(response.status_code, body, described)
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _described(self, request: httpx.Request) -> Mapping[str, Any]:
        for template, methods in sorted(self._document["paths"].items(), key=lambda entry: entry[0].count("{")):
            pattern = re.sub(r"\\{.*?\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, request.url.path) and request.method.lower() in methods:
                return {"parameters": methods.get("parameters", []), **methods[request.method.lower()]}
        raise AssertionError(f"not in the contract: {request.method} {request.url.path}")

    def _check_query(self, request: httpx.Request, described: Mapping[str, Any]) -> None:
        known = {entry["name"]: entry for entry in described.get("parameters", []) if entry["in"] == "query"}
        for name, text in request.url.params.multi_items():
            assert name in known, f"{request.url.path} takes no `{name}`"
            value: object = int(text) if known[name]["schema"].get("type") == "integer" else text
            if known[name]["schema"].get("type") != "array":
                self._validate(value, known[name]["schema"])
        missing = [name for name, entry in known.items() if entry.get("required") and name not in request.url.params]
        assert not missing, f"{request.url.path} needs {missing}"

    def _check_body(self, request: httpx.Request, described: Mapping[str, Any]) -> None:
        if "requestBody" not in described:
            assert not request.content
            return
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        self._validate(json.loads(request.content), schema, closed=True)

    def _check_answer(self, status: int, body: bytes, described: Mapping[str, Any]) -> None:
        try:
            answer = json.loads(body)
        except ValueError:
            return  # a fault, or no body
        told = described["responses"].get(str(status), {}).get("content", {}).get("application/json")
        if told and (status < 400 or (isinstance(answer, dict) and "status_code" in answer)):
            self._validate(answer, _with_later_codes(told["schema"]))

    def _validate(self, value: object, schema: Mapping[str, Any], *, closed: bool = False) -> None:
        components = (self._closed if closed else self._document)["components"]
        root = {**(_close(schema) if closed else schema), "components": components}
        Draft202012Validator(root).validate(value)


@cache
def _load(name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The document, and its components in their closed form."""
    document = contract(name)
    return document, {"components": _close(document.get("components", {}))}


def _close(schema: Any) -> Any:
    """The same schema, refusing properties that it does not name."""
    if isinstance(schema, list):
        return [_close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _close(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _with_later_codes(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Error codes are open: `merge_in_progress` is newer than the file."""
    properties = schema.get("properties", {})
    if "status_code" not in properties:
        return schema
    return {**schema, "properties": {**properties, "code": {"type": "string"}}}
