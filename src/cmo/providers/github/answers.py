"""What a request to GitHub can come to: data with errors beside it, or one of three ways of having to ask otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmo.errors import ContractBroken, ProviderRejected, ProviderUnavailable
from cmo.providers.github.limits import error_type
from cmo.providers.http import harmless


class TooHeavy(ProviderUnavailable):
    """GitHub did not manage this query: ask for less at a time."""


class GraphQLMissing(ProviderRejected):
    """The server has no GraphQL: everything goes by REST."""


class ScopesMissing(ProviderRejected):
    """The token may not read a field that was asked for."""


@dataclass(frozen=True)
class GraphError:
    """One entry of a GraphQL answer's `errors`."""

    type: str
    message: str
    path: tuple[str | int, ...]
    """Where in `data`; empty where it concerns all of it."""


@dataclass(frozen=True)
class GraphAnswer:
    """The data of a query, and what went wrong beside it."""

    data: Mapping[str, Any]
    errors: tuple[GraphError, ...]
    shrink: bool
    """GitHub ran out of patience half-way: nulls may be things it did not get to."""
    elapsed_s: float

    def errors_at(self, *path: str | int) -> tuple[GraphError, ...]:
        """The errors at or below `path`."""
        return tuple(error for error in self.errors if error.path[: len(path)] == path)


def broken(operation: str, what: str) -> ContractBroken:
    """The error for an answer that is not what GitHub's schema says."""
    return ContractBroken(
        f"github: {operation}: {harmless(what)}",
        provider="github",
        operation=operation,
        hint="GitHub may have changed; look for a newer cmo.",
    )


def parse_error(error: Mapping[str, Any]) -> GraphError:
    """One entry of `errors`, whatever is missing from it."""
    path = error.get("path")
    steps = path if isinstance(path, list) else []
    return GraphError(
        type=error_type(error),
        message=harmless(str(error.get("message", ""))),
        path=tuple(step for step in steps if isinstance(step, (str, int))),
    )
