"""Every service whose requests and answers can be held to a description, each by the kind of description it has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import graphql
from graphql.execution import get_variable_values
from jsonschema import Draft202012Validator

from tests.contracts.files import DATA, contract
from tests.contracts.openapi import OpenApi, close


class Contract(Protocol):
    """Raises AssertionError, ValueError or jsonschema's ValidationError for what it does not allow."""

    def check_request(self, method: str, target: str, content: bytes) -> None:
        """`target` is path and query."""

    def check_answer(self, method: str, target: str, status: int, body: bytes, asked: bytes) -> bool:
        """Whether there is a description to hold the answer to `asked` to."""


class Described:
    """A service with an OpenAPI document."""

    def __init__(self, name: str) -> None:
        self._api = OpenApi(name)

    def check_request(self, method: str, target: str, content: bytes) -> None:
        self._api.check_request(method, target, content)

    def check_answer(self, method: str, target: str, status: int, body: bytes, asked: bytes) -> bool:
        return self._api.check_answer(method, target, status, body)


class Graph:
    """A service with a GraphQL schema, at one address."""

    def __init__(self, name: str) -> None:
        self._name = name

    def check_request(self, method: str, target: str, content: bytes) -> None:
        assert (method, urlsplit(target).query) == ("POST", "")
        asked = json.loads(content)
        assert set(asked) == {"query", "variables"}
        (operation,) = [
            node
            for node in self._document(asked["query"]).definitions
            if isinstance(node, graphql.OperationDefinitionNode)
        ]
        values = get_variable_values(self._schema, operation.variable_definitions or (), asked["variables"])
        assert not isinstance(values, list), values
        unknown = set(asked["variables"]) - {each.variable.name.value for each in operation.variable_definitions or ()}
        assert not unknown, f"takes no {unknown}"

    def check_answer(self, method: str, target: str, status: int, body: bytes, asked: bytes) -> bool:
        """Run the query over the answer: what is missing, null or of another type makes an error."""
        told = json.loads(body)
        if status != 200 or told.get("data") is None:
            assert all(isinstance(error["message"], str) for error in told["errors"])
            return True
        question = json.loads(asked)
        repeated = graphql.execute_sync(
            self._schema,
            self._document(question["query"]),
            root_value=told["data"],
            variable_values=question.get("variables"),
            field_resolver=lambda source, info, **_: source[info.path.key],
            type_resolver=lambda value, *_: value["__typename"],
        )
        excused = {tuple(error.get("path") or ()) for error in told.get("errors", [])}
        problems = [error for error in repeated.errors or [] if tuple(error.path or ()) not in excused]
        assert not problems, problems[:3]
        return True

    @cached_property
    def _schema(self) -> graphql.GraphQLSchema:
        return graphql.build_schema((DATA / self._name).read_text(encoding="utf-8"), assume_valid=True)

    @lru_cache(maxsize=512)  # noqa: B019  # one object per service and process
    def _document(self, text: str) -> graphql.DocumentNode:
        document = graphql.parse(text)
        wrong = graphql.validate(self._schema, document)
        assert not wrong, wrong
        return document


class GitHub:
    """Reads only: GraphQL at one address, REST at the others."""

    def __init__(self) -> None:
        self._graph, self._api = Graph("github.graphql"), OpenApi("github.openapi.json")

    def check_request(self, method: str, target: str, content: bytes) -> None:
        if method == "POST":
            self._graph.check_request(method, target, content)
        else:
            # Links to further pages lead to `/repositories/<id>/...`.
            self._api.check_request(method, re.sub(r"^/repositories/\d+/", "/repos/o/r/", target), content)

    def check_answer(self, method: str, target: str, status: int, body: bytes, asked: bytes) -> bool:
        return False


