"""The time zone a person most likely lives by, from where they say they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from cmo.domain.countries import SOMEWHERE, countries_in, side_by_side
from cmo.domain.places import plain, states


class _Area(NamedTuple):
    """Where in a country of several zones one of them is kept."""

    zone: str
    states: frozenset[str]
    """Codes of the states that keep it, but for a few of their towns."""
    cities: Mapping[str, str]
    """Plain name -> code of the state it differs from, empty where it needs no state to be known by."""


def zone_of(location: str, country: str | None) -> str | None:
    """The IANA zone of `location`, or None where it is not certain enough.

    Args:
        country: Alpha-2 code, where something else than the location tells it; the location's own country wins.
    Returns:
        In a country of several zones, the one of the states or big cities named; None where they name none or several.
    """
    named = countries_in(location)
    iso = next(iter(named - {SOMEWHERE}), country)
    if iso is None or len(named) > 1:
        return None
    found = {zone for place in side_by_side(location) for zone in _zones_in(place, _areas().get(iso, ()), iso)}
    if found:
        return next(iter(found)) if len(found) == 1 else None
    return _only_zones().get(iso)


def _zones_in(place: str, areas: tuple[_Area, ...], iso: str) -> set[str | None]:
    """The zones that `place` names; None among them stands for a state that is divided."""
    words = f" {plain(place)} "
    codes = _states_in(place, words, iso) if areas else set()
    if not codes:
        return {area.zone for area in areas if any(f" {city} " in words for city in area.cities)}
    return {_zone_in_state(code, words, areas) for code in codes}


def _zone_in_state(code: str, words: str, areas: tuple[_Area, ...]) -> str | None:
    for area in areas:
        if any(state == code and f" {city} " in words for city, state in area.cities.items()):
            return area.zone
    return next((area.zone for area in areas if code in area.states), None)


def _states_in(place: str, words: str, iso: str) -> set[str]:
    """Codes of the states that `place` names in full or by code; not what may as well be the city LA or Washington."""
    names = states().get(iso, {})
    codes = {code for name, code in names.items() if f" {name} " in words}
    written = re.findall(r"(?:^\W*(?!LA\b)|[\w.]\W+)([A-Z]{2,3})\b(?=\W*(?:[,()\[\]]|\s[-–—]\s|$))", place)
    alone = re.findall(r",\s*([a-z]{2,3})\s*(?=,|$)", place)
    codes |= {code.upper() for code in (*written, *alone)} & set(names.values())
    return codes - {"WA"} if re.search("^ washington | washington d ?c ", words) else codes


@cache
def _only_zones() -> Mapping[str, str]:
    """Country -> the zone that all of it keeps, or all but the islands and towns in `_AREAS`."""
    return dict(entry.split() for entry in _ONLY_ZONES.replace("\n", ",").split(",") if entry.strip())


@cache
def _areas() -> Mapping[str, tuple[_Area, ...]]:
    return {iso: tuple(_area(line) for line in _lines(text)) for iso, text in _AREAS.items()}


def _lines(text: str) -> list[str]:
    return text.strip().replace("\n    ", " ").splitlines()


def _area(line: str) -> _Area:
    zone, codes, cities = line.split("|")
    pairs = (city.partition("=") for city in cities.split(",") if city.strip())
    return _Area(zone.strip(), frozenset(codes.split()), {plain(city): state.strip() for city, _, state in pairs})


_ONLY_ZONES = """
GB Europe/London, DE Europe/Berlin, FR Europe/Paris, NL Europe/Amsterdam, BE Europe/Brussels, CH Europe/Zurich
AT Europe/Vienna, ES Europe/Madrid, PT Europe/Lisbon, IT Europe/Rome, IE Europe/Dublin, PL Europe/Warsaw
CZ Europe/Prague, SE Europe/Stockholm, NO Europe/Oslo, DK Europe/Copenhagen, FI Europe/Helsinki
IS Atlantic/Reykjavik, GR Europe/Athens, CY Asia/Nicosia, MT Europe/Malta, LU Europe/Luxembourg, LI Europe/Vaduz
RO Europe/Bucharest, MD Europe/Chisinau, HU Europe/Budapest, BG Europe/Sofia, SK Europe/Bratislava
SI Europe/Ljubljana, HR Europe/Zagreb, RS Europe/Belgrade, BA Europe/Sarajevo, MK Europe/Skopje, AL Europe/Tirane
ME Europe/Podgorica, EE Europe/Tallinn, LV Europe/Riga, LT Europe/Vilnius, UA Europe/Kyiv, BY Europe/Minsk
TR Europe/Istanbul, GE Asia/Tbilisi, AM Asia/Yerevan, AZ Asia/Baku, UZ Asia/Tashkent, KZ Asia/Almaty
IL Asia/Jerusalem, AE Asia/Dubai, SA Asia/Riyadh, QA Asia/Qatar, JO Asia/Amman, LB Asia/Beirut, IR Asia/Tehran
IN Asia/Kolkata, PK Asia/Karachi, BD Asia/Dhaka, LK Asia/Colombo, NP Asia/Kathmandu, CN Asia/Shanghai
HK Asia/Hong_Kong, JP Asia/Tokyo, KR Asia/Seoul, TW Asia/Taipei, VN Asia/Ho_Chi_Minh, TH Asia/Bangkok
MY Asia/Kuala_Lumpur, PH Asia/Manila, SG Asia/Singapore, NZ Pacific/Auckland
AR America/Argentina/Buenos_Aires, CO America/Bogota, PE America/Lima, UY America/Montevideo, PY America/Asuncion
BO America/La_Paz, VE America/Caracas, CR America/Costa_Rica, PA America/Panama, GT America/Guatemala
DO America/Santo_Domingo, EC America/Guayaquil, CL America/Santiago
NG Africa/Lagos, GH Africa/Accra, KE Africa/Nairobi, UG Africa/Kampala, RW Africa/Kigali, TZ Africa/Dar_es_Salaam
ET Africa/Addis_Ababa, ZA Africa/Johannesburg, EG Africa/Cairo, MA Africa/Casablanca, TN Africa/Tunis
DZ Africa/Algiers
"""

# Zone, states, cities (`=` the state they differ from); an indented line continues the one before. Divided states of
# which no zone has nearly all the people (KY, ND, SD, TN, NU) have only cities.
_AREAS = {
    "US": """
