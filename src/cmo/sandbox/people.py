"""Makes the people and organisations of a world, each from its own index, when somebody asks for it."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import NamedTuple

from cmo.sandbox.accounts import Account, Address, Bot, Org, Person
from cmo.sandbox.dice import Dice
from cmo.sandbox.domains import DISPOSABLE, FREE_MAIL, JUNK, UNIVERSITIES, Domain, common_domains, spread_kinds
from cmo.sandbox.domains import KINDS as DOMAIN_KINDS
from cmo.sandbox.hostile import HOSTILE
from cmo.sandbox.names import BOTS, CI_USERS, COUNTRIES, LOOKALIKES, Country, split_name
from cmo.sandbox.vocabulary import ORG_HEADS, ORG_TAILS, TLDS

DAY_S = 86_400
HUMANS = 12_000
ORGS = 340
TWIN_EVERY = 97
"""One account in this many is somebody's second login."""
DELETED_SHARE = 0.012
HOSTILE_SHARE = 0.03
OPTED_OUT_SHARE = 0.03
NOREPLY_ONLY_SHARE = 0.39
UNLINKED_SHARE = 0.07
ID_FORM_SINCE = int(datetime(2017, 7, 18, tzinfo=UTC).timestamp())
IDN_PREFIX = "bücher-"
_FOLD = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "đ": "d", "Đ": "D", "\u0131": "i", "'": "", "-": ""})


class Named(NamedTuple):
    """The part of a person that must be fixed early, because logins are unique."""

    full: str
    first: str
    last: str
    """Lower-case ASCII."""
    country: Country


class Population:
    """Every account of a world. `person(index)` is made on first use and kept."""

    def __init__(self, seed: int, anchor_at: int) -> None:
        self.seed = seed
        self.anchor_at = anchor_at
        self.domains = common_domains()
        self.orgs = _make_orgs(seed, anchor_at)
        self.domains.update({org.domain.name: org.domain for org in self.orgs})
        self.bots = tuple(Bot(login, account_id) for login, account_id in BOTS)
        others: tuple[Account, ...] = (*self.orgs, *self.bots)
        self._others = {account.login.lower(): account for account in others}
        self._others_by_id = {account.account_id: account for account in others}
        self._named, self._logins = _make_logins(seed, taken=set(self._others))
        self._index_by_login = {login.lower(): index for index, login in enumerate(self._logins)}
        self._people: dict[int, Person] = {}

    def __len__(self) -> int:
        return len(self._logins)

    def person(self, index: int) -> Person:
        found = self._people.get(index)
        if found is None:
            found = self._people[index] = _PersonMaker(self, index).make()
        return found

    def find_account(self, login: str) -> Account | None:
        """The account of that login in any case, deleted ones too."""
        key = login.lower()
        index = self._index_by_login.get(key)
        return self.person(index) if index is not None else self._others.get(key)

    def find_person(self, login: str) -> Person | None:
        index = self._index_by_login.get(login.lower())
        return None if index is None else self.person(index)

    def find_by_id(self, account_id: int) -> Account | None:
        """The account of that database id, deleted ones too."""
        index = account_id % _ID_STEP
        if index < len(self) and self.person(index).account_id == account_id:
            return self.person(index)
        return self._others_by_id.get(account_id)

    def login_of(self, index: int) -> str:
        return self._logins[index]

    def named(self, index: int) -> Named:
        return self._named[index]

    def domain(self, name: str) -> Domain | None:
        """Facts of a mail domain given in Unicode or as A-labels; None where nothing is registered."""
        key = _unicode_domain(name.lower().rstrip("."))
        known = self.domains.get(key)
        if known is not None:
            return known
        owner = self.find_person(key.partition(".")[0].removeprefix(IDN_PREFIX).rpartition("-x")[0])
        if owner is None or self.personal_domain(owner.index).name != key:
            return None
        return self.personal_domain(owner.index)

    def personal_domain(self, index: int) -> Domain:
        """The domain that belongs to this person, whether they use it or not.

        The index in it keeps it apart from names that somebody may really hold.
        """
        dice = Dice(self.seed, "personal domain", index)
        prefix = IDN_PREFIX if dice.chance(0.02) else ""
        return Domain(f"{prefix}{self._logins[index]}-x{index}.{TLDS.pick(dice)}", DOMAIN_KINDS.pick(dice))


def _unicode_domain(name: str) -> str:
    if "xn--" not in name:
        return name
    try:
        return name.encode("ascii").decode("idna")
    except UnicodeError:
        return name


