"""Providers by name. A vendor's package, and the libraries it brings along, is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from cmo.errors import ConfigError

PROVIDERS: dict[str, str] = {
    "attio": "cmo.providers.attio.client:Attio",
    "dns": "cmo.providers.dns.resolver:DnsResolver",
    "github": "cmo.providers.github.client:GitHub",
    "gmail": "cmo.providers.gmail.client:Gmail",
    "google_login": "cmo.providers.gmail.tokens:GoogleLogin",
    "hubspot": "cmo.providers.hubspot.client:HubSpot",
    "instantly": "cmo.providers.instantly.client:Instantly",
    "linear": "cmo.providers.linear.client:Linear",
    "maildir": "cmo.providers.maildir.client:Maildir",
    "mime": "cmo.providers.mail.mime:build_mail",
    "smartlead": "cmo.providers.smartlead.client:Smartlead",
    "smtp": "cmo.providers.smtp.client:Smtp",
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
