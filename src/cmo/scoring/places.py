"""Whether a place, as people write it on profiles, lies in the place a job asks for.

Knows the usual names, codes and big cities of the countries most developers live in, and a few regions. What it does
not know must be named: `Angers` alone is not found in `France`, `Angers, France` is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple


class Country(NamedTuple):
    """A country as people write it; everything but the codes in the form of `_plain`."""

    names: tuple[str, ...]
    codes: tuple[str, ...]
    """In capitals; without those that mean a state of the USA more often."""
    cities: tuple[str, ...]


def is_in(location: str, wanted: str) -> bool:
    """Whether `location` names `wanted`, or a name or big city of the country or region that `wanted` is."""
    words = f" {_plain(location)} "
    asked = _plain(wanted)
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
    keys = _REGIONS.get(asked, "").split(", ")
    return [
        country
        for country in _countries()
        if country.names[0] in keys or asked in country.names or asked.upper() in country.codes
    ]


@cache
def _countries() -> tuple[Country, ...]:
    records = _COUNTRIES.strip().replace("\n    ", " ").splitlines()
    return tuple(_parse(record) for record in records)


def _parse(record: str) -> Country:
    names, codes, cities = record.split(" |")
    return Country(
        names=tuple(_plain(name) for name in names.split(",")),
        codes=tuple(codes.split()),
        cities=tuple(_plain(city) for city in cities.split(",") if city.strip()),
    )


def _plain(text: str) -> str:
    """Lower case without marks, punctuation as spaces: `München (DE)` is `munchen de`."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


# Names, codes, cities; an indented line continues the one before.
_COUNTRIES = """
usa, united states, united states of america, us, u s a, u s | US USA | new york, nyc, san francisco, bay area,
    silicon valley, los angeles, seattle, boston, austin, chicago, denver, portland, san diego, san jose, atlanta,
    miami, california, texas, washington, massachusetts, colorado, oregon, philadelphia, pittsburgh, houston, dallas,
    brooklyn
uk, united kingdom, great britain, britain, england, scotland, wales, northern ireland, gb | GB UK | london,
    manchester, edinburgh, glasgow, bristol, leeds, birmingham, oxford, brighton, sheffield, belfast, cardiff
germany, deutschland, allemagne, alemania | DE DEU | berlin, munchen, munich, hamburg, koln, cologne, frankfurt,
    stuttgart, dusseldorf, leipzig, dresden, karlsruhe, hannover, nurnberg
france, frankreich | FR FRA | paris, lyon, toulouse, marseille, bordeaux, lille, nantes, strasbourg, grenoble, rennes,
    montpellier
netherlands, the netherlands, holland, nederland | NL NLD | amsterdam, rotterdam, utrecht, eindhoven, den haag, the
    hague, delft, groningen
belgium, belgie, belgique | BE | brussels, bruxelles, brussel, antwerp, antwerpen, ghent, gent, leuven
switzerland, schweiz, suisse, svizzera | CH | zurich, geneva, geneve, bern, basel, lausanne
austria, osterreich | AT | vienna, wien, graz, linz, salzburg
spain, espana | ES ESP | madrid, barcelona, valencia, sevilla, seville, malaga, bilbao
portugal | PT | lisbon, lisboa, porto, braga, coimbra
italy, italia | IT ITA | rome, roma, milan, milano, turin, torino, bologna, florence, firenze, naples, napoli
ireland, eire, republic of ireland | IE | dublin, cork, galway, limerick
poland, polska | PL | warsaw, warszawa, krakow, cracow, wroclaw, gdansk, poznan, lodz, łodz
czechia, czech republic, cesko, ceska republika | CZ | prague, praha, brno, ostrava
sweden, sverige | SE | stockholm, gothenburg, goteborg, malmo, uppsala, linkoping
norway, norge | NO | oslo, bergen, trondheim, stavanger
denmark, danmark | DK | copenhagen, kobenhavn, københavn, aarhus, odense, aalborg
finland, suomi | FI | helsinki, espoo, tampere, turku, oulu
greece, hellas, ελλαδα | GR | athens, αθηνα, thessaloniki
romania | RO | bucharest, bucuresti, cluj, cluj napoca, iasi, timisoara
hungary, magyarorszag | HU | budapest
bulgaria | BG | sofia, plovdiv, varna
slovakia, slovensko | SK | bratislava, kosice
slovenia, slovenija | SI | ljubljana, maribor
croatia, hrvatska | HR | zagreb, split
serbia, srbija | RS | belgrade, beograd, novi sad
estonia, eesti | EE | tallinn, tartu
latvia, latvija | LV | riga
lithuania, lietuva | LT | vilnius, kaunas
ukraine, україна | UA | kyiv, kiev, lviv, kharkiv, odesa, odessa, dnipro
russia, russian federation, россия | RU | moscow, москва, saint petersburg, st petersburg, novosibirsk
turkey, turkiye | TR | istanbul, ankara, izmir
israel | IL | tel aviv, jerusalem, haifa
india, bharat | IND | bangalore, bengaluru, mumbai, delhi, new delhi, hyderabad, chennai, pune, kolkata, gurgaon,
    noida, kerala
china, 中国, prc | CN | beijing, 北京, shanghai, 上海, shenzhen, 深圳, hangzhou, 杭州, guangzhou, chengdu,
    wuhan, nanjing
japan, 日本, nippon | JP | tokyo, 東京, osaka, 大阪, kyoto, fukuoka, yokohama, nagoya, sapporo
south korea, korea, republic of korea, 대한민국 | KR | seoul, 서울, busan, 판교, pangyo
taiwan, 台灣 | TW | taipei, 台北, hsinchu
vietnam, viet nam, việt nam | VN | hanoi, ha noi, ho chi minh, ho chi minh city, saigon, da nang, đa nang
singapore | SG |
indonesia | ID | jakarta, bandung, yogyakarta
australia | AU AUS | sydney, melbourne, brisbane, perth, adelaide, canberra
new zealand, aotearoa | NZ | auckland, wellington, christchurch
canada | CAN | toronto, montreal, vancouver, ottawa, calgary, waterloo, quebec, edmonton, ontario, british columbia
brazil, brasil | BR BRA | sao paulo, rio de janeiro, curitiba, recife, belo horizonte, florianopolis, porto alegre,
    brasilia
argentina | ARG | buenos aires, cordoba, rosario
mexico | MX MEX | mexico city, ciudad de mexico, cdmx, guadalajara, monterrey
colombia | COL | bogota, medellin
chile | CHL | santiago
nigeria | NG | lagos, abuja, ibadan
kenya | KE | nairobi
south africa | ZA | cape town, johannesburg, pretoria, durban
egypt | EG | cairo, alexandria
"""

