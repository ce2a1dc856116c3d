"""GitHub's limits, primary and secondary, on the sandbox's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cmo.clock import Clock
from cmo.sandbox.settings import SandboxSettings

HOUR_S = 3600
MINUTE_S = 60
NEWS_S = 0.02
"""How long a client may take to pass a refusal on to its other connections."""


class Resource(StrEnum):
    """Buckets of the primary limit. `FREE` is not counted against any."""

    CORE = "core"
    SEARCH = "search"
    GRAPHQL = "graphql"
    FREE = "free"


@dataclass(frozen=True)
class Caller:
    """Where and when a request arrived, on the server's own event loop rather than the sandbox's clock: a clock that
    jumps while others sleep must not make a request look later than the refusal it crossed on the wire."""

    connection: int
    heard_at: float


@dataclass
class Told:
    """A limit the client knows of: at once on the connection that carried the answer, elsewhere a moment later."""

    heard_at: float
    connections: set[int] = field(default_factory=set)

    def reached(self, caller: Caller) -> bool:
        return caller.connection in self.connections or caller.heard_at > self.heard_at + NEWS_S


_KNOWN = Told(float("-inf"))


@dataclass
class Bucket:
    """One token's use of one resource in the current window."""

    limit: int
    used: int
    reset_at: int
    """Epoch seconds."""
    told: Told | None = None
    """Set once the client has been shown that nothing is left."""

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


@dataclass
class Pace:
    """What one account has done in the last minute, and its secondary block."""

    points: deque[tuple[float, bool]] = field(default_factory=deque)
    """Time of each request and whether it was GraphQL."""
    work: deque[tuple[float, float, bool]] = field(default_factory=deque)
    """Time, simulated server seconds, whether GraphQL."""
    in_flight: int = 0
    blocked_until: float = 0.0
    told: Told | None = None
    blocks: int = 0


@dataclass(frozen=True)
class Refusal:
    """The request is not carried out."""

    secondary: bool
    wait_s: int
    """What `retry-after` would say."""
    form: int
    """Which of the documented forms the answer takes."""
    while_limited: bool
    """The client had been told."""
    silent: bool = False
    """Leave out `retry-after`, whatever the form."""


