"""Pages, sockets, and a process for each tab, until nobody types any more.

Page script, terminal and the pipe to the app are textual-serve's; its own server is not used, because it lets anybody
in and loads a font from elsewhere.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import textual_serve
from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.app_service import AppService

from cmo.errors import OutputUnwritable
from cmo.tui.web.downloads import Downloads
from cmo.tui.web.guard import ENTRANCE, Guard

IDLE_S = 30 * 60.0
DRIVER = "cmo.tui.web.driver:Driver"
MOST_TABS = 8
MOST_BYTES = 1_000_000
"""Of one message from the browser: more than anybody pastes."""
MOST_CELLS = 1_000
"""Columns, or rows."""
HEARTBEAT_S = 15.0
_HERE = Path(__file__).parent
_OURS = ("page.js", "icon.svg")
_STATIC = Path(textual_serve.__file__).parent / "static"


@dataclass(frozen=True)
class Place:
    """Where it listens, and by what name it is reached from elsewhere."""

    port: int
    host: str = "127.0.0.1"
    public_url: str | None = None


class _Tab(AppService):
    """The process of one tab."""

    def __init__(self, command: str, view: web.WebSocketResponse, downloads: Downloads) -> None:
        super().__init__(
            command,
            write_bytes=partial(_while_open, view.send_bytes),
            write_str=partial(_while_open, view.send_str),
            close=partial(_while_open, view.close),
            download_manager=downloads,
        )

    async def run(self) -> None:
        """Pass on what it writes, until it is gone; the view ends with it, and does not stand still."""
        await super().run()
        if self._process is not None:
            await self._process.wait()
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        await self.remote_close()


async def _while_open(send: Callable[..., Awaitable[object]], *data: object) -> None:
    """Drops what comes once the socket is closed: the process still has to be read to its end."""
    with suppress(ConnectionResetError):
        await send(*data)


class Server:
    """One server: one link, one browser, up to `MOST_TABS` views."""

    def __init__(self, command: str, place: Place, *, idle_s: float = IDLE_S) -> None:
        """Listen, so that the link is known; nothing is answered yet.

        Args:
            command: What runs for each tab, as a shell reads it.
        Raises:
            OutputUnwritable: another process has the port.
        """
        # exec, so that its parent is this process; textual-serve names Textual's own driver before
        self._command = f"TEXTUAL_DRIVER={DRIVER} exec {command}"
        try:
            self._listening = socket.create_server((place.host, place.port))
        except OSError as error:
            raise OutputUnwritable(
                f"Port {place.port} of {place.host} cannot be had: {error.strerror}.", hint="cmo serve --port 8001"
            ) from error
        self.guard = Guard(self._listening.getsockname()[1], place.public_url)
        self._idle_s = idle_s
        self._last = time.monotonic()
        self._sockets: set[web.WebSocketResponse] = set()
        self._downloads = Downloads()
        self._stop = asyncio.Event()

    async def run(self) -> bool:
        """Serve until a signal, `stop`, or until nobody typed for long.

        Returns:
            Whether it was left alone.
        """
        app = web.Application(middlewares=[self.guard.check])
        app.on_response_prepare.append(self.guard.harden)
        app.router.add_get(ENTRANCE, self.guard.enter, allow_head=False)  # HEAD would use the link up
        app.router.add_get("/", self._page)
        for name in _OURS:
            app.router.add_get(f"/{name}", self._ours)
        app.router.add_get("/ws", self._socket)
        app.router.add_get("/download/{key}", self._downloads.give, allow_head=False)
        app.router.add_static("/static", _STATIC)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, self._listening).start()
            return await self._until_idle()
        finally:
            for view in list(self._sockets):
                await view.close(code=WSCloseCode.GOING_AWAY)
            await runner.cleanup()

    def stop(self) -> None:
        self._stop.set()

    async def _until_idle(self) -> bool:
        while (left := self._last + self._idle_s - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), left)
                return False
        return True

    async def _page(self, request: web.Request) -> web.Response:
        text = (
            (_HERE / "page.html")
            .read_text(encoding="utf-8")
            .replace("{socket}", escape(self.guard.socket_url(request)))
        )
        return web.Response(text=text, content_type="text/html")

    async def _ours(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_HERE / request.path.removeprefix("/"))

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        """One tab: its process begins and ends with the socket."""
        if len(self._sockets) >= MOST_TABS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_TABS} tabs are open. Close one.\n")
        view = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MOST_BYTES)
        self._sockets.add(view)
        tab = _Tab(self._command, view, self._downloads)
        try:
            await view.prepare(request)
            size = [_cells(request.query.get(name), usual) for name, usual in (("width", 80), ("height", 24))]
            await tab.start(*size)
            async for message in view:
                if message.type is WSMsgType.TEXT:
                    await self._take(tab, view, message)
        except (ValueError, LookupError, TypeError):  # it is not our page that speaks
            await view.close(code=WSCloseCode.UNSUPPORTED_DATA)
        finally:
            await tab.stop()
            self._sockets.discard(view)
        return view

    async def _take(self, tab: _Tab, view: web.WebSocketResponse, message: Any) -> None:
        kind, *rest = message.json()
        match kind:
            case "stdin":
                self._last = time.monotonic()
                await tab.send_bytes(str(rest[0]).encode("utf-8", "replace"))
            case "resize":
                await tab.set_terminal_size(_cells(rest[0]["width"], 80), _cells(rest[0]["height"], 24))
            case "ping":
                await view.send_json(["pong", rest[0]])
            case "blur":
                await tab.blur()
            case "focus":
                await tab.focus()
            case _:
                raise ValueError(kind)


def _cells(given: object, usual: int) -> int:
    """A width or height from the browser."""
    return usual if given is None else max(1, min(int(str(given)), MOST_CELLS))
