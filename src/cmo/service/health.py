"""One harmless call to each outside service, for `cmo doctor` and `cmo auth test`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cmo.config import Settings
from cmo.domain.lead import MxState
from cmo.errors import CmoError, ConfigError, ProviderError
from cmo.providers.ports import Meter
from cmo.service.cache import NoCache
from cmo.service.wiring import Outside, open_github, open_resolver, outside

State = Literal["ok", "warn", "fail", "skip"]
SERVICES = ("github", "model", "dns")
ALWAYS_THERE = "postmaster@github.com"
"""An address whose domain has taken mail for as long as anybody remembers; only its name is looked up."""
MODEL_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Probe:
    """What came of trying one service."""

    name: str
    state: State
    message: str
    fix: str = ""
    """One command or one sentence."""
    unreachable: bool = False
    """It failed because nobody answered."""


def probe_services(settings: Settings, *, names: Sequence[str] = SERVICES) -> list[Probe]:
    """Try each service of `names`: `github`, `model`, `dns`. Never raises for what a service does."""
    with outside(settings) as found:
        return [_probe(settings, found, name) for name in names]


def _probe(settings: Settings, found: Outside, name: str) -> Probe:
    try:
        match name:
            case "github":
                return asyncio.run(_github(settings, found))
            case "model":
                return asyncio.run(_model(settings))
            case "dns":
                return asyncio.run(_dns(settings, found))
            case _:
                raise ConfigError(f"There is no service `{name}`.", hint=f"Known: {', '.join(SERVICES)}")
    except ProviderError as exc:
        return Probe(name, "fail", exc.message, exc.hint, unreachable=exc.status is None)
    except CmoError as exc:
        return Probe(name, "fail", exc.message, exc.hint)


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
