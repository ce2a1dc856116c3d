"""Troubles on demand: which request goes wrong and how, fixed by a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cmo.sandbox.dice import Dice

DNS_ROUTE = "dns"
WRITES_ROUTE = "out:"
"""Route of a request to a service that is written to: `out:`, its name, and the path, as in `out:attio/v2/notes`."""


class FaultKind(StrEnum):
    """One way of going wrong."""

    RESET_BEFORE = "reset_before"
    """The connection is reset before anything is done."""
    RESET_AFTER = "reset_after"
    """The request is carried out and charged; then the connection is reset."""
    TRUNCATED_BODY = "truncated_body"
    MALFORMED_JSON = "malformed_json"
    SERVER_ERROR = "server_error"
    """500 with a JSON body."""
    BAD_GATEWAY = "bad_gateway"
    """502 with an HTML body."""
    UNAVAILABLE = "unavailable"
    """503 whose content type says JSON and whose body is HTML."""
    GATEWAY_TIMEOUT = "gateway_timeout"
    """504 after ten seconds."""
    SLOW = "slow"
    """A right answer, `seconds` late."""
    SECONDARY_LIMIT = "secondary_limit"
    SECONDARY_LIMIT_SILENT = "secondary_limit_silent"
    """Without `retry-after`."""
    PRIMARY_LIMIT = "primary_limit"
    """The bucket is emptied until its window ends."""
    INCOMPLETE_RESULTS = "incomplete_results"
    """A REST search that gave up: flag set, second half of the page missing."""
    GRAPHQL_TIMEOUT = "graphql_timeout"
    """502 with the documented GraphQL body; extra points are deducted."""
    NULL_DATA = "null_data"
    """200 with `data: null` and an error."""
    RESOURCE_LIMITS = "resource_limits"
    """Partial data: the second half of the top-level fields is null."""
    TIMEOUT_AFTER = "timeout_after"
    """The request is carried out; then nothing is answered until the caller gives up."""
    ERROR_AFTER = "error_after"
    """The request is carried out; then 500 is answered."""
    RATE_LIMIT = "rate_limit"
    """Nothing is done; the limit is told in the service's own form."""
    OK_WITH_ERROR = "ok_with_error"
    """200, and nothing was done: the service's own form of saying so, where it has one."""
    DNS_SERVFAIL = "dns_servfail"
    DNS_TIMEOUT = "dns_timeout"
    DNS_TRUNCATED = "dns_truncated"
    DNS_MALFORMED = "dns_malformed"


BEFORE = frozenset(
    {FaultKind.RESET_BEFORE, FaultKind.SECONDARY_LIMIT, FaultKind.SECONDARY_LIMIT_SILENT, FaultKind.PRIMARY_LIMIT}
)
"""Kinds that keep the request from being carried out."""


@dataclass(frozen=True, kw_only=True)
class FaultRule:
    """When one kind of fault is played: by `share` of the requests, or at the `nth` ones (from 1)."""

    kind: FaultKind
    route: str = ""
    """Start of the request's path (`/graphql`, `/search`, `/repos`), `out:` for services that are written to, or
    `dns`; empty for every HTTP request to GitHub."""
    share: float = 0.0
    nth: tuple[int, ...] = ()
    most: int | None = None
    """Played at most this often."""
    seconds: float = 20.0
    """How late, for `slow`."""
    min_server_s: float = 0.0
    """Only for requests that cost the server at least this long."""


@dataclass(frozen=True)
class FaultPlan:
    rules: tuple[FaultRule, ...]
    seed: int = 7

    @classmethod
    def named(cls, name: str, *, seed: int = 7) -> FaultPlan:
        """A profile by name; `heavy` mixes every kind.

        Raises:
            KeyError: no profile has that name.
        """
        return cls(PROFILES[name], seed)


