"""Mail addresses: their syntax, the one form in which they are compared, and whom they reach.

Nothing is repaired: `jane at example dot org` is how somebody asks machines to stay away, and stays no address.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from cmo.domain.base import Frozen
from cmo.domain.text import clean_line

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NOREPLY_FORM = re.compile(r"(?:(\d{1,20})\+)?([a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?(?:_[a-z0-9]{1,16})?(?:\[bot\])?)")
_OTHER_DOTS = re.compile("[\u3002\uff0e\uff61]")
_IN_BRACKETS = re.compile(r"<([^<>]*)>$")
_QUOTED = re.compile(r'^"([^"\\\s]+)"@')
_MAILTO = "mailto:"
_LONGEST_PASTE = 500
_NOREPLY = re.compile(r"(?:.*[._+-])?(?:do[._-]?not|dont|no)[._-]?reply(?:[._+-].*)?|nobody|bounces?")

_DEVIATIONS = {ord("ß"): "ss", 0x03C2: "\u03c3", 0x200C: None, 0x200D: None}

GITHUB_NOREPLY = "users.noreply.github.com"


class AddressKind(StrEnum):
    """Whom an address reaches."""

    PERSONAL = "personal"
    ROLE = "role"
    """A function, such as info@ or security@: whoever reads it did not commit."""
    DISPOSABLE = "disposable"
    """A throw-away mailbox."""
    NOREPLY = "noreply"
    MACHINE = "machine"
    """A build server, a bot, or the placeholder of an unconfigured git."""
    LOCAL = "local"
    """A name that means something on one machine or network only."""
    MALFORMED = "malformed"


class Address(Frozen):
    """A well-formed address, in lower case."""

    local: str
    domain: str
    """As written."""
    ascii_domain: str
    """A-labels, as DNS knows it."""

    @property
    def text(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def untagged_local(self) -> str:
        """The part before a `+tag`; the whole where nothing would be left."""
        return self.local.partition("+")[0] or self.local


def parse_address(text: str) -> Address | None:
    """`text` as an address mail can be sent to, or None.

    Accepts a dot-atom and a domain name of at least two labels, internationalised or not. Refuses what is legal but
    in practice a mistake or not deliverable through sending services: quoted local parts, comments, address literals,
    and local parts outside ASCII.
    """
    local, at, domain = _split(text)
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        return None
    ascii_domain = a_label(domain)
    if ascii_domain is None or len(local) + 1 + len(ascii_domain) > 254:
        return None
    return Address(local=local, domain=domain, ascii_domain=ascii_domain)


def a_label(domain: str) -> str | None:
    """`domain` as DNS knows it (lower case, `xn--` labels), or None where it cannot be a mail domain.

    Maps as UTS 46 does without transitional processing: compatibility forms, every case and other scripts' full
    stops become one; ß, ς and joiners keep their meaning, which Python's own `idna` codec would lose.
    """
    folded = "".join(c.lower() for c in unicodedata.normalize("NFKC", _OTHER_DOTS.sub(".", domain.strip())))
    labels = [_ascii_label(unicodedata.normalize("NFC", label)) for label in folded.split(".")]
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return None
    name = ".".join(labels)
    return name if len(name) <= 253 else None


@lru_cache(maxsize=4096)
def comparable_domain(domain: str) -> str | None:
    """As `a_label`, with ß as ss and the final sigma as sigma, as upper case and older software write the name."""
    name = a_label(domain)
    if name is None or "xn--" not in name:
        return name
    return a_label(".".join(_without_deviations(label) for label in name.split(".")))


def identity_key(email: str) -> str:
    """The form in which two spellings of one mailbox are equal; never fails, whatever the text.

    Lower case, NFC, `comparable_domain`; a plus tag is cut off; for Gmail the dots go too and googlemail.com is
    gmail.com.
    """
    local, at, domain = _split(email)
    if not at:
        return domain
    host = comparable_domain(domain.rstrip(".")) or domain
    local = local.partition("+")[0] or local
    if host in _GMAIL:
        host, local = "gmail.com", local.replace(".", "") or local
    return f"{local}@{host}"


def bare_address(text: str) -> str:
    """The address in what people paste: `Jane <jane@acme.dev>`, `mailto:jane@acme.dev?subject=x`, `"jane"@acme.dev`,
    with letters of other widths and invisible ones between them."""
    plain = unicodedata.normalize("NFKC", clean_line(text, limit=_LONGEST_PASTE))
    inner = _IN_BRACKETS.search(plain)
    bare = (inner[1] if inner else plain).strip()
    if bare[: len(_MAILTO)].lower() == _MAILTO:
        bare = bare[len(_MAILTO) :].partition("?")[0]
    return _QUOTED.sub(r"\1@", bare)


def classify(email: str) -> AddressKind:
    """Whom `email` reaches; only PERSONAL may become a lead."""
    _, at, domain = _split(email)
    if at and is_local_name(domain):
        return AddressKind.LOCAL
    address = parse_address(email)
    if address is None:
        return AddressKind.MALFORMED
    local = address.untagged_local
    if address.ascii_domain.endswith("noreply.github.com") or _NOREPLY.fullmatch(local):
        return AddressKind.NOREPLY
    if _is_machine(address, local):
        return AddressKind.MACHINE
    if local in _ROLES:
        return AddressKind.ROLE
    return AddressKind.DISPOSABLE if is_disposable(address.ascii_domain) else AddressKind.PERSONAL


def is_local_name(domain: str) -> bool:
    """Whether `domain` is a name that public DNS cannot hold: `localhost`, `laptop.local`, `(none)`."""
    last = domain.rstrip(".").rpartition(".")[2]
    return "." not in domain.rstrip(".") or last in _LOCAL_TLDS


def is_free_mail(ascii_domain: str) -> bool:
    """Whether anybody can have a mailbox there, so that the domain says nothing about a company."""
    return ascii_domain in _FREE_MAIL


def is_disposable(ascii_domain: str) -> bool:
    """Whether mailboxes there are thrown away; subdomains count."""
    return any(name in _DISPOSABLE for name in parent_domains(ascii_domain))


def parent_domains(ascii_domain: str) -> tuple[str, ...]:
    """`ascii_domain` and every name above it that still has two labels, longest first."""
    labels = ascii_domain.split(".")
    return tuple(".".join(labels[i:]) for i in range(max(1, len(labels) - 1)))


def noreply_login(email: str) -> str | None:
    """The login inside `ID+login@users.noreply.github.com` or `login@users.noreply.github.com`, else None.

    Source: https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
    """
    local, _, domain = _split(email)
    match = _NOREPLY_FORM.fullmatch(local) if domain == GITHUB_NOREPLY else None
    return match.group(2) if match else None


def is_automated_local(local: str) -> bool:
    """Whether the part before the at sign names a build server or bot, such as `ci` or `release-bot`."""
    return local in _MACHINES or bool(set(re.split(r"[_-]+", local)) & _MACHINE_WORDS)  # dots part people's names


def _split(text: str) -> tuple[str, str, str]:
    normal = unicodedata.normalize("NFC", text.strip()).lower()
    local, at, domain = normal.rpartition("@")
    return local, at, _OTHER_DOTS.sub(".", domain) if at else domain


def _without_deviations(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        letters = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    plain = letters.translate(_DEVIATIONS)
    return label if plain == letters else plain


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _is_machine(address: Address, local: str) -> bool:
    placeholder = local in _PLACEHOLDERS and address.ascii_domain in _EXAMPLES
    return placeholder or is_automated_local(local) or address.ascii_domain in _MACHINE_DOMAINS


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GMAIL = _names("gmail.com googlemail.com")
_MACHINES = _names(
    """actions action github-actions automation autobot bot bots build builds builder buildbot buildkite ci cicd
    circleci cron daemon deploy deployment deployer docker drone gitlab-ci jenkins k8s mailer-daemon merge-queue
    release-please robot root runner semantic-release svc system teamcity travis travis-ci ubuntu ec2-user vagrant
    www-data"""
)
"""Not `git` or `github`: careful people use those as aliases of their own."""
_MACHINE_WORDS = _names("bot bots robot dependabot renovate buildbot")
_MACHINE_DOMAINS = _names("bots.noreply.github.com users.noreply.gitlab.com travis-ci.org travis-ci.com")
_PLACEHOLDERS = _names("you your your_email your-email your.email youremail email user username name test me someone")
_EXAMPLES = _names("example.com example.org example.net domain.com email.com company.com yourdomain.com")
_LOCAL_TLDS = _names("local localdomain localhost lan internal intranet home corp private invalid arpa")
_ROLES = _names(
    """abuse accounting accounts ads admin administrator admissions advertising affiliates all billing board booking
    bugs business career careers ceo community compliance contact contactus contribute cto customercare customerservice
    data dataprotection design dev developer developers development devops devrel docs donations dpo editor editors
    education engineering enquiries enquiry events everyone feedback finance ftp general group hello help helpdesk
    hiring hostmaster hr info information inquiries inquiry investors invoice invoices it jobs legal list
    lists mail-admin maintainer maintainers management marketing media members membership moderator
    moderators network news newsletter noc office open-source opensource operations ops order orders oss owner
    partner partners partnerships people postmaster pr presse press privacy product project projects public
    recruiting recruitment registrar reply research root sales security service services shop spam sponsor sponsors
    staff subscribe support sysadmin team tech technical training unsubscribe usenet uucp webmaster welcome www"""
)
"""RFC 2142 and what companies and projects use. Not `me`, `mail`, `hi` or `hey`: people use those on own domains."""
_FREE_MAIL = _names(
    """gmail.com googlemail.com outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it
    hotmail.es outlook.de outlook.fr outlook.es outlook.jp live.co.uk live.fr live.nl yahoo.com yahoo.co.uk yahoo.co.jp
    yahoo.co.in yahoo.fr yahoo.de yahoo.es yahoo.it yahoo.ca yahoo.com.br ymail.com rocketmail.com aol.com icloud.com
    me.com mac.com proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com fastmail.com
    fastmail.fm hey.com zoho.com gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de posteo.de posteo.net
    mailbox.org arcor.de free.fr orange.fr wanadoo.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it
    mail.ru bk.ru inbox.ru list.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua qq.com foxmail.com 163.com 126.com
    yeah.net sina.com sohu.com aliyun.com naver.com daum.net hanmail.net kakao.com rediffmail.com uol.com.br bol.com.br
    terra.com.br wp.pl o2.pl onet.pl interia.pl gazeta.pl seznam.cz email.cz centrum.cz azet.sk abv.bg mail.com
    email.com usa.com comcast.net verizon.net att.net sbcglobal.net cox.net bellsouth.net btinternet.com sky.com
    bigpond.com telenet.be skynet.be ziggo.nl kpnmail.nl xs4all.nl hotmail.nl bluewin.ch telia.com riseup.net
    disroot.org duck.com pobox.com runbox.com hushmail.com lavabit.com inbox.com"""
)
_DISPOSABLE = _names(
    """10minutemail.com 10minutemail.net 10mail.org 20minutemail.com 33mail.com anonbox.net anonymbox.com
    burnermail.io byom.de deadaddress.com discard.email discardmail.com discardmail.de dispostable.com
    dropmail.me emailondeck.com emailfake.com fakeinbox.com fakemail.net fakemailgenerator.com filzmail.com
    getairmail.com getnada.com grr.la guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.info
    guerrillamail.net guerrillamail.org guerrillamailblock.com harakirimail.com inboxbear.com inboxkitten.com
    incognitomail.org jetable.org mail-temp.com mail-temporaire.fr mailcatch.com maildrop.cc mailexpire.com
    mailforspam.com mailinator.com mailinator.net mailinator2.com mailnesia.com mailnull.com mailpoof.com mailsac.com
    mailtemp.info meltmail.com minuteinbox.com moakt.com mohmal.com mt2015.com mvrht.com mytemp.email mytrashmail.com
    nada.email nowmymail.com one-time.email onetimemail.net pokemail.net reallymymail.com sharklasers.com
    smailpro.com sneakemail.com sofort-mail.de spam4.me spambog.com spambox.us spamex.com spamfree24.org spamgourmet.com
    spamherelots.com spaml.com superrito.com tempail.com temp-mail.io temp-mail.org tempinbox.com tempmail.com
    tempmail.dev tempmail.net tempmail.plus tempmailaddress.com tempmailo.com tempr.email temporarymail.com
    throwam.com throwawaymail.com tmail.ws tmpmail.net tmpmail.org trash-mail.com trashmail.com trashmail.de
    trashmail.io trashmail.me trashmail.net trbvm.com wegwerfemail.de wegwerfmail.de wegwerfmail.net wegwerfmail.org
    yopmail.com yopmail.fr yopmail.net zetmail.com"""
)
