"""What a GraphQL query costs before it runs: GitHub's published formula, and the refusals that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

MAX_NODES = 500_000
MAX_PAGE = 100
MAX_IDS = 100


@dataclass
class Price:
    """The bill of one operation."""

    requests: int = 0
    nodes: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    """Errors in GitHub's form; when there is one, the operation is not run."""

    @property
    def points(self) -> int:
        """Requests over a hundred, rounded half up, at least 1."""
        return max(1, (self.requests + 50) // 100)


def price(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Price:
    """Price a valid `operation` with coerced `variables`.

    Every connection counts once for each of its possible parents, as if every `first` and `last` were filled, also
    a bare one (`followers { totalCount }`): whether GitHub charges those is disputed, so we take the dearer reading.

    Source: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """
    pricer = _Pricer(schema, document, variables)
    root = schema.query_type
    if root is not None:
        pricer.walk(operation.selection_set, root, parents=1, path=())
    if pricer.bill.nodes > MAX_NODES:
        pricer.refuse(
            "MAX_NODE_LIMIT_EXCEEDED",
            f"This query requests up to {pricer.bill.nodes:,} possible nodes which exceeds the maximum limit of"
            f" {MAX_NODES:,}.",
            (),
        )
    return pricer.bill


class _Pricer:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.variables = variables
        self.bill = Price()
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def walk(
        self, selections: SelectionSetNode, parent: GraphQLNamedType, *, parents: int, path: tuple[str, ...]
    ) -> None:
        for node, owner in self._fields(selections, parent):
            definition = owner.fields.get(node.name.value)
            if definition is None or node.selection_set is None:
                continue
            kind = get_named_type(definition.type)
            here = (*path, node.alias.value if node.alias else node.name.value)
            below = self._charge(node, definition, kind.name, parents, here)
            self.walk(node.selection_set, kind, parents=below, path=here)

    def _charge(self, node: FieldNode, definition: GraphQLField, kind: str, parents: int, path: tuple[str, ...]) -> int:
        """Add what this field asks for; return how many objects its selections are asked of."""
        if node.name.value == "nodes" and "ids" in definition.args:
            return parents * self._id_count(node, path)
        if not kind.endswith("Connection"):
            return parents
        self.bill.requests += parents
        size = self._page_size(node, path)
        self.bill.nodes += parents * size
        return parents * size

    def _id_count(self, node: FieldNode, path: tuple[str, ...]) -> int:
        ids = self._argument(node, "ids")
        count = len(ids) if isinstance(ids, (list, tuple)) else 1
        if count > MAX_IDS:
            self.refuse(
                "ARGUMENT_LIMIT", f"You may not provide more than {MAX_IDS} node ids; you provided {count}.", path
            )
        return count

    def _page_size(self, node: FieldNode, path: tuple[str, ...]) -> int:
        sizes = [size for name in ("first", "last") if isinstance(size := self._argument(node, name), int)]
        field_name = node.name.value
        if not sizes:
            if self._reads_items(node):
                self.refuse(
                    "MISSING_PAGINATION_BOUNDARIES",
                    f"You must provide a `first` or `last` value to properly paginate the `{field_name}` connection.",
                    path,
                )
            return 0
        size = max(sizes)
        if not 0 <= size <= MAX_PAGE:
            self.refuse(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{field_name}` connection exceeds the `first` limit of {MAX_PAGE}"
                " records.",
                path,
            )
        return size

    def _reads_items(self, node: FieldNode) -> bool:
        selections = node.selection_set.selections if node.selection_set else ()
        return any(isinstance(inner, FieldNode) and inner.name.value in ("nodes", "edges") for inner in selections)

    def _argument(self, node: FieldNode, name: str) -> Any:
        for argument in node.arguments or ():
            if argument.name.value == name:
                return self._value(argument.value)
        return None

    def _value(self, value: ValueNode) -> Any:
        match value:
            case VariableNode():
                return self.variables.get(value.name.value)
            case IntValueNode():
                return int(value.value)
            case ListValueNode():
                return [self._value(item) for item in value.values]
            case _:
                return None

    def _fields(
        self, selections: SelectionSetNode, parent: GraphQLNamedType
    ) -> Iterator[tuple[FieldNode, GraphQLObjectType | GraphQLInterfaceType]]:
        """Fields selected on `parent`, those of fragments too, each with the type that declares it."""
        for node in selections.selections:
            if isinstance(node, FieldNode):
                if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)):
                    yield node, parent
                continue
            fragment = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            if isinstance(fragment, (FragmentDefinitionNode, InlineFragmentNode)):
                condition = fragment.type_condition
                inner = self.schema.type_map[condition.name.value] if condition else parent
                yield from self._fields(fragment.selection_set, inner)

    def refuse(self, kind: str, message: str, path: tuple[str, ...]) -> None:
        error: dict[str, Any] = {"type": kind, "message": message}
        if path:
            error["path"] = list(path)
        self.bill.problems.append(error)
