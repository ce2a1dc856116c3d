"""By what two people are known to work for the same company, for quotas and for `second person there`."""

from __future__ import annotations

import re
import unicodedata

from cmo.domain.address import is_free_mail, parent_domains
from cmo.domain.suppression import email_domain

_LEGAL = re.compile(
    r"\b(inc|incorporated|llc|ltd|limited|gmbh|ag|bv|sa|sas|sarl|srl|oy|ab|as|corp|corporation|co|plc|ug|kg)\b"
)
_NO_EMPLOYER = frozenset(
    (
        "freelance", "freelancer", "self employed", "selfemployed", "independent", "independent consultant", "none",
        "n a", "na", "student", "home", "open source", "remote", "stealth", "stealth startup", "unemployed", "retired",
    )
)  # fmt: skip
"""What people write in the company's place when they have none."""


_SHARED_BELOW_COUNTRIES = frozenset(
    (
        "ac", "co", "com", "edu", "gob", "gov", "govt", "go", "gouv", "ltd", "mil", "ne", "net", "nom", "or", "org",
        "plc", "sch",
    )
)  # fmt: skip
"""Below a country's domain these are nobody's: `acme.co.uk`."""
_SHARED = frozenset(
    (
        "blogspot.com", "co.com", "de.com", "duckdns.org", "eu.org", "firebaseapp.com", "github.io", "gitlab.io",
        "herokuapp.com", "netlify.app", "pages.dev", "uk.com", "us.com", "vercel.app", "web.app", "wordpress.com",
        "workers.dev",
    )
)  # fmt: skip
"""Below these anybody can have a name. The part of publicsuffix.org that developers' addresses show."""


def company_key(company: str, email: str) -> str:
    """What stands for the employer: the organisation of the mail domain, else the name on the profile; empty where
    neither tells."""
    return organisation(email) or name_key(company)


def organisation(email: str) -> str:
    """The domain under which an organisation has all its names: `acme.dev` for `ana@mail.acme.dev`, `acme.co.uk` for
    `ana@acme.co.uk`; empty for free mail."""
    domain = email_domain(email)
    if not domain or any(is_free_mail(name) for name in parent_domains(domain)):
        return ""
    labels = domain.split(".")
    below_country = len(labels[-1]) == 2 and len(labels) > 1 and labels[-2] in _SHARED_BELOW_COUNTRIES
    return ".".join(labels[-3 if below_country or ".".join(labels[-2:]) in _SHARED else -2 :])


def name_key(company: str) -> str:
    """A company's name without case, signs and legal form; empty for what people write who have none."""
    plain = unicodedata.normalize("NFKC", company).casefold()
    words = " ".join(_LEGAL.sub(" ", re.sub(r"[^\w]+", " ", plain)).split())
    return "" if words in _NO_EMPLOYER else words
