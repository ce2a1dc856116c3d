"""Conditional reads of the REST API: what has not changed costs nothing.

An answer is kept under the token, media type and API version it was given to: GitHub's ETags cover all three
(https://github.com/bored-engineer/github-conditional-http-transport), so another token's ETag never matches.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from zlib import crc32

from cmo.providers.github.account import Token
from cmo.providers.github.answers import broken
from cmo.providers.github.limits import Kind
from cmo.providers.github.wire import ACCEPT, API_VERSION, Reply, Wire
from cmo.providers.ports import CachedAnswer

_NEXT = re.compile(r'<([^<>]+)>\s*;[^<]*?\brel="?next"?')


@dataclass(frozen=True)
class RestAnswer:
    """What a path answered, fresh or unchanged."""

    kind: Kind
    """OK, NOT_FOUND, EMPTY, BLOCKED or PERMANENT."""
    value: object
    """Parsed JSON; None unless `kind` is OK."""
    next_url: str | None = None
    message: str = ""


class Rest:
    """GET with a memory."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, operation: str, resource: str = "core"
    ) -> RestAnswer:
        """Read `path`, or a `next_url`; unchanged since last time, it costs nothing of the limit.

        Raises:
            AuthRejected, ProviderRejected, ProviderUnavailable, RateLimited.
            ContractBroken: `path` is an address on another server.
        """
        url = self._url(path, operation)
        await self._wire.identify()
        token = self._wire.pick_token(resource, crc32(url.encode()))
        key = _cache_key(token, url, params or {})
        kept = self._wire.cache.get([key]).get(key)
        reply = await self._wire.rest(
            url, operation=operation, resource=resource, params=params, headers=_conditions(kept), token=token
        )
        if reply.verdict.kind is Kind.NOT_MODIFIED and kept is not None:
            self._wire.meter.add("github_not_modified")
            return _from_body(kept.body)
        if reply.verdict.kind is not Kind.OK:
            return RestAnswer(reply.verdict.kind, None, message=reply.verdict.message)
        return self._keep(key, reply)

    def _keep(self, key: str, reply: Reply) -> RestAnswer:
        found = _NEXT.search(reply.http.headers.get("link", ""))
        next_url = found.group(1) if found else None
        etag, modified = reply.http.headers.get("etag"), reply.http.headers.get("last-modified")
        is_partial = isinstance(reply.body, dict) and reply.body.get("incomplete_results") is True
        if (etag or modified) and not is_partial:
            body = json.dumps({"value": reply.body, "next": next_url})
            now = self._wire.clock.now()
            self._wire.cache.put({key: CachedAnswer(body=body, etag=etag, last_modified=modified, fetched_at=now)})
        return RestAnswer(Kind.OK, reply.body, next_url)

    def _url(self, path: str, operation: str) -> str:
        """The address of `path`; a link that GitHub gave must lead to the same server, for it gets the token."""
        if path.startswith("/"):
            return self._wire.rest_url + path
        ours, theirs = urlsplit(self._wire.rest_url), urlsplit(path)
        if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
            raise broken(operation, f"a page link leads to another server: {theirs.netloc}")
        return path


def _cache_key(token: Token, url: str, params: Mapping[str, str]) -> str:
    parts = [token.key, ACCEPT, API_VERSION, url, json.dumps(dict(params), sort_keys=True)]
    return "github:rest:1:" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:40]


def _conditions(kept: CachedAnswer | None) -> dict[str, str]:
    if kept is None:
        return {}
    if kept.etag:
        return {"If-None-Match": kept.etag}
    return {"If-Modified-Since": kept.last_modified} if kept.last_modified else {}


def _from_body(body: str) -> RestAnswer:
    kept = json.loads(body)
    return RestAnswer(Kind.OK, kept["value"], kept["next"])