America/New_York | CT DC DE FL GA MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV | new york, nyc, brooklyn, manhattan,
    boston, philadelphia, pittsburgh, atlanta, miami, washington dc, washington d c, baltimore, new england, charlotte,
    raleigh, chapel hill, savannah, orlando, tampa, jacksonville, fort lauderdale, detroit, ann arbor, grand rapids,
    cleveland, cincinnati, columbus, buffalo, jersey city, hoboken, new haven, knoxville=TN, chattanooga=TN,
    louisville=KY, lexington=KY, covington=KY, frankfort=KY
America/Indiana/Indianapolis | IN | indianapolis
America/Chicago | AL AR IA IL KS LA MN MO MS NE OK TX WI | chicago, austin, houston, dallas, san antonio, fort worth,
    minneapolis, milwaukee, kansas city, omaha, tulsa, oklahoma city, new orleans, des moines, nashville=TN,
    memphis=TN, franklin=TN, murfreesboro=TN, bowling green=KY, sioux falls=SD, fargo=ND, grand forks=ND, bismarck=ND,
    gary=IN, evansville=IN, pensacola=FL, panama city=FL, destin=FL
America/Denver | CO MT NM UT WY | denver, boulder, fort collins, colorado springs, salt lake city, albuquerque,
    el paso=TX, rapid city=SD
