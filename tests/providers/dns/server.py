"""A real DNS server on loopback, UDP and TCP on one port, that answers from a small zone and misbehaves on request."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Mapping[str, Sequence[str]] | str]
"""Name -> {type: records}, or a way of misbehaving: servfail, refused, silent, garbage, truncated, other_name."""


class LoopbackDns:
    """Serves `zone` while the context lasts; names that are not in it do not exist."""

    def __init__(self, zone: Zone) -> None:
        self.zone = {name.lower().rstrip("."): entry for name, entry in zone.items()}
        self.asked: Counter[str] = Counter()
        """`name/type` -> questions, over UDP and TCP together."""
        self.tcp_asked = 0
        self.most_at_once = 0
        self.delay_s = 0.0
        self._at_once = 0
        self._udp: asyncio.DatagramTransport
        self._tcp: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> LoopbackDns:
        loop = asyncio.get_running_loop()
        for _ in range(20):
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=("127.0.0.1", 0))
            self.port = self._udp.get_extra_info("sockname")[1]
            try:
                self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", self.port)
            except OSError:  # somebody else has that port for TCP
                self._udp.close()
            else:
                return self
        raise RuntimeError("no port is free for both UDP and TCP")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._udp.close()
        self._tcp.close()
        await self._tcp.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer_later(self, data: bytes, peer: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._answer_udp(data, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_udp(self, data: bytes, peer: tuple[str, int]) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(self.delay_s)
        self._at_once -= 1
        wire = self._answer(data, over_tcp=False)
        if wire is not None and not self._udp.is_closing():
            self._udp.sendto(wire, peer)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        wire = self._answer(await reader.readexactly(length), over_tcp=True)
        self.tcp_asked += 1
        if wire is not None:
            writer.write(struct.pack("!H", len(wire)) + wire)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _answer(self, data: bytes, *, over_tcp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked[f"{name}/{kind}"] += 1
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        match self.zone.get(name):
            case None:
                response.set_rcode(dns.rcode.NXDOMAIN)
            case "silent":
                return None
            case "garbage":
                return data[:2] + b"\x80\x00\xff\xff\xff"
            case "servfail":
                response.set_rcode(dns.rcode.SERVFAIL)
            case "refused":
                response.set_rcode(dns.rcode.REFUSED)
            case "truncated" if not over_tcp:
                response.flags |= dns.flags.TC
            case "truncated":
                _add(response, name, {"MX": ["10 mx.acme.example."]}, kind)
            case "other_name":
                _add(response, "evil.example", {"MX": ["10 mx.acme.example."]}, kind)
            case str() as unknown:
                raise ValueError(unknown)
            case records:
                _add(response, name, records, kind)
                for target in records.get("CNAME", ()):
                    followed = self.zone[target.rstrip(".")]
                    assert not isinstance(followed, str)
                    _add(response, target.rstrip("."), followed, kind)
        return response.to_wire()


def _add(response: dns.message.Message, name: str, records: Mapping[str, Sequence[str]], kind: str) -> None:
    for held in (kind, "CNAME"):
        if records.get(held):
            response.answer.append(dns.rrset.from_text(name + ".", 300, "IN", held, *records[held]))
            return


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: LoopbackDns) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.answer_later(data, addr)
