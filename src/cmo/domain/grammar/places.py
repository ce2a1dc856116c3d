"""Countries, large cities and their people: enough to tell `in Berlin` from `in testing`."""

from __future__ import annotations

from cmo.domain.grammar.tokens import word_list

COUNTRIES = frozenset(
    word_list(
        "afghanistan, albania, algeria, andorra, angola, argentina, armenia, australia, austria, azerbaijan, bahrain,"
        " bangladesh, belarus, belgium, bolivia, bosnia, botswana, brazil, bulgaria, cambodia, cameroon, canada,"
        " chile, china, colombia, costa rica, croatia, cuba, cyprus, czechia, czech republic, denmark,"
        " dominican republic, ecuador, egypt, el salvador, estonia, ethiopia, finland, france, georgia, germany,"
        " ghana, greece, guatemala, honduras, hong kong, hungary, iceland, india, indonesia, iran, iraq, ireland,"
        " israel, italy, ivory coast, jamaica, japan, jordan, kazakhstan, kenya, kosovo, kuwait, latvia, lebanon,"
        " liechtenstein, lithuania, luxembourg, malaysia, malta, mexico, moldova, monaco, mongolia, montenegro,"
        " morocco, mozambique, myanmar, namibia, nepal, netherlands, new zealand, nicaragua, nigeria, north macedonia,"
        " norway, oman, pakistan, panama, paraguay, peru, philippines, poland, portugal, puerto rico, qatar, romania,"
        " russia, rwanda, saudi arabia, scotland, senegal, serbia, singapore, slovakia, slovenia, somalia,"
        " south africa, south korea, korea, spain, sri lanka, sudan, sweden, switzerland, syria, taiwan, tanzania,"
        " thailand, tunisia, turkey, türkiye, turkiye, uganda, ukraine, united arab emirates, united kingdom, england,"
        " wales, northern ireland, united states, united states of america, uruguay, uzbekistan, venezuela, vietnam,"
        " yemen, zambia, zimbabwe, brasil, deutschland, españa, great britain, britain, america, holland",
        ",",
    )
)

REGIONS = frozenset(
    word_list(
        "europe, western europe, eastern europe, north america, south america, latin america, asia, africa, oceania,"
        " scandinavia, the nordics, nordics, the baltics, baltics, middle east, southeast asia, balkans, benelux,"
        " california, texas, florida, washington, oregon, colorado, massachusetts, new york state, illinois, ontario,"
        " quebec, british columbia, bavaria, catalonia, silicon valley, bay area, san francisco bay area, dach",
        ",",
    )
)

CITIES = frozenset(
    word_list(
        "amsterdam, athens, atlanta, auckland, austin, bangalore, bengaluru, bangkok, barcelona, beijing, belgrade,"
        " berlin, bern, bogota, bogotá, boston, bratislava, brisbane, brooklyn, brussels, bucharest, budapest,"
        " buenos aires, cairo, calgary, cambridge, cape town, chennai, chicago, cluj, cologne, copenhagen, dallas,"
        " delhi, new delhi, denver, dhaka, dresden, dubai, dublin, düsseldorf, edinburgh, frankfurt, gdansk, geneva,"
        " glasgow, gothenburg, guadalajara, hamburg, hanoi, helsinki, ho chi minh city, houston, hyderabad, istanbul,"
        " jakarta, jerusalem, johannesburg, karachi, kiev, kyiv, kolkata, krakow, kraków, kuala lumpur, lagos, lahore,"
        " leipzig, lima, lisbon, lisboa, ljubljana, london, los angeles, lyon, madrid, malmo, malmö, manchester,"
        " manila, medellin, medellín, melbourne, mexico city, miami, milan, milano, minneapolis, montevideo, montreal,"
        " montréal, moscow, mumbai, munich, münchen, nairobi, naples, new york, new york city, oslo, ottawa, oxford,"
        " palo alto, paris, philadelphia, pittsburgh, portland, porto, prague, pune, quito, raleigh, riga,"
        " rio de janeiro, rome, rotterdam, saint petersburg, salt lake city, san diego, san francisco, san jose,"
        " santiago, são paulo, sao paulo, sarajevo, seattle, seoul, shanghai, shenzhen, sofia, stockholm, stuttgart,"
        " sydney, taipei, tallinn, tbilisi, tehran, tel aviv, the hague, tirana, tokyo, toronto, toulouse, tunis,"
        " turin, utrecht, vancouver, vienna, wien, vilnius, warsaw, wellington, wroclaw, wrocław, yerevan, zagreb,"
        " zurich, zürich, köln, são carlos, porto alegre, belo horizonte, curitiba, recife",
        ",",
    )
)

SHORT: dict[str, str] = {
    "uk": "UK", "u.k": "UK", "usa": "USA", "us": "USA", "u.s": "USA", "eu": "EU", "uae": "UAE", "nyc": "New York",
    "sf": "San Francisco", "dach": "DACH", "emea": "EMEA", "apac": "APAC", "latam": "LATAM", "la": "Los Angeles",
}  # fmt: skip
"""Abbreviations -> the form to search for. `us` and `la` only after a word such as `in`."""

DEMONYMS: dict[str, str] = {
    "german": "Germany", "french": "France", "british": "UK", "spanish": "Spain", "italian": "Italy",
    "dutch": "Netherlands", "polish": "Poland", "swiss": "Switzerland", "austrian": "Austria", "swedish": "Sweden",
    "norwegian": "Norway", "danish": "Denmark", "finnish": "Finland", "portuguese": "Portugal", "brazilian": "Brazil",
    "mexican": "Mexico", "canadian": "Canada", "american": "USA", "us-based": "USA", "indian": "India",
    "japanese": "Japan", "korean": "South Korea", "chinese": "China", "australian": "Australia", "irish": "Ireland",
    "israeli": "Israel", "ukrainian": "Ukraine", "russian": "Russia", "turkish": "Turkey", "czech": "Czechia",
    "romanian": "Romania", "hungarian": "Hungary", "greek": "Greece", "nigerian": "Nigeria", "kenyan": "Kenya",
    "argentinian": "Argentina", "colombian": "Colombia", "chilean": "Chile", "indonesian": "Indonesia",
    "vietnamese": "Vietnam", "european": "Europe", "belgian": "Belgium", "estonian": "Estonia",
    "bulgarian": "Bulgaria", "croatian": "Croatia", "serbian": "Serbia", "egyptian": "Egypt", "pakistani": "Pakistan",
    "singaporean": "Singapore",
}  # fmt: skip

EVERYWHERE = ("anywhere", "worldwide", "any location", "any country", "everywhere", "all countries", "globally")

LONGEST_NAME = 5
"""Words in the longest name here."""


def is_country(name: str) -> bool:
    """Also true of regions and abbreviations: what may follow a city after a comma."""
    return name in COUNTRIES or name in REGIONS or name in SHORT


def is_place(name: str) -> bool:
    return name in CITIES or is_country(name)


def spelled(name: str) -> str:
    """A known place in lower case, as people write it on their profile."""
    if name in SHORT:
        return SHORT[name]
    small = {"of", "the", "de", "do", "da"}
    return " ".join(word if word in small else word.capitalize() for word in name.split())