_ID_STEP = 30_000
"""Account ids are days times this plus the index: unique, and growing with the account's age."""


def ascii_fold(text: str) -> str:
    """`text` in lower-case ASCII letters, as somebody would put it into an address."""
    plain = unicodedata.normalize("NFKD", text.translate(_FOLD)).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())


def _make_orgs(seed: int, anchor_at: int) -> tuple[Org, ...]:
    dice = Dice(seed, "orgs")
    stems = dice.shuffled([head + tail for head in ORG_HEADS for tail in ORG_TAILS])[:ORGS]
    stems[0] = "quillharrow"
    kinds = spread_kinds(ORGS, seed=seed)
    orgs: list[Org] = []
    for index, stem in enumerate(dict.fromkeys(stems)):
        country = COUNTRIES.pick(dice)
        hostile = dice.chance(HOSTILE_SHARE)
        orgs.append(
            Org(
                index=index,
                login=f"{stem}-labs" if dice.chance(0.2) else stem,
                account_id=9_000_000 + index * 37,
                name=dice.pick(HOSTILE)
                if hostile
                else f"{stem.capitalize()} {dice.pick(('', 'Labs', 'Inc.', 'GmbH'))}".strip(),
                domain=Domain(f"{stem}-hq.{TLDS.pick(dice)}", kinds[index]),
                description=dice.pick(HOSTILE) if hostile else f"{stem.capitalize()} builds tools for developers.",
                location=f"{dice.pick(country.cities)}, {country.name}",
                created_at=anchor_at - dice.between(400, 4500) * DAY_S,
                verified=dice.chance(0.3),
            )
        )
    return tuple(orgs)


def _make_logins(seed: int, *, taken: set[str]) -> tuple[list[Named], list[str]]:
    dice = Dice(seed, "logins")
    named: list[Named] = []
    logins: list[str] = []
    for full, login in LOOKALIKES:
        first, last = full.split(" ", 1)
        named.append(Named(full, ascii_fold(first), ascii_fold(last), COUNTRIES.pick(dice)))
        logins.append(login)
    taken |= set(logins) | {login.lower() for login in CI_USERS}
    folded: dict[str, str] = {}
    while len(logins) < HUMANS:
        country = COUNTRIES.pick(dice)
        first_native, first = split_name(dice.pick(country.first))
        last_native, last = split_name(dice.pick(country.last))
        first = folded.setdefault(first, ascii_fold(first))
        last = folded.setdefault(last, ascii_fold(last))
        named.append(Named(f"{first_native} {last_native}", first, last, country))
        logins.append(_free_login(dice, first, last, taken))
    for login in CI_USERS:
        named.append(Named(login, login.replace("-", ""), "bot", COUNTRIES.options[0]))
        logins.append(login)
    return named, logins


def _free_login(dice: Dice, first: str, last: str, taken: set[str]) -> str:
    stem = dice.pick((first + last, f"{first}-{last}", first[0] + last, last + first[0], f"{first}{last[0]}", last))
    login = stem
    while login in taken:
        login = f"{stem}{dice.between(2, 9999)}"
    taken.add(login)
    return login


