"""Whether a domain takes mail: MX, else its own address (RFC 5321, 5.1), null MX (RFC 7505), public addresses only."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

import dns.rdatatype
from dns.rdtypes.ANY.MX import MX

from cmo.domain.base import Frozen
from cmo.domain.lead import MxState
from cmo.providers.dns.client import Answer, Failed, NoSuchName, Records

MOST_HOSTS = 10
"""Mail servers of one domain that are looked at, in order of preference."""

Ask = Callable[[str, dns.rdatatype.RdataType], Awaitable[Answer]]
Reach = Callable[[str], Awaitable[bool | Failed]]
"""Whether a host has a public address."""


class DomainVerdict(Frozen):
    """What DNS says about a mail domain."""

    state: MxState
    reason: str
    flags: tuple[str, ...] = ()


async def judge_domain(domain: str, *, ask: Ask, reach: Reach) -> DomainVerdict:
    """The verdict on `domain` (in A-labels). Only a clear no of DNS is INVALID; whatever else fails is UNKNOWN."""
    answer = await ask(domain, dns.rdatatype.MX)
    if isinstance(answer, NoSuchName):
        return DomainVerdict(state=MxState.INVALID, reason=f"{domain} does not exist")
    if isinstance(answer, Failed):
        return _unknown(domain, answer.why)
    exchangers = [record for record in answer.rdatas if isinstance(record, MX)]
    if not exchangers:
        return await _judge_without_mx(domain, reach)
    hosts = [_host(record) for record in sorted(exchangers, key=lambda mx: (mx.preference, _host(mx)))]
    if not any(hosts):
        reason = f"{domain} declares that it takes no mail (null MX)"
        return DomainVerdict(state=MxState.INVALID, reason=reason, flags=("null_mx",))
    return await _judge_hosts(domain, [host for host in hosts if host][:MOST_HOSTS], reach)


async def has_public_address(host: str, *, ask: Ask) -> bool | Failed:
    """Whether `host` has an address that the public internet can reach; Failed where that cannot be told."""
    failed: Failed | None = None
    for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
        match await ask(host, kind):
            case NoSuchName():
                return False
            case Failed() as failed:
                pass
            case Records(rdatas):
                if any(is_public(record.to_text()) for record in rdatas):
                    return True
    return failed or False


def is_public(address: str) -> bool:
    """Whether `address` is one that mail from the internet can be delivered to."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = ip.ipv4_mapped or ip.sixtofour if isinstance(ip, ipaddress.IPv6Address) else None
    if inner is not None:
        ip = inner
    return ip.is_global and not ip.is_multicast


async def _judge_hosts(domain: str, hosts: list[str], reach: Reach) -> DomainVerdict:
    doubt: Failed | None = None
    for host in hosts:
        reached = await reach(host)
        if reached is True:
            return DomainVerdict(state=MxState.OK, reason=f"{host} takes mail for {domain}")
        if isinstance(reached, Failed):
            doubt = reached
    if doubt is not None:
        return _unknown(hosts[0], doubt.why)
    return DomainVerdict(state=MxState.INVALID, reason=f"no mail server of {domain} has a public address")


async def _judge_without_mx(domain: str, reach: Reach) -> DomainVerdict:
    match await reach(domain):
        case True:
            reason = f"{domain} has no MX record; mail goes to its own address (RFC 5321)"
            return DomainVerdict(state=MxState.OK, reason=reason, flags=("no_mx",))
        case Failed(why):
            return _unknown(domain, why)
        case _:
            reason = f"{domain} has neither an MX record nor a public address"
            return DomainVerdict(state=MxState.INVALID, reason=reason, flags=("no_mx",))


def _unknown(name: str, why: str) -> DomainVerdict:
    return DomainVerdict(state=MxState.UNKNOWN, reason=f"{name} could not be looked up: {why}")


def _host(record: MX) -> str:
    """The mail server's name; empty for the null MX."""
    return record.exchange.to_text(omit_final_dot=True).lower().strip(".")
