"""What one GitHub account has left, and until when it must be left alone.

Limits belong to accounts, not to tokens: several tokens of one account share them all.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cmo.config.secrets import Secret
from cmo.providers.github.limits import SECONDARY_WAIT_S, Kind, Verdict, seconds

WINDOW_S = 60.0
REST_REQUESTS_PER_WINDOW = 850
"""GitHub refuses above 900 points a minute; a read is one."""
GRAPHQL_QUERIES_PER_WINDOW = 1900
"""GitHub refuses above 2,000 points a minute; a query is one."""
GRAPHQL_CPU_S_PER_WINDOW = 50.0
"""GitHub refuses above 60 s of processing in 60 s, and says that response times are a rough estimate of it."""
LONGEST_RESPONSE_S = 12.0
"""A query is cut off after ten seconds; a response that seems to take longer waited elsewhere."""
RESERVE = 50
"""Requests or points of an hour's limit that are left for the account's other uses."""
MARGIN_S = 1.0
"""Added to every wait: GitHub's seconds and ours do not change at the same instant."""
LONGEST_SECONDARY_WAIT_S = 3600.0
_ROUNDING = 1e-9
EVERYTHING = "secondary"
"""The gate that closes all of an account's resources."""


class Window:
    """Amounts in the last `WINDOW_S` seconds, held under `cap`."""

    def __init__(self, cap: float) -> None:
        self._cap = cap
        self._spent: deque[tuple[float, float]] = deque()
        self._total = 0.0

    def add(self, at_s: float, amount: float) -> None:
        self._spent.append((at_s, amount))
        self._total += amount

    def wait_for(self, amount: float, at_s: float) -> float:
        """Seconds until `amount` more fits; zero when the window is empty, however large it is."""
        while self._spent and self._spent[0][0] <= at_s - WINDOW_S:
            self._total -= self._spent.popleft()[1]
        excess, wait = self._total + amount - self._cap, 0.0
        for when, spent in self._spent:
            if excess <= _ROUNDING:
                break
            excess, wait = excess - spent, when + WINDOW_S - at_s
        return wait


