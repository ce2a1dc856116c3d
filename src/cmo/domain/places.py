"""Countries, their states and big cities, and regions of the world, as people write them on profiles.

Names that mean places in several countries (`Cambridge`, `Victoria`, `Halifax`) are left out of the cities.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple


class Country(NamedTuple):
    """A country as people write it; everything but the codes in the form of `plain`."""

    iso: str
    """ISO 3166-1 alpha-2."""
    names: tuple[str, ...]
    codes: tuple[str, ...]
    """In capitals; without those that mean a state of the USA more often."""
    cities: tuple[str, ...]
    """Big cities, and parts of the country."""


def plain(text: str) -> str:
    """Lower case without marks, punctuation as spaces: `München (DE)` is `munchen de`."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


@cache
def countries() -> tuple[Country, ...]:
    """Every country that is known, each once."""
    records = _COUNTRIES.strip().replace("\n    ", " ").splitlines()
    return tuple(_parse(record) for record in records)


def _parse(record: str) -> Country:
    iso, names, codes, cities = record.split("|")
    return Country(iso=iso.strip(), names=_places(names), codes=tuple(codes.split()), cities=_places(cities))


def _places(text: str) -> tuple[str, ...]:
    return tuple(plain(name) for name in text.split(",") if name.strip())


@cache
def states() -> Mapping[str, Mapping[str, str]]:
    """ISO code of a country -> plain name of a state or province -> the code it is written with.

    Only countries whose people write the code after a city.
    """
    return {
        iso: {plain(name): code for name, code in (entry.split("=") for entry in text.split(","))}
        for iso, text in _STATES.items()
    }


