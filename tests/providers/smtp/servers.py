"""The sandbox's mail server on a loopback port, beside its client in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cmo.config.secrets import Secret
from cmo.domain.outward import Letter, Receipt
from cmo.providers.ports import Meter
from cmo.providers.smtp.client import Smtp
from cmo.sandbox.mailserver import MailServer
from tests.fakes.loop import LoopClock

HOST = "127.0.0.1"
USER = "ann@sender.example"
PASSWORD = Secret("correct-horse")


@asynccontextmanager
async def listening(server: MailServer) -> AsyncIterator[int]:
    """The port that `server` answers on; on the way out every conversation is heard to its end."""
    conversations: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        await server.serve(reader, writer)

    listener = await asyncio.start_server(serve, HOST, 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        if conversations:
            _, pending = await asyncio.wait(conversations, timeout=300.0)
            assert not pending


def smtp_to(port: int, **changes: Any) -> Smtp:
    """A client of the server on `port`, with `changes`."""
    settings: dict[str, Any] = {
        "host": HOST,
        "port": port,
        "user": USER,
        "password": PASSWORD,
        "from_email": USER,
        "timeout_s": 30.0,
        "clock": LoopClock(),
        "meter": Meter(),
        "tls": "none",
    }
    return Smtp(**{**settings, **changes})


async def send(client: Smtp, letter: Letter) -> Receipt:
    (receipt,) = await client.write("smtp.send", [letter])
    return receipt
