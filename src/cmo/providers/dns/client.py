"""Questions to name servers: UDP, TCP where the answer was cut, tried again where none came."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.resolver

from cmo.clock import Clock
from cmo.errors import ConfigError
from cmo.providers.ports import Meter

PORT = 53
SHARES = (0.2, 0.3, 0.5)
"""How the time-out of a question is shared among its tries."""
GRACE_S = 0.2
"""Real seconds that a try goes on after its time is over, since the clock given may be faster than the network."""


class NameServer(NamedTuple):
    host: str
    port: int


@dataclass(frozen=True)
class Records:
    """The answer's records; none where the name exists without records of that type."""

    rdatas: tuple[dns.rdata.Rdata, ...]


@dataclass(frozen=True)
class NoSuchName:
    """The name does not exist (NXDOMAIN)."""


@dataclass(frozen=True)
class Failed:
    """No usable answer; says nothing about the name."""

    why: str


Answer = Records | NoSuchName | Failed


class DnsClient:
    """Asks one set of name servers, at most `concurrency` questions at once."""

    def __init__(
        self, servers: Sequence[NameServer], *, timeout_s: float, clock: Clock, meter: Meter, concurrency: int = 32
    ) -> None:
        self._servers = servers
        self._timeout_s = timeout_s
        self._clock = clock
        self._meter = meter
        self._concurrency = concurrency
        self._slots: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None
        self._backend = dns.asyncbackend.get_backend("asyncio")

    async def ask(self, name: str, kind: dns.rdatatype.RdataType) -> Answer:
        """The answer for `name`, whatever the network does.

        Args:
            name: In A-labels, without a trailing dot.
        """
        if not self._servers:
            return Failed("no name server is configured; set CMO_DNS_SERVER")
        try:
            query = dns.message.make_query(dns.name.from_text(name + "."), kind)
        except (dns.exception.DNSException, UnicodeError) as exc:
            return Failed(f"it cannot be asked for ({type(exc).__name__})")
        answer: Answer = Failed("no answer")
        async with self._slots_here():
            for n, share in enumerate(SHARES):
                answer = await self._try(query, self._servers[n % len(self._servers)], self._timeout_s * share)
                if not isinstance(answer, Failed):
                    break
        return answer

    def _slots_here(self) -> asyncio.Semaphore:
        """The slots of the running loop; a command may use one client in several loops, one after the other."""
        loop = asyncio.get_running_loop()
        if self._slots is None or self._slots[0] is not loop:
            self._slots = (loop, asyncio.Semaphore(self._concurrency))
        return self._slots[1]

    async def _try(self, query: dns.message.QueryMessage, server: NameServer, seconds: float) -> Answer:
        work = asyncio.ensure_future(self._exchange(query, server))
        alarm = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({work, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await asyncio.wait({work}, timeout=GRACE_S)
            if not work.done():
                return Failed(f"no answer within {self._timeout_s:g} s")
            return work.result()
        finally:
            work.cancel()
            alarm.cancel()
            await asyncio.gather(work, alarm, return_exceptions=True)

    async def _exchange(self, query: dns.message.QueryMessage, server: NameServer) -> Answer:
        try:
            host = await _address_of(server)
            self._meter.add("dns_queries")
            response = await dns.asyncquery.udp(
                query, host, port=server.port, ignore_unexpected=True, backend=self._backend
            )
            if response.flags & dns.flags.TC:
                self._meter.add("dns_queries")
                response = await dns.asyncquery.tcp(query, host, port=server.port, backend=self._backend)
            return _read(response)
        except dns.exception.DNSException as exc:
            return Failed(f"a malformed answer ({type(exc).__name__})")
        except (OSError, EOFError) as exc:
            return Failed(f"the name server cannot be reached ({type(exc).__name__})")


def _read(response: dns.message.Message) -> Answer:
    code = response.rcode()
    if code == dns.rcode.NXDOMAIN:
        return NoSuchName()
    if code != dns.rcode.NOERROR:
        return Failed(f"the name server answers {dns.rcode.to_text(code)}")
    if not isinstance(response, dns.message.QueryMessage):
        return Failed("a malformed answer (not a query's)")
    chain = response.resolve_chaining()
    if chain.answer is not None:
        return Records(tuple(chain.answer))
    if response.answer and not chain.cnames:
        return Failed("a malformed answer (about another name)")
    return Records(())


async def _address_of(server: NameServer) -> str:
    """The server's IP address; a name such as `localhost` is looked up by the system."""
    try:
        return str(ipaddress.ip_address(server.host))
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port)
        return str(found[0][4][0])


def parse_nameserver(text: str) -> NameServer:
    """`host`, `host:port` or `[v6]:port`; the port is 53 where none is given.

    Raises:
        ConfigError: it is neither.
    """
    trimmed = text.strip()
    host, port = trimmed, str(PORT)
    if trimmed.startswith("["):
        host, _, rest = trimmed[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif trimmed.count(":") == 1:
        host, _, port = trimmed.partition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"`{text}` is no name server.", hint="Write CMO_DNS_SERVER as host or host:port.")
    return NameServer(host, int(port))


def system_nameservers() -> tuple[NameServer, ...]:
    """The name servers this machine is set up with; none where it has no such setting."""
    try:
        found = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):
        return ()
    return tuple(NameServer(host, found.port) for host in found.nameservers if isinstance(host, str))