# Code, names, other codes, cities; an indented line continues the one before.
_COUNTRIES = """
US | usa, united states, united states of america, us, u s a, u s | US USA | new york, nyc, san francisco, sf, bay
    area, silicon valley, los angeles, seattle, boston, austin, chicago, denver, portland, san diego, san jose,
    atlanta, miami, california, texas, washington, massachusetts, colorado, oregon, philadelphia, pittsburgh, houston,
    dallas, brooklyn, new york city, manhattan, new england, pacific northwest, washington dc, washington d c,
    sacramento, oakland, palo alto, mountain view, menlo park, cupertino, sunnyvale, santa clara, berkeley, irvine,
    san mateo, redwood city, santa monica, santa barbara, santa cruz, long beach, pasadena, fresno, san luis obispo,
    boulder, fort collins, colorado springs, salt lake city, phoenix, tucson, scottsdale, las vegas, reno, boise,
    spokane, tacoma, bellevue, redmond, minneapolis, detroit, ann arbor, grand rapids, cleveland, cincinnati,
    columbus, indianapolis, milwaukee, kansas city, omaha, tulsa, oklahoma city, nashville, memphis, knoxville,
    chattanooga, louisville, charlotte, raleigh, chapel hill, charleston, savannah, orlando, tampa, jacksonville, fort
    lauderdale, new orleans, fort worth, san antonio, el paso, albuquerque, honolulu, anchorage, baltimore, buffalo,
    jersey city, hoboken, new haven, sioux falls, fargo, des moines, pensacola
GB | uk, united kingdom, great britain, britain, england, scotland, wales, northern ireland, gb | GB UK GBR | london,
    manchester, edinburgh, glasgow, bristol, leeds, birmingham, oxford, brighton, sheffield, belfast, cardiff,
    liverpool, nottingham, southampton, cambridgeshire, aberdeen, dundee, leicester, cheltenham
DE | germany, deutschland, allemagne, alemania, federal republic of germany, bundesrepublik deutschland, niemcy,
    germania, duitsland, tyskland, германия, 德国, ドイツ | DE DEU GER | berlin, munchen, munich, hamburg, koln,
    cologne, freiburg, frankfurt, stuttgart, dusseldorf, leipzig, dresden, karlsruhe, hannover, nurnberg, muenchen,
    koeln, duesseldorf, nuernberg, nuremberg, hanover, bremen, essen, dortmund, bochum, duisburg, wuppertal,
    bielefeld, bonn, munster, muenster, mannheim, heidelberg, augsburg, wiesbaden, mainz, aachen, kiel, lubeck,
    luebeck, rostock, magdeburg, halle saale, erfurt, jena, weimar, chemnitz, potsdam, kassel, braunschweig,
    wolfsburg, gottingen, goettingen, osnabruck, oldenburg, paderborn, darmstadt, ulm, tubingen, tuebingen, heilbronn,
    konstanz, regensburg, ingolstadt, wurzburg, wuerzburg, erlangen, furth, fuerth, bamberg, bayreuth, passau,
    saarbrucken, saarbruecken, trier, koblenz, kaiserslautern, giessen, marburg, siegen, ilmenau, garching, walldorf,
    bavaria, bayern, baden wurttemberg, baden wuerttemberg, nordrhein westfalen, north rhine westphalia, nrw, hessen,
    hesse, niedersachsen, lower saxony, sachsen, saxony, sachsen anhalt, thuringen, thuringia, brandenburg,
    mecklenburg vorpommern, rheinland pfalz, saarland, schleswig holstein, ruhrgebiet
FR | france, frankreich | FR FRA | paris, lyon, toulouse, marseille, bordeaux, lille, nantes, strasbourg, grenoble,
    rennes, montpellier, sophia antipolis, ile de france, dijon, clermont ferrand
NL | netherlands, the netherlands, holland, nederland, niederlande, pays bas, paises bajos, paesi bassi, holandia,
    нидерланды, 荷兰, オランダ | NL NLD | amsterdam, rotterdam, utrecht, eindhoven, den haag, the hague, delft,
    groningen, tilburg, almere, breda, nijmegen, enschede, haarlem, arnhem, amersfoort, zaandam, s hertogenbosch, den
    bosch, zwolle, zoetermeer, leiden, maastricht, dordrecht, ede, alphen aan den rijn, leeuwarden, alkmaar,
    hilversum, amstelveen, hengelo, apeldoorn, deventer, gouda, wageningen, veldhoven, noord holland, zuid holland,
    noord brabant, north holland, south holland, north brabant, gelderland, overijssel, flevoland, friesland, zeeland,
    drenthe, randstad
BE | belgium, belgie, belgique | BE BEL | brussels, bruxelles, brussel, antwerp, antwerpen, ghent, gent, leuven,
    liege, namur, brugge, flanders, vlaanderen, wallonia
CH | switzerland, schweiz, suisse, svizzera | CH CHE | zurich, geneva, geneve, bern, basel, lausanne, zug, winterthur,
    lugano, luzern, lucerne
AT | austria, osterreich | AT AUT | vienna, wien, graz, linz, salzburg, innsbruck, klagenfurt
ES | spain, espana | ES ESP | madrid, barcelona, valencia, sevilla, seville, malaga, bilbao, zaragoza, catalonia,
    las palmas, tenerife, gran canaria, mallorca
PT | portugal | PT PRT | lisbon, lisboa, porto, braga, coimbra, aveiro, azores, madeira
IT | italy, italia | IT ITA | rome, roma, milan, milano, turin, torino, bologna, florence, firenze, naples, napoli,
    venice, venezia, genova, genoa, padova, verona, trento, palermo, pisa, bari
IE | ireland, eire, republic of ireland | IE IRL | dublin, cork, galway, limerick
PL | poland, polska | PL POL | warsaw, warszawa, krakow, cracow, wroclaw, wrocław, gdansk, poznan, lodz, łodz,
    katowice, szczecin, lublin, gdynia
CZ | czechia, czech republic, cesko, ceska republika | CZ CZE | prague, praha, brno, ostrava
SE | sweden, sverige | SE SWE | stockholm, gothenburg, goteborg, malmo, uppsala, linkoping, lund
NO | norway, norge | NO NOR | oslo, bergen, trondheim, stavanger
DK | denmark, danmark | DK DNK | copenhagen, kobenhavn, københavn, aarhus, odense, aalborg
FI | finland, suomi | FI FIN | helsinki, espoo, tampere, turku, oulu
IS | iceland | ISL | reykjavik
GR | greece, hellas, ελλαδα | GR GRC | athens, αθηνα, thessaloniki, patras
CY | cyprus | CY | nicosia, limassol
MT | malta | MLT | valletta
LU | luxembourg | LU LUX |
LI | liechtenstein | LI | vaduz
RO | romania | RO ROU | bucharest, bucuresti, cluj, cluj napoca, iasi, timisoara
MD | moldova | MDA | chisinau
HU | hungary, magyarorszag | HU HUN | budapest, szeged, debrecen
BG | bulgaria | BG BGR | sofia, plovdiv, varna
SK | slovakia, slovensko | SK SVK | bratislava, kosice
SI | slovenia, slovenija | SI SVN | ljubljana, maribor
HR | croatia, hrvatska | HR HRV | zagreb, split
RS | serbia, srbija | RS SRB | belgrade, beograd, novi sad
BA | bosnia, bosnia and herzegovina | BIH | sarajevo
MK | north macedonia, macedonia | MK | skopje
AL | albania | ALB | tirana
ME | montenegro | MNE | podgorica
EE | estonia, eesti | EE EST | tallinn, tartu
LV | latvia, latvija | LV LVA | riga
LT | lithuania, lietuva | LT LTU | vilnius, kaunas
UA | ukraine, україна | UA UKR | kyiv, kiev, lviv, kharkiv, odesa, odessa, dnipro
BY | belarus | BY BLR | minsk
RU | russia, russian federation, россия | RU RUS | moscow, москва, saint petersburg, st petersburg, novosibirsk,
    yekaterinburg, kazan, samara, nizhny novgorod, vladivostok, krasnoyarsk, omsk, tomsk, kaliningrad
TR | turkey, turkiye | TR TUR | istanbul, ankara, izmir
GE | republic of georgia | GEO | tbilisi, batumi, kutaisi
AM | armenia | ARM | yerevan
AZ | azerbaijan | AZE | baku
KZ | kazakhstan | KZ KAZ | almaty, astana
UZ | uzbekistan | UZ UZB | tashkent
IL | israel | ISR | tel aviv, jerusalem, haifa, herzliya, ramat gan, תל אביב
AE | united arab emirates, uae | AE UAE | dubai, abu dhabi
SA | saudi arabia | KSA | riyadh, jeddah
QA | qatar | QA | doha
JO | jordan | JOR | amman
LB | lebanon | LB | beirut
IR | iran | IR IRN | tehran, teheran, isfahan
IN | india, bharat | IND | bangalore, bengaluru, mumbai, delhi, new delhi, hyderabad, chennai, pune, kolkata,
    gurgaon, noida, kerala, gurugram, ahmedabad, jaipur, kochi, trivandrum, karnataka, maharashtra, tamil nadu,
    telangana, indore, coimbatore, bhubaneswar, lucknow
PK | pakistan | PK PAK | lahore, karachi, islamabad, rawalpindi
BD | bangladesh | BD BGD | dhaka, chittagong
LK | sri lanka | LK LKA | colombo
NP | nepal | NP NPL | kathmandu
CN | china, 中国, prc | CN CHN | beijing, 北京, shanghai, 上海, shenzhen, 深圳, hangzhou, 杭州, guangzhou, chengdu,
    wuhan, nanjing, suzhou, xiamen
HK | hong kong, 香港 | HK HKG |
JP | japan, 日本, nippon | JP JPN | tokyo, 東京, osaka, 大阪, kyoto, fukuoka, yokohama, nagoya, sapporo
KR | south korea, korea, republic of korea, 대한민국 | KR KOR | seoul, 서울, busan, 판교, pangyo
TW | taiwan, 台灣 | TW TWN | taipei, 台北, hsinchu
VN | vietnam, viet nam, việt nam | VN VNM | hanoi, ha noi, ho chi minh, ho chi minh city, saigon, da nang, đa nang
TH | thailand | TH THA | bangkok, chiang mai
MY | malaysia | MY MYS | kuala lumpur, penang
PH | philippines | PH PHL | manila, cebu, makati, quezon city
SG | singapore | SG SGP |
ID | indonesia | ID | jakarta, bandung, yogyakarta, surabaya, bali
AU | australia | AU AUS | sydney, melbourne, brisbane, perth, adelaide, canberra, hobart, gold coast, darwin,
    alice springs
NZ | new zealand, aotearoa | NZ NZL | auckland, wellington, christchurch, dunedin
CA | canada, kanada | CAN | toronto, montreal, vancouver, ottawa, calgary, waterloo, quebec, edmonton, ontario,
    british columbia, winnipeg, mississauga, brampton, markham, kitchener, guelph, gatineau, laval, sherbrooke,
    trois rivieres, burnaby, kelowna, nanaimo, saskatoon, moose jaw, fredericton, moncton, charlottetown, st johns,
    st john s, oshawa, oakville, thunder bay, sudbury, lethbridge, red deer, whitehorse,
    yellowknife, iqaluit, gta, metro vancouver, coquitlam, quebec city, ville de quebec
BR | brazil, brasil | BR BRA | sao paulo, rio de janeiro, curitiba, recife, belo horizonte, florianopolis,
    porto alegre, brasilia, fortaleza, campinas, goiania, manaus, porto velho, belem, joinville,
    joao pessoa, cuiaba, campo grande, maceio, aracaju, sao carlos, blumenau, uberlandia, boa vista
AR | argentina | ARG | buenos aires, cordoba, rosario
MX | mexico | MX MEX | mexico city, ciudad de mexico, cdmx, guadalajara, monterrey, tijuana, puebla, queretaro,
    cancun
CO | colombia | COL | bogota, medellin, bucaramanga
CL | chile | CHL | santiago, valparaiso, punta arenas
PE | peru | PER | lima, arequipa
UY | uruguay | UY URY | montevideo
PY | paraguay | PRY | asuncion
EC | ecuador | EC ECU | quito, guayaquil, galapagos
BO | bolivia | BOL | cochabamba
VE | venezuela | VE VEN | caracas
CR | costa rica | CR CRI |
PA | panama | PAN |
GT | guatemala | GT GTM |
DO | dominican republic | DOM | santo domingo
NG | nigeria | NG NGA | lagos, abuja, ibadan
GH | ghana | GH GHA | accra
KE | kenya | KE KEN | nairobi
UG | uganda | UG UGA | kampala
RW | rwanda | RW RWA | kigali
TZ | tanzania | TZ TZA | dar es salaam
ET | ethiopia | ET ETH | addis ababa
ZA | south africa | ZA ZAF | cape town, johannesburg, pretoria, durban
EG | egypt | EG EGY | cairo, alexandria
MA | morocco, maroc | MAR | casablanca, rabat, marrakech
TN | tunisia, tunisie | TUN | tunis
DZ | algeria, algerie | DZ DZA | algiers
"""

