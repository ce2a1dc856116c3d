"""The country a person says they are in, and what the law there asks of a first mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple

from cmo.domain.base import Frozen
from cmo.domain.places import REGIONS, TOWNS_OF_CANADA, TOWNS_OF_DELAWARE, countries, plain, states

Rule = Literal["ok", "block", "consent", "unknown"]

UNKNOWN = "unknown"
"""The key of `overrides` for people whose country is not known."""
SOMEWHERE = "somewhere"
"""Among the countries of a location: one that is not told, in a region such as Europe."""


class CountryRule(Frozen):
    """Whether a first mail may go to somebody in a country."""

    rule: Rule
    """`block`: never. `consent`: only with consent on record. `unknown`: held until the operator records a basis."""
    reason: str


_RULES: Mapping[str, CountryRule] = {
    "DE": CountryRule(rule="block", reason="Germany: the law asks for consent even for business mail"),
    "NL": CountryRule(rule="block", reason="Netherlands: the law asks for consent even for business mail"),
    "CA": CountryRule(rule="consent", reason="Canada: the law asks for consent, express or implied, before the mail"),
}
"""Strictest first. Cautious defaults, not legal advice."""


def country_rule(country: str | None, *, overrides: Mapping[str, Rule] | None = None) -> CountryRule:
    """What applies to people in `country` (ISO 3166-1 alpha-2); None is a country that is not known.

    Args:
        overrides: The operator's own rules by alpha-2 code, or `UNKNOWN`; they win over the defaults.
    """
    key = country.upper() if country else UNKNOWN
    if overrides and key in overrides:
        return CountryRule(rule=overrides[key], reason=f"the operator's policy for {key}")
    if country is None:
        return CountryRule(rule="unknown", reason="the country is not known, nor which law applies")
    return _RULES.get(key, CountryRule(rule="ok", reason=f"no rule against business mail is on file for {key}"))


def country_of(location: str, *, email: str = "") -> str | None:
    """ISO 3166-1 alpha-2 of where the person is, or None where that is not certain.

    The location decides; the address does where the location tells no country, by a country-code top-level domain
    that people elsewhere do not use for fashion. Two exceptions make the answer cautious: where location and address
    disagree, or the location names several countries, and one of them has a strict rule (DE, NL, CA), the answer is
    the strict one. Several countries without a strict one are None.
    """
    told = _decided(countries_in(location))
    by_address = _country_of_domain(email)
    if told is None or (told not in _RULES and by_address in _RULES):
        return by_address
    return told


def _decided(named: frozenset[str]) -> str | None:
    for strict in _RULES:
        if strict in named:
            return strict
    return next(iter(named)) if len(named) == 1 and SOMEWHERE not in named else None


def _country_of_domain(email: str) -> str | None:
    name, dot, last = email.strip().rstrip(".").rpartition("@")[2].lower().rpartition(".")
    return _telling_domains().get(last) if name and dot else None


@cache
def _telling_domains() -> Mapping[str, str]:
    return {"uk": "GB"} | {c.iso.lower(): c.iso for c in countries() if c.iso.lower() not in _FASHIONABLE}


_FASHIONABLE = frozenset(("am", "co", "do", "is", "li", "md", "me", "pe", "py", "qa", "rs"))
"""Of the countries that are known; io, ai, tv and their like belong to none of them."""


# How a location is read: it falls into groups that stand side by side (`Berlin / NYC`), a group into parts from small
# to large (`Paris, Texas, USA`), and what a part mentions settles the namesakes in the part before it.


class _Mention(NamedTuple):
    kind: Literal["country", "state", "city"]
    iso: str


_GROUPS = re.compile(r"[/|;&+•·\n↔→⇄]|<-+>|\s(?:and|or|und|oder|et|en|y)\s", re.IGNORECASE)
_PARTS = re.compile(r"[,()\[\]:、\uff0c]|\s[-–—@]\s")
_NUMBER = re.compile(r"(?<![^\s,;/|()])[^\s,;/|()]*\d[^\s,;/|()]*")
"""Postal codes above all."""
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_FLAG_A = 0x1F1E6


def countries_in(location: str) -> frozenset[str]:
    """Every country that `location` names (alpha-2), by name, code, state, big city or flag; maybe `SOMEWHERE`."""
    flags = {"".join(chr(ord(sign) - _FLAG_A + ord("A")) for sign in flag) for flag in _FLAG.findall(location)}
    found = flags - {"EU", "UN"}
    for group in side_by_side(_FLAG.sub(",", location)):
        found |= _of_group(group)
    return frozenset(found)


def side_by_side(location: str) -> list[str]:
    """The places that `location` lists as equals: two of `Berlin / San Jose, CA`."""
    return _GROUPS.split(_NUMBER.sub("", location))


def _of_group(group: str) -> set[str]:
    mentions: list[_Mention] = []
    town = ""
    for part in _PARTS.split(group):
        words = plain(part)
        mentions += _mentions(part, words, town=town, before=mentions)
        town = words or town
    if mentions:
        return _settled(mentions)
    words = f" {plain(group)} "
    return {SOMEWHERE} if any(f" {region} " in words for region in REGIONS) else set()


def _settled(mentions: Sequence[_Mention]) -> set[str]:
    """The countries meant, where a country or state says which of its namesakes the city before it is.

    A country's name does not explain away a city of a strict country: `Berlin, USA` may be two places.
    """
    found: set[str] = set()
    larger: _Mention | None = None
    for mention in reversed(mentions):
        if mention.kind != "city" or larger is None or (larger.kind == "country" and mention.iso in _RULES):
            found.add(mention.iso)
        larger = None if mention.kind == "city" else mention
    return found


def _mentions(part: str, words: str, *, town: str, before: Sequence[_Mention]) -> list[_Mention]:
    """What `part` of a location mentions, in its order.

    Args:
        words: `part` as `plain` text.
        town: The part before, as plain text.
        before: What the parts before mention.
    """
    found: list[_Mention] = []
    tokens = words.split()
    at = end = 0
    while at < len(tokens):
        size = next((n for n in range(_longest_name(), 0, -1) if " ".join(tokens[at : at + n]) in _by_name()), 0)
        if size:
            meanings = _by_name()[" ".join(tokens[at : at + size])]
            found += _meant(meanings, town=" ".join(tokens[:at]) or town, before=[*before, *found])
            end = at + size
        at += max(size, 1)
    if end < len(tokens):
        town = " ".join(tokens[:-1]) or town
        code = _code_at_end(part, after_place=bool(before or found) or town in TOWNS_OF_DELAWARE | TOWNS_OF_CANADA)
        mention = _of_code(code, town=town, before=[*before, *found]) if code else None
        found += [mention] if mention else []
    return found


def _meant(meanings: Sequence[_Mention], *, town: str, before: Sequence[_Mention]) -> Sequence[_Mention]:
    """The one of `meanings` that fits what is before: `Georgia` after `Tbilisi` or `Atlanta`; alone it is neither."""
    if len(meanings) == 1:
        return meanings
    fitting = [m for m in meanings if before and before[-1].iso == m.iso]
    return fitting or ([] if town in _NO_TOWN else meanings[:1])


def _code_at_end(part: str, *, after_place: bool) -> str | None:
    """The code that `part` ends with, in capitals: `Austin TX`; small letters count alone behind a known place."""
    last = part.split()[-1].strip(".")
    if not re.fullmatch(r"[A-Za-z]{2,3}", last):
        return None
    is_alone = part.strip(" .") == last
    if after_place:
        return last.upper() if is_alone or last.isupper() else None
    return last if last.isupper() and (is_alone or not part.isupper()) else None  # not of `MADE IN`


def _of_code(code: str, *, town: str, before: Sequence[_Mention]) -> _Mention | None:
    """The country or state that `code` means behind `town`; None where it may be either."""
    if code == "DE":
        return _Mention("state", "US") if town in TOWNS_OF_DELAWARE else _Mention("country", "DE")
    home = before[-1].iso if before else ""
    country = _by_code().get(code)
    if home and code in states().get(home, {}).values():
        return _Mention("state", home)
    if country and (country == home or (country == "CA" and town in TOWNS_OF_CANADA)):
        return _Mention("country", country)
    if code in states()["US"].values():
        return None if country and town in _NO_TOWN else _Mention("state", "US")
    if country:
        return _Mention("country", country)
    return next((_Mention("state", iso) for iso in ("CA", "AU", "BR") if code in states()[iso].values()), None)


_NO_TOWN = frozenset(("", "remote", "hybrid", "home", "anywhere", "online", "somewhere", "based", "based in"))
"""What stands before a code that may be a state as well as a country, and tells neither."""


@cache
def _by_name() -> Mapping[str, tuple[_Mention, ...]]:
    """What a plain name means: a country, else states, else a city."""
    states_named: dict[str, tuple[_Mention, ...]] = {}
    for iso, names in states().items():
        for name in names:
            states_named[name] = (*states_named.get(name, ()), _Mention("state", iso))
    cities = {city: (_Mention("city", country.iso),) for country in countries() for city in country.cities}
    return cities | states_named | {n: (_Mention("country", c.iso),) for c in countries() for n in c.names}


@cache
def _longest_name() -> int:
    """In words."""
    return max(len(name.split()) for name in _by_name())


@cache
def _by_code() -> Mapping[str, str]:
    return {code: country.iso for country in countries() for code in (country.iso, *country.codes)}
