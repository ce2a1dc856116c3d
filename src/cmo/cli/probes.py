"""One harmless call to each outside service, through `cmo.service`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cmo.cli.checks import Check
from cmo.config import Settings

if TYPE_CHECKING:
    from cmo.service.mail_setup import Probe

_SERVICES = ("github", "model", "dns")
_MODELS = ("openai", "azure_openai")
_TRIED_BY = {"google_refresh": "gmail", "google_secret": "gmail"}
"""Keys that are tried at a service of another name."""


def probe_all(settings: Settings, *, offline: bool) -> list[Check]:
    """Every outside service that a job needs, and those that mail, CRM and tickets need once sending is allowed."""
    from cmo.service.health import outgoing_services

    names, skipped = outgoing_services(settings)
    wanted = (*_SERVICES, *names)
    tried = [Check(name, "skip", "not tried: --offline") for name in wanted] if offline else _probe(settings, wanted)
    return tried + [_check(probe) for probe in skipped]


def mail_checks(settings: Settings) -> list[Check]:
    """What mail needs on this machine; no network."""
    from cmo.service.mail_setup import look_at_mail

    return [_check(probe) for probe in look_at_mail(settings)]


def probe_keys(settings: Settings, names: Sequence[str], *, skip_missing: bool) -> list[Check]:
    """Try the keys called `names`; with `skip_missing` those that are not there are only named."""
    results = []
    for name in names:
        if skip_missing and settings.secrets.find(name) is None:
            results.append(Check(name, "skip", "no key", f"cmo auth set {name}"))
        elif name not in _MODELS:
            found = _probe(settings, [_TRIED_BY.get(name, name)])
            results += [replace(check, name=name) for check in found]
        else:
            found = _probe(replace(settings, llm_provider=name), ["model"])
            results += [replace(check, name=name) for check in found]
    return results


def _probe(settings: Settings, names: Sequence[str]) -> list[Check]:
    from cmo import service

    return [_check(probe) for probe in service.probe_services(settings, names=names)]


def _check(probe: Probe) -> Check:
    return Check(probe.name, probe.state, probe.message, probe.fix, probe.unreachable)
