"""The world's name server: real DNS messages over UDP and TCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype

from cmo.sandbox.domains import Domain, DomainKind, public_address, public_address_v6
from cmo.sandbox.faults import DNS_ROUTE, FaultKind, FaultPlayer
from cmo.sandbox.world import World

TTL_S = 300
SHARED_HOSTS = ("aspmx.l.google.com", "alt1.aspmx.l.google.com")


class NameServer:
    """Answers questions about the world's domains."""

    def __init__(self, world: World, faults: FaultPlayer) -> None:
        self._world = world
        self._faults = faults

    def answer(self, wire: bytes, *, tcp: bool) -> bytes | None:
        """The reply to one message; None where silence is the reply."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if not query.question:
            return dns.message.make_response(query).to_wire()
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        response = dns.message.make_response(query, recursion_available=True)
        fault = self._pick_fault(f"{name} {question.rdtype}", tcp=tcp)
        if fault is not None:
            return _faulty(fault, response)
        domain = self._world.population.domain(name)
        if domain is not None:
            return self._about_domain(domain, response, question.rdtype, tcp=tcp)
        self._about_host(name, response, question.rdtype)
        return response.to_wire()

    def _pick_fault(self, content: str, *, tcp: bool) -> FaultKind | None:
        for number, rule in self._faults.pick(DNS_ROUTE, f"{content} {tcp}"):
            if (rule.kind is not FaultKind.DNS_TRUNCATED or not tcp) and self._faults.play(number):
                return rule.kind
        return None

    def _about_domain(
        self, domain: Domain, response: dns.message.Message, rdtype: dns.rdatatype.RdataType, *, tcp: bool
    ) -> bytes | None:
        match domain.kind:
            case DomainKind.TIMEOUT:
                return None
            case DomainKind.SERVFAIL:
                response.set_rcode(dns.rcode.SERVFAIL)
            case DomainKind.LAME:
                response.set_rcode(dns.rcode.REFUSED)
            case DomainKind.NXDOMAIN:
                response.set_rcode(dns.rcode.NXDOMAIN)
            case DomainKind.TRUNCATED if not tcp and rdtype == dns.rdatatype.MX:
                response.flags |= dns.flags.TC
            case _:
                self._add_records(domain, response, rdtype)
        return response.to_wire()

    def _add_records(self, domain: Domain, response: dns.message.Message, rdtype: dns.rdatatype.RdataType) -> None:
        if rdtype == dns.rdatatype.MX:
            for preference, host in domain.exchangers:
                _add(response, "MX", f"{preference} {host.rstrip('.')}.")
        elif domain.kind in (DomainKind.PRIVATE_MX, DomainKind.DANGLING_MX, DomainKind.NO_RECORDS, DomainKind.NULL_MX):
            return
        elif rdtype == dns.rdatatype.A:
            _add(response, "A", public_address(domain.name))
        elif rdtype == dns.rdatatype.TXT:
            _add(response, "TXT", '"v=spf1 mx -all"')

    def _about_host(self, name: str, response: dns.message.Message, rdtype: dns.rdatatype.RdataType) -> None:
        """A mail host, or a name that does not exist."""
        label, _, parent = name.partition(".")
        owner = self._world.population.domain(parent)
        exists = name in SHARED_HOSTS or (
            owner is not None and owner.kind is not DomainKind.DANGLING_MX and label in ("mail", "www", *_MX_LABELS)
        )
        if not exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif owner is not None and owner.kind is DomainKind.PRIVATE_MX:
            if rdtype == dns.rdatatype.A:
                _add(response, "A", "10.0.0.25" if len(name) % 2 else "127.0.0.1")
        elif rdtype == dns.rdatatype.A:
            _add(response, "A", public_address(name))
        elif rdtype == dns.rdatatype.AAAA and len(name) % 2:
            _add(response, "AAAA", public_address_v6(name))


_MX_LABELS = tuple(f"mx{number}" for number in range(1, 21))


def _add(response: dns.message.Message, kind: str, text: str) -> None:
    question = response.question[0]
    rdtype = dns.rdatatype.from_text(kind)
    records = response.find_rrset(response.answer, question.name, question.rdclass, rdtype, create=True)
    records.add(dns.rdata.from_text(question.rdclass, rdtype, text), TTL_S)


def _faulty(fault: FaultKind, response: dns.message.Message) -> bytes | None:
    match fault:
        case FaultKind.DNS_TIMEOUT:
            return None
        case FaultKind.DNS_MALFORMED:
            return response.to_wire()[:12] + b"\xff\xff\xff\xff"
        case FaultKind.DNS_TRUNCATED:
            response.flags |= dns.flags.TC
        case _:
            response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


Pause = Callable[[], Awaitable[None]]


class UdpListener(asyncio.DatagramProtocol):
    """One datagram, one reply, each after the sandbox's latency."""

    def __init__(self, server: NameServer, pause: Pause) -> None:
        self._server = server
        self._pause = pause
        self._replies: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._reply(data, addr))
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _reply(self, data: bytes, addr: tuple[str, int]) -> None:
        wire = self._server.answer(data, tcp=False)
        await self._pause()
        if wire is not None and self._transport is not None:
            self._transport.sendto(wire, addr)


async def serve_tcp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: NameServer, pause: Pause
) -> None:
    """Answer length-prefixed messages of one connection; a question without an answer keeps it waiting."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            wire = server.answer(await reader.readexactly(length), tcp=True)
            await pause()
            if wire is not None:
                writer.write(len(wire).to_bytes(2, "big") + wire)
                await writer.drain()
    writer.close()
