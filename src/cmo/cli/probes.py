"""One harmless call to each outside service, through `cmo.service`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cmo.cli.checks import Check
from cmo.config import Settings

_SERVICES = ("github", "model", "dns")


def probe_all(settings: Settings, *, offline: bool) -> list[Check]:
    """Every outside service that a job needs."""
    if offline:
        return [Check(name, "skip", "not tried: --offline") for name in _SERVICES]
    return _probe(settings, _SERVICES)


def probe_keys(settings: Settings, names: Sequence[str], *, skip_missing: bool) -> list[Check]:
    """Try the keys called `names`; with `skip_missing` those that are not there are only named."""
    results = []
    for name in names:
        if skip_missing and settings.secrets.find(name) is None:
            results.append(Check(name, "skip", "no key", f"cmo auth set {name}"))
        elif name == "github":
            results += _probe(settings, ["github"])
        else:
            found = _probe(replace(settings, llm_provider=name), ["model"])
            results += [replace(check, name=name) for check in found]
    return results


def _probe(settings: Settings, names: Sequence[str]) -> list[Check]:
    from cmo import service

    return [
        Check(probe.name, probe.state, probe.message, probe.fix, probe.unreachable)
        for probe in service.probe_services(settings, names=names)
    ]
