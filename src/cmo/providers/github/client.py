"""GitHub as a code host: search, histories, profiles."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.base import Frozen
from cmo.domain.lead import ItemFailure, PersonProfile, RepoActivity, RepoRef
from cmo.providers.github.answers import broken
from cmo.providers.github.history import Histories
from cmo.providers.github.limits import Kind
from cmo.providers.github.people import People
from cmo.providers.github.rest import Rest, RestAnswer
from cmo.providers.github.search import Searcher
from cmo.providers.github.wire import TIMEOUT_S, Wire
from cmo.providers.ports import BudgetLeft, Meter, PersonKey, RepoPage, RepoQuery, ResponseCache


class TokenFacts(Frozen):
    """What GitHub says of one key."""

    login: str | None
    """None for an app's key, which belongs to no user."""
    scopes: tuple[str, ...] | None
    """None for fine-grained and app keys, which have permissions instead."""
    expires: str | None
    """As GitHub words it; None where it does not expire."""
    budgets: tuple[BudgetLeft, ...]


class GitHub:
    """The code host behind `cmo.providers.ports.CodeHost`. Use as an async context manager, or `close()` it.

    Every answer is in the cache before it is returned, so nothing is asked for twice: not after a crash, not by
    another tool, not by a later job. Requests never go out while GitHub asks us to wait.
    """

    def __init__(
        self,
        tokens: Sequence[Secret],
        *,
        clock: Clock,
        cache: ResponseCache,
        meter: Meter,
        rest_url: str,
        graphql_url: str,
        timeout_s: float = TIMEOUT_S,
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            tokens: Each request goes to the account with most left. Tokens of one account share its limits and gain
                nothing; GitHub's terms forbid pooling several people's to exceed them.
            rest_url: GITHUB_API_URL.
            graphql_url: GITHUB_GRAPHQL_URL; a server that has none is found out.
            timeout_s: For one exchange, in real seconds.
            rng: Spreads retries; seeded in tests.
        Raises:
            ConfigError: no token, or one that cannot be a token.
        """
        self._wire = Wire(
            tokens,
            rest_url=rest_url,
            graphql_url=graphql_url,
            timeout_s=timeout_s,
            clock=clock,
            cache=cache,
            meter=meter,
            rng=rng or random.Random(),
            transport=transport,
        )
        self._rest = Rest(self._wire)
        self._searcher = Searcher(self._wire, self._rest)
        self._histories = Histories(self._wire, self._rest)
        self._people = People(self._wire, self._rest)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def search_repos(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
        """See `Searcher.page`: one point a page of a hundred."""
        return await self._searcher.page(query, cursor=cursor, limit=limit)

    async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        """See `Histories.fetch`: one point for up to 49 repositories, as many as GitHub manages in time."""
        return await self._histories.fetch(repos, since=since)

    async def fetch_profiles(
        self, people: Sequence[PersonKey]
    ) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        """See `People.fetch`: one point for up to a hundred people."""
        return await self._people.fetch(people)

    def budgets(self) -> tuple[BudgetLeft, ...]:
        """What is left as of the last answers; no request."""
        return self._wire.limiter.budgets()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> RestAnswer:
        """Read a REST path, such as `/repos/o/r`; unchanged since last time, it costs nothing of the limit."""
        return await self._rest.get(path, params, operation=f"read {path}")

    async def rate_limit(self) -> tuple[BudgetLeft, ...]:
        """Ask what is left in every bucket of every key; free of the hourly limit."""
        for token in self._wire.tokens:
            reply = await self._wire.rest(
                f"{self._wire.rest_url}/rate_limit",
                operation="read the limits",
                resource="rate_limit",
                cost=0,
                token=token,
            )
            resources = reply.body.get("resources") if isinstance(reply.body, dict) else None
            for name, told in resources.items() if isinstance(resources, dict) else ():
                token.account.told_by_limits(name, told)
        return self.budgets()

    async def check_tokens(self) -> tuple[TokenFacts, ...]:
        """Who each key belongs to, what it may do, and what is left; one request a key, and free ones.

        Raises:
            AuthRejected: a key is wrong, expired or revoked.
        """
        facts = []
        budgets = await self.rate_limit()
        for token in self._wire.tokens:
            reply = await self._wire.rest(
                f"{self._wire.rest_url}/user", operation="check the key", resource="core", token=token
            )
            if reply.verdict.kind is Kind.OK and not isinstance(reply.body, dict):
                raise broken("check the key", "the account is no object")
            login = reply.body.get("login") if isinstance(reply.body, dict) else None
            facts.append(
                TokenFacts(
                    login=login if isinstance(login, str) else None,
                    scopes=None if token.scopes is None else tuple(sorted(token.scopes)),
                    expires=reply.http.headers.get("github-authentication-token-expiration"),
                    budgets=budgets,
                )
            )
        return tuple(facts)
