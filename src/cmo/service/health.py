"""One harmless call to each outside service, for `cmo doctor` and `cmo auth test`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cmo.config import Settings
from cmo.domain.address import parse_address
from cmo.domain.lead import MxState
from cmo.errors import CmoError, ConfigError, ProviderError
from cmo.providers.ports import Meter
from cmo.service.cache import NoCache
from cmo.service.mail_setup import Probe, State
from cmo.service.wiring import Outside, open_github, open_resolver, outside
from cmo.service.writers import CRMS, MAILERS, open_crm, open_mailer, open_tickets

if TYPE_CHECKING:
    from cmo.providers.mail.domain_check import TxtLookup

__all__ = ["SERVICES", "Probe", "State", "outgoing_services", "probe_services"]

SERVICES = ("github", "model", "dns")
TRACKER = "linear"
DOMAIN = "domain"
"""SPF, DKIM and DMARC of the sender's domain."""

ALWAYS_THERE = "postmaster@github.com"
"""An address whose domain has taken mail for as long as anybody remembers; only its name is looked up."""
MODEL_TIMEOUT_S = 10.0


def probe_services(settings: Settings, *, names: Sequence[str] = SERVICES) -> list[Probe]:
    """Try each service of `names`: those of SERVICES, a mailer, a CRM, `linear`, and `domain`, which gives three.

    Never raises for what a service does.
    """
    with outside(settings) as found:
        return [probe for name in names for probe in _probe(settings, found, name)]


def outgoing_services(settings: Settings) -> tuple[tuple[str, ...], list[Probe]]:
    """What mail, CRM and tickets need as they are set up: the services to try, and those that are not needed."""
    names = (settings.mailer, DOMAIN, settings.crm, TRACKER)
    if settings.mode_ceiling != "send_allowed":
        mode = settings.mode_ceiling.replace("_", "-").upper()
        return (), [Probe(name, "skip", f"not needed while {mode}") for name in names]
    skipped = []
    if settings.mailer == "maildir" and not settings.sandbox:
        skipped.append(Probe(DOMAIN, "skip", "maildir only writes files"))
    for name, lacks in ((settings.crm, "the CRM is told nothing"), (TRACKER, "no tickets are filed")):
        if not settings.sandbox and settings.secrets.find(name) is None:
            skipped.append(Probe(name, "skip", f"no key: {lacks}", f"cmo auth set {name}"))
    left_out = {probe.name for probe in skipped}
    return tuple(name for name in names if name not in left_out), skipped


def _probe(settings: Settings, found: Outside, name: str) -> list[Probe]:
    try:
        if name == DOMAIN:
            return asyncio.run(_domain(settings, found))
        return [asyncio.run(_one(settings, found, name))]
    except ProviderError as exc:
        return [Probe(name, "fail", exc.message, exc.hint, unreachable=exc.status is None)]
    except CmoError as exc:
        return [Probe(name, "fail", exc.message, exc.hint)]


async def _one(settings: Settings, found: Outside, name: str) -> Probe:
    match name:
        case "github":
            return await _github(settings, found)
        case "model":
            return await _model(settings)
        case "dns":
            return await _dns(settings, found)
        case _:
            return await _outgoing(settings, found, name)


async def _outgoing(settings: Settings, found: Outside, name: str) -> Probe:
    if name in MAILERS:
        async with open_mailer(settings, found, name, Meter()) as mailer:
            told = await mailer.probe()
    elif name in CRMS:
        async with open_crm(settings, found, name, Meter()) as crm:
            told = await crm.probe()
    elif name == TRACKER:
        async with open_tickets(settings, found, Meter()) as tickets:
            told = await tickets.probe()
    else:
        known = (*SERVICES, *MAILERS, *CRMS, TRACKER, DOMAIN)
        raise ConfigError(f"There is no service `{name}`.", hint=f"Known: {', '.join(known)}")
    return Probe(name, told.state, told.detail, told.fix)


