"""Verdicts on addresses, against a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import pytest

from cmo.clock import ScaledClock
from cmo.domain.lead import MxState, MxVerdict
from cmo.errors import ConfigError
from cmo.providers.dns.client import NameServer, parse_nameserver
from cmo.providers.dns.mail import is_public
from cmo.providers.dns.resolver import DnsResolver
from cmo.providers.ports import Meter
from tests.fakes.cache import FakeCache
from tests.fakes.outside import NOW
from tests.providers.dns.server import LoopbackDns, Zone

T = TypeVar("T")

ZONE: Zone = {
    "acme.example": {"MX": ["20 mx2.acme.example.", "10 mx.acme.example."]},
    "mx.acme.example": {"A": ["8.8.8.8"]},
    "mx2.acme.example": {"A": ["8.8.4.4"]},
    "v6.example": {"MX": ["10 mx.v6.example."]},
    "mx.v6.example": {"AAAA": ["2606:4700::1111"]},
    "a-only.example": {"A": ["8.8.8.8"]},
    "empty.example": {"TXT": ["x"]},
    "null.example": {"MX": ["0 ."]},
    "private.example": {"MX": ["10 mx.private.example."], "A": ["8.8.8.8"]},
    "mx.private.example": {"A": ["10.0.0.1"], "AAAA": ["fd00::1"]},
    "second.example": {"MX": ["10 mx.private.example.", "20 mx.acme.example."]},
    "dangling.example": {"MX": ["10 gone.example."]},
    "doubt.example": {"MX": ["10 mx.servfail.example."]},
    "alias.example": {"CNAME": ["acme.example."]},
    "xn--bcher-kva.example": {"MX": ["10 mx.acme.example."]},
    "gmail.com": {"MX": ["10 mx.acme.example."]},
    "mailinator.com": {"MX": ["10 mx.acme.example."]},
    "mx.servfail.example": "servfail",
    "servfail.example": "servfail",
    "refused.example": "refused",
    "garbage.example": "garbage",
    "silent.example": "silent",
    "truncated.example": "truncated",
    "other.example": "other_name",
}


@dataclass
class Bench:
    """A resolver against a server, with its cache, meter and clock."""

    server: LoopbackDns
    cache: FakeCache = field(default_factory=FakeCache)
    meter: Meter = field(default_factory=Meter)
    clock: ScaledClock = field(default_factory=lambda: ScaledClock(NOW, speed=100))

    def resolver(self, *, nameserver: str | None = None, concurrency: int = 32) -> DnsResolver:
        return DnsResolver(
            nameserver=nameserver or self.server.address,
            timeout_s=2.0,
            clock=self.clock,
            cache=self.cache,
            meter=self.meter,
            concurrency=concurrency,
        )

    async def check(self, *emails: str) -> tuple[MxVerdict, ...]:
        return await self.resolver().check(emails)


def bench(work: Callable[[Bench], Awaitable[T]], zone: Zone = ZONE) -> T:
    async def run() -> T:
        async with LoopbackDns(zone) as server:
            return await work(Bench(server))

    return asyncio.run(run())


def verdict(email: str) -> MxVerdict:
    (found,) = bench(lambda b: b.check(email))
    return found


@pytest.mark.parametrize(
    ("domain", "state", "reason"),
    [
        ("acme.example", MxState.OK, "mx.acme.example takes mail for acme.example"),
        ("v6.example", MxState.OK, "takes mail"),
        ("a-only.example", MxState.OK, "has no MX record; mail goes to its own address"),
        ("truncated.example", MxState.OK, "takes mail"),
        ("second.example", MxState.OK, "mx.acme.example takes mail"),
        ("alias.example", MxState.OK, "takes mail"),
        ("nowhere.example", MxState.INVALID, "does not exist"),
        ("empty.example", MxState.INVALID, "neither an MX record nor a public address"),
        ("null.example", MxState.INVALID, "takes no mail (null MX)"),
        ("private.example", MxState.INVALID, "no mail server of private.example has a public address"),
        ("dangling.example", MxState.INVALID, "has a public address"),
        ("servfail.example", MxState.UNKNOWN, "the name server answers SERVFAIL"),
        ("refused.example", MxState.UNKNOWN, "the name server answers REFUSED"),
        ("garbage.example", MxState.UNKNOWN, "a malformed answer"),
        ("other.example", MxState.UNKNOWN, "about another name"),
        ("silent.example", MxState.UNKNOWN, "no answer within 2 s"),
        ("doubt.example", MxState.UNKNOWN, "could not be looked up"),
    ],
)
def test_a_domain_gets_one_of_four_states_with_a_reason(domain: str, state: MxState, reason: str) -> None:
    found = verdict(f"jane@{domain}")
    assert found.state is state
    assert reason in found.reason
    assert found.email == f"jane@{domain}"
    assert found.checked_at >= NOW


@pytest.mark.parametrize(
    ("email", "state", "flags"),
    [
        ("jane@gmail.com", MxState.OK, ("free_mail",)),
        ("info@acme.example", MxState.RISKY, ("role",)),
        ("ci@acme.example", MxState.RISKY, ("role",)),
        ("jane@mailinator.com", MxState.RISKY, ("disposable",)),
        ("jane@a-only.example", MxState.OK, ("no_mx",)),
        ("jane@null.example", MxState.INVALID, ("null_mx",)),
        ("info@null.example", MxState.INVALID, ("role", "null_mx")),
        ("Jane@Bücher.example", MxState.OK, ("idn",)),
        ("jane@xn--bcher-kva.example", MxState.OK, ("idn",)),
    ],
)
def test_flags_say_what_kind_of_address_it_is(email: str, state: MxState, flags: tuple[str, ...]) -> None:
    found = verdict(email)
    assert (found.state, found.flags) == (state, flags)


@pytest.mark.parametrize(
    "email", ["not an address", "jane@laptop.local", "jane@localhost", "1+jane@users.noreply.github.com", "", "a@b@"]
)
def test_what_reaches_nobody_is_invalid_without_a_question(email: str) -> None:
    async def work(b: Bench) -> int:
        (found,) = await b.check(email)
        assert found.state is MxState.INVALID
        assert found.email == email
        return sum(b.server.asked.values())

    assert bench(work) == 0


def test_verdicts_come_in_the_order_asked_also_for_the_same_domain() -> None:
    emails = ("b@acme.example", "x@nowhere.example", "a@acme.example", "bad", "b@acme.example")
    found = bench(lambda b: b.check(*emails))
    assert tuple(one.email for one in found) == emails
    assert [one.state.value for one in found] == ["ok", "invalid", "ok", "invalid", "ok"]


def test_a_domain_is_asked_for_once_however_many_want_to_know() -> None:
    async def work(b: Bench) -> None:
        resolver = b.resolver()
        pages = [[f"p{n}@acme.example", f"p{n}@second.example"] for n in range(20)]
        await asyncio.gather(*(resolver.check(page) for page in pages))
        assert b.server.asked["acme.example/MX"] == 1
        assert b.server.asked["mx.acme.example/A"] == 1

    bench(work)


@pytest.mark.parametrize(
    ("domain", "days", "questions"),
    [("acme.example", 6.9, 1), ("acme.example", 7.1, 2), ("nowhere.example", 2.9, 1), ("nowhere.example", 3.1, 2)],
)
def test_a_verdict_is_remembered_until_it_ages_out(domain: str, days: float, questions: int) -> None:
    async def work(b: Bench) -> int:
        await b.check(f"jane@{domain}")
        b.clock.advance(timedelta(days=days).total_seconds())
        await b.check(f"bob@{domain}")
        return b.server.asked[f"{domain}/MX"]

    assert bench(work) == questions


def test_a_doubtful_verdict_is_not_remembered() -> None:
    async def work(b: Bench) -> None:
        await b.check("jane@servfail.example")
        assert b.cache.answers == {}

    bench(work)


def test_an_unreadable_or_future_memory_is_asked_for_again() -> None:
    async def work(b: Bench) -> None:
        await b.check("jane@acme.example", "jane@nowhere.example")
        (key, answer), (other, later) = b.cache.answers.items()
        b.cache.answers[key] = answer.model_copy(update={"body": "{"})
        b.cache.answers[other] = later.model_copy(update={"fetched_at": NOW + timedelta(days=30)})
        found = await b.check("jane@acme.example", "jane@nowhere.example")
        assert [one.state.value for one in found] == ["ok", "invalid"]
        assert b.server.asked["acme.example/MX"] == b.server.asked["nowhere.example/MX"] == 2

    bench(work)


def test_questions_are_counted_and_memories_too() -> None:
    async def work(b: Bench) -> None:
        await b.check("jane@acme.example", "jane@truncated.example")
        assert b.meter.snapshot()["dns_queries"] == sum(b.server.asked.values()) == 4
        assert b.server.tcp_asked == 1
        await b.check("jane@acme.example")
        assert b.meter.snapshot()["cache_hits"] == 1

    bench(work)


def test_at_most_the_given_number_of_questions_is_under_way() -> None:
    async def work(b: Bench) -> int:
        b.server.delay_s = 0.01
        await b.resolver(concurrency=4).check([f"jane@d{n}.example" for n in range(40)])
        return b.server.most_at_once

    assert 1 < bench(work) <= 4


def test_a_name_server_that_is_down_leaves_everything_unknown() -> None:
    async def work(b: Bench) -> MxVerdict:
        (found,) = await b.resolver(nameserver="127.0.0.1:9").check(["jane@acme.example"])
        return found

    found = bench(work)
    assert found.state is MxState.UNKNOWN
    assert "could not be looked up" in found.reason


def test_a_name_server_may_be_given_by_name() -> None:
    async def work(b: Bench) -> MxVerdict:
        (found,) = await b.resolver(nameserver=f"localhost:{b.server.port}").check(["jane@acme.example"])
        return found

    assert bench(work).state is MxState.OK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", NameServer("127.0.0.1", 53)),
        ("127.0.0.1:5353", NameServer("127.0.0.1", 5353)),
        ("[::1]:5353", NameServer("::1", 5353)),
        ("[::1]", NameServer("::1", 53)),
        ("::1", NameServer("::1", 53)),
        ("dns.acme.dev:53", NameServer("dns.acme.dev", 53)),
    ],
)
def test_a_name_server_is_written_as_host_and_port(text: str, expected: NameServer) -> None:
    assert parse_nameserver(text) == expected


@pytest.mark.parametrize("text", [":53", "host:", "host:x", "host:0", "host:70000"])
def test_what_is_no_name_server_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(ConfigError, match="is no name server"):
        parse_nameserver(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.1.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("203.0.113.7", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:a00:1::1", False),
        ("fd00::1", False),
        ("nonsense", False),
    ],
)
def test_only_public_addresses_count(address: str, expected: bool) -> None:
    assert is_public(address) is expected


def test_one_resolver_may_be_used_in_several_event_loops_one_after_the_other() -> None:
    clock = ScaledClock(NOW, speed=1000)
    resolver = DnsResolver(
        nameserver="127.0.0.1:1", timeout_s=0.2, clock=clock, cache=FakeCache(), meter=Meter(), concurrency=1
    )
    addresses = [f"ana@org{n}.example" for n in range(3)]

    first = asyncio.run(resolver.check(addresses))
    again = asyncio.run(resolver.check(addresses))

    assert {verdict.state for verdict in (*first, *again)} == {MxState.UNKNOWN}