class Gmail:
    """Google's discovery document, and the token endpoint of OAuth."""

    def check_request(self, method: str, target: str, content: bytes) -> None:
        if target == "/token":
            fields = dict(parse_qsl(content.decode(), strict_parsing=True))
            assert (method, fields["grant_type"]) == ("POST", "refresh_token")
            assert set(fields) == {"grant_type", "client_id", "client_secret", "refresh_token"}
            return
        entry = self._find(method, target)
        known = {name for name, given in entry.get("parameters", {}).items() if given["location"] == "query"}
        assert {name for name, _ in parse_qsl(urlsplit(target).query)} <= known
        if "request" in entry:
            self._validator(entry["request"]["$ref"], is_closed=True).validate(json.loads(content))
        else:
            assert not content, "takes no body"

    def check_answer(self, method: str, target: str, status: int, body: bytes, asked: bytes) -> bool:
        if status >= 300 or target == "/token":
            return False
        entry = self._find(method, target)
        assert "response" in entry or not body
        if "response" in entry:
            self._validator(entry["response"]["$ref"], is_closed=False).validate(json.loads(body))
        return True

    def _find(self, method: str, target: str) -> Mapping[str, Any]:
        fits: list[Mapping[str, Any]] = [
            entry
            for entry in self._methods.values()
            if entry["httpMethod"] == method
            and re.fullmatch(re.sub(r"{\w+}", "[^/]+", entry["path"]), urlsplit(target).path.lstrip("/"))
        ]
        assert fits, "not in the contract"
        return min(fits, key=lambda entry: str(entry["path"]).count("{"))  # drafts/send, not drafts/{id}

    @cached_property
    def _methods(self) -> Mapping[str, Mapping[str, Any]]:
        methods: Mapping[str, Mapping[str, Any]] = contract("google.gmail.v1.discovery.json")["methods"]
        return methods

    @lru_cache(maxsize=64)  # noqa: B019  # one object per process
    def _validator(self, kind: str, *, is_closed: bool) -> Any:
        kinds = contract("google.schema.json")["$defs"]
        return Draft202012Validator({"$ref": f"#/$defs/gmail.{kind}", "$defs": close(kinds) if is_closed else kinds})


class Smartlead:
    """Its calls by the shapes of its schema file, which names no paths. Its protections stay on."""

    _CALLS = (
        # method, path, query besides the key, body, answer
        ("GET", r"/campaigns/\d+", (), None, "campaign"),
        ("GET", r"/campaigns/\d+/sequences", (), None, "sequences.response"),
        ("GET", r"/campaigns/\d+/email-accounts", (), None, None),
        ("GET", r"/leads/", ("email",), None, "lead_by_email.response"),
        ("GET", r"/leads/fetch-categories", (), None, None),
        ("POST", r"/campaigns/\d+/leads", (), "add_leads.request", "add_leads.response"),
        ("POST", r"/campaigns/\d+/status", (), "campaign_status.request", None),
        ("DELETE", r"/campaigns/\d+/leads/\d+", (), None, None),
    )

    def check_request(self, method: str, target: str, content: bytes) -> None:
        _, _, query, body, _ = self._find(method, target)
        assert {name for name, _ in parse_qsl(urlsplit(target).query)} == {"api_key", *query}
        if body is None:
            assert not content, "takes no body"
            return
        assert b"ignore_" not in content
        self.validate(json.loads(content), body)

    def check_answer(self, method: str, target: str, status: int, body: bytes, asked: bytes) -> bool:
        answer = "error" if status >= 400 else self._find(method, target)[-1]
        if answer is None:
            return False
        self.validate(json.loads(body), answer)
        return True

    def _find(self, method: str, target: str) -> tuple[str, str, tuple[str, ...], str | None, str | None]:
        path = urlsplit(target).path.removeprefix("/api/v1")
        fits = [call for call in self._CALLS if call[0] == method and re.fullmatch(call[1], path)]
        assert fits, "not in the contract"
        return fits[0]

    def validate(self, value: object, name: str) -> None:
        """Hold `value` to one definition of the file."""
        Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": self._shapes}).validate(value)

    @cached_property
    def _shapes(self) -> Any:
        shapes = contract("smartlead.schema.json")["$defs"]
        # The vendor's own client reads a campaign's steps back into the shape in which it writes them.
        return {**shapes, "sequences.response": shapes["sequences.request"]["properties"]["sequences"]}


CONTRACTS: Mapping[str, Contract] = {
    "attio": Described("attio.openapi.json"),
    "hubspot": Described("hubspot.openapi.json"),
    "instantly": Described("instantly.openapi.json"),
    "smartlead": Smartlead(),
    "linear": Graph("linear.graphql"),
    "gmail": Gmail(),
    "google": Gmail(),
    "github": GitHub(),
}
"""By the name under which our clients open a connection."""
