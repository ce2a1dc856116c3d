"""Requests to GitHub: which token, when, how often again, and what the answer means."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.errors import (
    AuthRejected,
    ConfigError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from cmo.providers.github.account import Account, Token
from cmo.providers.github.answers import GraphAnswer, GraphQLMissing, ScopesMissing, TooHeavy, parse_error
from cmo.providers.github.limiter import Limiter, Turn
from cmo.providers.github.limits import Api, Kind, Verdict, classify, graphql_errors
from cmo.providers.github.queries import PROBE
from cmo.providers.http import HttpAnswer, HttpClient
from cmo.providers.ports import Meter, ResponseCache

API_VERSION = "2022-11-28"
ACCEPT = "application/vnd.github+json"
TIMEOUT_S = 15.0
"""GitHub itself gives up on a query after ten."""

TRIES = 5
"""Sendings of one request while the failures look passing."""
FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 20.0
GLITCH_S = 2.0
"""A 502 that comes faster is no time-out, and the same query is tried once more."""
MAX_REFUSALS = 3
"""Limits met by one request, each with a wait short enough to sit out."""
MAX_STRIKES = 6
"""Secondary limits in a row, an hour apart in the end; then something else is wrong."""

PROBING = "see whether it answers"
_NO_GRAPHQL = frozenset({404, 405, 410, 501})


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    api: Api
    resource: str
    """Whose limit it counts against: graphql, core, search, ..."""
    operation: str
    """What it is for, in plain words."""
    cost: int = 1
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    json_body: object = None
    token: Token | None = None
    """The only one that will do; None for any."""


@dataclass(frozen=True)
class Reply:
    """An answer that is neither a limit nor a passing failure."""

    http: HttpAnswer
    body: object
    verdict: Verdict


class Wire:
    """Sends requests to one GitHub under its limits."""

    def __init__(
        self,
        tokens: Sequence[Secret],
        *,
        rest_url: str,
        graphql_url: str,
        timeout_s: float,
        clock: Clock,
        cache: ResponseCache,
        meter: Meter,
        rng: random.Random,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.tokens = tuple(_token(secret) for secret in tokens)
        if not self.tokens:
            raise ConfigError("No key for github.", hint="cmo auth set github   (or set GITHUB_TOKEN)")
        self.rest_url = rest_url.rstrip("/")
        self.graphql_url = graphql_url
        self.has_graphql = True
        self.clock = clock
        self.cache = cache
        self.meter = meter
        self._rng = rng
        self._http = HttpClient(
            "github", clock=clock, timeout_s=timeout_s, base_urls=(rest_url, graphql_url), transport=transport
        )
        self.limiter = Limiter(self.tokens, clock=clock, cache=cache)
        self._identified = len(self.tokens) == 1
        self._identifying = asyncio.Lock()

    async def close(self) -> None:
        await self._http.close()

    async def graphql(self, document: str, variables: Mapping[str, Any], *, operation: str, cost: int) -> GraphAnswer:
        """Run a query; what could be had comes back even where some of it failed.

        Args:
            cost: Points it will take by GitHub's formula; what it really took is counted.
        Raises:
            TooHeavy: it must be split, or ask for less.
            ScopesMissing, GraphQLMissing, AuthRejected, ProviderRejected, ProviderUnavailable, RateLimited.
        """
        if not self.has_graphql:
            raise GraphQLMissing("github: no GraphQL here", provider="github", operation=operation)
        body = {"query": document, "variables": dict(variables)}
        reply = await self._exchange(
            Request("POST", self.graphql_url, "graphql", "graphql", operation, cost=cost, json_body=body)
        )
        if reply.verdict.kind not in (Kind.OK, Kind.PARTIAL) or not isinstance(reply.body, dict):
            self._raise_for(reply, operation)
        return GraphAnswer(
            data=reply.body["data"],
            errors=tuple(parse_error(error) for error in graphql_errors(reply.body)),
            shrink=reply.verdict.shrink,
            elapsed_s=reply.http.elapsed_s,
        )

    async def rest(
        self,
        url: str,
        *,
        operation: str,
        resource: str,
        cost: int = 1,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        token: Token | None = None,
    ) -> Reply:
        """GET `url`. Every answer but a refused credential or a bad request comes back for the caller to read.

        Raises:
            AuthRejected, ProviderRejected, ProviderUnavailable, RateLimited.
        """
        reply = await self._exchange(
            Request(
                "GET", url, "rest", resource, operation, cost=cost, params=params, headers=headers or {}, token=token
            )
        )
        if reply.verdict.kind in (Kind.AUTH, Kind.VALIDATION, Kind.SEARCH_WINDOW, Kind.REDIRECT):
            self._raise_for(reply, operation)
        return reply

    async def is_up(self) -> bool:
        """Whether GitHub answers anything at all just now; asks the least one can ask, for a point at most."""
        try:
            if self.has_graphql:
                await self.graphql(PROBE, {}, operation=PROBING, cost=1)
            else:
                await self.rest(f"{self.rest_url}/rate_limit", operation=PROBING, resource="rate_limit", cost=0)
        except ProviderUnavailable:
            return False
        return True

    def pick_token(self, resource: str, preferred: int) -> Token:
        """The token number `preferred` (modulo), unless it is limited and another is not.

        An ETag is worth nothing to another token, so a resource stays with one.
        """
        first = preferred % len(self.tokens)
        now = self.clock.now().timestamp()
        ordered = [*self.tokens[first:], *self.tokens[:first]]
        return next((token for token in ordered if token.account.gate(resource, 1, now)[0] <= 0), ordered[0])

    async def _exchange(self, request: Request) -> Reply:
        """Send `request` until it is answered by something else than a short limit or a passing failure."""
        if request.token is None:
            await self.identify()
        failures = refusals = 0
        while True:
            try:
                turn, reply = await self._send(request)
            except TooHeavy:
                raise
            except ProviderUnavailable:
                failures += 1
                if failures == TRIES:
                    raise
                await self._back_off(failures)
                continue
            verdict = reply.verdict
            if verdict.is_limit:
                refusals += 1
                self.limiter.refused(turn, verdict)
                self._give_up_if_hopeless(turn, refusals, verdict, request.operation)
            elif verdict.kind in (Kind.TRANSIENT, Kind.NOT_READY):
                failures += 1
                self._raise_if_too_heavy(reply, failures, request.operation)
                if failures == TRIES or (verdict.wait_s or 0.0) > LONGEST_BACKOFF_S:
                    raise self._unavailable(reply, request.operation)
                await self._back_off(failures, at_least=verdict.wait_s or 0.0)
            else:
                turn.token.account.strikes = 0
                return reply

    async def _send(self, request: Request) -> tuple[Turn, Reply]:
        """One sending, as soon as the limits allow it."""
        async with self.limiter.turn(
            request.resource, cost=request.cost, operation=request.operation, token=request.token
        ) as turn:
            self.meter.add("api_calls")
            self.meter.add("github_api_calls")
            if request.api == "rest":
                self.meter.add("github_rest_calls")
            try:
                answer = await self._http.send(
                    request.method,
                    request.url,
                    operation=request.operation,
                    headers={"Accept": ACCEPT, "X-GitHub-Api-Version": API_VERSION, **request.headers},
                    credentials={"Authorization": turn.token.authorization},
                    params=request.params,
                    json_body=request.json_body,
                )
            except ProviderUnavailable as exc:
                if request.api == "graphql" and isinstance(exc.__cause__, (TimeoutError, httpx.ReadTimeout)):
                    raise TooHeavy(exc.message, provider="github", operation=request.operation) from exc
                raise
            reply = self._read(answer, request, turn)
        if not reply.verdict.is_limit:
            self.limiter.told(turn)
        return turn, reply

    def _read(self, answer: HttpAnswer, request: Request, turn: Turn) -> Reply:
        """Learn what the answer says of limits and scopes, and judge it."""
        body = answer.parsed()
        account = turn.token.account
        account.told_by_headers(answer.headers, request.resource)
        turn.token.learn(answer.headers)
        verdict = classify(answer.status, answer.headers, body, request.api, self.clock.now().timestamp())
        if request.api == "graphql":
            rate = _rate(body)
            account.told_by_query(rate)
            told = rate.get("cost")
            if isinstance(told, int):
                self.meter.add("github_points", told)
            elif verdict.kind in (Kind.OK, Kind.PARTIAL, Kind.TRANSIENT):
                self.meter.add("github_points", request.cost)
        return Reply(answer, body, verdict)

    def _raise_if_too_heavy(self, reply: Reply, failures: int, operation: str) -> None:
        """A query that GitHub could not manage; a 502 that came at once is taken for a glitch the first time."""
        is_glitch = reply.http.status != 200 and reply.http.elapsed_s < GLITCH_S and failures == 1
        if reply.verdict.shrink and not is_glitch:
            raise TooHeavy(
                f"github: {operation}: too much for one query: {reply.verdict.message or reply.http.status}",
                provider="github",
                operation=operation,
                status=reply.http.status,
            )

    def _give_up_if_hopeless(self, turn: Turn, refusals: int, verdict: Verdict, operation: str) -> None:
        if turn.token.account.strikes > MAX_STRIKES:
            raise ProviderRejected(
                f"github: {operation}: refused {turn.token.account.strikes} times in a row for sending too much",
                provider="github",
                operation=operation,
                hint="Stop other programs that use this account, wait a day, or ask GitHub's support.",
            )
        if refusals > MAX_REFUSALS:
            raise RateLimited(
                f"github: {operation}: still limited: {verdict.message}",
                provider="github",
                operation=operation,
                retry_after_s=60.0,
                resource=turn.resource,
            )

    async def _back_off(self, failures: int, *, at_least: float = 0.0) -> None:
        """Exponential, with full jitter."""
        ceiling = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (failures - 1))
        await self.clock.sleep(max(at_least, self._rng.uniform(0.0, ceiling)))

    async def identify(self) -> None:
        """Find out once which of several tokens share an account, and with it their limits."""
        async with self._identifying:
            if self._identified:
                return
            owners: dict[str, list[Token]] = {}
            for number, token in enumerate(self.tokens, start=1):
                operation = f"check key {number} of {len(self.tokens)}"
                try:
                    reply = await self.rest(f"{self.rest_url}/user", operation=operation, resource="core", token=token)
                except RateLimited:
                    continue
                login = reply.body.get("login") if isinstance(reply.body, dict) else None
                if isinstance(login, str):
                    owners.setdefault(login, []).append(token)
            for shared in owners.values():
                self.limiter.share(shared)
            self._identified = True

    def _unavailable(self, reply: Reply, operation: str) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"github: {operation}: {reply.verdict.message or 'no usable answer'} (HTTP {reply.http.status})",
            provider="github",
            operation=operation,
            status=reply.http.status,
            hint="See https://www.githubstatus.com; the same command may be run again.",
        )

    def _raise_for(self, reply: Reply, operation: str) -> NoReturn:
        status, message = reply.http.status, reply.verdict.message
        said = f"github: {operation}: {message or 'refused'} (HTTP {status})"
        if reply.verdict.kind is Kind.AUTH:
            raise AuthRejected(
                f"github: {operation}: the key was refused (HTTP {status})",
                provider="github",
                operation=operation,
                status=status,
                hint="The key is wrong, expired or revoked: cmo auth set github",
            )
        if reply.verdict.kind is Kind.SCOPES:
            raise ScopesMissing(said, provider="github", operation=operation, status=status)
        if status in _NO_GRAPHQL and reply.http.url.rstrip("/") == self.graphql_url.rstrip("/"):
            self.has_graphql = False
            raise GraphQLMissing(said, provider="github", operation=operation, status=status)
        hint = {
            Kind.REDIRECT: "Check GITHUB_API_URL and GITHUB_GRAPHQL_URL: the server answers from elsewhere.",
            Kind.VALIDATION: "Check the search words.",
            Kind.SEARCH_WINDOW: "Narrow the search, by stars or dates.",
        }.get(reply.verdict.kind, "")
        raise ProviderRejected(said, provider="github", operation=operation, status=status, hint=hint)


def _token(secret: Secret) -> Token:
    value = secret.reveal()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError("The github key has characters that no key has.", hint="cmo auth set github")
    key = hashlib.sha256(f"cmo github token {value}".encode()).hexdigest()[:24]
    return Token(authorization=Secret(f"Bearer {value}"), key=key, account=Account())


def _rate(body: object) -> dict[str, Any]:
    data = body.get("data") if isinstance(body, dict) else None
    rate = data.get("rateLimit") if isinstance(data, dict) else None
    return rate if isinstance(rate, dict) else {}
