"""Who has an account on the sandbox's GitHub: people, organisations, machines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from cmo.sandbox.domains import Domain
from cmo.sandbox.names import Country


@dataclass(frozen=True, slots=True)
class Address:
    """One address a person commits with."""

    email: str
    linked: bool
    """Whether the account has it verified, so that GitHub shows the account on the commit."""


@dataclass(frozen=True, eq=False)
class Person:
    """An account of type `User`. Two of them may be the same human; a few are machines."""

    index: int
    login: str
    account_id: int
    name: str | None
    """As on the profile; None where the field is left empty."""
    commit_name: str
    country: Country
    created_at: int
    """Epoch seconds, as every time in the world."""
    machine: bool
    """A CI identity registered as an ordinary user."""
    deleted: bool
    """The account is gone: look-ups answer NOT_FOUND, old commits stay."""
    noreply: str
    noreply_only: bool
    addresses: tuple[Address, ...]
    """What they commit with, the usual one first; empty when every commit hides behind `noreply`."""
    profile_email: str
    """Empty when hidden."""
    opted_out: bool
    """Says on the profile that strangers should not write."""
    hostile: bool
    """Their free-text fields attack whoever reads them."""
    human: int
    """Index of the human behind the account: another account's index when somebody has two logins."""
    employer: int | None
    """Index of the organisation they work for."""

    @property
    def type(self) -> str:
        return "User"


@dataclass(frozen=True)
class Profile:
    """The free-text half of a person, made only when somebody looks."""

    bio: str | None
    company: str | None
    location: str | None
    website: str
    """Empty when there is none."""
    twitter: str | None
    hireable: bool | None
    followers: int
    following: int
    gists: int
    updated_at: int
    socials: tuple[tuple[str, str], ...]
    """Provider in lower case and URL."""


@dataclass(frozen=True, eq=False)
class Org:
    """A company or project that owns repositories and a mail domain."""

    index: int
    login: str
    account_id: int
    name: str
    domain: Domain
    description: str
    location: str
    created_at: int
    verified: bool

    @property
    def type(self) -> str:
        return "Organization"

    @cached_property
    def website(self) -> str:
        return f"https://{self.domain.name}"


@dataclass(frozen=True, eq=False)
class Bot:
    """A GitHub App's identity, `type: Bot`."""

    login: str
    account_id: int

    @property
    def type(self) -> str:
        return "Bot"

    @cached_property
    def noreply(self) -> str:
        return f"{self.account_id}+{self.login}@users.noreply.github.com"


Account: TypeAlias = Person | Org | Bot
"""Anything with a login."""