class _PersonMaker:
    """One person's facts in the order in which they depend on each other."""

    def __init__(self, population: Population, index: int) -> None:
        self.population = population
        self.index = index
        self.dice = Dice(population.seed, "person", index)
        self.named = population.named(index)
        self.login = population.login_of(index)
        self.machine = index >= HUMANS
        self.lookalike = index < len(LOOKALIKES)

    def make(self) -> Person:
        dice, index = self.dice, self.index
        age_days = dice.between(30, 6000)
        created_at = self.population.anchor_at - age_days * DAY_S - dice.below(DAY_S)
        account_id = (6205 - age_days) * _ID_STEP + index
        deleted = dice.chance(DELETED_SHARE) and not self._plain
        hostile = dice.chance(HOSTILE_SHARE) and not self._plain
        employer = dice.below(len(self.population.orgs)) if dice.chance(0.3) else None
        noreply_only = not self.machine and dice.chance(NOREPLY_ONLY_SHARE)
        twin = self._twin()
        addresses = self._machine_addresses() if self.machine else () if noreply_only else self._addresses(employer)
        return Person(
            index=index,
            login=self.login,
            account_id=account_id,
            name=self._profile_name(hostile),
            commit_name=dice.pick(HOSTILE) if hostile and dice.chance(0.5) else self.named.full,
            country=self.named.country,
            created_at=created_at,
            machine=self.machine,
            deleted=deleted,
            noreply=self._noreply(account_id, created_at),
            noreply_only=noreply_only,
            addresses=addresses,
            profile_email=twin.shared if twin else self._profile_email(noreply_only, addresses, employer),
            opted_out=dice.chance(OPTED_OUT_SHARE) and not self._plain,
            hostile=hostile,
            human=twin.human if twin else index,
            employer=employer,
        )

    @property
    def _plain(self) -> bool:
        """Whether nothing unusual may befall this account: it is the point of another test of the client."""
        return self.machine or self.lookalike

    def _twin(self) -> _Twin | None:
        """The human whose second login this is; both logins show one address."""
        if self.machine or self.index % TWIN_EVERY != TWIN_EVERY - 1:
            return None
        other = self.population.person(self.index - 1)
        shared = other.profile_email or (other.addresses[0].email if other.addresses else "")
        return _Twin(other.index, shared) if shared else None

    def _profile_name(self, hostile: bool) -> str | None:
        if hostile and self.dice.chance(0.6):
            return self.dice.pick(HOSTILE)
        return None if self.dice.chance(0.14) and not self.lookalike else self.named.full

    def _noreply(self, account_id: int, created_at: int) -> str:
        """ID form, or the older form; one in eighty still carries a login that has been renamed since."""
        if created_at < ID_FORM_SINCE and self.dice.chance(0.28):
            return f"{self.login}@users.noreply.github.com"
        login = f"{self.login}-dev" if self.dice.chance(0.0125) and not self._plain else self.login
        return f"{account_id}+{login}@users.noreply.github.com"

    def _machine_addresses(self) -> tuple[Address, ...]:
        org = self.population.orgs[self.index % len(self.population.orgs)]
        return (Address(f"ci@{org.domain.name}", True),)

    def _addresses(self, employer: int | None) -> tuple[Address, ...]:
        linked = not self.dice.chance(UNLINKED_SHARE)
        addresses = [Address(self._primary(employer), linked)]
        if self.dice.chance(0.25):
            addresses.append(Address(self._free_mail(), True))
        if self.dice.chance(0.04):
            addresses.append(Address(self._free_mail(), False))
        return tuple({address.email.lower(): address for address in reversed(addresses)}.values())[::-1]

    def _primary(self, employer: int | None) -> str:
        dice, named = self.dice, self.named
        if employer is not None and dice.chance(0.6):
            local = dice.pick((named.first, f"{named.first}.{named.last}", named.first[0] + named.last))
            return f"{local}@{self.population.orgs[employer].domain.name}"
        draw = dice.random()
        if draw < 0.012:
            return f"{named.first}@{dice.pick(JUNK)}"
        if draw < 0.022:
            return f"{self.login.lower()}@{dice.pick(DISPOSABLE)}"
        if draw < 0.036:
            role = dice.pick(("info", "security", "hello", "admin", "contact", "support"))
            return f"{role}@{self.population.personal_domain(self.index).name}"
        if draw < 0.066:
            return f"{named.first}.{named.last}@{dice.pick(UNIVERSITIES)}"
        if draw < 0.25:
            return (
                f"{dice.pick((named.first, 'me', 'hi', named.last))}@{self.population.personal_domain(self.index).name}"
            )
        return self._free_mail()

    def _free_mail(self) -> str:
        """An address at a free provider; the index in it keeps it apart from real people's."""
        dice, named = self.dice, self.named
        local = f"{named.first}.{named.last}.x{self.index}" if dice.chance(0.5) else f"{named.last}{self.index}x"
        if dice.chance(0.04):
            local += "+github"
        email = f"{local}@{FREE_MAIL.pick(dice)}"
        return email.title() if dice.chance(0.02) else email

    def _profile_email(self, noreply_only: bool, addresses: tuple[Address, ...], employer: int | None) -> str:
        if self.machine or not self.dice.chance(0.18 if noreply_only else 0.46):
            return ""
        usual = addresses[0].email if addresses else ""
        if usual and usual.rpartition("@")[2] not in JUNK and self.dice.chance(0.62):
            return usual
        if employer is not None and self.dice.chance(0.3):
            return f"{self.named.first}@{self.population.orgs[employer].domain.name}"
        return self._free_mail()


class _Twin(NamedTuple):
    human: int
    shared: str
