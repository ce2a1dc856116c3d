"""What one GraphQL query may use and has used: simulated server time, look-ups, scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from cmo.sandbox.search import SearchIndex
from cmo.sandbox.world import World

TIME_LIMIT_S = 10.0
LOOKUP_LIMIT = 900
BASE_S = 0.020
"""Every query, and every history in it."""
COMMIT_S = 0.0025
"""Each commit handed out."""
SKIP_S = 0.0001
"""Each commit only counted, skipped or filtered."""
PROFILE_S = 0.0008
SEARCH_S = 0.08
ITEM_S = 0.0006
"""Each repository of a search page, pull request or release."""


class QueryTimedOut(Exception):
    """The simulated ten seconds are over; the server answers 502 or 504."""


@dataclass
class QueryContext:
    """Passed to every resolver as `info.context`."""

    world: World
    index: SearchIndex
    limit: int
    used: int
    reset_at: int
    """Epoch seconds."""
    cost: int
    node_count: int
    server_s: float = BASE_S
    lookups: int = 0

    def work(self, seconds: float) -> None:
        """Spend simulated server time.

        Raises:
            QueryTimedOut: the query has used up its ten seconds.
        """
        self.server_s += seconds
        if self.server_s > TIME_LIMIT_S:
            raise QueryTimedOut

    def look_up(self) -> None:
        """Count one fetch of a node by name or id.

        Raises:
            GraphQLError: RESOURCE_LIMITS_EXCEEDED; what was fetched before stays.
        """
        self.lookups += 1
        self.work(PROFILE_S)
        if self.lookups > LOOKUP_LIMIT:
            raise failure("RESOURCE_LIMITS_EXCEEDED", "Resource limits for this query exceeded.")


def failure(kind: str, message: str) -> GraphQLError:
    """An error whose `type` GitHub shows next to its message."""
    return GraphQLError(message, extensions={"type": kind})


def context_of(info: Any) -> QueryContext:
    """The typed context behind graphql-core's untyped one."""
    context = info.context
    assert isinstance(context, QueryContext)
    return context