America/Boise | ID | boise
America/Phoenix | AZ | phoenix, tucson, scottsdale
America/Los_Angeles | CA NV OR WA | san francisco, sf, bay area, silicon valley, los angeles, seattle, portland, san
    diego, san jose, sacramento, oakland, palo alto, mountain view, menlo park, cupertino, sunnyvale, santa clara,
    berkeley, irvine, san mateo, redwood city, santa monica, santa barbara, santa cruz, long beach, pasadena, fresno,
    san luis obispo, las vegas, reno, spokane, tacoma, bellevue, redmond, pacific northwest, coeur d alene=ID
America/Anchorage | AK | anchorage
Pacific/Honolulu | HI | honolulu
""",
    "CA": """
America/Toronto | ON QC | toronto, gta, ottawa, montreal, waterloo, quebec city, ville de quebec, mississauga,
    brampton, markham, kitchener, guelph, gatineau, laval, sherbrooke, trois rivieres, oshawa, oakville, thunder bay,
    sudbury
America/Vancouver | BC | vancouver, metro vancouver, burnaby, coquitlam, kelowna, nanaimo
America/Edmonton | AB NT | calgary, edmonton, lethbridge, red deer, yellowknife, cranbrook=BC
America/Regina | SK | saskatoon, moose jaw
America/Winnipeg | MB | winnipeg, kenora=ON
America/Halifax | NS PE | charlottetown
America/Moncton | NB | moncton, fredericton
America/St_Johns | NL | st johns, st john s
America/Goose_Bay | | labrador city=NL, happy valley=NL, goose bay=NL
America/Whitehorse | YT | whitehorse
America/Iqaluit | | iqaluit=NU
""",
    "AU": """
Australia/Sydney | NSW ACT | sydney, canberra
Australia/Melbourne | VIC | melbourne
Australia/Brisbane | QLD | brisbane, gold coast
Australia/Adelaide | SA | adelaide, broken hill=NSW
Australia/Perth | WA | perth
Australia/Hobart | TAS | hobart
Australia/Darwin | NT | darwin, alice springs
""",
    "BR": """
America/Sao_Paulo | SP RJ MG ES PR SC RS GO DF | sao paulo, rio de janeiro, curitiba, belo horizonte, florianopolis,
    porto alegre, brasilia, campinas, goiania, joinville, sao carlos, blumenau, uberlandia
America/Bahia | BA |
America/Recife | PE | recife
America/Fortaleza | CE MA PB PI RN | fortaleza, joao pessoa
America/Maceio | AL SE | maceio, aracaju
America/Belem | AP PA | belem
America/Araguaina | TO |
America/Cuiaba | MT | cuiaba
America/Campo_Grande | MS | campo grande
America/Manaus | AM | manaus
America/Porto_Velho | RO | porto velho
America/Boa_Vista | RR | boa vista
""",
    "RU": """
Europe/Moscow | | moscow, москва, saint petersburg, st petersburg, nizhny novgorod, kazan
Europe/Kaliningrad | | kaliningrad
Europe/Samara | | samara
Asia/Yekaterinburg | | yekaterinburg
Asia/Omsk | | omsk
Asia/Novosibirsk | | novosibirsk
Asia/Tomsk | | tomsk
Asia/Krasnoyarsk | | krasnoyarsk
Asia/Vladivostok | | vladivostok
""",
    "ID": """
Asia/Jakarta | | jakarta, bandung, yogyakarta, surabaya
Asia/Makassar | | bali
""",
    "MX": """
America/Mexico_City | JAL | mexico city, ciudad de mexico, cdmx, guadalajara, puebla, queretaro
America/Monterrey | NL | monterrey
America/Tijuana | BC | tijuana
America/Cancun | | cancun
""",
    "ES": "Atlantic/Canary | | las palmas, tenerife, gran canaria",
    "PT": "Atlantic/Azores | | azores\nAtlantic/Madeira | | madeira",
    "CL": "America/Punta_Arenas | | punta arenas",
    "EC": "Pacific/Galapagos | | galapagos",
}
