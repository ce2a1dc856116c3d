"""The GraphQL endpoint: parse, validate, price, execute, and answer in GitHub's form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    build_schema,
    execute_sync,
    parse,
    validate,
    visit,
)
from graphql.execution import get_variable_values

from cmo.sandbox.accounts import Bot, Org, Person
from cmo.sandbox.activity import PullRequest
from cmo.sandbox.github_common import Blob
from cmo.sandbox.graphql_accounts import ACCOUNT_RESOLVERS
from cmo.sandbox.graphql_context import QueryContext, QueryTimedOut
from cmo.sandbox.graphql_query import QUERY_RESOLVERS, rate_limit
from cmo.sandbox.graphql_repos import REPO_RESOLVERS, Branch
from cmo.sandbox.history import Commit
from cmo.sandbox.pricing import Price, price
from cmo.sandbox.repos import Repo
from cmo.sandbox.search import SearchIndex
from cmo.sandbox.world import World

EMAIL_SCOPES = ("user:email", "read:user")
_TYPE_NAMES: dict[type, str] = {
    Person: "User",
    Org: "Organization",
    Bot: "Bot",
    Repo: "Repository",
    Commit: "Commit",
    Blob: "Blob",
    Branch: "Ref",
    PullRequest: "PullRequest",
}


@dataclass(frozen=True)
class Prepared:
    """A document that has been read once; `problems` keep it from being run."""

    document: DocumentNode | None
    problems: tuple[dict[str, Any], ...]
    reads_user_email: bool = False


@dataclass(frozen=True)
class Outcome:
    """What the query gave and what it cost."""

    body: dict[str, Any]
    points: int
    server_s: float
    timed_out: bool = False


class GraphQLEndpoint:
    """Runs queries against one world."""

    def __init__(self, world: World, index: SearchIndex) -> None:
        self._world = world
        self._index = index
        self.schema = load_schema()
        self._prepare = lru_cache(maxsize=256)(self._read)

    def run(
        self, asked: Mapping[str, Any], *, scopes: tuple[str, ...], limit: int, used: int, reset_at: int
    ) -> Outcome:
        """Answer one request that `read_query` has read.

        Args:
            used: points of this window already taken, before this query.
        """
        prepared = self._prepare(asked["query"])
        if prepared.document is None or prepared.problems:
            return _refused(*prepared.problems)
        if prepared.reads_user_email and not set(scopes) & set(EMAIL_SCOPES):
            return _refused(_missing_scope(scopes))
        operation = _pick_operation(prepared.document, asked.get("operationName"))
        if operation is None:
            return _refused({"message": "No operation was found to execute."})
        variables = get_variable_values(self.schema, operation.variable_definitions or (), asked.get("variables") or {})
        if isinstance(variables, list):
            return _refused(*({"message": problem.message} for problem in variables))
        bill = price(self.schema, prepared.document, operation, variables.coerced)
        if bill.problems:
            return Outcome({"errors": bill.problems}, 1, 0.02)
        if _is_dry_run(operation, variables.coerced):
            return _dry_run(operation, bill, limit, used, reset_at)
        context = QueryContext(
            self._world, self._index, limit, used + bill.points, reset_at, cost=bill.points, node_count=bill.nodes
        )
        return self._execute(prepared.document, asked, context)

    def _execute(self, document: DocumentNode, asked: Mapping[str, Any], context: QueryContext) -> Outcome:
        result = execute_sync(
            self.schema,
            document,
            context_value=context,
            variable_values=asked.get("variables") or {},
            operation_name=asked.get("operationName"),
        )
        if any(isinstance(error.original_error, QueryTimedOut) for error in result.errors or ()):
            return Outcome({}, context.cost, context.server_s, timed_out=True)
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [_github_error(error) for error in result.errors]
        return Outcome(answer, context.cost, context.server_s)

    def _read(self, text: str) -> Prepared:
        try:
            document = parse(text)
        except GraphQLError as error:
            return Prepared(None, (_github_error(error),))
        problems = tuple(_validation_error(error) for error in validate(self.schema, document))
        return Prepared(document, problems, not problems and _reads_user_email(self.schema, document))


@lru_cache(maxsize=1)
def load_schema() -> GraphQLSchema:
    """The trimmed schema with the resolvers attached; they find their world in the context."""
    text = files("cmo.sandbox").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text, assume_valid=True)
    for type_name, resolvers in {**QUERY_RESOLVERS, **ACCOUNT_RESOLVERS, **REPO_RESOLVERS}.items():
        fields = schema.type_map[type_name].fields  # type: ignore[attr-defined]
        for field_name, resolve in resolvers.items():
            fields[field_name].resolve = resolve
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)):
            kind.resolve_type = lambda value, _info, _type: _TYPE_NAMES[type(value)]
    return schema


def read_query(body: bytes) -> dict[str, Any] | None:
    """The request in a POST body; None when it is not a JSON object with a query."""
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return None
    return asked


def _refused(*problems: dict[str, Any]) -> Outcome:
    return Outcome({"errors": list(problems)}, 1, 0.02)


def _missing_scope(scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "INSUFFICIENT_SCOPES",
        "message": (
            "Your token has not been granted the required scopes to execute this query. The 'email' field requires one"
            f" of the following scopes: {list(EMAIL_SCOPES)}, but your token has only been granted the: {list(scopes)}"
            " scopes. Please modify your token's scopes at: https://github.com/settings/tokens."
        ),
    }


def _pick_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((node for node in operations if node.name and node.name.value == name), None)


def _rate_limit_node(operation: OperationDefinitionNode) -> FieldNode | None:
    for node in operation.selection_set.selections:
        if isinstance(node, FieldNode) and node.name.value == "rateLimit":
            return node
    return None


def _is_dry_run(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> bool:
    node = _rate_limit_node(operation)
    value = node.arguments[0].value if node and node.arguments else None
    if isinstance(value, VariableNode):
        return bool(variables.get(value.name.value))
    return isinstance(value, BooleanValueNode) and value.value


def _dry_run(operation: OperationDefinitionNode, bill: Price, limit: int, used: int, reset_at: int) -> Outcome:
    """Only the price: nothing is evaluated and nothing is charged."""
    node = _rate_limit_node(operation)
    figures = rate_limit(limit=limit, used=used, reset_at=reset_at, cost=bill.points, node_count=bill.nodes)
    selected = node.selection_set.selections if node and node.selection_set else ()
    shown = {
        (inner.alias or inner.name).value: figures[inner.name.value]
        for inner in selected
        if isinstance(inner, FieldNode)
    }
    key = (node.alias or node.name).value if node else "rateLimit"
    return Outcome({"data": {key: shown}}, 0, 0.02)


def _reads_user_email(schema: GraphQLSchema, document: DocumentNode) -> bool:
    type_info = TypeInfo(schema)
    seen: list[bool] = []

    class EmailFinder(Visitor):
        def enter_field(self, node: FieldNode, *_args: Any) -> None:
            parent = type_info.get_parent_type()
            if node.name.value == "email" and parent is not None and parent.name in ("User", "ProfileOwner"):
                seen.append(True)

    visit(document, TypeInfoVisitor(type_info, EmailFinder()))
    return bool(seen)


def _github_error(error: GraphQLError) -> dict[str, Any]:
    """GitHub shows `type` beside `message`, not inside `extensions`."""
    shown: dict[str, Any] = {}
    kind = (error.extensions or {}).get("type")
    if kind:
        shown["type"] = kind
    if error.path:
        shown["path"] = list(error.path)
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return shown | {"message": error.message}


def _validation_error(error: GraphQLError) -> dict[str, Any]:
    code = "undefinedField" if error.message.startswith("Cannot query field") else "invalid"
    return _github_error(error) | {"extensions": {"code": code}}
