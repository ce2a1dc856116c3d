"""One service of the sandbox behind a loopback port of its own, for a client to be pointed at."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from cmo.clock import Clock
from cmo.sandbox.faults import FaultPlan, FaultPlayer, FaultRule
from cmo.sandbox.server import HOST, STOP_S
from cmo.sandbox.vendors.door import Door, Vendor
from cmo.sandbox.wire import serve_connection


@dataclass(frozen=True)
class OpenDoor:
    url: str
    """Scheme, host and port; no path."""
    door: Door


@contextmanager
def open_door(vendor: Vendor, *rules: FaultRule, clock: Clock) -> Iterator[OpenDoor]:
    """Serve `vendor` in a thread of its own, with the troubles of `rules`, until the block ends."""
    door = Door(vendor, FaultPlayer(FaultPlan(rules)), clock=clock, latency_s=0.0)
    loop = asyncio.new_event_loop()
    numbers = itertools.count(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_connection(reader, writer, door.handle, number=next(numbers))

    server = loop.run_until_complete(asyncio.start_server(serve, HOST, 0))
    thread = threading.Thread(target=loop.run_forever, name="cmo-open-door", daemon=True)
    thread.start()
    try:
        yield OpenDoor(url=f"http://{HOST}:{server.sockets[0].getsockname()[1]}", door=door)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.run_until_complete(_end(server))
        loop.close()


def loopback() -> httpx.AsyncBaseTransport:
    """The network for clients of this machine, without the time it takes to load certificates."""
    return httpx.AsyncHTTPTransport(verify=False)


async def _end(server: asyncio.Server) -> None:
    """Stop listening and end every connection."""
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
