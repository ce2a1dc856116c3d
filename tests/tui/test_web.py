"""The browser: who is let in, what a tab is, and when it ends. Real HTTP and sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import (
    ClientPayloadError,
    ClientSession,
    ClientWebSocketResponse,
    CookieJar,
    WSMsgType,
    WSServerHandshakeError,
)

from cmo.errors import OutputUnwritable
from cmo.store.switches import KILL, find_switch
from cmo.tui.web.guard import Guard
from cmo.tui.web.server import Place, Server
from tests.cli.harness import Cmo
from tests.tui.screen import seeded, store_of
from tests.tui.terminal import Terminal

PATIENCE_S = 8.0
LOADED = ("/page.js", "/icon.svg", "/static/js/textual.js")
"""Files that the page asks for."""
LAST_ROW = "\x1b[40;"
"""Where the footer begins in 40 rows."""
ECHO = """
import json, os, sys
from textual._binary_encode import dump
out = sys.stdout.buffer
def say(data, kind=b"D"):
    out.write(kind + len(data).to_bytes(4, "big") + data); out.flush()
out.write(b"__GANGLION__\\n"); say(b"pid %d" % os.getpid())
left = {}
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if b'"quit"' in data: break
    if data.startswith(b"offer "):
        left = {data[6:].decode(): [b"one,", b"two", b""]}
        about = {"path": "/x/a b.csv", "open_method": "download", "mime_type": "text/csv", "encoding": ""}
        say(json.dumps({"type": "deliver_file_start", "key": data[6:].decode(), **about}).encode(), b"M")
    elif b"deliver_chunk_request" in data:
        key = json.loads(data)["key"]
        if key == "cut" and len(left[key]) == 2: break
        say(dump(("deliver_chunk", key, left[key].pop(0))), b"P")
    else:
        say(data)
"""
"""What speaks as an app does: tells its process, repeats what is typed, and hands over a file when told to."""


class Browser:
    """Who opened a link, with cookies as browsers keep them."""

    def __init__(self, http: ClientSession, link: str) -> None:
        self.http = http
        self.link = link
        self.origin = f"http://{urlsplit(link).netloc}"

    async def enter(self) -> None:
        async with self.http.get(self.link) as page:
            assert page.status == 200
            assert "session-websocket-url" in await page.text()

    async def status(self, path: str = "/", **headers: str) -> int:
        async with self.http.get(self.origin + path, headers=headers, allow_redirects=False) as answer:
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            return answer.status

    @asynccontextmanager
    async def tab(self, **headers: str) -> AsyncIterator[ClientWebSocketResponse]:
        url = f"ws{self.origin.removeprefix('http')}/ws?width=100&height=30"
        async with self.http.ws_connect(url, headers={"Origin": self.origin, **headers}) as tab:
            yield tab

    async def refused(self, **headers: str) -> int:
        """The status with which a socket is refused."""
        with pytest.raises(WSServerHandshakeError) as caught:
            async with self.tab(**headers):
                pass
        return caught.value.status


async def read_until(tab: ClientWebSocketResponse, words: str) -> str:
    """What the tab's process writes, up to `words`."""
    text = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while words not in text:
                message = await tab.receive()
                assert message.type is WSMsgType.BINARY, f"{message.type!r} after {text[-1000:]!r}"
                text += message.data.decode("utf-8", "replace")
    except TimeoutError:
        raise AssertionError(f"waited in vain for {words!r}; it wrote {text[-2000:]!r}") from None
    return text


async def pid_of(tab: ClientWebSocketResponse) -> int:
    message = await tab.receive(PATIENCE_S)
    return int(message.data.removeprefix(b"pid "))


async def offered(tab: ClientWebSocketResponse) -> str:
    """Where the page finds the file that the tab hands over next."""
    async with asyncio.timeout(PATIENCE_S):
        while (message := await tab.receive()).type is not WSMsgType.TEXT:
            assert message.type is WSMsgType.BINARY
    kind, key = message.json()
    assert kind == "deliver_file_start"
    return f"/download/{key}"


async def type_in(tab: ClientWebSocketResponse, keys: str) -> None:
    await tab.send_str(json.dumps(["stdin", keys]))


def browse(scene: Callable[[Browser, Server], Awaitable[None]], *, idle_s: float = 60.0) -> bool:
    """Serve, play a scene in a browser, stop; whether it ended because nobody typed."""

    async def main() -> bool:
        server = Server(shlex.join([sys.executable, "-c", ECHO]), Place(0), idle_s=idle_s)
        served = asyncio.create_task(server.run())
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
            await scene(Browser(http, server.guard.link), server)
        server.stop()
        return await served

    return asyncio.run(main())


def test_without_the_cookie_nothing_is_shown_and_no_socket_opens() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        assert [await browser.status(path) for path in ("/", *LOADED, "/ws", "/download/x", "/none")] == [403] * 7
        assert await browser.status("/enter?token=guess") == 403
        assert await browser.status("/enter?token=%ff") == 403
        assert await browser.refused() == 403

    browse(scene)


