"""The `Resolver` port over DNS: a verdict for each address, remembered for each domain."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError

from cmo.clock import Clock
from cmo.domain.address import Address, AddressKind, classify, is_disposable, is_free_mail, parse_address
from cmo.domain.lead import MxState, MxVerdict
from cmo.providers.dns.client import DnsClient, Failed, parse_nameserver, system_nameservers
from cmo.providers.dns.mail import DomainVerdict, has_public_address, judge_domain
from cmo.providers.ports import CachedAnswer, Meter, ResponseCache

FRESH_FOR = {MxState.OK: timedelta(days=7), MxState.INVALID: timedelta(days=3)}
"""How long a domain's verdict holds; UNKNOWN is asked for again each time."""
HOST_FRESH_S = 3600.0
"""How long a mail server's address is remembered in memory: one serves many domains."""

_UNREACHABLE = {
    AddressKind.MALFORMED: "not an address that mail can be sent to",
    AddressKind.LOCAL: "its domain means something on one machine or network only",
    AddressKind.NOREPLY: "a noreply address reaches nobody",
}


class DnsResolver:
    """Checks addresses by syntax and DNS; works with port 25 closed.

    States: OK, RISKY (a role or machine address, or a throw-away provider, whose domain takes mail), INVALID (a clear
    no from syntax or DNS), UNKNOWN (the network or a name server failed).
    """

    def __init__(
        self,
        *,
        nameserver: str = "",
        timeout_s: float = 5.0,
        clock: Clock,
        cache: ResponseCache,
        meter: Meter,
        concurrency: int = 32,
    ) -> None:
        """
        Args:
            nameserver: `host` or `host:port`; empty for the system's.
            timeout_s: For one question with its tries, in the clock's seconds.
            concurrency: Questions under way at once.

        Raises:
            ConfigError: `nameserver` is neither form.
        """
        servers = (parse_nameserver(nameserver),) if nameserver else system_nameservers()
        self._client = DnsClient(servers, timeout_s=timeout_s, clock=clock, meter=meter, concurrency=concurrency)
        self._clock = clock
        self._cache = cache
        self._meter = meter
        self._domains: dict[str, asyncio.Task[DomainVerdict]] = {}
        self._hosts: dict[str, tuple[float, asyncio.Task[bool | Failed]]] = {}

    async def check(self, emails: Sequence[str]) -> tuple[MxVerdict, ...]:
        """A verdict for each address, in the order given; never raises for what the network does."""
        parsed = [None if classify(email) in _UNREACHABLE else parse_address(email) for email in emails]
        wanted = list(dict.fromkeys(address.ascii_domain for address in parsed if address is not None))
        found = await self._domain_verdicts(wanted)
        return tuple(
            self._unreachable(email) if address is None else self._verdict(email, address, found[address.ascii_domain])
            for email, address in zip(emails, parsed, strict=True)
        )

    async def _domain_verdicts(self, domains: Sequence[str]) -> dict[str, DomainVerdict]:
        known = self._remembered(domains)
        missing = [domain for domain in domains if domain not in known]
        found = await asyncio.gather(*(asyncio.shield(self._ask_once(domain)) for domain in missing))
        fresh = dict(zip(missing, found, strict=True))
        self._remember({domain: verdict for domain, verdict in fresh.items() if verdict.state in FRESH_FOR})
        return {**known, **fresh}

    def _ask_once(self, domain: str) -> asyncio.Task[DomainVerdict]:
        """The question about `domain` that is under way, else a new one."""
        task = self._domains.get(domain)
        if task is None:
            task = asyncio.ensure_future(judge_domain(domain, ask=self._client.ask, reach=self._reach))
            self._domains[domain] = task
            task.add_done_callback(lambda _: self._domains.pop(domain, None))
        return task

    async def _reach(self, host: str) -> bool | Failed:
        now = self._clock.monotonic()
        asked_at, task = self._hosts.get(host, (now, None))
        if task is None or now - asked_at > HOST_FRESH_S:
            task = asyncio.ensure_future(has_public_address(host, ask=self._client.ask))
            self._hosts[host] = (now, task)
        reached = await asyncio.shield(task)
        if isinstance(reached, Failed):
            self._hosts.pop(host, None)
        return reached

    def _remembered(self, domains: Sequence[str]) -> dict[str, DomainVerdict]:
        now = self._clock.now()
        known = {}
        answers = self._cache.get([_cache_key(domain) for domain in domains]) if domains else {}
        for domain in domains:
            answer = answers.get(_cache_key(domain))
            verdict = None if answer is None else _parse(answer.body)
            if answer is None or verdict is None:
                continue
            age = now - answer.fetched_at
            if timedelta(0) <= age < FRESH_FOR.get(verdict.state, timedelta(0)):
                known[domain] = verdict
        self._meter.add("cache_hits", len(known))
        return known

    def _remember(self, verdicts: dict[str, DomainVerdict]) -> None:
        if verdicts:
            now = self._clock.now()
            self._cache.put(
                {_cache_key(d): CachedAnswer(body=v.model_dump_json(), fetched_at=now) for d, v in verdicts.items()}
            )

    def _unreachable(self, email: str) -> MxVerdict:
        reason = _UNREACHABLE[classify(email)]
        return MxVerdict(email=email, state=MxState.INVALID, reason=reason, checked_at=self._clock.now())

    def _verdict(self, email: str, address: Address, domain: DomainVerdict) -> MxVerdict:
        flags = [*_flags_of(email, address), *domain.flags]
        state, reason = domain.state, domain.reason
        if state is MxState.OK and "role" in flags:
            state, reason = MxState.RISKY, f"{address.untagged_local}@ is a function's address, not one person's"
        elif state is MxState.OK and "disposable" in flags:
            state, reason = MxState.RISKY, f"{address.domain} hands out throw-away mailboxes"
        return MxVerdict(email=email, state=state, reason=reason, flags=tuple(flags), checked_at=self._clock.now())


def _flags_of(email: str, address: Address) -> list[str]:
    given = {
        "role": classify(email) in (AddressKind.ROLE, AddressKind.MACHINE),
        "disposable": is_disposable(address.ascii_domain),
        "free_mail": is_free_mail(address.ascii_domain),
        "idn": "xn--" in address.ascii_domain,
    }
    return [flag for flag, is_set in given.items() if is_set]


def _cache_key(domain: str) -> str:
    return f"dns:mail:{domain}"


def _parse(body: str) -> DomainVerdict | None:
    try:
        return DomainVerdict.model_validate_json(body)
    except ValidationError:
        return None
