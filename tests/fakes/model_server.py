"""A scripted OpenAI-compatible server on loopback, in threads: real HTTP, answers said beforehand, requests kept."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    path: str
    """With its query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def prompt(self) -> str:
        """All that the model reads: every message, one after the other."""
        return "\n".join(message["content"] for message in self.body["messages"])


@dataclass(frozen=True)
class Reply:
    """An answer, or what happens in place of one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fate: Literal["sent", "never", "drips", "reset"] = "sent"
    """`never` answers nothing, `drips` sends a byte now and then and no end, `reset` cuts the connection."""


def completion(*calls: tuple[str, object], tokens: int = 15, finish_reason: str = "tool_calls", **said: Any) -> Reply:
    """A chat completion with tool calls.

    Args:
        calls: Tool name and arguments; text is sent as it is, all else as JSON.
        said: `content` and `refusal` of the message.
    """
    written = [
        {
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": name, "arguments": args if isinstance(args, str) else json.dumps(args)},
        }
        for n, (name, args) in enumerate(calls, start=1)
    ]
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": written, **said}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish_reason, "logprobs": None, "message": message}],
        "usage": {"prompt_tokens": tokens - 5, "completion_tokens": 5, "total_tokens": tokens},
    }
    return Reply(body=json.dumps(answer).encode())


def refusal_of_service(status: int, message: str = "no", **error: Any) -> Reply:
    """An error as the service words it: `type`, `param` and `code` beside the message. Asks for quick retries."""
    told = {"message": message, "type": None, "param": None, "code": None, **error}
    return Reply(status=status, body=json.dumps({"error": told}).encode(), headers={"retry-after-ms": "1"})


class ModelServer(ThreadingHTTPServer):
    """Gives the replies of its script in turn; the last one again and again."""

    daemon_threads = False  # joined at the end, so that no socket outlives a test

    def __init__(self, script: Sequence[Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._script = list(script)
        self._lock = threading.Lock()
        self.is_over = threading.Event()
        self.hung_up = threading.Event()
        """A connection has ended."""
        self.asked: list[Asked] = []

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"{self.origin}/v1"

    def take(self, asked: Asked) -> Reply:
        """The reply to a request, which is kept."""
        with self._lock:
            self.asked.append(asked)
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open until the client closes them
    timeout = 20
    disable_nagle_algorithm = True  # head and body are two writes
    server: ModelServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.take(Asked(self.path, headers, raw))
        self.close_connection = reply.fate != "sent"
        match reply.fate:
            case "sent":
                self._send(reply)
            case "drips":
                self._drip(reply)
            case "never":
                self.server.is_over.wait()
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def finish(self) -> None:
        super().finish()
        self.server.hung_up.set()

    def _send(self, reply: Reply) -> None:
        self._head(reply, len(reply.body))
        self.wfile.write(reply.body)

    def _drip(self, reply: Reply) -> None:
        self._head(reply, 1_000_000)
        while not self.server.is_over.wait(0.05):
            self.wfile.write(b" ")

    def _head(self, reply: Reply, length: int) -> None:
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@contextmanager
def model_server(*script: Reply) -> Iterator[ModelServer]:
    """A server that runs while the context lasts."""
    with ModelServer(script) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()
