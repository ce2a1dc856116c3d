"""Mail domains of the sandbox: which exist, what their DNS says, and whether mail to them would arrive."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import NamedTuple

from cmo.sandbox.dice import Dice, Weighted


class DomainKind(StrEnum):
    """How a domain answers a look-up of its mail exchangers."""

    OK = "ok"
    A_ONLY = "a_only"
    """No MX, but the domain itself has a public address: RFC 5321 delivers there."""
    TRUNCATED = "truncated"
    """The UDP answer has the TC bit and no records; TCP has them all."""
    NULL_MX = "null_mx"
    NXDOMAIN = "nxdomain"
    PRIVATE_MX = "private_mx"
    """The exchanger's only addresses are private or loopback."""
    DANGLING_MX = "dangling_mx"
    """The exchanger's name does not exist."""
    NO_RECORDS = "no_records"
    SERVFAIL = "servfail"
    TIMEOUT = "timeout"
    LAME = "lame"
    """The name server refuses to answer for the zone."""


class Deliverability(StrEnum):
    """What a perfect checker would say about a domain."""

    OK = "ok"
    INVALID = "invalid"
    UNKNOWN = "unknown"


_TRUTH = {
    DomainKind.OK: Deliverability.OK,
    DomainKind.A_ONLY: Deliverability.OK,
    DomainKind.TRUNCATED: Deliverability.OK,
    DomainKind.NULL_MX: Deliverability.INVALID,
    DomainKind.NXDOMAIN: Deliverability.INVALID,
    DomainKind.PRIVATE_MX: Deliverability.INVALID,
    DomainKind.DANGLING_MX: Deliverability.INVALID,
    DomainKind.NO_RECORDS: Deliverability.INVALID,
    DomainKind.SERVFAIL: Deliverability.UNKNOWN,
    DomainKind.TIMEOUT: Deliverability.UNKNOWN,
    DomainKind.LAME: Deliverability.UNKNOWN,
}

KINDS: Weighted[DomainKind] = Weighted(
    (
        (DomainKind.OK, 84.0),
        (DomainKind.A_ONLY, 3.0),
        (DomainKind.TRUNCATED, 2.5),
        (DomainKind.NULL_MX, 1.8),
        (DomainKind.NXDOMAIN, 3.0),
        (DomainKind.PRIVATE_MX, 1.2),
        (DomainKind.DANGLING_MX, 0.8),
        (DomainKind.NO_RECORDS, 1.0),
        (DomainKind.SERVFAIL, 1.0),
        (DomainKind.TIMEOUT, 0.9),
        (DomainKind.LAME, 0.8),
    )
)
"""Shares among domains of companies and people: 7.8 % dead, 2.7 % undecidable."""

# fmt: off
FREE_MAIL: Weighted[str] = Weighted(
    (
        ("gmail.com", 62), ("outlook.com", 7), ("hotmail.com", 6), ("yahoo.com", 4), ("protonmail.com", 5),
        ("proton.me", 4), ("icloud.com", 3), ("googlemail.com", 1), ("gmx.de", 2), ("web.de", 1), ("fastmail.com", 2),
        ("hey.com", 1), ("pm.me", 1), ("live.com", 1), ("mail.ru", 1), ("yandex.ru", 1), ("qq.com", 2), ("163.com", 2),
        ("posteo.de", 1), ("free.fr", 1),
    )
)
# fmt: on
DISPOSABLE = (
    "mailinator.com",
    "yopmail.com",
    "guerrillamail.com",
    "10minutemail.com",
    "temp-mail.org",
    "trashmail.com",
)
UNIVERSITIES = tuple(
    f"{name}.edu" for name in ("cs.northmoor", "eng.lakeridge", "stat.eastvale", "math.southfen", "ox.westmarch")
)
JUNK = ("localhost", "macbook-pro.local", "laptop.local", "localhost.localdomain", "build.internal", "(none)")
"""What unconfigured machines put after the at sign."""


class Domain(NamedTuple):
    """One name that mail may be addressed to."""

    name: str
    kind: DomainKind

    @property
    def deliverability(self) -> Deliverability:
        return _TRUTH[self.kind]

    @property
    def exchangers(self) -> tuple[tuple[int, str], ...]:
        """Preference and host of each MX record; empty where there is none."""
        match self.kind:
            case DomainKind.OK if zlib.crc32(self.name.encode()) % 3 == 0:
                return ((1, "aspmx.l.google.com"), (5, "alt1.aspmx.l.google.com"))
            case DomainKind.OK:
                return ((10, f"mx1.{self.name}"), (20, f"mx2.{self.name}"))
            case DomainKind.TRUNCATED:
                return tuple((10 * number, f"mx{number}.{self.name}") for number in range(1, 21))
            case DomainKind.NULL_MX:
                return ((0, "."),)
            case DomainKind.PRIVATE_MX | DomainKind.DANGLING_MX:
                return ((10, f"mail.{self.name}"),)
            case _:
                return ()


def common_domains() -> dict[str, Domain]:
    """Every domain that is not a company's or a person's, by name."""
    names = (*FREE_MAIL.options, *DISPOSABLE, *UNIVERSITIES)
    return {name: Domain(name, DomainKind.OK) for name in names}


def spread_kinds(count: int, *, seed: int) -> list[DomainKind]:
    """`count` kinds in their shares, each kind at least twice, in seeded order."""
    dice = Dice(seed, "domain kinds")
    kinds = [kind for kind in DomainKind for _ in range(2)]
    kinds += [KINDS.pick(dice) for _ in range(count - len(kinds))]
    return dice.shuffled(kinds)


def public_address(host: str) -> str:
    """A fixed IPv4 address that looks global; nothing in the sandbox ever connects to it."""
    mark = zlib.crc32(host.encode())
    return f"{(8, 23, 34, 52, 104, 151)[mark % 6]}.{mark >> 24 & 127}.{mark >> 16 & 255}.{(mark >> 8) % 254 + 1}"


def public_address_v6(host: str) -> str:
    """A fixed IPv6 address from a global range."""
    mark = zlib.crc32(host.encode())
    return f"2606:4700:{mark >> 16:x}::{mark & 0xFFFF or 1:x}"