_WESTERN_EUROPE = "germany, france, netherlands, belgium, austria, switzerland, ireland, uk"
_SOUTHERN_EUROPE = "spain, portugal, italy, greece"
_NORDICS = "sweden, norway, denmark, finland"
_BALTICS = "estonia, latvia, lithuania"
_EASTERN_EU = f"poland, czechia, slovakia, slovenia, hungary, romania, bulgaria, croatia, {_BALTICS}"
_EU = (
    "germany, france, netherlands, belgium, austria, ireland, sweden, denmark, finland,"
    f" {_SOUTHERN_EUROPE}, {_EASTERN_EU}"
)
_SOUTH_AMERICA = "brazil, argentina, colombia, chile"
_SOUTH_EAST_ASIA = "vietnam, singapore, indonesia"
_ASIA = f"india, china, japan, south korea, taiwan, {_SOUTH_EAST_ASIA}"
_REGIONS = {
    "eu": _EU,
    "european union": _EU,
    "europe": f"{_EU}, uk, switzerland, norway, ukraine, serbia",
    "western europe": _WESTERN_EUROPE,
    "eastern europe": f"{_EASTERN_EU}, ukraine, serbia",
    "dach": "germany, austria, switzerland",
    "nordics": _NORDICS,
    "scandinavia": "sweden, norway, denmark",
    "baltics": _BALTICS,
    "balkans": "greece, bulgaria, romania, serbia, croatia, slovenia",
    "benelux": "netherlands, belgium",
    "north america": "usa, canada",
    "south america": _SOUTH_AMERICA,
    "latin america": f"{_SOUTH_AMERICA}, mexico",
    "latam": f"{_SOUTH_AMERICA}, mexico",
    "middle east": "israel, turkey, egypt",
    "asia": _ASIA,
    "southeast asia": _SOUTH_EAST_ASIA,
    "apac": f"{_ASIA}, australia, new zealand",
    "oceania": "australia, new zealand",
    "africa": "nigeria, kenya, south africa, egypt",
}
"""First names of countries above."""
