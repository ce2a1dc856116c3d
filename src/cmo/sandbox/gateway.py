"""What happens to every HTTP request, whichever part of GitHub it is for: identity, limits, faults, time, books."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cmo.clock import Clock
from cmo.sandbox.books import Books, Entry
from cmo.sandbox.faults import BEFORE, FaultKind, FaultPlayer, FaultRule
from cmo.sandbox.github_graphql import GraphQLEndpoint, read_query
from cmo.sandbox.github_rest import RestEndpoint
from cmo.sandbox.graphql_context import TIME_LIMIT_S
from cmo.sandbox.limits import Caller, Limiter, Refusal, Resource
from cmo.sandbox.moments import http_date, parse_http_date
from cmo.sandbox.refusals import refuse
from cmo.sandbox.settings import SandboxSettings
from cmo.sandbox.wire import Fate, Request, Response

API_VERSIONS = ("2022-11-28", "2026-03-10")
RETIRED_VERSIONS = ("2021-01-01",)
TIMEOUT_MESSAGE = (
    "Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug."
    " Please include `{request_id}` when reporting this issue."
)
UNICORN = "<html><head><title>Unicorn! &middot; GitHub</title></head><body><h1>{status}</h1>Unicorn!</body></html>"


@dataclass
class Visit:
    """One request on its way through."""

    request: Request
    token: str
    """Fingerprint; empty without a token."""
    resource: Resource
    request_id: str
    arrived_at: float
    caller: Caller
    faults: list[tuple[int, FaultRule]] = field(default_factory=list)
    cost: int = 0
    server_s: float = 0.02
    late_s: float = 0.0
    refusal: Refusal | None = None
    played: str = ""
    conditional: bool = False
    repeated: bool = False


class Gateway:
    """The front door; used from the server's thread only."""

    def __init__(
        self,
        settings: SandboxSettings,
        clock: Clock,
        *,
        books: Books,
        limiter: Limiter,
        faults: FaultPlayer,
        graphql: GraphQLEndpoint,
        rest: RestEndpoint,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._books = books
        self._limiter = limiter
        self._faults = faults
        self._graphql = graphql
        self._rest = rest
        self._serial = 0

    async def handle(self, request: Request) -> Response:
        """Answer one request after the time it would take."""
        visit = self._open(request)
        response = self._refuse_at_the_door(visit)
        admitted = False
        if response is None:
            visit.refusal = self._limiter.admit(visit.token, visit.resource, visit.caller)
            admitted = visit.refusal is None
            response = self._answer(visit) if admitted else self._refused(visit)
        self._finish(visit, response)
        self._record(visit, response)
        try:
            await self._clock.sleep(self._settings.latency_s + visit.server_s + visit.late_s)
        finally:
            if admitted:
                self._limiter.leave(visit.token)
            if response.fate is not Fate.DROPPED:
                told = Caller(visit.caller.connection, asyncio.get_running_loop().time())
                self._limiter.note_told(visit.token, visit.resource, visit.refusal, told)
        return response

    def _open(self, request: Request) -> Visit:
        self._serial += 1
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        known = scheme.lower() in ("bearer", "token") and credential.strip() in self._settings.tokens
        visit = Visit(
            request=request,
            token=fingerprint(credential.strip()) if known else "",
            resource=_resource(request.path),
            request_id=f"5B0C:{self._serial:06X}:{hashlib.sha1(request.target.encode()).hexdigest()[:12].upper()}",
            arrived_at=self._limiter.now(),
            caller=Caller(request.connection, asyncio.get_running_loop().time()),
        )
        visit.faults = self._faults.pick(
            request.path, f"{request.method} {request.target} {fingerprint(request.body.decode('latin-1'))}"
        )
        return visit

    def _refuse_at_the_door(self, visit: Visit) -> Response | None:
        """Answers that do not depend on what is asked: reset, no user agent, wrong token, wrong version."""
        headers = visit.request.headers
        if self._strikes(visit, FaultKind.RESET_BEFORE):
            return Response(0, fate=Fate.DROPPED)
        if not headers.get("user-agent"):
            body = {
                "message": "Missing or invalid User Agent string. See https://docs.github.com/rest#user-agent-required"
            }
            response = Response.json(403, body)
            response.headers["Content-Type"] = "application/octet-stream"
            return response
        if not visit.token and headers.get("authorization"):
            return _message(401, "Bad credentials")
        if not visit.token and visit.resource is Resource.GRAPHQL:
            return _message(401, "This endpoint requires you to be authenticated.")
        version = headers.get("x-github-api-version", API_VERSIONS[0])
        if version in RETIRED_VERSIONS:
            return _message(410, f"The API version {version} has been retired.")
        if version not in API_VERSIONS:
            return _message(400, f"'{version}' is not a valid API version.")
        return None

    def _answer(self, visit: Visit) -> Response:
        for kind in sorted(BEFORE - {FaultKind.RESET_BEFORE}):
            if self._strikes(visit, kind):
                if kind is FaultKind.PRIMARY_LIMIT:
                    visit.refusal = self._limiter.exhaust(visit.token, visit.resource)
                else:
                    visit.refusal = self._limiter.block(visit.token, silent=kind is FaultKind.SECONDARY_LIMIT_SILENT)
                return self._refused(visit)
        of_kind = self._answer_graphql if visit.resource is Resource.GRAPHQL else self._answer_rest
        response = of_kind(visit)
        self._limiter.charge(visit.token, visit.resource, visit.cost)
        self._limiter.note_work(visit.token, visit.server_s, graphql=visit.resource is Resource.GRAPHQL)
        return self._spoil(visit, response)

    def _refused(self, visit: Visit) -> Response:
        assert visit.refusal is not None
        return refuse(visit.refusal, visit.resource, request_id=visit.request_id, headers=self._limit_headers(visit))

    def _answer_graphql(self, visit: Visit) -> Response:
        if visit.request.method != "POST":
            return _message(404, "Not Found")
        asked = read_query(visit.request.body)
        if asked is None:
            return _message(400, "Problems parsing JSON")
        self._books.record_document(asked["query"])
        bucket = self._limiter.bucket(visit.token, Resource.GRAPHQL)
        outcome = self._graphql.run(
            asked, scopes=self._settings.scopes, limit=bucket.limit, used=bucket.used, reset_at=bucket.reset_at
        )
        visit.cost, visit.server_s = outcome.points, outcome.server_s
        if outcome.timed_out or self._strikes(visit, FaultKind.GRAPHQL_TIMEOUT):
            return self._timed_out(visit)
        return Response.json(200, outcome.body)

    def _timed_out(self, visit: Visit) -> Response:
        """502 and 504 in turn; the time and extra points are spent all the same."""
        visit.cost += self._settings.timeout_penalty_points
        visit.server_s = TIME_LIMIT_S
        message = TIMEOUT_MESSAGE.format(request_id=visit.request_id)
        return Response.json(502 + 2 * (self._serial % 2), {"data": None, "errors": [{"message": message}]})

    def _answer_rest(self, visit: Visit) -> Response:
        answer = self._rest.answer(visit.request, self._settings.scopes, lambda kind: self._bucket_json(visit, kind))
        visit.server_s = answer.server_s
        visit.cost = 0 if visit.resource is Resource.FREE else 1
        response = answer.response
        if response.status != 200 or visit.request.method != "GET" or not answer.cacheable:
            return response
        return self._conditional(visit, response, answer.modified_at)

    def _conditional(self, visit: Visit, response: Response, modified_at: int | None) -> Response:
        """Add validators; answer 304, free of charge, where the client's still hold."""
        headers = visit.request.headers
        seal = ":".join(headers.get(name, "") for name in ("accept", "authorization", "cookie"))
        etag = f'W/"{hashlib.sha256(seal.encode() + b":" + response.body).hexdigest()}"'
        response.headers["ETag"] = etag
        if modified_at is not None:
            response.headers["Last-Modified"] = http_date(modified_at)
        visit.conditional = "if-none-match" in headers or "if-modified-since" in headers
        visit.repeated = not visit.conditional and self._books.has_validator(visit.token, visit.request.target)
        self._books.note_validator(visit.token, visit.request.target)
        if "if-none-match" in headers:
            fresh = etag.removeprefix("W/") in {
                candidate.strip().removeprefix("W/") for candidate in headers["if-none-match"].split(",")
            }
        else:
            since = parse_http_date(headers.get("if-modified-since", ""))
            fresh = since is not None and modified_at is not None and modified_at <= since
        if not fresh:
            return response
        visit.cost, visit.server_s = 0, 0.005
        return Response(304, headers=response.headers)

    def _spoil(self, visit: Visit, response: Response) -> Response:
        """Play the faults that strike after the work has been done."""
        if self._strikes(visit, FaultKind.SLOW):
            visit.late_s += next(rule.seconds for _, rule in visit.faults if rule.kind is FaultKind.SLOW)
        if self._strikes(visit, FaultKind.SERVER_ERROR):
            return Response.json(500, {"error": "Server Error"})
        if self._strikes(visit, FaultKind.BAD_GATEWAY):
            return Response.html(502, UNICORN.format(status=502))
        if self._strikes(visit, FaultKind.UNAVAILABLE):
            unavailable = Response.html(503, "<html><body><h1>503 Service Unavailable</h1></body></html>")
            unavailable.headers["Content-Type"] = "application/json; charset=utf-8"
            return unavailable
        if self._strikes(visit, FaultKind.GATEWAY_TIMEOUT):
            visit.server_s = TIME_LIMIT_S
            return Response.json(504, {"message": "We couldn't respond to your request in time."})
        if response.status == 200 and response.body.startswith(b"{"):
            self._spoil_json(visit, response)
        if self._strikes(visit, FaultKind.RESET_AFTER):
            response.fate = Fate.DROPPED
        elif response.body and self._strikes(visit, FaultKind.TRUNCATED_BODY):
            response.fate = Fate.TRUNCATED
        elif response.body and self._strikes(visit, FaultKind.MALFORMED_JSON):
            response.body = response.body[: len(response.body) * 2 // 3] + b',,"'
        return response

    def _spoil_json(self, visit: Visit, response: Response) -> None:
        spoilers: dict[FaultKind, Callable[[dict[str, Any]], dict[str, Any]]] = {
            FaultKind.INCOMPLETE_RESULTS: _incomplete,
            FaultKind.NULL_DATA: lambda _body: {"data": None, "errors": [{"message": "Something went wrong."}]},
            FaultKind.RESOURCE_LIMITS: _half_null,
        }
        for kind, spoiler in spoilers.items():
            if (kind is FaultKind.INCOMPLETE_RESULTS) != (visit.resource is Resource.GRAPHQL) and self._strikes(
                visit, kind
            ):
                response.body = json.dumps(spoiler(json.loads(response.body))).encode()

    def _strikes(self, visit: Visit, kind: FaultKind) -> bool:
        for number, rule in visit.faults:
            if rule.kind is kind and visit.server_s >= rule.min_server_s and self._faults.play(number):
                visit.played = f"{visit.played}+{kind}" if visit.played else str(kind)
                return True
        return False

    def _finish(self, visit: Visit, response: Response) -> None:
        """Headers that every answer has."""
        limited_form = visit.refusal is not None
        if not limited_form and response.status not in (500, 502, 503, 504):
            response.headers = {**self._limit_headers(visit), **response.headers}
        response.headers |= {
            "Date": http_date(self._limiter.now()),
            "Server": "github.com",
            "X-GitHub-Request-Id": visit.request_id,
            "X-GitHub-Media-Type": f"github.v{4 if visit.resource is Resource.GRAPHQL else 3}; format=json",
            "X-GitHub-Api-Version-Selected": visit.request.headers.get("x-github-api-version", API_VERSIONS[0]),
            "Vary": "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
        }
        if visit.token:
            response.headers["X-OAuth-Scopes"] = ", ".join(self._settings.scopes)

    def _record(self, visit: Visit, response: Response) -> None:
        self._books.record(
            Entry(
                at=visit.arrived_at,
                method=visit.request.method,
                path=visit.request.target,
                resource=str(visit.resource),
                cost=visit.cost,
                status=0 if response.fate is Fate.DROPPED else response.status,
                while_limited=visit.refusal is not None and visit.refusal.while_limited,
                conditional=visit.conditional,
                repeated=visit.repeated,
                token=visit.token,
                refused=visit.refusal is not None,
                fault=visit.played,
            )
        )

    def _limit_headers(self, visit: Visit) -> dict[str, str]:
        kind = Resource.CORE if visit.resource is Resource.FREE else visit.resource
        bucket = self._limiter.bucket(visit.token, kind)
        return {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(bucket.remaining),
            "X-RateLimit-Used": str(bucket.used),
            "X-RateLimit-Reset": str(bucket.reset_at),
            "X-RateLimit-Resource": str(kind),
        }

    def _bucket_json(self, visit: Visit, kind: Resource) -> dict[str, int]:
        bucket = self._limiter.bucket(visit.token, kind)
        return {"limit": bucket.limit, "used": bucket.used, "remaining": bucket.remaining, "reset": bucket.reset_at}


def fingerprint(secret: str) -> str:
    """Stands for a token in books and limits; the token itself is never kept."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


def _resource(path: str) -> Resource:
    if path == "/graphql":
        return Resource.GRAPHQL
    if path.startswith("/search/"):
        return Resource.SEARCH
    return Resource.FREE if path == "/rate_limit" else Resource.CORE


def _message(status: int, text: str) -> Response:
    return Response.json(
        status, {"message": text, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    )


def _incomplete(body: dict[str, Any]) -> dict[str, Any]:
    if "items" not in body:
        return body
    return body | {"incomplete_results": True, "items": body["items"][: len(body["items"]) // 2]}


def _half_null(body: dict[str, Any]) -> dict[str, Any]:
    data = body.get("data")
    if data is None:
        return body
    names = list(data)
    lost = names[(len(names) + 1) // 2 :] or names
    error = {"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}
    return {
        "data": data | dict.fromkeys(lost),
        "errors": [*body.get("errors", ()), *({**error, "path": [name]} for name in lost)],
    }
