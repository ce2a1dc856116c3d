"""Finding one person in any text: their addresses in every spelling, and their logins where a login stands.

A login such as `go` is a word as well, so it counts only as the value of a field that holds logins, behind
`github.com/` or `/users/`, or as `@login`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from cmo.domain.suppression import email_key

ERASED = "[erased]"
"""What stands where they were named."""

_ESCAPES = r"(?P<before>(?:\\[bfnrt]|\\u[0-9a-fA-F]{4})*)"
"""What JSON puts before a word, which is no part of it: `\nana@...`."""
_ADDRESS = re.compile(_ESCAPES + r"(?P<address>[^\s@<>\"'(),:;\\\[\]|/=?&{}]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)")
_FIELDS = "login|item|kept|merged|payload"


class Traces:
    """Recognises whoever has these addresses and logins."""

    def __init__(self, *, addresses: Iterable[str], logins: Iterable[str]) -> None:
        spelled = set(addresses)
        self.keys = frozenset(email_key(address) for address in spelled)
        """In the form addresses are compared in."""
        self.logins = frozenset(login.lower() for login in logins)
        literal = {form for text in (*spelled, *self.keys) for form in _forms(text)}
        self._literal = re.compile(
            rf"(?:(?<![\w.+-])|(?<=\\[bfnrt]))(?:{'|'.join(map(re.escape, sorted(literal, key=len, reverse=True)))})"
            r"(?!\.?[\w-])",
            re.IGNORECASE,
        )
        names = "|".join(map(re.escape, sorted(self.logins))) or "(?!)"
        self._login = re.compile(
            rf"(?P<field>\"(?:{_FIELDS})\"\s*:\s*)\"(?:{names})\""
            rf"|(?P<url>github\.com/|/users/)(?:{names})(?![\w-])"
            rf"|(?<![\w.+@-])@(?:{names})(?![\w.@-])",
            re.IGNORECASE,
        )
        self._quoted = re.compile(rf"\"(?:{names})\"", re.IGNORECASE)

    def has_address(self, text: str) -> bool:
        """Whether `text` holds an address of theirs, also with a plus tag, in other case or another spelling."""
        if "@" not in text and "%40" not in text:
            return False
        return self._literal.search(text) is not None or any(
            email_key(found["address"]) in self.keys for found in _ADDRESS.finditer(text)
        )

    def names(self, text: str) -> bool:
        """Whether `text` holds an address or, where a login stands, a login of theirs."""
        return self.has_address(text) or self._login.search(text) is not None

    def may_name(self, text: str) -> bool:
        """As `names`, but any quoted login counts: for what may be thrown away on suspicion."""
        return self.names(text) or self._quoted.search(text) is not None

    def without_addresses(self, text: str) -> str:
        """`text` with their addresses replaced."""
        if not self.has_address(text):
            return text
        return self._literal.sub(ERASED, _ADDRESS.sub(self._without_address, text))

    def without_names(self, text: str) -> str:
        """`text` with their addresses and logins replaced."""
        return self._login.sub(_without, self.without_addresses(text))

    def _without_address(self, found: re.Match[str]) -> str:
        return found["before"] + ERASED if email_key(found["address"]) in self.keys else found[0]


def _forms(address: str) -> tuple[str, ...]:
    """As it is, in addresses of the web, and in JSON that keeps to ASCII."""
    return address, address.replace("@", "%40"), quote(address, safe=""), json.dumps(address)[1:-1]


def _without(found: re.Match[str]) -> str:
    if found["field"]:
        return f'{found["field"]}"{ERASED}"'
    return f"{found['url'] or ''}{ERASED}"