_STATES = {
    # Not `new york`: as a name it is the city, and takes no other place to the USA that is named beside it.
    "US": """alabama=AL,alaska=AK,arizona=AZ,arkansas=AR,california=CA,colorado=CO,connecticut=CT,delaware=DE,
        district of columbia=DC,florida=FL,georgia=GA,hawaii=HI,idaho=ID,illinois=IL,indiana=IN,iowa=IA,kansas=KS,
        kentucky=KY,louisiana=LA,maine=ME,maryland=MD,massachusetts=MA,michigan=MI,minnesota=MN,mississippi=MS,
        missouri=MO,montana=MT,nebraska=NE,nevada=NV,new hampshire=NH,new jersey=NJ,new mexico=NM,new york state=NY,
        north carolina=NC,north dakota=ND,ohio=OH,oklahoma=OK,oregon=OR,pennsylvania=PA,rhode island=RI,
        south carolina=SC,south dakota=SD,tennessee=TN,texas=TX,utah=UT,vermont=VT,virginia=VA,washington=WA,
        west virginia=WV,wisconsin=WI,wyoming=WY""",
    "CA": """alberta=AB,british columbia=BC,manitoba=MB,new brunswick=NB,newfoundland and labrador=NL,newfoundland=NL,
        nova scotia=NS,northwest territories=NT,nunavut=NU,ontario=ON,prince edward island=PE,quebec=QC,
        saskatchewan=SK,yukon=YT""",
    "AU": """new south wales=NSW,state of victoria=VIC,queensland=QLD,south australia=SA,western australia=WA,
        tasmania=TAS,australian capital territory=ACT,northern territory=NT""",
    "BR": """alagoas=AL,amazonas=AM,amapa=AP,bahia=BA,ceara=CE,distrito federal=DF,espirito santo=ES,
        goias=GO,maranhao=MA,minas gerais=MG,mato grosso do sul=MS,mato grosso=MT,estado do para=PA,paraiba=PB,
        pernambuco=PE,piaui=PI,parana=PR,estado do rio de janeiro=RJ,rio grande do norte=RN,rondonia=RO,roraima=RR,
        rio grande do sul=RS,santa catarina=SC,sergipe=SE,estado de sao paulo=SP,tocantins=TO""",
    "GE": "georgia=GE",
    "IT": "lombardia=MI,piemonte=TO,lazio=RM,emilia romagna=BO,veneto=PD,toscana=FI,campania=NA,liguria=GE",
    "MX": "jalisco=JAL,nuevo leon=NL,baja california=BC",
}

TOWNS_OF_DELAWARE = frozenset(
    _places(
        """wilmington, dover, newark, middletown, bear, glasgow, brookside, hockessin, smyrna, milford, claymont,
        seaford, georgetown, elsmere, new castle, millsboro, laurel, harrington, camden, clayton, lewes, milton,
        selbyville, bridgeville, rehoboth, rehoboth beach, bethany beach, townsend, pike creek, greenville, ocean
        view, delmar"""
    )
)
"""Before which `DE` is Delaware."""

TOWNS_OF_CANADA = frozenset(
    _places(
        """hamilton, london, halifax, victoria, surrey, kingston, regina, windsor, barrie, brantford, cambridge,
        langley, abbotsford, kamloops, saint john, st. catharines, peterborough, fort mcmurray, prince george,
        brandon, vaughan, longueuil, richmond hill, ajax, whitby, pickering, milton, niagara falls, levis,
        saguenay, terrebonne, banff, squamish, whistler, north vancouver, west vancouver"""
    )
)
"""Not known by themselves, but before which `CA` is Canada more likely than California."""

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
REGIONS = {
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
"""First names of countries above, by the region they lie in."""
