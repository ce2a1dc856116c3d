# ruff: noqa: RUF001  (letters of other scripts are the point)
"""What people of the sandbox are called and where they live. Invented combinations; nobody in particular."""

from __future__ import annotations

from typing import NamedTuple

from cmo.sandbox.dice import Weighted


class Country(NamedTuple):
    """A country's share of people and the parts their names are made of."""

    code: str
    """ISO 3166-1 alpha-2."""
    name: str
    zone: str
    """IANA time zone."""
    cities: tuple[str, ...]
    first: tuple[str, ...]
    """Given names in Latin letters; `native=latin` where the profile shows another script."""
    last: tuple[str, ...]


def _country(code: str, name: str, zone: str, cities: str, first: str, last: str) -> Country:
    return Country(code, name, zone, tuple(cities.split(",")), tuple(first.split()), tuple(last.split()))


# fmt: off
_SHARES: tuple[tuple[Country, float], ...] = (
    (_country("US", "United States", "America/New_York", "Portland,Austin,Boston,New York,San Francisco,Denver",
              "Alice Brian Carol Dylan Erin Frank Grace Henry Ivy Jack Kate Liam Maya Noah Olivia Paul Quinn Rosa Sam",
              "Abbott Baker Carter Dalton Ellis Foster Graham Hughes Irving Jensen Keller Lowell Mercer Norris Osborn"),
     24),
    (_country("GB", "United Kingdom", "Europe/London", "London,Bristol,Leeds,Edinburgh,Cambridge",
              "Amelia Callum Daisy Ewan Fiona Gareth Harriet Imogen Jamie Kirsty Lewis Megan Nigel Oscar Poppy Rhys",
              "Ashworth Barlow Clarke Dawson Fairfax Gillespie Hartley Kirkby Langley Marsden Robotham Talbot Whitby"),
     8),
    (_country("DE", "Germany", "Europe/Berlin", "Berlin,Hamburg,München,Köln,Leipzig",
              "Anja Bernd Claudia Dirk Elke Florian Greta Hannes Ilse Jonas Katrin Lukas Miriam Niklas Petra Sven",
              "Albrecht Brandt Dietrich Engel Fuchs Günther Hartmann Köhler Lorenz Müller Neumann Schröder Weiß"),
     9),
    (_country("FR", "France", "Europe/Paris", "Paris,Lyon,Nantes,Toulouse,Lille",
              "Aurélie Baptiste Camille Damien Élodie Fabien Hélène Julien Loïc Mathilde Noémie Quentin Solène Théo",
              "Aubert Bonnet Chevalier Dubois Fontaine Garnier Lefèvre Marchand Perrin Renard Tessier Vasseur"),
     6),
    (_country("NL", "Netherlands", "Europe/Amsterdam", "Amsterdam,Utrecht,Rotterdam,Eindhoven",
              "Anouk Bram Daan Eva Femke Gijs Hanneke Jeroen Lotte Maarten Pieter Sanne Thijs Wouter",
              "Bakker Botha Dekker Hendriks Jansen Kuipers Mulder Postma Visser Vos Zijlstra"),
     4),
    (_country("PL", "Poland", "Europe/Warsaw", "Warszawa,Kraków,Wrocław,Gdańsk",
              "Agnieszka Bartosz Dorota Filip Grzegorz Hanna Jakub Kasia Łukasz Paweł Zofia",
              "Dąbrowski Jankowska Kamiński Lis Mazur Nowicka Pawlak Sikora Wójcik Zając"),
     4),
    (_country("UA", "Ukraine", "Europe/Kyiv", "Kyiv,Lviv,Kharkiv",
              "Олена=Olena Андрій=Andriy Ірина=Iryna Максим=Maksym Наталія=Natalia Тарас=Taras Юлія=Yulia",
              "Бондар=Bondar Коваль=Koval Мельник=Melnyk Шевчук=Shevchuk Ткач=Tkach Кравець=Kravets"),
     3),
    (_country("IN", "India", "Asia/Kolkata", "Bengaluru,Pune,Hyderabad,Chennai,Delhi",
              "Aarav Divya Harish Ishaan Kavya Lakshmi Manish Neha Priya Rahul Sanjay Tanvi Vikram आरती=Arti रवि=Ravi",
              "Agarwal Bhatt Chopra Desai Gupta Iyer Joshi Kulkarni Menon Nair Patel Rao Sharma Verma"),
     8),
    (_country("CN", "China", "Asia/Shanghai", "Shanghai,Beijing,Shenzhen,Hangzhou",
              "伟=Wei 芳=Fang 娜=Na 敏=Min 静=Jing 磊=Lei 洋=Yang 艳=Yan 杰=Jie 涛=Tao 明=Ming 霞=Xia",
              "王=Wang 李=Li 张=Zhang 刘=Liu 陈=Chen 杨=Yang 赵=Zhao 黄=Huang 周=Zhou 吴=Wu"),
     6),
    (_country("JP", "Japan", "Asia/Tokyo", "東京,大阪,Kyoto,Fukuoka",
              "陽菜=Hina 翔太=Shota 美咲=Misaki 拓也=Takuya 葵=Aoi 健=Ken 結衣=Yui 大輔=Daisuke",
              "佐藤=Sato 鈴木=Suzuki 高橋=Takahashi 田中=Tanaka 渡辺=Watanabe 山本=Yamamoto 中村=Nakamura"),
     4),
    (_country("KR", "South Korea", "Asia/Seoul", "Seoul,Busan,판교",
              "민준=Minjun 서연=Seoyeon 지훈=Jihoon 수빈=Subin 하은=Haeun 도윤=Doyun",
              "김=Kim 이=Lee 박=Park 최=Choi 정=Jung 강=Kang"),
     2),
    (_country("BR", "Brazil", "America/Sao_Paulo", "São Paulo,Curitiba,Recife,Belo Horizonte",
              "Ana Bruno Cibele Diego Fernanda Gustavo Helena Joana Leandro Marcos Rafaela Tiago Vinícius",
              "Almeida Barbosa Cardoso Dias Ferreira Gonçalves Lima Moreira Pereira Rocha Souza Teixeira"),
     5),
    (_country("ES", "Spain", "Europe/Madrid", "Madrid,Barcelona,Valencia,Sevilla",
              "Álvaro Begoña Carmen David Elena Íñigo Lucía Marta Nuria Pablo Raúl Sofía",
              "Castro Delgado Fernández Iglesias Jiménez López Muñoz Navarro Ortega Peña Ruiz Serrano"),
     4),
    (_country("IT", "Italy", "Europe/Rome", "Milano,Roma,Torino,Bologna",
              "Alessia Bruno Chiara Davide Elisa Francesco Giulia Lorenzo Matteo Nicolò Silvia",
              "Bianchi Colombo De-Luca Esposito Ferrari Greco Lombardi Moretti Ricci Villa"),
     3),
    (_country("SE", "Sweden", "Europe/Stockholm", "Stockholm,Göteborg,Malmö",
              "Annika Björn Elin Fredrik Gustav Hedda Johan Linnéa Mårten Åsa",
              "Andersson Bergström Dahl Ek Forsberg Holm Lindqvist Nyström Öberg Sjögren"),
     2),
    (_country("IL", "Israel", "Asia/Jerusalem", "Tel Aviv,Haifa",
              "נועה=Noa יואב=Yoav תמר=Tamar איתן=Eitan מיכל=Michal",
              "כהן=Cohen לוי=Levi מזרחי=Mizrahi פרץ=Peretz ביטון=Biton"),
     1.5),
    (_country("EG", "Egypt", "Africa/Cairo", "Cairo,Alexandria",
              "أحمد=Ahmed سارة=Sara محمود=Mahmoud ليلى=Layla عمر=Omar",
              "حسن=Hassan إبراهيم=Ibrahim منصور=Mansour فاروق=Farouk"),
     1),
    (_country("NG", "Nigeria", "Africa/Lagos", "Lagos,Abuja",
              "Adaeze Babatunde Chinedu Folake Ifeoma Kelechi Olumide Temitope",
              "Adeyemi Balogun Eze Nwosu Okafor Olawale Sanni"),
     1.5),
    (_country("TR", "Türkiye", "Europe/Istanbul", "İstanbul,Ankara,İzmir",
              "Ayşe Burak Cem Defne Emre Gökçe Işıl Kerem Şule",
              "Aydın Çelik Demir Kaya Öztürk Şahin Yıldız"),
     1.5),
    (_country("CA", "Canada", "America/Toronto", "Toronto,Montréal,Vancouver,Ottawa",
              "Avery Benoît Chloe Ethan Geneviève Hailey Logan Mackenzie Nathan Sophie Tyler",
              "Beaulieu Campbell Fraser Gagnon MacLeod O'Brien Pelletier Sinclair Tremblay Wong"),
     4),
    (_country("AU", "Australia", "Australia/Sydney", "Sydney,Melbourne,Brisbane,Perth",
              "Angus Bridget Cooper Declan Freya Hamish Isla Lachlan Matilda Zoe",
              "Abbot Bourke Connolly Donovan Fitzgerald Hawke McPherson Nguyen Sutherland"),
     3),
    (_country("GR", "Greece", "Europe/Athens", "Αθήνα,Thessaloniki",
              "Ελένη=Eleni Γιώργος=Giorgos Μαρία=Maria Νίκος=Nikos Σοφία=Sofia",
              "Παππάς=Pappas Νικολάου=Nikolaou Γεωργίου=Georgiou Οικονόμου=Oikonomou"),
     1),
    (_country("CZ", "Czechia", "Europe/Prague", "Praha,Brno,Ostrava",
              "Barbora Jiří Kateřina Lukáš Markéta Ondřej Šárka Tomáš Vojtěch",
              "Černý Dvořák Horák Kučera Novák Procházka Svoboda"),
     2),
    (_country("VN", "Vietnam", "Asia/Ho_Chi_Minh", "Hà Nội,Đà Nẵng,Ho Chi Minh City",
              "An Bình Châu Dũng Hương Khánh Linh Minh Ngọc Phương Quân Thảo Tuấn",
              "Đặng Hoàng Lê Nguyễn Phạm Trần Vũ"),
     1.5),
)