PROFILES: Mapping[str, tuple[FaultRule, ...]] = {
    "none": (),
    "heavy": (
        FaultRule(kind=FaultKind.RESET_BEFORE, share=0.01),
        FaultRule(kind=FaultKind.RESET_AFTER, share=0.01),
        FaultRule(kind=FaultKind.TRUNCATED_BODY, share=0.01),
        FaultRule(kind=FaultKind.MALFORMED_JSON, share=0.01),
        FaultRule(kind=FaultKind.SERVER_ERROR, share=0.01),
        FaultRule(kind=FaultKind.BAD_GATEWAY, share=0.01),
        FaultRule(kind=FaultKind.UNAVAILABLE, share=0.01),
        FaultRule(kind=FaultKind.GATEWAY_TIMEOUT, share=0.005),
        FaultRule(kind=FaultKind.SLOW, share=0.01, seconds=8.0),
        FaultRule(kind=FaultKind.SECONDARY_LIMIT, share=0.008, most=3),
        FaultRule(kind=FaultKind.SECONDARY_LIMIT_SILENT, share=0.008, most=2),
        FaultRule(kind=FaultKind.PRIMARY_LIMIT, nth=(90,), most=1),
        FaultRule(kind=FaultKind.INCOMPLETE_RESULTS, route="/search", share=0.1),
        FaultRule(kind=FaultKind.GRAPHQL_TIMEOUT, route="/graphql", share=0.25, min_server_s=5.0),
        FaultRule(kind=FaultKind.NULL_DATA, route="/graphql", share=0.01),
        FaultRule(kind=FaultKind.RESOURCE_LIMITS, route="/graphql", share=0.02),
        FaultRule(kind=FaultKind.RESET_BEFORE, route=WRITES_ROUTE, share=0.02),
        FaultRule(kind=FaultKind.RESET_AFTER, route=WRITES_ROUTE, share=0.02),
        FaultRule(kind=FaultKind.ERROR_AFTER, route=WRITES_ROUTE, share=0.02),
        FaultRule(kind=FaultKind.TIMEOUT_AFTER, route=WRITES_ROUTE, nth=(7,), most=1),
        FaultRule(kind=FaultKind.RATE_LIMIT, route=WRITES_ROUTE, share=0.02, most=3),
        FaultRule(kind=FaultKind.OK_WITH_ERROR, route=WRITES_ROUTE, share=0.02),
        FaultRule(kind=FaultKind.DNS_SERVFAIL, route=DNS_ROUTE, share=0.02),
        FaultRule(kind=FaultKind.DNS_TIMEOUT, route=DNS_ROUTE, share=0.02),
        FaultRule(kind=FaultKind.DNS_TRUNCATED, route=DNS_ROUTE, share=0.03),
        FaultRule(kind=FaultKind.DNS_MALFORMED, route=DNS_ROUTE, share=0.01),
    ),
}


class FaultPlayer:
    """Decides, request by request. A share is drawn from the request's own content and how often it has been made,
    so that requests arriving in another order meet the same faults, and a repeated one gets another chance."""

    def __init__(self, plan: FaultPlan | None) -> None:
        self._plan = plan or FaultPlan(())
        self._seen: Counter[str] = Counter()
        self._matched: Counter[int] = Counter()
        self._played: Counter[int] = Counter()

    def pick(self, route: str, content: str) -> list[tuple[int, FaultRule]]:
        """Rules that strike this request, in the order of the plan, each with its number for `play`."""
        self._seen[content] += 1
        return [
            (number, rule)
            for number, rule in enumerate(self._plan.rules)
            if self._applies(rule, route) and self._strikes(number, rule, content)
        ]

    def play(self, number: int) -> bool:
        """Use up one turn of a rule; False when it has had its turns."""
        most = self._plan.rules[number].most
        if most is not None and self._played[number] >= most:
            return False
        self._played[number] += 1
        return True

    def _applies(self, rule: FaultRule, route: str) -> bool:
        if rule.route:
            return route.startswith(rule.route)
        return route != DNS_ROUTE and not route.startswith(WRITES_ROUTE)

    def _strikes(self, number: int, rule: FaultRule, content: str) -> bool:
        self._matched[number] += 1
        if self._matched[number] in rule.nth:
            return True
        return Dice(self._plan.seed, number, content, self._seen[content]).chance(rule.share) if rule.share else False

    def to_json(self) -> dict[str, Any]:
        return {
            "seen": dict(self._seen),
            "matched": {str(number): count for number, count in self._matched.items()},
            "played": {str(number): count for number, count in self._played.items()},
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Go on where `to_json` stopped."""
        self._seen = Counter(saved["seen"])
        self._matched = Counter({int(number): count for number, count in saved["matched"].items()})
        self._played = Counter({int(number): count for number, count in saved["played"].items()})
