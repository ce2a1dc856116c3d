"""Whether a profile's name gives a first name that a stranger may be greeted with."""

from __future__ import annotations

import re
import unicodedata


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOST_WORDS = 4
_SCRIPTS = _words("LATIN CYRILLIC GREEK")
"""Where the given name usually comes first, and names have capitals."""
_NAME = re.compile(r"[^\W\d_]+(?:[ .'’-]+[^\W\d_]+)*\.?")
_NO_PERSON = _words(
    """inc ltd llc gmbh ag sa bv corp corporation company co labs lab team teams project projects foundation software
    org organization organisation community bot robot official dev devs developer developers group studio studios
    systems technologies tech solutions consulting university institute open source the a an anonymous unknown user
    name admin root test support dr prof professor mr mrs ms mx sir no not please hi hello"""
)
"""Words of companies, titles and placeholders: a name that holds one is not greeted."""


def first_name(name: str, *, login: str) -> str:
    """The given name in `name`, or empty where greeting with it could be wrong.

    A greeting without a name offends nobody, so all doubt ends there: handles, companies, titles, "Family, Given",
    other scripts, mixed scripts, capitals in odd places.
    """
    words = name.split()
    if not words or len(words) > _MOST_WORDS or not _NAME.fullmatch(name) or name == login:
        return ""
    if any(word.strip(".").casefold() in _NO_PERSON for word in words):
        return ""
    first = words[0]
    return first if 2 <= len(first) <= 20 and _is_capitalised(first) and _has_one_script(first) else ""


def _is_capitalised(word: str) -> bool:
    """`Ana`, `Jean-Luc`, `O'Neil`; not `ana`, `ANA`, `JohnDoe`, `J.`."""
    parts = re.split(r"['’-]", word)
    return "." not in word and all(part[:1].isupper() and part[1:] == part[1:].lower() for part in parts)


def _has_one_script(word: str) -> bool:
    scripts = {unicodedata.name(char, "?").split()[0] for char in word if char.isalpha()}
    return len(scripts) == 1 and scripts <= _SCRIPTS
