"""The sandbox as one object: a world behind loopback ports, in a thread of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType

from cmo.clock import Clock
from cmo.sandbox.books import Books
from cmo.sandbox.dns import NameServer, UdpListener, serve_tcp
from cmo.sandbox.faults import FaultPlayer
from cmo.sandbox.gateway import Gateway
from cmo.sandbox.github_graphql import GraphQLEndpoint
from cmo.sandbox.github_rest import RestEndpoint
from cmo.sandbox.limits import Limiter
from cmo.sandbox.mailserver import MailServer
from cmo.sandbox.search import SearchIndex
from cmo.sandbox.settings import SandboxSettings
from cmo.sandbox.smtp_faults import SmtpFaultPlayer
from cmo.sandbox.vendors.door import Door
from cmo.sandbox.vendors.registry import OFFERS
from cmo.sandbox.wire import serve_connection
from cmo.sandbox.world import World

HOST = "127.0.0.1"
BIND_TRIES = 20
STOP_S = 5.0
SMTP_USER, SMTP_PASSWORD = "sam@sandbox.example", "sandbox-password"


class Sandbox:
    """Start it, point clients at `environment()`, stop it. Also a context manager."""

    def __init__(self, settings: SandboxSettings, *, clock: Clock, world: World | None = None) -> None:
        """Make everything but the sockets.

        Args:
            world: One made before with the same seed and anchor, to save making it again.
        """
        self.settings = settings
        self.clock = clock
        self.world = world or World(seed=settings.seed, anchor_at=settings.anchor_at)
        self.books = Books()
        self._faults = FaultPlayer(settings.faults)
        self._limiter = Limiter(settings, clock)
        self.doors: dict[str, Door] = {
            name: Door(offer.make(self.world), self._faults, clock=clock, latency_s=settings.latency_s)
            for name, offer in OFFERS.items()
        }
        """Name -> a service that is written to."""
        self._door_ports: dict[str, int] = {}
        self.mail = MailServer(
            clock=clock,
            faults=SmtpFaultPlayer(settings.smtp_faults, seed=settings.seed),
            user=SMTP_USER,
            password=SMTP_PASSWORD,
        )
        """The sender's mail server, with everything it took."""
        self._smtp_port = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._connections = itertools.count(1)
        self._failure: BaseException | None = None
        self._servers: list[asyncio.Server] = []
        self._datagrams: asyncio.DatagramTransport | None = None
        self._http_port = 0
        self._dns_port = 0

    @property
    def github_url(self) -> str:
        """Base of the REST API, without a trailing slash."""
        return f"http://{HOST}:{self._http_port}"

    @property
    def graphql_url(self) -> str:
        return f"{self.github_url}/graphql"

    @property
    def dns_address(self) -> tuple[str, int]:
        return (HOST, self._dns_port)

    def environment(self) -> dict[str, str]:
        """Variables that point every client at this sandbox."""
        places = {
            "GITHUB_API_URL": self.github_url,
            "GITHUB_GRAPHQL_URL": self.graphql_url,
            "GITHUB_TOKEN": self.settings.token,
            "CMO_DNS_SERVER": f"{HOST}:{self._dns_port}",
        }
        places.update(SMTP_HOST=HOST, SMTP_PORT=str(self._smtp_port), SMTP_USER=SMTP_USER, SMTP_PASSWORD=SMTP_PASSWORD)
        for name, offer in OFFERS.items():
            places[offer.url_variable] = f"http://{HOST}:{self._door_ports[name]}{offer.path}"
            places.update(offer.variables)
        return places

    def start(self) -> Sandbox:
        """Bind the ports and begin to answer.

        Raises:
            OSError: no port could be bound.
        """
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, name="cmo-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Close every connection and end the thread; does nothing when it is not running."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_S)
        self._thread = self._loop = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def save(self, path: Path) -> None:
        """Write books, limits and faults, so that another process can go on in the same hour."""
        state = {
            "books": self.books.to_json(),
            "limits": self._limiter.to_json(),
            "faults": self._faults.to_json(),
            "mail": self.mail.to_json(),
            "doors": {name: door.to_json() for name, door in self.doors.items()},
        }
        part = path.with_name(f"{path.name}.part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(state), encoding="utf-8")
        part.replace(path)

    def load(self, path: Path) -> None:
        """Take over what `save` wrote; call it before `start`."""
        state = json.loads(path.read_text(encoding="utf-8"))
        self.books.load_json(state["books"])
        self._limiter.load_json(state["limits"])
        self._faults.load_json(state["faults"])
        if "mail" in state:
            self.mail.load_json(state["mail"])
        for name, saved in state.get("doors", {}).items():
            if name in self.doors:
                self.doors[name].load_json(saved)

    def _run(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._bind())
        except OSError as error:
            self._failure = error
            loop.close()
            return
        finally:
            self._ready.set()
        loop.run_forever()
        loop.run_until_complete(self._close())
        loop.close()

    async def _bind(self) -> None:
        index = SearchIndex(self.world)
        http = await asyncio.start_server(self._serve_http, HOST, 0, backlog=256)
        self._servers.append(http)
        self._http_port = http.sockets[0].getsockname()[1]
        self._gateway = Gateway(
            self.settings,
            self.clock,
            books=self.books,
            limiter=self._limiter,
            faults=self._faults,
            graphql=GraphQLEndpoint(self.world, index),
            rest=RestEndpoint(self.world, index, base_url=self.github_url),
        )
        smtp = await asyncio.start_server(self.mail.serve, HOST, 0, backlog=256)
        self._servers.append(smtp)
        self._smtp_port = smtp.sockets[0].getsockname()[1]
        for name, door in self.doors.items():
            server = await asyncio.start_server(self._at_door(door), HOST, 0, backlog=256)
            self._servers.append(server)
            self._door_ports[name] = server.sockets[0].getsockname()[1]
        self._names = NameServer(self.world, self._faults)
        await self._bind_dns()

    async def _bind_dns(self) -> None:
        """UDP and TCP on one port, found by trying."""
        loop = asyncio.get_running_loop()
        for attempt in range(BIND_TRIES):
            tcp = await asyncio.start_server(self._serve_dns, HOST, 0)
            port = tcp.sockets[0].getsockname()[1]
            try:
                self._datagrams, _ = await loop.create_datagram_endpoint(
                    lambda: UdpListener(self._names, self._pause), local_addr=(HOST, port)
                )
            except OSError:
                tcp.close()
                if attempt == BIND_TRIES - 1:
                    raise
                continue
            self._servers.append(tcp)
            self._dns_port = port
            return

    async def _serve_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_connection(reader, writer, self._gateway.handle, number=next(self._connections))

    def _at_door(self, door: Door) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve_connection(reader, writer, door.handle, number=next(self._connections))

        return serve

    async def _serve_dns(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_tcp(reader, writer, self._names, self._pause)

    async def _pause(self) -> None:
        await self.clock.sleep(self.settings.latency_s / 5)

    async def _close(self) -> None:
        """Stop listening and end every connection."""
        for server in self._servers:
            server.close()
        if self._datagrams is not None:
            self._datagrams.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


def start_sandbox(settings: SandboxSettings, *, clock: Clock, world: World | None = None) -> Sandbox:
    """A running sandbox; the caller stops it."""
    return Sandbox(settings, clock=clock, world=world).start()