def test_the_link_works_once_and_its_cookie_is_kept_from_scripts_and_other_sites() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        async with browser.http.head(browser.link) as answer:
            assert answer.status == 405
        async with browser.http.get(browser.link, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert [await browser.status(path) for path in ("/", *LOADED)] == [200] * 4
        async with ClientSession() as another, another.get(browser.link) as answer:
            assert answer.status == 403
            assert "used already" in await answer.text()

    browse(scene)


def test_a_name_that_only_points_here_is_refused_even_with_the_cookie() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        await browser.enter()
        port = urlsplit(browser.link).port
        assert await browser.status(Host=f"evil.example:{port}") == 403
        assert await browser.status(Host="127.0.0.1") == 403
        assert await browser.refused(Host=f"evil.example:{port}") == 403

    browse(scene)


def test_a_page_from_elsewhere_opens_no_socket_even_with_the_cookie() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        await browser.enter()
        for origin in ("https://evil.example", "null", "", f"https://{urlsplit(browser.link).netloc}"):
            assert await browser.refused(Origin=origin) == 403

    browse(scene)


def test_every_tab_has_a_process_of_its_own_and_closing_one_ends_only_that() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        await browser.enter()
        async with browser.tab() as one:
            first = await pid_of(one)
            async with browser.tab() as two:
                assert await pid_of(two) != first
            await type_in(one, "still here")
            assert await read_until(one, "still here")
            async with browser.tab() as killed:
                os.kill(await pid_of(killed), signal.SIGKILL)
                assert (await killed.receive(PATIENCE_S)).type is WSMsgType.CLOSE
            for nonsense in ('["resize", {"width": "x"}]', "[]", '["quit"]'):
                async with browser.tab() as three:
                    await pid_of(three)
                    await three.send_str(nonsense)
                    assert (await three.receive(PATIENCE_S)).type is WSMsgType.CLOSE

    browse(scene)


def test_a_file_that_a_tab_hands_over_is_downloaded_once() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        await browser.enter()
        async with browser.tab() as tab:
            await type_in(tab, "offer whole")
            path = await offered(tab)
            async with browser.http.get(browser.origin + path) as file:
                assert await file.read() == b"one,two"
                assert file.headers["Content-Disposition"] == 'attachment; filename="a%20b.csv"'
            assert await browser.status(path) == 404
            await type_in(tab, "offer never asked for")
            path = await offered(tab)
        while await browser.status(path) != 404:
            await asyncio.sleep(0.01)

    browse(scene)


def test_a_file_that_breaks_off_is_not_taken_for_whole() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        await browser.enter()
        async with browser.tab() as tab:
            await type_in(tab, "offer cut")
            async with browser.http.get(browser.origin + await offered(tab)) as file:
                with pytest.raises(ClientPayloadError):
                    await file.read()

    browse(scene)


def test_it_ends_with_its_tabs_once_nobody_types_though_the_page_still_asks() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        await browser.enter()
        async with browser.tab() as tab:
            await pid_of(tab)
            await tab.send_str('["ping", "1"]')
            assert (await tab.receive(PATIENCE_S)).data == '["pong", "1"]'
            assert (await tab.receive(PATIENCE_S)).type is WSMsgType.CLOSE

    assert browse(scene, idle_s=0.5)


def test_a_public_name_needs_tls_and_only_that_makes_another_interface_possible(tmp_path: Path) -> None:
    cmo = Cmo(tmp_path, tmp_path)
    guard = Guard(8000, "https://cmo.example")
    assert guard.link.startswith("https://cmo.example/enter?token=")
    assert guard.origins == ["https://cmo.example", "http://127.0.0.1:8000", "http://localhost:8000"]
    for url in ("http://cmo.example", "https://", "https://a.example/path", "https://u@a.example", "https://[", "x"):
        assert cmo("serve", "--public-url", url).code == 2
    assert cmo("serve", "--listen", "0.0.0.0").code == 2
    assert cmo("serve", "--listen", "everywhere", "--public-url", "https://cmo.example").code == 2


def test_deciding_in_a_browser_is_allowed_at_a_terminal_only(tmp_path: Path) -> None:
    assert Cmo(tmp_path, tmp_path)("serve", "--allow-actions").code == 5


def test_a_port_that_is_taken_is_said() -> None:
    async def scene(browser: Browser, server: Server) -> None:
        with pytest.raises(OutputUnwritable, match="cannot be had"):
            Server("true", Place(urlsplit(browser.link).port or 0))

    browse(scene)


@pytest.mark.parametrize("allowed", [False, True], ids=["read-only", "allowed"])
def test_the_full_screen_decides_in_a_browser_only_where_that_was_allowed(tmp_path: Path, allowed: bool) -> None:
    home = tmp_path / "place"
    seeded(home)[0].close()
    conn = store_of(home)

    async def main(link: str) -> None:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
            browser = Browser(http, link)
            await browser.enter()
            async with browser.tab() as tab:
                await tab.send_str('["resize", {"width": 100, "height": 40}]')  # before its process has begun
                if "maint1" not in await read_until(tab, LAST_ROW):  # the frame is painted first
                    await read_until(tab, "maint1")
                await type_in(tab, "s")
                await read_until(tab, "↷1" if allowed else "read-only")
                await type_in(tab, "!")
                await read_until(tab, "ALL SENDING")
                await type_in(tab, "3")
                await read_until(tab, "scored")
                await type_in(tab, "\x05")
                if not allowed:
                    await read_until(tab, "serve --allow-actions")
                    return
                async with http.get(browser.origin + await offered(tab)) as file:
                    assert (await file.text()).startswith("login,name,email")
                    assert "prospects.csv" in file.headers["Content-Disposition"]
                await read_until(tab, "downloads")

    actions = ["--allow-actions"] if allowed else []
    with Terminal("serve", "--port", "0", "--screen", "review", *actions, home=home) as terminal:
        terminal.until("Ctrl-C ends")
        (link,) = [word for word in terminal.text.split() if word.startswith("http://")]
        asyncio.run(main(link))
        terminal.type("\x03")
        assert terminal.ended() == 0
    put_off = conn.execute("SELECT COUNT(*) FROM drafts WHERE put_off_until IS NOT NULL").fetchone()[0]
    assert put_off == (1 if allowed else 0)
    assert not list(home.rglob("prospects.csv"))
    assert find_switch(conn, KILL, now=datetime.now(UTC)) is not None
