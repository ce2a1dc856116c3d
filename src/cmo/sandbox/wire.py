"""HTTP/1.1 over an asyncio stream: requests in, answers out, and the ways of cutting an answer short."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11

READ_BYTES = 65_536
JSON_TYPE = "application/json; charset=utf-8"


class Fate(Enum):
    """What happens to an answer on its way out."""

    SENT = "sent"
    DROPPED = "dropped"
    """The connection is reset and nothing is sent."""
    TRUNCATED = "truncated"
    """Half of the body is sent, then the connection is reset."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    """Path and query as sent."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    connection: int = 0
    """Number of the connection it came on."""

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    fate: Fate = Fate.SENT

    @classmethod
    def json(cls, status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
        body = json.dumps(content, separators=(",", ":")).encode()
        return cls(status, body, {"Content-Type": JSON_TYPE, **(headers or {})})

    @classmethod
    def html(cls, status: int, text: str) -> Response:
        return cls(status, text.encode(), {"Content-Type": "text/html"})


Handler = Callable[[Request], Awaitable[Response]]


async def serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler, *, number: int
) -> None:
    """Answer requests of connection `number` until either side closes it, or the server is stopped."""
    connection = h11.Connection(h11.SERVER)
    with contextlib.suppress(ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
        while True:
            request = await _read_request(connection, reader, writer, number)
            if request is None:
                break
            response = await handle(request)
            if not await _write_response(connection, writer, request, response):
                return
            if connection.our_state is h11.MUST_CLOSE or connection.their_state is h11.MUST_CLOSE:
                break
            connection.start_next_cycle()
    writer.close()


async def _read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode(), head.target.decode("latin-1"), headers, bytes(body), number)
        else:
            return None


async def _write_response(
    connection: h11.Connection, writer: asyncio.StreamWriter, request: Request, response: Response
) -> bool:
    """Send `response`; return whether the connection may be used again."""
    if response.fate is Fate.DROPPED:
        _reset(writer)
        return False
    headers = [*response.headers.items()]
    if response.status not in (204, 304):
        headers.append(("Content-Length", str(len(response.body))))
    out = connection.send(h11.Response(status_code=response.status, headers=headers)) or b""
    if response.fate is Fate.TRUNCATED:
        writer.write(out + (connection.send(h11.Data(data=response.body[: len(response.body) // 2])) or b""))
        await writer.drain()
        _reset(writer)
        return False
    if response.body and request.method != "HEAD" and response.status not in (204, 304):
        out += connection.send(h11.Data(data=response.body)) or b""
    writer.write(out + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the peer sees a reset, not an end of file."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