# fmt: on
COUNTRIES: Weighted[Country] = Weighted(_SHARES)

LOOKALIKES: tuple[tuple[str, str], ...] = (
    ("Jane Abbott", "jabbott"),
    ("Chris Talbot", "ctalbot"),
    ("Owen Robotham", "robotham"),
    ("Cibele Moreira", "cibele"),
    ("Botond Kiss", "botond"),
    ("Karin Botha", "kbotha"),
    ("Abbot Hale", "abbot-hale"),
    ("Renato Vale", "renato-vale"),
    ("Marc Jenkins", "mjenkins"),
    ("Travis Cole", "travis-cole"),
    ("Circe Lindqvist", "circe-ci"),
    ("Timo Automaat", "automaat"),
    ("Robert Boteler", "bot-eler"),
    ("Alba Deployes", "deployes"),
)
"""People whose name or login looks like a machine's. A client that drops them loses humans."""

CI_USERS: tuple[str, ...] = (
    "acme-ci-bot",
    "release-bot",
    "quillharrow-ci",
    "automerge-robot",
    "docs-deployer-bot",
    "svc-jenkins",
    "translations-bot",
    "auto-release-bot",
    "nightly-build-bot",
    "ci-runner-acme",
)
"""Machine accounts registered as ordinary users: their `type` says `User`."""

BOTS: tuple[tuple[str, int], ...] = (
    ("dependabot[bot]", 49699333),
    ("renovate[bot]", 29139614),
    ("github-actions[bot]", 41898282),
    ("pre-commit-ci[bot]", 66853113),
    ("allcontributors[bot]", 46447321),
)
"""Machine accounts that GitHub itself marks as `Bot`, with their account ids."""


def split_name(part: str) -> tuple[str, str]:
    """The form shown on the profile and the one in Latin letters."""
    native, _, latin = part.partition("=")
    return native, latin or native
