"""Opening whoever writes to the outside: from settings and keys, or from the sandbox's places."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cmo.config import Secret, Settings
from cmo.errors import ConfigError
from cmo.providers.ports import Crm, Mailer, Meter, SequenceMailer, Tickets
from cmo.providers.registry import factory
from cmo.service.wiring import Outside

MAILERS = ("maildir", "smtp", "gmail", "instantly", "smartlead")
CRMS = ("attio", "hubspot")
OUTGOING = "outgoing"
"""The Maildir below the data folder that `maildir` writes to."""


@asynccontextmanager
async def open_mailer(settings: Settings, found: Outside, name: str, meter: Meter) -> AsyncIterator[Mailer]:
    """The mailer called `name`.

    Raises:
        ConfigError: it is not set up; says what is missing and how to set it.
    """
    async with _mailer(settings, found, name, meter) as mailer:
        yield mailer


@asynccontextmanager
async def open_sequence_mailer(
    settings: Settings, found: Outside, name: str, meter: Meter
) -> AsyncIterator[SequenceMailer]:
    """The same for one of `SEQUENCE_MAILERS`; raises as `open_mailer`."""
    async with _mailer(settings, found, name, meter) as mailer:
        yield mailer


def _mailer(settings: Settings, found: Outside, name: str, meter: Meter) -> Any:
    """An async context manager."""
    match name:
        case "maildir":
            client = factory(name)(
                settings.paths.data_dir / OUTGOING,
                inbox=_sender(settings),
                clock=found.clock,
                meter=meter,
            )
        case "smtp":
            client = _smtp(settings, found, meter)
        case "instantly":
            client = _http(
                settings, found, name, "INSTANTLY", settings.instantly_base_url, settings.instantly_timeout_s, meter
            )
        case "smartlead":
            client = _http(settings, found, name, "SMARTLEAD", settings.smartlead_base_url, 30.0, meter)
        case "gmail":
            client = factory(name)(
                _google_login(settings) or _key(settings, found, name, "GOOGLE_ACCESS_TOKEN"),
                base_url=found.places.get("GMAIL_API_URL", settings.gmail_api_url),
                timeout_s=30.0,
                clock=found.clock,
                meter=meter,
                is_warm=settings.sender_email in settings.warm_inboxes,
            )
        case _:
            raise ConfigError(f"There is no mailer `{name}`.", hint=f"Known: {', '.join(MAILERS)}")
    return client


@asynccontextmanager
async def open_crm(settings: Settings, found: Outside, name: str, meter: Meter) -> AsyncIterator[Crm]:
    """The CRM called `name`; raises as `open_mailer`."""
    match name:
        case "attio":
            client = factory(name)(
                _key(settings, found, name, "ATTIO_API_KEY"),
                base_url=found.places.get("ATTIO_BASE_URL", settings.attio_base_url),
                timeout_s=settings.attio_timeout_s,
                clock=found.clock,
                meter=meter,
                per_minute=settings.attio_per_minute,
            )
        case "hubspot":
            client = factory(name)(
                _key(settings, found, name, "HUBSPOT_ACCESS_TOKEN"),
                base_url=found.places.get("HUBSPOT_BASE_URL", settings.hubspot_base_url),
                timeout_s=20.0,
                clock=found.clock,
                meter=meter,
                api_version=settings.hubspot_api_version,
            )
        case _:
            raise ConfigError(f"There is no CRM `{name}`.", hint=f"Known: {', '.join(CRMS)}")
    async with client as crm:
        yield crm


@asynccontextmanager
async def open_tickets(settings: Settings, found: Outside, meter: Meter) -> AsyncIterator[Tickets]:
    """The ticket tracker; raises as `open_mailer`."""
    client = factory("linear")(
        _key(settings, found, "linear", "LINEAR_API_KEY"),
        base_url=found.places.get("LINEAR_API_URL", settings.linear_api_url),
        timeout_s=20.0,
        clock=found.clock,
        meter=meter,
        team=found.places.get("CMO_LINEAR_TEAM") or settings.linear_team,
    )
    async with client as tickets:
        yield tickets


def has_ticket_team(settings: Settings, found: Outside) -> bool:
    """Whether tickets are to be filed at all."""
    return bool(found.places.get("CMO_LINEAR_TEAM") or settings.linear_team)


def ticket_team(settings: Settings, found: Outside) -> str:
    """The team that tickets go to.

    Raises:
        ConfigError: none is set.
    """
    team = found.places.get("CMO_LINEAR_TEAM") or settings.linear_team
    if not team:
        raise ConfigError("No Linear team is set.", hint="cmo config set linear.team TEAM-ID")
    return team


def _http(
    settings: Settings, found: Outside, name: str, prefix: str, base_url: str, timeout_s: float, meter: Meter
) -> Any:
    """A service with campaigns. Those of the sandbox are ready-made, in a zone of their own."""
    return factory(name)(
        _key(settings, found, name, f"{prefix}_API_KEY"),
        base_url=found.places.get(f"{prefix}_BASE_URL", base_url),
        timeout_s=timeout_s,
        clock=found.clock,
        meter=meter,
        zone=None if settings.sandbox else settings.sender_time_zone,
        hours=settings.sending_hours,
    )


def _smtp(settings: Settings, found: Outside, meter: Meter) -> Any:
    host = found.places.get("SMTP_HOST") or settings.smtp_host
    if not host:
        raise ConfigError("No mail server is set.", hint="cmo config set smtp.host mail.example.org")
    port = int(found.places.get("SMTP_PORT") or settings.smtp_port)
    user = found.places.get("SMTP_USER") or settings.smtp_user
    return factory("smtp")(
        host=host,
        port=port,
        user=user,
        password=_key(settings, found, "smtp", "SMTP_PASSWORD") if user else None,
        from_email=_sender(settings),
        is_warm=settings.sender_email in settings.warm_inboxes,
        timeout_s=12.0 if found.places else 60.0,
        tls="implicit" if port == 465 else "none" if host in ("127.0.0.1", "localhost", "::1") else "starttls",
        clock=found.clock,
        meter=meter,
    )


def _google_login(settings: Settings) -> Any:
    """What access tokens can be had for again and again; None where there is no refresh token."""
    refresh_token = settings.secrets.find("google_refresh")
    if refresh_token is None:
        return None
    if not settings.google_client_id:
        raise ConfigError(
            "A refresh token for Gmail needs its OAuth client.", hint="cmo config set google.client_id ID"
        )
    return factory("google_login")(
        settings.google_client_id, settings.secrets.get("google_secret"), refresh_token, settings.google_token_url
    )


def _key(settings: Settings, found: Outside, name: str, variable: str) -> Secret:
    """The key of a provider; in the sandbox the one that its world accepts."""
    if variable in found.places:
        return Secret(found.places[variable])
    return settings.secrets.get(name)


def _sender(settings: Settings) -> str:
    if not settings.sender_email:
        raise ConfigError("No sender is set.", hint="cmo config set sender.email you@example.org")
    return settings.sender_email
