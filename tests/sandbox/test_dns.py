from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from cmo.sandbox import FaultKind, FaultPlan, FaultRule
from cmo.sandbox.domains import DomainKind
from tests.sandbox.conftest import Bench, StartSandbox

Ask = Callable[[str, str], dns.resolver.Answer]


@pytest.fixture(scope="module")
def ask(bench: Bench) -> Ask:
    resolver = dns.resolver.Resolver(configure=False)
    host, port = bench.sandbox.dns_address
    resolver.nameservers, resolver.port = [host], port
    return lambda name, kind: resolver.resolve(name, kind, lifetime=0.3)


def _domain(bench: Bench, kind: DomainKind) -> str:
    return next(org.domain.name for org in bench.world.population.orgs if org.domain.kind is kind)


def _exchange(bench: Bench, name: str, *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, "MX")
    host, port = bench.sandbox.dns_address
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, port=port, timeout=0.3)


def test_a_good_domain_has_exchangers_with_global_addresses(bench: Bench, ask: Ask) -> None:
    for name in ("gmail.com", _domain(bench, DomainKind.OK)):
        for record in ask(name, "MX"):
            address = ask(str(record.exchange), "A")[0].to_text()
            assert ipaddress.ip_address(address).is_global


def test_a_domain_without_mx_has_an_address(bench: Bench, ask: Ask) -> None:
    name = _domain(bench, DomainKind.A_ONLY)
    with pytest.raises(dns.resolver.NoAnswer):
        ask(name, "MX")
    assert ipaddress.ip_address(ask(name, "A")[0].to_text()).is_global


def test_a_null_mx(bench: Bench, ask: Ask) -> None:
    answer = ask(_domain(bench, DomainKind.NULL_MX), "MX")
    assert [(record.preference, str(record.exchange)) for record in answer] == [(0, ".")]


def test_a_domain_that_does_not_exist(bench: Bench, ask: Ask) -> None:
    for name in (_domain(bench, DomainKind.NXDOMAIN), "never-heard-of-it.dev"):
        with pytest.raises(dns.resolver.NXDOMAIN):
            ask(name, "MX")


def test_an_exchanger_at_a_private_address(bench: Bench, ask: Ask) -> None:
    host = str(ask(_domain(bench, DomainKind.PRIVATE_MX), "MX")[0].exchange)
    assert not ipaddress.ip_address(ask(host, "A")[0].to_text()).is_global


def test_an_exchanger_whose_name_does_not_exist(bench: Bench, ask: Ask) -> None:
    host = str(ask(_domain(bench, DomainKind.DANGLING_MX), "MX")[0].exchange)
    with pytest.raises(dns.resolver.NXDOMAIN):
        ask(host, "A")


def test_a_domain_with_no_records_at_all(bench: Bench, ask: Ask) -> None:
    for kind in ("MX", "A", "AAAA"):
        with pytest.raises(dns.resolver.NoAnswer):
            ask(_domain(bench, DomainKind.NO_RECORDS), kind)


@pytest.mark.parametrize(
    ("kind", "rcode"), [(DomainKind.SERVFAIL, dns.rcode.SERVFAIL), (DomainKind.LAME, dns.rcode.REFUSED)]
)
def test_servers_that_cannot_say(bench: Bench, kind: DomainKind, rcode: dns.rcode.Rcode) -> None:
    assert _exchange(bench, _domain(bench, kind)).rcode() == rcode


def test_a_server_that_keeps_silent(bench: Bench) -> None:
    for tcp in (False, True):
        with pytest.raises(dns.exception.Timeout):
            _exchange(bench, _domain(bench, DomainKind.TIMEOUT), tcp=tcp)


def test_a_truncated_answer_is_whole_over_tcp(bench: Bench) -> None:
    name = _domain(bench, DomainKind.TRUNCATED)
    short = _exchange(bench, name)
    assert short.flags & dns.flags.TC
    assert not short.answer
    assert len(_exchange(bench, name, tcp=True).answer[0]) == 20


def test_peoples_own_domains_answer_too_in_unicode_as_well(bench: Bench, ask: Ask) -> None:
    population = bench.world.population
    domains = [population.personal_domain(index) for index in range(2000)]
    plain = next(one for one in domains if one.kind is DomainKind.OK and one.name.isascii())
    foreign = next(one for one in domains if one.kind is DomainKind.OK and not one.name.isascii())
    assert ask(plain.name, "MX")
    assert ask(foreign.name.encode("idna").decode(), "MX")


@pytest.mark.parametrize(
    "kind", [FaultKind.DNS_SERVFAIL, FaultKind.DNS_TIMEOUT, FaultKind.DNS_TRUNCATED, FaultKind.DNS_MALFORMED]
)
def test_name_server_faults_strike_once(start: StartSandbox, kind: FaultKind) -> None:
    bench = start(faults=FaultPlan((FaultRule(kind=kind, route="dns", nth=(1,)),)))
    try:
        first = _exchange(bench, "gmail.com")
    except dns.exception.DNSException:
        assert kind in (FaultKind.DNS_TIMEOUT, FaultKind.DNS_MALFORMED)
    else:
        assert first.rcode() == dns.rcode.SERVFAIL or first.flags & dns.flags.TC
    assert len(_exchange(bench, "gmail.com").answer[0]) == 2


def test_rubbish_is_ignored(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.sendto(b"rubbish", bench.sandbox.dns_address)
        raw.settimeout(0.1)
        with pytest.raises(TimeoutError):
            raw.recv(512)
    assert _exchange(bench, "gmail.com").answer
