"""The country a person says they are in, and the rule there."""

from __future__ import annotations

import pytest

from cmo.domain.countries import SOMEWHERE, Rule, countries_in, country_of, country_rule
from cmo.domain.places import countries, states


@pytest.mark.parametrize(
    ("location", "country"),
    [
        ("Berlin", "DE"),
        ("Berlin, Germany", "DE"),
        ("München", "DE"),
        ("Köln (DE)", "DE"),
        ("DE", "DE"),
        ("10115 Berlin", "DE"),
        ("berlin, de", "DE"),
        ("BERLIN", "DE"),
        ("Frankfurt am Main", "DE"),
        ("Kleinstadt, DE", "DE"),
        ("Remote - Germany", "DE"),
        ("🇩🇪", "DE"),
        ("Amsterdam, NL", "NL"),
        ("'s-Hertogenbosch", "NL"),
        ("Toronto, Canada", "CA"),
        ("Toronto, CA", "CA"),
        ("Hamilton, CA", "CA"),
        ("Waterloo, ON", "CA"),
        ("Halifax, Nova Scotia", "CA"),
        ("St. John's, NL", "CA"),
        ("Saskatoon, SK", "CA"),
        ("London, ON", "CA"),
        ("Montréal (Québec)", "CA"),
        ("Toronto, ON M5V 2T6", "CA"),
        ("NYC", "US"),
        ("San Francisco, CA", "US"),
        ("Austin TX", "US"),
        ("U.S.A.", "US"),
        ("Buffalo, New York", "US"),
        ("Springfield, IL 62701", "US"),
        ("Rhode Island", "US"),
        ("Bangalore, IN", "IN"),
        ("Tel Aviv, IL", "IL"),
        ("Tokyo/Japan", "JP"),
        ("東京", "JP"),
        ("Florianópolis, SC", "BR"),
        ("Sorocaba, SP", "BR"),
        ("Recife - PE - Brasil", "BR"),
        ("RIO DE JANEIRO", "BR"),
        ("Milano (MI)", "IT"),
        ("Perth, WA", "AU"),
        ("New South Wales", "AU"),
        ("Cambridge, UK", "GB"),
        ("Tbilisi, Georgia", "GE"),
        ("Paris 🇫🇷", "FR"),
        ("Berlin, EU", "DE"),
    ],
)
def test_a_location_tells_its_country(location: str, country: str) -> None:
    assert country_of(location) == country


@pytest.mark.parametrize(
    "location",
    [
        "Wilmington, DE",
        "wilmington, de",
        "Wilmington, DE 19801",
        "Wilmington, DE, USA",
        "Newark DE",
        "Dover, Delaware",
        "San Jose, CA",
        "SAN JOSE CA",
        "san jose, ca",
        "Temecula, CA",
        "San Francisco, CA 94103",
        "California",
        "CA, USA",
    ],
)
def test_delaware_is_not_germany_and_california_is_not_canada(location: str) -> None:
    assert country_of(location) == "US"


@pytest.mark.parametrize(
    "location",
    ["Paris, TX", "paris, tx", "Paris, Texas, USA", "Berlin, NH", "Vancouver, WA, USA", "Vienna, VA", "Rome, Georgia"],
)
def test_a_state_tells_which_namesake_is_meant(location: str) -> None:
    assert country_of(location) == "US"


@pytest.mark.parametrize(
    "location",
    [
        "",
        "Remote",
        "Earth",
        "127.0.0.1",
        "EU",
        "Europe",
        "Remote, EU",
        "🇪🇺",
        "Cambridge",
        "Georgia",
        "CA",
        "IN",
        "Remote (IN)",
        "London / NYC",
        "EU / UK",
        "New York, London, UK",
        "MADE IN",
        "you, me",
    ],
)
def test_what_may_be_anywhere_or_in_two_countries_tells_none(location: str) -> None:
    assert country_of(location) is None


@pytest.mark.parametrize(
    ("location", "country"),
    [
        ("Berlin / San Francisco", "DE"),
        ("NYC, Berlin", "DE"),
        ("Berlin, New York", "DE"),
        ("Berlin, USA", "DE"),
        ("London & Amsterdam", "NL"),
        ("🇺🇸 → 🇨🇦", "CA"),
        ("US, sometimes Deutschland", "DE"),
        ("EU / Hamburg", "DE"),
    ],
)
def test_of_several_countries_the_strict_one_counts(location: str, country: str) -> None:
    assert country_of(location) == country


def test_a_region_is_somewhere() -> None:
    assert countries_in("US / EU") == {"US", SOMEWHERE}


@pytest.mark.parametrize(
    ("email", "country"),
    [
        ("a@firma.example.de", "DE"),
        ("a@shop.co.uk", "GB"),
        ("A@Bureau.FR.", "FR"),
        ("a@maple.ca", "CA"),
        ("a@start.io", None),
        ("a@start.ai", None),
        ("a@start.co", None),
        ("a@start.me", None),
        ("a@start.dev", None),
        ("a@start.tv", None),
        ("a@start.sh", None),
        ("a@start.rs", None),
        ("a@firma.example", None),
        ("de", None),
        ("a@de", None),
        ("", None),
    ],
)
def test_without_a_location_a_telling_domain_decides(email: str, country: str | None) -> None:
    assert country_of("Remote", email=email) == country


@pytest.mark.parametrize(
    ("location", "email", "country"),
    [
        ("Lyon", "a@firma.co.uk", "FR"),
        ("Boston, MA", "a@firma.de", "DE"),
        ("San Jose, CA", "a@maple.ca", "CA"),
        ("Berlin", "a@firma.fr", "DE"),
        ("Berlin", "a@firma.nl", "DE"),
        ("Europe", "a@firma.de", "DE"),
        ("London / NYC", "a@firma.fr", "FR"),
    ],
)
def test_the_location_wins_over_the_domain_unless_only_the_domain_is_strict(
    location: str, email: str, country: str
) -> None:
    assert country_of(location, email=email) == country


@pytest.mark.parametrize(
    ("country", "rule"),
    [
        ("DE", "block"),
        ("NL", "block"),
        ("CA", "consent"),
        (None, "unknown"),
        ("US", "ok"),
        ("FR", "ok"),
        ("de", "block"),
    ],
)
def test_the_default_rules(country: str | None, rule: Rule) -> None:
    answer = country_rule(country)
    assert answer.rule == rule
    assert answer.reason


def test_a_blocked_country_is_told_why() -> None:
    assert "law asks for consent even for business mail" in country_rule("NL").reason


def test_the_operators_rules_win_over_the_defaults() -> None:
    mine: dict[str, Rule] = {"DE": "consent", "FR": "block", "unknown": "ok"}
    assert [country_rule(c, overrides=mine).rule for c in ("DE", "FR", None, "NL")] == [
        "consent",
        "block",
        "ok",
        "block",
    ]


def test_every_country_and_state_is_known_by_its_own_name() -> None:
    for country in countries():
        assert {country_of(name) for name in country.names} == {country.iso}
    for iso, names in states().items():
        assert {country_of(name) for name in names if name != "georgia"} <= {iso}


def test_every_city_is_listed_for_one_country_only() -> None:
    cities = [city for country in countries() for city in country.cities]
    assert sorted(cities) == sorted(set(cities))
