"""Who may send the next request, and when: one gate for each account, passed by every worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from cmo.clock import Clock
from cmo.domain.base import Frozen
from cmo.errors import RateLimited
from cmo.providers.github.account import EVERYTHING, Account, Token
from cmo.providers.github.limits import LONGEST_WAIT_S, Verdict
from cmo.providers.ports import BudgetLeft, CachedAnswer, ResponseCache

MAX_IN_FLIGHT = 3
"""GitHub asks for serial requests; three in flight were fine with 6-second queries (github-cost.md 1.4)."""
PATIENCE_S = 2.0
"""Longer waits are the executor's: it can be interrupted, and it shows them."""


@dataclass(frozen=True)
class Turn:
    """Leave to send one request now."""

    token: Token
    resource: str
    cost: int
    began_s: float


class Limiter:
    """Hands out turns. Closed gates are kept in the cache, so that a restart or another process respects them."""

    def __init__(self, tokens: Sequence[Token], *, clock: Clock, cache: ResponseCache) -> None:
        self._tokens = list(tokens)
        self._clock = clock
        self._cache = cache
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._in_flight = 0
        self._landing = asyncio.Event()
        self._last_used: dict[str, int] = {}
        self._turns = 0

    @asynccontextmanager
    async def turn(
        self, resource: str, *, cost: int, operation: str, token: Token | None = None
    ) -> AsyncIterator[Turn]:
        """Wait for leave to send one request, and count it as under way until the block ends.

        Args:
            cost: Requests or points it will take.
            token: The only one that will do; None for whichever account has most left.
        Raises:
            RateLimited: no account may send within `PATIENCE_S`; nothing was sent.
        """
        async with self._slots:
            turn = await self._admit(resource, cost, operation, token)
            account = turn.token.account
            self._in_flight += 1
            try:
                yield turn
            finally:
                self._in_flight -= 1
                self._landing.set()
                account.landed(resource, cost, turn.began_s, self._clock.monotonic())

    def refused(self, turn: Turn, verdict: Verdict) -> None:
        """Close the gate of the turn's account, and remember it."""
        account = turn.token.account
        account.refused(verdict, turn.resource, began_s=turn.began_s, now=self._now(), at_s=self._clock.monotonic())
        self._remember(account)

    def told(self, turn: Turn) -> None:
        """The answer of `turn` said what is left. An empty bucket closes its gate, so that a restart knows of it."""
        account = turn.token.account
        now = self._now()
        wait, limit = account.gate(turn.resource, 1, now)
        if wait > PATIENCE_S and account.closed_until.get(limit, 0.0) < now + wait - 1:
            account.closed_until[limit] = now + wait
            self._remember(account)

    def share(self, tokens: Sequence[Token]) -> None:
        """The `tokens` turned out to be of one account: they have one state from now on."""
        first = tokens[0].account
        for token in tokens[1:]:
            for resource, bucket in token.account.buckets.items():
                first.told(resource, limit=bucket.limit, remaining=bucket.remaining, resets_at=bucket.resets_at)
            for gate, until in token.account.closed_until.items():
                first.closed_until[gate] = max(until, first.closed_until.get(gate, 0.0))
            token.account = first

    def budgets(self) -> tuple[BudgetLeft, ...]:
        """What each account has left, as last told."""
        accounts = list({id(token.account): token.account for token in self._tokens}.values())
        now = self._now()
        return tuple(
            BudgetLeft(
                provider="github" if len(accounts) == 1 else f"github#{number}",
                resource=resource,
                limit=bucket.limit,
                remaining=bucket.limit if now >= bucket.resets_at else bucket.remaining,
                resets_at=datetime.fromtimestamp(bucket.resets_at, UTC),
            )
            for number, account in enumerate(accounts, start=1)
            for resource, bucket in sorted(account.buckets.items())
        )

    async def _admit(self, resource: str, cost: int, operation: str, only: Token | None) -> Turn:
        self._recall()
        while True:
            token, wait, limit = self._choose(resource, cost, only)
            if wait > PATIENCE_S:
                raise RateLimited(
                    f"github: {operation}: the {limit} limit is reached, free again in {wait:.0f} s",
                    provider="github",
                    operation=operation,
                    retry_after_s=wait,
                    resource=limit,
                )
            if token.account.is_unknown(resource):
                await self._next_landing()
                continue
            wait = max(wait, token.account.pace(resource, self._clock.monotonic()))
            if wait <= 0:
                return self._start(token, resource, cost)
            if self._in_flight:  # what is under way may change how long
                await self._next_landing()
            else:
                await self._clock.sleep(wait)

    async def _next_landing(self) -> None:
        self._landing.clear()
        await self._landing.wait()

    def _choose(self, resource: str, cost: int, only: Token | None) -> tuple[Token, float, str]:
        """The token to use, the seconds until it may be, and the limit that says so."""
        now = self._now()
        gates = [(token, *token.account.gate(resource, cost, now)) for token in ([only] if only else self._tokens)]
        ready = [token for token, wait, _ in gates if wait <= 0]
        if not ready:
            return min(gates, key=lambda gate: gate[1])

        def preference(token: Token) -> tuple[float, int]:
            return (-token.account.share_left(resource, now), self._last_used.get(token.key, 0))

        return min(ready, key=preference), 0.0, ""

    def _start(self, token: Token, resource: str, cost: int) -> Turn:
        self._turns += 1
        self._last_used[token.key] = self._turns
        began_s = self._clock.monotonic()
        token.account.started(resource, cost, began_s)
        return Turn(token, resource, cost, began_s)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _remember(self, account: Account) -> None:
        now = self._clock.now()
        closed = {gate: until for gate, until in account.closed_until.items() if until > now.timestamp()}
        body = _Gates(closed_until=closed, strikes=account.strikes).model_dump_json()
        mine = [token for token in self._tokens if token.account is account]
        self._cache.put({_gate_key(token): CachedAnswer(body=body, fetched_at=now) for token in mine})

    def _recall(self) -> None:
        """Take over gates that an earlier process, or another one just now, has closed."""
        keys = {_gate_key(token): token.account for token in self._tokens}
        now = self._now()
        for key, answer in self._cache.get(list(keys)).items():
            try:
                kept = _Gates.model_validate_json(answer.body)
            except ValidationError:
                continue  # of another version
            account = keys[key]
            for gate, until in kept.closed_until.items():
                if now < until <= now + LONGEST_WAIT_S and until > account.closed_until.get(gate, 0.0):
                    account.closed_until[gate] = until  # one further off than that: a clock was moved
                    if gate == EVERYTHING:
                        account.strikes = max(account.strikes, kept.strikes)


class _Gates(Frozen):
    """What the cache holds of an account."""

    closed_until: dict[str, float]
    """Gate -> epoch seconds."""
    strikes: int


def _gate_key(token: Token) -> str:
    return f"github:gate:1:{token.key}"
