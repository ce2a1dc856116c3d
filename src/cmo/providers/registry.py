"""Providers by name. A vendor's package, and the libraries it brings along, is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from cmo.errors import ConfigError

PROVIDERS: dict[str, str] = {
    "dns": "cmo.providers.dns.resolver:DnsResolver",
    "github": "cmo.providers.github.client:GitHub",
}
"""Name -> `module:factory`."""


def factory(name: str) -> Callable[..., Any]:
    """What makes a client of the provider called `name`.

    Raises:
        ConfigError: there is no such provider.
    """
    if name not in PROVIDERS:
        raise ConfigError(f"There is no provider `{name}`.", hint=f"Known: {', '.join(sorted(PROVIDERS))}")
    module, _, made_by = PROVIDERS[name].partition(":")
    made: Callable[..., Any] = getattr(import_module(module), made_by)
    return made