@dataclass
class Bucket:
    """One resource's hourly (for search: minutely) limit, as last told."""

    limit: int
    remaining: int
    resets_at: float
    """Epoch seconds."""

    def wait_for(self, cost: int, now: float) -> float:
        """Seconds until `cost` may be spent without going into the reserve."""
        if now >= self.resets_at or self.remaining - cost >= min(RESERVE, self.limit // 100):
            return 0.0
        return self.resets_at - now + MARGIN_S


@dataclass
class Account:
    """The state of one account's limits. `now` is epoch seconds, `at_s` is the clock's monotonic seconds."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    closed_until: dict[str, float] = field(default_factory=dict)
    """Resource, or `EVERYTHING`, -> epoch seconds."""
    strikes: int = 0
    """Secondary limits since the last good answer."""
    closed_at_s: float = float("-inf")
    """When the last secondary limit arrived."""
    under_way: Counter[str] = field(default_factory=Counter)
    """Resource -> requests or points that were sent and not yet answered."""
    graphql_in_flight: int = 0
    tried: set[str] = field(default_factory=set)
    """Resources of which an answer has arrived."""
    usual_response_s: float = 2.0
    """Moving average of GraphQL response times."""
    rest: Window = field(default_factory=lambda: Window(REST_REQUESTS_PER_WINDOW))
    graphql: Window = field(default_factory=lambda: Window(GRAPHQL_QUERIES_PER_WINDOW))
    cpu: Window = field(default_factory=lambda: Window(GRAPHQL_CPU_S_PER_WINDOW))

    def gate(self, resource: str, cost: int, now: float) -> tuple[float, str]:
        """Seconds during which no request of `resource` may be sent, and which limit says so."""
        waits = [(self.closed_until.get(name, 0.0) - now, name) for name in (EVERYTHING, resource)]
        if resource in self.buckets:
            waits.append((self.buckets[resource].wait_for(cost + self.under_way[resource], now), resource))
        return max(waits)

    def share_left(self, resource: str, now: float) -> float:
        """How much of the resource's limit is left, 0 to 1; all of it where nothing is known."""
        bucket = self.buckets.get(resource)
        if bucket is None or now >= bucket.resets_at or bucket.limit <= 0:
            return 1.0
        return max(0.0, (bucket.remaining - self.under_way[resource]) / bucket.limit)

    def is_unknown(self, resource: str) -> bool:
        """The first request is under way, and until it lands nobody knows what is left."""
        return resource not in self.tried and self.under_way[resource] > 0

    def pace(self, resource: str, at_s: float) -> float:
        """Seconds to hold back so that no secondary limit is ever met."""
        if resource != "graphql":
            return self.rest.wait_for(1, at_s)
        expected = (self.graphql_in_flight + 1) * self.usual_response_s
        return max(self.graphql.wait_for(1, at_s), self.cpu.wait_for(expected, at_s))

    def started(self, resource: str, cost: int, at_s: float) -> None:
        """A request leaves now."""
        self.under_way[resource] += cost
        if resource == "graphql":
            self.graphql.add(at_s, 1)
            self.graphql_in_flight += 1
        else:
            self.rest.add(at_s, 1)

    def landed(self, resource: str, cost: int, began_s: float, at_s: float) -> None:
        """A request has its answer, or never will."""
        self.under_way[resource] -= cost
        self.tried.add(resource)
        if resource == "graphql":
            took = min(at_s - began_s, LONGEST_RESPONSE_S)
            self.cpu.add(at_s, took)
            self.graphql_in_flight -= 1
            self.usual_response_s += 0.3 * (took - self.usual_response_s)

    def told(self, resource: str, *, limit: int, remaining: int, resets_at: float) -> None:
        """Take over what GitHub says is left. Within one period it only falls: answers overtake one another."""
        known = self.buckets.get(resource)
        if known is None:
            self.buckets[resource] = Bucket(limit, remaining, resets_at)
        elif resets_at > known.resets_at + MARGIN_S:
            known.limit, known.remaining, known.resets_at = limit, remaining, resets_at
        elif resets_at >= known.resets_at - MARGIN_S:
            known.limit, known.remaining = limit, min(known.remaining, remaining)

    def told_by_headers(self, headers: Mapping[str, str], resource: str) -> None:
        """Take over `x-ratelimit-*`, where they are whole."""
        try:
            self.told(
                headers.get("x-ratelimit-resource", resource),
                limit=int(headers["x-ratelimit-limit"]),
                remaining=int(headers["x-ratelimit-remaining"]),
                resets_at=float(headers["x-ratelimit-reset"]),
            )
        except (KeyError, ValueError):
            return

    def told_by_limits(self, resource: str, told: object) -> None:
        """Take over one entry of `/rate_limit`, where it is whole."""
        entry = told if isinstance(told, dict) else {}
        limit, remaining, reset = (entry.get(key) for key in ("limit", "remaining", "reset"))
        if isinstance(limit, int) and isinstance(remaining, int) and isinstance(reset, (int, float)):
            self.told(resource, limit=limit, remaining=remaining, resets_at=float(reset))

    def told_by_query(self, rate: object) -> None:
        """Take over a query's own `rateLimit { limit remaining resetAt }`, where it is whole."""
        if not isinstance(rate, dict):
            return
        limit, remaining, resets_at = rate.get("limit"), rate.get("remaining"), _epoch(rate.get("resetAt"))
        if isinstance(limit, int) and isinstance(remaining, int) and resets_at is not None:
            self.told("graphql", limit=limit, remaining=remaining, resets_at=resets_at)

    def refused(self, verdict: Verdict, resource: str, *, began_s: float, now: float, at_s: float) -> None:
        """Close the gate: for the resource on a primary limit, for everything on a secondary one."""
        wait = SECONDARY_WAIT_S if verdict.wait_s is None else verdict.wait_s
        if verdict.kind is Kind.PRIMARY_LIMIT:
            self._close(resource, now + wait + MARGIN_S)
            return
        if began_s >= self.closed_at_s:  # what was under way when the gate closed proves nothing new
            self.strikes += 1
        self.closed_at_s = at_s
        backed_off = SECONDARY_WAIT_S * 2 ** min(self.strikes - 1, 8) if self.strikes > 1 else 0.0
        self._close(EVERYTHING, now + min(max(wait, backed_off), LONGEST_SECONDARY_WAIT_S) + MARGIN_S)

    def _close(self, gate: str, until: float) -> None:
        self.closed_until[gate] = max(until, self.closed_until.get(gate, 0.0))


@dataclass
class Token:
    """A key and the account it belongs to, as far as that is known."""

    authorization: Secret
    """The value of the header."""
    key: str
    """A hash that names the token in cache keys."""
    account: Account
    scopes: frozenset[str] | None = None
    """None for fine-grained and app tokens, which have none."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over `x-oauth-scopes`, which only classic tokens answer with."""
        listed = headers.get("x-oauth-scopes")
        if listed is not None:
            self.scopes = frozenset(scope.strip() for scope in listed.split(",") if scope.strip())


def _epoch(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return seconds(text, 0.0)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
