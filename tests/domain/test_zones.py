"""The time zone of a place."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from cmo.domain.countries import country_of
from cmo.domain.places import countries, states
from cmo.domain.zones import _areas, _only_zones, zone_of


@pytest.mark.parametrize(
    ("location", "zone"),
    [
        ("Berlin", "Europe/Berlin"),
        ("Germany", "Europe/Berlin"),
        ("San Francisco, CA", "America/Los_Angeles"),
        ("SF", "America/Los_Angeles"),
        ("NYC", "America/New_York"),
        ("Buffalo, New York", "America/New_York"),
        ("Portland", "America/Los_Angeles"),
        ("Portland, ME", "America/New_York"),
        ("portland, me", "America/New_York"),
        ("Temecula, CA 92590", "America/Los_Angeles"),
        ("CA, USA", "America/Los_Angeles"),
        ("Paris, TX", "America/Chicago"),
        ("El Paso, TX", "America/Denver"),
        ("Louisville", "America/New_York"),
        ("Louisville, CO", "America/Denver"),
        ("Nashville, TN", "America/Chicago"),
        ("Knoxville, Tennessee", "America/New_York"),
        ("Wilmington, DE", "America/New_York"),
        ("Washington, DC", "America/New_York"),
        ("Seattle, Washington", "America/Los_Angeles"),
        ("Atlanta, Georgia", "America/New_York"),
        ("Phoenix", "America/Phoenix"),
        ("Honolulu, HI", "Pacific/Honolulu"),
        ("Toronto, Canada", "America/Toronto"),
        ("Victoria, BC", "America/Vancouver"),
        ("London, Ontario", "America/Toronto"),
        ("St. John's, NL", "America/St_Johns"),
        ("Perth, WA", "Australia/Perth"),
        ("Brisbane, Queensland", "Australia/Brisbane"),
        ("Recife - PE - Brasil", "America/Recife"),
        ("Vladivostok", "Asia/Vladivostok"),
        ("Guadalajara", "America/Mexico_City"),
        ("Milano (MI)", "Europe/Rome"),
        ("Tbilisi, Georgia", "Asia/Tbilisi"),
        ("Madrid", "Europe/Madrid"),
        ("Tenerife", "Atlantic/Canary"),
        ("NYC, Boston", "America/New_York"),
    ],
)
def test_a_place_keeps_its_zone(location: str, zone: str) -> None:
    assert zone_of(location, country_of(location)) == zone


@pytest.mark.parametrize(
    "location",
    [
        "",
        "Remote",
        "Europe",
        "USA",
        "Canada",
        "Russia",
        "LA, USA",
        "Washington",
        "Jackson, TN",
        "NYC / Austin, TX",
        "NYC, SF",
        "Berlin / San Francisco",
        "London / Lisbon",
    ],
)
def test_no_zone_is_guessed(location: str) -> None:
    assert zone_of(location, country_of(location)) is None


def test_a_country_known_from_elsewhere_gives_its_only_zone() -> None:
    assert zone_of("Remote", "FR") == "Europe/Paris"
    assert zone_of("", "US") is None


def test_the_location_wins_over_a_country_known_from_elsewhere() -> None:
    assert zone_of("Boston, MA", "DE") == "America/New_York"


def test_every_zone_is_one_that_the_system_knows() -> None:
    zones = {*_only_zones().values(), *(area.zone for areas in _areas().values() for area in areas)}
    assert all(ZoneInfo(zone).key == zone for zone in zones)


def test_every_country_has_a_zone_or_several() -> None:
    assert {country.iso for country in countries()} == {*_only_zones(), *_areas()}


def test_every_city_and_state_of_an_area_is_known_as_part_of_its_country() -> None:
    for iso, areas in _areas().items():
        codes = set(states().get(iso, {}).values())
        known = {city for country in countries() if country.iso == iso for city in country.cities}
        for area in areas:
            assert area.states | {state for state in area.cities.values() if state} <= codes
            assert {city for city, state in area.cities.items() if not state} <= known


def test_no_state_lies_in_two_zones() -> None:
    for areas in _areas().values():
        listed = [state for area in areas for state in area.states]
        assert len(listed) == len(set(listed))
