"""The one httpx client: time limits, redirects, a cap on bodies, and every failure told as a `ProviderError`.

Retries and rate limits are each vendor's own; here one call is one exchange.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address

import httpx

from cmo import __version__
from cmo.clock import Clock
from cmo.config.secrets import Secret, redact
from cmo.domain.text import clean_line
from cmo.errors import ContractBroken, ProviderError, ProviderRejected, ProviderUnavailable

USER_AGENT = f"cmo/{__version__}"
CONNECT_TIMEOUT_S = 5.0
MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_REDIRECTS = 3
MAX_MESSAGE_CHARS = 300

_MOVED = frozenset({301, 302, 307, 308})
_BODY_KEPT = frozenset({307, 308})


@dataclass(frozen=True)
class HttpAnswer:
    """An answer with its whole body, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """Where it came from, after redirects."""
    elapsed_s: float
    """From the request to the last byte, on the injected clock."""

    def parsed(self) -> object:
        """The JSON value, the text where it is no JSON, or None where the body is empty."""
        if not self.body:
            return None
        try:
            value: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", errors="replace")
        return value


class HttpClient:
    """Sends one request at a time for one provider. Certificates are always checked; cookies are never kept."""

    def __init__(
        self,
        provider: str,
        *,
        clock: Clock,
        timeout_s: float,
        base_urls: tuple[str, ...] = (),
        max_body_bytes: int = MAX_BODY_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            timeout_s: For a whole exchange, in real seconds; connecting has its own, shorter one.
            base_urls: Where the requests go. Proxies of the environment are not used for a server on this machine.
            transport: In place of the network, for tests.
        """
        self._provider = provider
        self._clock = clock
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._client = httpx.AsyncClient(
            headers={"User-Agent": USER_AGENT},
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            transport=transport,
            trust_env=not any(_is_loopback(url) for url in base_urls),
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

    async def close(self) -> None:
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, Secret] | None = None,
        params: Mapping[str, str] | None = None,
        secret_params: Mapping[str, Secret] | None = None,
        json_body: object = None,
        form_body: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """One exchange, redirects followed.

        Args:
            operation: What is being done, in plain words, for the error.
            credentials: Headers with secrets; dropped when a redirect leads to another host, port or scheme.
            params: Added to the query of `url`.
            secret_params: The same for services that take their key there; with them no redirect is followed.
            form_body: Fields of a form, in place of `json_body`.
        Returns:
            Any status: what it means is for the vendor's client to say.
        Raises:
            ProviderUnavailable: no whole answer arrived; `details["connected"]` is False where nothing was sent.
            ProviderRejected: the address is no address, or redirects go in circles.
            ContractBroken: the body is larger than the cap.
        """
        try:
            here = httpx.URL(url)
            if params:
                here = here.copy_merge_params(dict(params))
            if secret_params:
                here = here.copy_merge_params({name: secret.reveal() for name, secret in secret_params.items()})
                return await self._exchange(method, here, headers or {}, json_body, form_body, operation)
            return await self._follow(method, here, headers or {}, credentials or {}, json_body, form_body, operation)
        except ProviderError:
            raise
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError) as exc:
            is_of_header = isinstance(exc, httpx.LocalProtocolError | UnicodeError)  # which may quote parts of the key
            reason = type(exc).__name__ if is_of_header else _reason(exc)
            raise ProviderRejected(
                self._told(operation, f"the request cannot be sent ({reason})"),
                provider=self._provider,
                operation=operation,
                hint="Check the base URL and the key that are configured.",
            ) from exc
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            reason = f"no connection to {httpx.URL(url).netloc.decode()} ({_reason(exc)})"
            raise self._unavailable(operation, reason, found=False) from exc
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise self._unavailable(operation, f"no answer within {self._timeout_s:g} s") from exc
        except (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict, OSError) as exc:
            raise self._unavailable(operation, _reason(exc)) from exc

    async def _follow(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        credentials: Mapping[str, Secret],
        json_body: object,
        form_body: Mapping[str, str] | None,
        operation: str,
    ) -> HttpAnswer:
        for _ in range(MAX_REDIRECTS + 1):
            if url.scheme not in ("http", "https") or not url.host:
                raise httpx.UnsupportedProtocol(f"{url} is no http address")
            sent = {**headers, **{name: secret.reveal() for name, secret in credentials.items()}}
            answer = await self._exchange(method, url, sent, json_body, form_body, operation)
            target = _redirect_target(method, url, answer)
            if target is None:
                return answer
            if _origin(target) != _origin(url):
                credentials = {}
            url = target
        raise ProviderRejected(
            self._told(operation, "redirects go in circles"), provider=self._provider, operation=operation
        )

    async def _exchange(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        json_body: object,
        form_body: Mapping[str, str] | None,
        operation: str,
    ) -> HttpAnswer:
        began = self._clock.monotonic()
        async with (
            asyncio.timeout(self._timeout_s),  # httpx limits each read, not the whole: a slow drip would never end
            self._client.stream(method, url, headers=dict(headers), json=json_body, data=form_body) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._max_body_bytes:
                    raise ContractBroken(
                        self._told(operation, f"the answer is larger than {self._max_body_bytes:,} bytes"),
                        provider=self._provider,
                        operation=operation,
                        status=response.status_code,
                    )
        return HttpAnswer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=bytes(body),
            url=redact(str(url)),
            elapsed_s=self._clock.monotonic() - began,
        )

    def _unavailable(self, operation: str, reason: str, *, found: bool = True) -> ProviderUnavailable:
        return ProviderUnavailable(
            self._told(operation, reason),
            provider=self._provider,
            operation=operation,
            hint="Check the network, the base URL and the service's status page; the same command may be run again.",
            details={} if found else {"connected": False},
        )

    def _told(self, operation: str, reason: str) -> str:
        return f"{self._provider}: {operation}: {reason}"


def harmless(text: str) -> str:
    """Words of a provider, fit for an error message: one line, short, without anything that looks like a key."""
    return clean_line(redact(text), limit=MAX_MESSAGE_CHARS)


def _reason(exc: Exception) -> str:
    words = harmless(str(exc))
    return f"{type(exc).__name__}: {words}" if words else type(exc).__name__


def _redirect_target(method: str, url: httpx.URL, answer: HttpAnswer) -> httpx.URL | None:
    """Where to ask again, with the query kept; None where the answer is final.

    A known client drops `since` and `author` on a 301 and files one person's commits under another's login, so what
    the new address does not say itself is carried over.
    """
    location = answer.headers.get("location")
    if answer.status not in _MOVED or not location:
        return None
    if method not in ("GET", "HEAD") and answer.status not in _BODY_KEPT:
        return None
    target = url.join(location)
    if method not in ("GET", "HEAD") and _origin(target) != _origin(url):
        return None
    return target.copy_with(params=url.params.merge(target.params)) if url.params else target


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)


def _is_loopback(url: str) -> bool:
    try:
        host = httpx.URL(url).host
        return host == "localhost" or ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False
