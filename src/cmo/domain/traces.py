"""Finding one person in any text: their addresses in every spelling, and their logins where a login stands.

A login such as `go` is a word as well, so it counts only as the value of a field that holds logins, behind
`github.com/` or `/users/`, or as `@login`.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

from cmo.domain.suppression import email_key

ERASED = "[erased]"
"""What stands where they were named."""

_ESCAPES = r"(?P<before>(?:\\[bfnrt]|\\u[0-9a-fA-F]{4})*)"
"""What JSON puts before a word, which is no part of it: `\nana@...`."""
_CODED = r"%(?:25)?[0-9a-fA-F]{2}|\\+u[0-9a-fA-F]{4}"
"""A character as web addresses and JSON write it, also where they are nested."""
_AT = re.compile(r"[@\uff20]|%(?:25)?40|=40|\\+u0040|&(?:\#64|\#[xX]40|commat);")
_LABEL = rf"(?:[\w\u0300-\u036f-]|{_CODED}|=[0-9A-F]{{2}}){{1,200}}"
_DOMAIN = re.compile(rf"{_LABEL}(?:(?:[.\u3002\uff0e\uff61]|%2[eE]){_LABEL})+")
_LOCAL = re.compile(rf"{_ESCAPES}(?P<local>(?:[^\s@\uff20<>\"'(),:;\\\[\]|/=?&{{}}%]|{_CODED}){{1,64}})$")
_LONGEST_LOCAL = 64 * len("\\\\u0040")
_FIELDS = "login|item|kept|merged|payload"


class Traces:
    """Recognises whoever has these addresses and logins."""

    def __init__(self, *, addresses: Iterable[str], logins: Iterable[str]) -> None:
        spelled = set(addresses)
        self.keys = frozenset(email_key(address) for address in spelled)
        """In the form addresses are compared in."""
        self._of_keys = frozenset(key.partition("@")[2] for key in self.keys)
        self._domains: dict[str, bool] = {}
        """Domain as written -> whether it is of theirs."""
        self.logins = frozenset(login.lower() for login in logins)
        literal = {form for text in (*spelled, *self.keys) for form in _forms(text)}
        self._literal = re.compile(
            rf"(?:(?<![\w.+-])|(?<=\\[bfnrt]))(?:{'|'.join(map(re.escape, sorted(literal, key=len, reverse=True)))})"
            r"(?!\.?[\w-])",
            re.IGNORECASE,
        )
        packed = sorted({form for text in (*spelled, *self.keys) for form in _packed(text)})
        self._packed = re.compile("|".join(map(re.escape, packed)))
        names = "|".join(map(re.escape, sorted(self.logins))) or "(?!)"
        self._login = re.compile(
            rf"(?P<field>\"(?:{_FIELDS})\"\s*:\s*)\"(?:{names})\""
            rf"|(?P<url>github\.com/|/users/)(?:{names})(?![\w-])"
            rf"|(?<![\w.+@-])@(?:{names})(?![\w.@-])",
            re.IGNORECASE,
        )
        self._quoted = re.compile(rf"\"(?:{names})\"", re.IGNORECASE)

    def has_address(self, text: str) -> bool:
        """Whether `text` holds an address of theirs: also with a plus tag, in other case or spelling, or encoded."""
        if self._packed.search(text) is not None:
            return True
        if _AT.search(text) is None:
            return False
        return self._literal.search(text) is not None or any(True for _ in self._spans(text))

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
        kept, end = list[str](), 0
        for first, last in self._spans(text):
            kept += [text[end:first], ERASED]
            end = last
        return self._packed.sub(ERASED, self._literal.sub(ERASED, "".join([*kept, text[end:]])))

    def without_names(self, text: str) -> str:
        """`text` with their addresses and logins replaced."""
        return self._login.sub(_without, self.without_addresses(text))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where their addresses stand. The domain is looked at first: most are of others, and it is found at once."""
        end = 0
        for at in _AT.finditer(text):
            domain = _DOMAIN.match(text, at.end())
            if domain is None or not self._is_domain(domain[0]):
                continue
            begins = max(end, at.start() - _LONGEST_LOCAL)
            local = _LOCAL.search(text[begins : at.start()])
            if local is not None and self._is_theirs(f"{local['local']}@{domain[0]}"):
                end = domain.end()
                yield begins + local.start("local"), end

    def _is_domain(self, written: str) -> bool:
        if written not in self._domains:
            self._domains[written] = email_key(f"x@{_decoded(written)}").partition("@")[2] in self._of_keys
        return self._domains[written]

    def _is_theirs(self, written: str) -> bool:
        return email_key(written) in self.keys or email_key(_decoded(written)) in self.keys


def _forms(address: str) -> tuple[str, ...]:
    """As it is, in addresses of the web, and in JSON that keeps to ASCII."""
    return address, address.replace("@", "%40"), quote(address, safe=""), json.dumps(address)[1:-1]


def _packed(address: str) -> Iterator[str]:
    """The address in base64, whatever stands before it; what depends on its neighbours is left out."""
    data = address.encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        yield encoded[(0, 2, 3)[before] : (before + len(data)) // 3 * 4]


def _decoded(text: str) -> str:
    """`text` as it reads once it is no longer part of an address of the web, of JSON, HTML or a mail's body."""
    plain = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), html.unescape(text))
    plain = unquote(unquote(re.sub(r"=([0-9A-F]{2})", r"%\1", plain)))
    return unicodedata.normalize("NFKC", plain)


def _without(found: re.Match[str]) -> str:
    if found["field"]:
        return f'{found["field"]}"{ERASED}"'
    return f"{found['url'] or ''}{ERASED}"
