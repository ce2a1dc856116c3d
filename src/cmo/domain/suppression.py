"""Who must never be contacted, and the one function that decides it.

A suppression is a (kind, value) pair in a normal form that survives case, plus tags, Gmail's dots, internationalised
spellings and subdomains, so that a join on equality is enough for the store's queries.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from cmo.domain.address import bare_address, comparable_domain, identity_key, parent_domains
from cmo.domain.base import Frozen
from cmo.domain.text import clean_line


class SuppressionKind(StrEnum):
    EMAIL = "email"
    HASH = "hash"
    """A keyed hash of an address or login that was erased (`cmo forget`)."""
    LOGIN = "login"
    ACCOUNT = "account"
    """An organisation, by its id."""
    DOMAIN = "domain"
    """A mail domain with everything under it."""


Key = tuple[SuppressionKind, str]
"""What a suppression is stored and looked up by."""
MAIL_SERVER = "mail server"
MAIL_SERVICE = "mail service "
"""Source, or how it begins, of a suppression that says something of a mailbox, and nothing of whoever had it."""


class Suppression(Frozen):
    """A reason never to contact somebody; never expires, never undone by an import or a new discovery."""

    kind: SuppressionKind
    value: str
    """In the form that `suppression_value` gives."""
    reason: str
    source: str
    """Where it comes from: a page, a file, a reply, an operator."""
    added_at: datetime

    @property
    def is_of_mailbox(self) -> bool:
        """It holds for this address, and not for others of the same person."""
        return self.source.startswith((MAIL_SERVER, MAIL_SERVICE))


def email_key(email: str) -> str:
    """`email` in the form in which suppressions and identities compare it."""
    return identity_key(email)


def email_domain(email: str) -> str:
    """The domain of `email` in A-labels; empty where there is none."""
    return email_key(email).rpartition("@")[2] if "@" in email else ""


def suppression_value(kind: SuppressionKind, text: str) -> str:
    """`text` in the normal form of `kind`. Addresses may be written as `bare_address` takes them, and domains
    `example.com`, `@example.com`, `*.example.com` or `www.example.com`.

    Raises:
        ValueError: nothing can match `text`, or a domain is not a whole name (`com` would silence everybody).
    """
    trimmed = text.strip()
    match kind:
        case SuppressionKind.EMAIL:
            if "@" not in trimmed.strip("@"):
                raise ValueError(f"{trimmed!r} is not an address; to suppress a domain, say so")
            return email_key(bare_address(trimmed))
        case SuppressionKind.DOMAIN:
            domain = comparable_domain(clean_line(trimmed).removeprefix("*").lstrip("@.").rstrip("."))
            if domain is None:
                raise ValueError(f"{trimmed!r} is not a domain name such as example.com")
            return email_domain(f"anybody@{comparable_domain(domain.removeprefix('www.')) or domain}")
        case SuppressionKind.LOGIN | SuppressionKind.ACCOUNT | SuppressionKind.HASH:
            value = trimmed.removeprefix("@").lower()
            if not value:
                raise ValueError(f"nothing to suppress as {kind}")
            return value


def erased_value(kind: SuppressionKind, value: str, *, secret: bytes) -> str:
    """The hash that keeps an erased address or login suppressed without naming it.

    Args:
        kind: EMAIL or LOGIN.
        value: In any spelling.
        secret: The installation's own; without it the hash cannot be tried against known addresses.
    """
    text = f"{kind}:{suppression_value(kind, value)}"
    return hmac.new(secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def suppression_keys(
    *,
    email: str | None = None,
    login: str | None = None,
    account: str | None = None,
    secret: bytes | None = None,
    names: Iterable[Key] = (),
) -> tuple[Key, ...]:
    """Every key under which somebody may be suppressed, the most specific first.

    Args:
        secret: Needed to recognise the erased.
        names: Other logins, addresses and companies of the same person, in normal form.
    """
    named = []
    if email and "@" in email.strip().strip("@"):
        named.append((SuppressionKind.EMAIL, email_key(email)))
    if login and login.strip("@ "):
        named.append((SuppressionKind.LOGIN, suppression_value(SuppressionKind.LOGIN, login)))
    if account and account.strip("@ "):
        named.append((SuppressionKind.ACCOUNT, suppression_value(SuppressionKind.ACCOUNT, account)))
    named += sorted(set(names).difference(named))
    hashed = [
        (SuppressionKind.HASH, erased_value(kind, value, secret=secret))
        for kind, value in named
        if secret is not None and kind is not SuppressionKind.ACCOUNT
    ]
    domain = email_domain(email) if email else ""
    domains = [(SuppressionKind.DOMAIN, name) for name in parent_domains(domain)] if domain else []
    return (*named, *hashed, *domains)


def find_suppression(
    entries: Mapping[Key, Suppression],
    *,
    email: str | None = None,
    login: str | None = None,
    account: str | None = None,
    secret: bytes | None = None,
    names: Iterable[Key] = (),
) -> Suppression | None:
    """The suppression that forbids contact, or None: the only place where this is decided.

    Args:
        entries: The stored suppressions, at least those under `suppression_keys` of the same person.
        names: As for `suppression_keys`. What the person said under one of them holds for all; what is wrong with
            another mailbox does not.
    """
    own = suppression_keys(email=email, login=login, account=account, secret=secret)
    others = suppression_keys(names=names, secret=secret)
    said = next((entries[key] for key in own if key in entries), None)
    return said or next((entries[key] for key in others if key in entries and not entries[key].is_of_mailbox), None)