class Limiter:
    """Counts and refuses. Used from the server's thread only."""

    def __init__(self, settings: SandboxSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._paces: dict[str, Pace] = {}
        self._exhaustions = 0

    def now(self) -> float:
        return self._clock.now().timestamp()

    def bucket(self, token: str, resource: Resource) -> Bucket:
        """The current window of that token and resource; a new one once the old has ended."""
        now = self.now()
        key = f"{token}|{resource}"
        bucket = self._buckets.get(key)
        if bucket is None or now >= bucket.reset_at:
            span = MINUTE_S if resource is Resource.SEARCH else HOUR_S
            bucket = self._buckets[key] = Bucket(self._limit(token, resource), 0, int(now) + span)
        return bucket

    def admit(self, token: str, resource: Resource, caller: Caller) -> Refusal | None:
        """None when the request may be carried out; then `leave` must follow."""
        now = self.now()
        pace = self._paces.setdefault(token, Pace())
        if now < pace.blocked_until:
            told = pace.told is not None and pace.told.reached(caller)
            return Refusal(True, self._wait_s(pace, now), pace.blocks, told)
        if resource is not Resource.FREE:
            bucket = self.bucket(token, resource)
            if bucket.remaining == 0:
                told = bucket.told is not None and bucket.told.reached(caller)
                return Refusal(False, int(bucket.reset_at - now) + 1, self._exhaustions, told)
        pace.points.append((now, resource is Resource.GRAPHQL))
        if self._too_fast(pace, now):
            return self.block(token)
        pace.in_flight += 1
        return None

    def leave(self, token: str) -> None:
        """The answer of an admitted request is out."""
        self._paces[token].in_flight -= 1

    def block(self, token: str, *, silent: bool = False) -> Refusal:
        """Start a secondary block."""
        now = self.now()
        pace = self._paces.setdefault(token, Pace())
        pace.blocked_until = now + self._settings.secondary_wait_s
        pace.told = None
        pace.blocks += 1
        return Refusal(True, self._wait_s(pace, now), pace.blocks, False, silent)

    def exhaust(self, token: str, resource: Resource) -> Refusal:
        """Empty the bucket until its window ends."""
        bucket = self.bucket(token, resource)
        self.charge(token, resource, bucket.remaining)
        return Refusal(False, int(bucket.reset_at - self.now()) + 1, self._exhaustions, False)

    def charge(self, token: str, resource: Resource, amount: int) -> None:
        if resource is Resource.FREE or not amount:
            return
        bucket = self.bucket(token, resource)
        had_any = bucket.remaining > 0
        bucket.used = min(bucket.limit, bucket.used + amount)
        self._exhaustions += int(had_any and bucket.remaining == 0)

    def note_work(self, token: str, seconds: float, *, graphql: bool) -> None:
        """Count simulated server time towards the CPU limits."""
        self._paces.setdefault(token, Pace()).work.append((self.now(), seconds, graphql))

    def note_told(self, token: str, resource: Resource, refusal: Refusal | None, caller: Caller) -> None:
        """An answer goes out to `caller`: now it knows of the block, or that nothing is left."""
        knowing: Pace | Bucket
        if refusal is not None and refusal.secondary:
            knowing = self._paces[token]
        elif resource is Resource.FREE or self.bucket(token, resource).remaining:
            return
        else:
            knowing = self.bucket(token, resource)
        knowing.told = knowing.told or Told(caller.heard_at)
        knowing.told.connections.add(caller.connection)

    def _limit(self, token: str, resource: Resource) -> int:
        settings = self._settings
        if not token:
            return 10 if resource is Resource.SEARCH else settings.anonymous_limit
        limits = {Resource.SEARCH: settings.search_limit, Resource.GRAPHQL: settings.graphql_limit}
        return limits.get(resource, settings.core_limit)

    def _wait_s(self, pace: Pace, now: float) -> int:
        return max(1, int(pace.blocked_until - now + 0.999))

    def _too_fast(self, pace: Pace, now: float) -> bool:
        """Whether this account is over one of the secondary limits; forgets what is older than a minute."""
        settings = self._settings
        while pace.points and pace.points[0][0] <= now - MINUTE_S:
            pace.points.popleft()
        while pace.work and pace.work[0][0] <= now - MINUTE_S:
            pace.work.popleft()
        graphql_points = sum(graphql for _, graphql in pace.points)
        graphql_work = sum(seconds for _, seconds, graphql in pace.work if graphql)
        return (
            pace.in_flight >= settings.concurrency_limit
            or graphql_points > settings.graphql_points_per_minute
            or len(pace.points) - graphql_points > settings.rest_points_per_minute
            or graphql_work > settings.graphql_cpu_s_per_minute
            or sum(seconds for _, seconds, _ in pace.work) > settings.cpu_s_per_minute
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "buckets": {key: [bucket.limit, bucket.used, bucket.reset_at] for key, bucket in self._buckets.items()},
            "paces": {
                token: {
                    "points": list(pace.points),
                    "work": list(pace.work),
                    "blocked_until": pace.blocked_until,
                    "blocks": pace.blocks,
                }
                for token, pace in self._paces.items()
            },
            "exhaustions": self._exhaustions,
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Go on in the windows that `to_json` described."""
        self._buckets = {
            key: Bucket(limit, used, reset_at, _KNOWN if used >= limit else None)
            for key, (limit, used, reset_at) in saved["buckets"].items()
        }
        self._exhaustions = saved["exhaustions"]
        self._paces = {
            token: Pace(
                points=deque((at, graphql) for at, graphql in pace["points"]),
                work=deque((at, seconds, graphql) for at, seconds, graphql in pace["work"]),
                blocked_until=pace["blocked_until"],
                told=_KNOWN,
                blocks=pace["blocks"],
            )
            for token, pace in saved["paces"].items()
        }
