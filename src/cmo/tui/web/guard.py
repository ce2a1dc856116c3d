"""Who may come in: one browser, by a link that works once; no page that it visits, and no name that points here.

What is asked of every request: a Host that is ours (else any name could be pointed at this machine), and the cookie
that the link was traded for. Of a socket besides: an Origin that is ours, since a browser opens sockets for any page
and sends the cookies of the place they lead to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from secrets import token_urlsafe
from urllib.parse import urlsplit

from aiohttp import web

SECRET_BYTES = 32
ENTRANCE = "/enter"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self';"
        " connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Keeps the secrets of one run of the server; they end with it."""

    def __init__(self, port: int, public_url: str | None = None) -> None:
        """Nobody is in yet.

        Args:
            public_url: An origin (`https://cmo.example`) by which it is reached besides this machine's own.
        """
        local = [f"http://{name}:{port}" for name in ("127.0.0.1", "localhost")]
        self.origins = [public_url, *local] if public_url else local
        """By which it is reached; the first is in the link."""
        self._is_secure = public_url is not None
        self._cookie_name = f"cmo-{port}"  # browsers keep cookies by host, not by port
        self._token: str | None = token_urlsafe(SECRET_BYTES)
        self._cookie: str | None = None

    @property
    def link(self) -> str:
        """What to open; it works once."""
        return f"{self.origins[0]}{ENTRANCE}?token={self._token}"

    def socket_url(self, request: web.Request) -> str:
        """Where the page opens its socket, by the name under which it was opened itself."""
        origin = next(origin for origin in self.origins if urlsplit(origin).netloc == request.host)
        return f"ws{origin.removeprefix('http')}/ws"

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Trade the token for the cookie."""
        if self._token is None or not _same(request.query.get("token", ""), self._token):
            raise web.HTTPForbidden(
                text="This link was used already, or is not the one.\n"
                f"In the browser that used it: {self.origins[0]}/. For another one, start `cmo serve` anew.\n"
            )
        self._token, self._cookie = None, token_urlsafe(SECRET_BYTES)
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            self._cookie_name, self._cookie, httponly=True, samesite="Strict", secure=self._is_secure, path="/"
        )
        return response

    @web.middleware
    async def check(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let a request pass, or refuse it."""
        if request.host not in {urlsplit(origin).netloc for origin in self.origins}:
            raise web.HTTPForbidden(text="No such host here. Another name needs `--public-url`.\n")
        if request.path != ENTRANCE:
            cookie = request.cookies.get(self._cookie_name, "")
            if self._cookie is None or not _same(cookie, self._cookie):
                raise web.HTTPForbidden(text="Open the link that `cmo serve` printed. It works once.\n")
            is_socket = request.headers.get("Upgrade", "").lower() == "websocket" or request.path == "/ws"
            if is_socket and request.headers.get("Origin") not in self.origins:
                raise web.HTTPForbidden(text="Another page may not open this socket.\n")
        return await handler(request)

    async def harden(self, request: web.Request, response: web.StreamResponse) -> None:
        """Headers of every answer: nothing of others is loaded, framed or kept."""
        sockets = " ".join(f"ws{origin.removeprefix('http')}" for origin in self.origins)
        response.headers.update({name: text.replace("{sockets}", sockets) for name, text in _HEADERS.items()})


def _same(given: str, kept: str) -> bool:
    return compare_digest(given.encode("utf-8", "surrogatepass"), kept.encode())
