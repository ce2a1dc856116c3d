"""Whether a place, as people write it on profiles, lies in the place a job asks for.

Knows the usual names, codes and big cities of the countries most developers live in, and a few regions. What it does
not know must be named: `Angers` alone is not found in `France`, `Angers, France` is.
"""

from __future__ import annotations

import re

from cmo.domain.places import REGIONS, Country, countries, plain


def is_in(location: str, wanted: str) -> bool:
    """Whether `location` names `wanted`, or a name or big city of the country or region that `wanted` is."""
    words = f" {plain(location)} "
    asked = plain(wanted)
    if asked and f" {asked} " in words:
        return True
    return any(_is_in_country(location, words, country) for country in _countries_of(asked))


def _is_in_country(location: str, words: str, country: Country) -> bool:
    code = re.search(r"(?:[,(]\s*|^)([A-Z]{2,3})\)?\s*$", location)  # at the end: `de` in Rio de Janeiro is none
    if code and code.group(1) in country.codes:
        return True
    return any(f" {name} " in words for name in (*country.names, *country.cities))


def _countries_of(asked: str) -> list[Country]:
    asked = asked.removeprefix("the ")
    keys = REGIONS.get(asked, "").split(", ")
    return [
        country
        for country in countries()
        if country.names[0] in keys or asked in country.names or asked.upper() in country.codes
    ]
