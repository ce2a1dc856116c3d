"""By what two people are known to work for the same company, for quotas and for `second person there`."""

from __future__ import annotations

import re
import unicodedata

from cmo.domain.address import is_free_mail
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


def company_key(company: str, email: str) -> str:
    """What stands for the employer: the name without case, signs and legal form, else the mail domain; empty where
    neither tells."""
    plain = unicodedata.normalize("NFKC", company).casefold()
    words = " ".join(_LEGAL.sub(" ", re.sub(r"[^\w]+", " ", plain)).split())
    if words and words not in _NO_EMPLOYER:
        return words
    domain = email_domain(email)
    return "" if is_free_mail(domain) else domain