async def _domain(settings: Settings, found: Outside) -> list[Probe]:
    """Whether mail from the sender's domain is believed, with the record to paste where it is not."""
    from cmo.providers.mail.domain_check import check_domain

    if settings.sandbox:
        return [Probe(DOMAIN, "ok", "the sandbox believes every sender")]
    address = parse_address(settings.sender_email)
    if address is None:
        return [Probe(DOMAIN, "fail", "sender.email is no address", "cmo config set sender.email YOU@YOUR-DOMAIN")]
    told = await check_domain(address.ascii_domain, selector=settings.dkim_selector, lookup=_texts(settings, found))
    return [Probe(probe.provider, probe.state, probe.detail, probe.fix) for probe in told]


def _texts(settings: Settings, found: Outside) -> TxtLookup:
    from dns.rdatatype import TXT
    from dns.rdtypes.txtbase import TXTBase

    from cmo.providers.dns.client import DnsClient, Failed, Records, parse_nameserver, system_nameservers

    servers = (parse_nameserver(found.dns_server),) if found.dns_server else system_nameservers()
    client = DnsClient(servers, timeout_s=settings.dns_timeout_s, clock=found.clock, meter=Meter())

    async def lookup(name: str) -> list[str] | None:
        answer = await client.ask(name, TXT)
        if isinstance(answer, Failed):
            return None
        records = answer.rdatas if isinstance(answer, Records) else ()
        texts = [b"".join(record.strings) for record in records if isinstance(record, TXTBase)]
        return [text.decode("utf-8", "replace") for text in texts]

    return lookup


async def _github(settings: Settings, found: Outside) -> Probe:
    if not found.github_tokens:
        return Probe("github", "fail", "no key", "cmo auth set github   (or try: cmo demo)")
    async with open_github(settings, found, NoCache(), Meter()) as github:
        facts = await github.check_tokens()
    words, wide = [], False
    for fact in facts:
        left = {budget.resource: budget for budget in fact.budgets}
        points = left.get("graphql")
        told = f"{points.remaining:,} of {points.limit:,} points left" if points else "accepted"
        words.append(f"{fact.login or 'an app'}: {told}")
        wide = wide or fact.scopes is None or bool({"user", "read:user", "user:email"} & set(fact.scopes))
    text = "; ".join(words)
    if not wide:
        fix = "Give the token the scope read:user: else one more request a person for the published address."
        return Probe("github", "warn", f"accepted ({text}), without read:user", fix)
    return Probe("github", "ok", f"accepted ({text})")


async def _model(settings: Settings) -> Probe:
    name = settings.planner()
    if name == "rules":
        return Probe("model", "skip", "no key: the built-in rules plan")
    from cmo.graph.planners.completions import Endpoint, probe

    key = settings.secrets.find(name)
    if key is None:
        return Probe("model", "fail", f"LLM_PROVIDER is {name}, and there is no key", f"cmo auth set {name}")
    endpoint = Endpoint(
        name, key, settings.openai_base_url, settings.azure_openai_endpoint, settings.openai_api_version
    )
    trouble = await probe(endpoint, timeout_s=MODEL_TIMEOUT_S)
    if trouble is None:
        return Probe("model", "ok", "the key is accepted")
    unreachable = trouble.kind in ("timeout", "unreachable")
    fix = "The built-in rules plan meanwhile." if unreachable else f"cmo auth set {name}   (or LLM_PROVIDER=rules)"
    return Probe("model", "fail", trouble.message, fix, unreachable=unreachable)


async def _dns(settings: Settings, found: Outside) -> Probe:
    if settings.sandbox:
        return Probe("dns", "ok", f"the sandbox's, at {found.dns_server}")
    (verdict,) = await open_resolver(settings, found, NoCache(), Meter()).check([ALWAYS_THERE])
    if verdict.state is MxState.UNKNOWN:
        fix = "Check the network, or set CMO_DNS_SERVER."
        return Probe("dns", "fail", f"no answer: {verdict.reason}", fix, unreachable=True)
    return Probe("dns", "ok", f"answers ({found.dns_server or 'the system resolver'})")
