"""What a service's OpenAPI document describes; everything else is a problem."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from openapi_schema_validator import OAS30Validator

from tests.contracts.files import contract

FORMATS = FormatChecker(("uuid", "date"))
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class OpenApi:
    """One document of `data`."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _document(self) -> Any:
        document = contract(self._name)
        return document if self._is_old(document) else _with_nulls(document)

    @cached_property
    def _closed_components(self) -> Any:
        return close(self._document.get("components", {}))

    def check_request(self, method: str, target: str, content: bytes) -> None:
        """Path, query and body; no name that the document does not have."""
        template, operation = self._find(method, target)
        self._check_path(template, operation, urlsplit(target).path)
        self._check_query(operation, target)
        if "requestBody" not in operation:
            assert not content, "takes no body"
        elif content or operation["requestBody"].get("required"):
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self._validator(json.dumps(schema), is_closed=True).validate(json.loads(content))

    def check_answer(self, method: str, target: str, status: int, body: bytes) -> bool:
        """Whether there is a description to hold the answer to; a refusal may be a page of HTML."""
        if status >= 400:
            responses = self._fits(method, target)[0][1]["responses"] if self._fits(method, target) else {}
            described = responses.get(str(status), responses.get("default", {}))
            if not body.startswith((b"{", b"[")):
                return False
        else:
            responses = self._find(method, target)[1]["responses"]
            # HubSpot answers 207 to every batch with an error in it; the document names it for some.
            described = responses.get("200" if status == 207 and "207" not in responses else str(status))
            assert described, f"{status} is no answer of it"
        if "application/json" not in described.get("content", {}):
            return False
        schema = described["content"]["application/json"]["schema"]
        told = self._as_told(schema) if status >= 400 else schema
        self._validator(json.dumps(told), is_closed=False).validate(json.loads(body))
        return True

    def _as_told(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where the pages say that refusals are looser: Attio's codes are open, HubSpot's fields are all optional."""
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        properties = schema.get("properties", {})
        if "status_code" in properties:
            return {**schema, "properties": {**properties, "code": {"type": "string"}}}
        return {**schema, "required": []} if "correlationId" in properties else schema

    def _fits(self, method: str, target: str) -> list[tuple[str, Mapping[str, Any]]]:
        path = urlsplit(target).path
        return [
            (template, {"parameters": methods.get("parameters", []), **methods[method.lower()]})
            for template, methods in sorted(self._document["paths"].items(), key=lambda entry: entry[0].count("{"))
            if method.lower() in methods and _pattern(template).fullmatch(path)
        ]

    def _find(self, method: str, target: str) -> tuple[str, Mapping[str, Any]]:
        fits = self._fits(method, target)
        assert fits, "not in the contract"
        return fits[0]

    def _parameters(self, operation: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for entry in operation.get("parameters", []):
            if "$ref" in entry:
                entry = self._document["components"]["parameters"][entry["$ref"].rpartition("/")[2]]
            if entry["in"] == place:
                yield entry["name"], entry

    def _check_path(self, template: str, operation: Mapping[str, Any], path: str) -> None:
        found = _pattern(template).fullmatch(path)
        assert found
        for number, name in enumerate(re.findall(r"\{(.+?)\}", template), start=1):
            for known, entry in self._parameters(operation, "path"):
                if known == name:
                    self._check_text(unquote(found[number]), entry["schema"])

    def _check_query(self, operation: Mapping[str, Any], target: str) -> None:
        known = dict(self._parameters(operation, "query"))
        given = parse_qsl(urlsplit(target).query, keep_blank_values=True)
        for name, text in given:
            assert name in known, f"takes no `{name}`"
            schema = known[name]["schema"]
            self._check_text(text, schema.get("items", schema))
        missing = {name for name, entry in known.items() if entry.get("required")} - {name for name, _ in given}
        assert not missing, f"needs {missing}"

    def _check_text(self, text: str, schema: Mapping[str, Any]) -> None:
        value: object = text
        if schema.get("type") in ("integer", "boolean", "number"):
            value = json.loads(text)
        self._validator(json.dumps(schema), is_closed=False).validate(value)

    @staticmethod
    def _is_old(document: Any) -> bool:
        """Of version 3.0, whose schemas are a dialect of their own."""
        return bool(document["openapi"].startswith("3.0"))

    @cache  # noqa: B019  # one object per service and process
    def _validator(self, schema_json: str, *, is_closed: bool) -> Any:
        schema = json.loads(schema_json)
        if self._is_old(self._document):
            return OAS30Validator({**schema, "components": self._document["components"]}, format_checker=FORMATS)
        components = self._closed_components if is_closed else self._document.get("components", {})
        root = {**(close(schema) if is_closed else schema), "components": components}
        return Draft202012Validator(root, format_checker=FORMATS)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(.+?)\}", template)
    return re.compile(
        "".join(
            re.escape(part) if number % 2 == 0 else "(.+)" if part == "path" else "([^/]+)"
            for number, part in enumerate(parts)
        )
    )


def _with_nulls(schema: Any) -> Any:
    """The same schema, where Attio's `nullable`, a word of version 3.0 in a document of 3.1, means what it says."""
    if isinstance(schema, list):
        return [_with_nulls(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    known = {name: _with_nulls(part) for name, part in schema.items()}
    if known.get("nullable") is True and isinstance(known.get("type"), str):
        known["type"] = [known["type"], "null"]
        if "enum" in known:
            known["enum"] = [*known["enum"], None]
    return known


def close(schema: Any) -> Any:
    """The same schema, refusing properties that it does not name."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: close(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") in ("object", ["object", "null"]):
        closed.setdefault("additionalProperties", False)
    return closed


def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return _MOMENT.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or _EMAIL.fullmatch(value) is not None


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


FORMATS.checkers |= {"date-time": (_is_moment, ValueError), "email": (_is_email, ()), "uri": (_is_uri, ValueError)}
