"""Places as people write them."""

from __future__ import annotations

import pytest

from cmo.domain.places import REGIONS, countries
from cmo.scoring.places import is_in


@pytest.mark.parametrize(
    ("location", "wanted"),
    [
        ("Berlin", "Germany"),
        ("München, DE", "Germany"),
        ("Köln (DE)", "germany"),
        ("Deutschland", "Germany"),
        ("Berlin, Germany", "DACH"),
        ("Oslo", "the Nordics"),
        ("Tallinn, EE", "European Union"),
        ("SF Bay Area", "United States"),
        ("Austin, Texas", "US"),
        ("London", "UK"),
        ("Praha", "Europe"),
        ("東京", "Japan"),
        ("São Paulo", "Brazil"),
        ("Angers, France", "France"),
        ("Utrecht", "Utrecht"),
    ],
)
def test_a_place_lies_in_what_is_asked_for(location: str, wanted: str) -> None:
    assert is_in(location, wanted)


@pytest.mark.parametrize(
    ("location", "wanted"),
    [
        ("Rio de Janeiro", "Germany"),
        ("Earth", "Germany"),
        ("", "Germany"),
        ("Berlin", "France"),
        ("Indiana", "India"),
        ("Berlin", ""),
        ("anywhere, USA", "Europe"),
    ],
)
def test_a_place_elsewhere_does_not(location: str, wanted: str) -> None:
    assert not is_in(location, wanted)


def test_every_region_is_made_of_countries_that_are_known() -> None:
    known = {country.names[0] for country in countries()}
    assert {name for names in REGIONS.values() for name in names.split(", ")} <= known
