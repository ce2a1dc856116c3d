"""How a setting's value is read from text and from TOML, and written back.

Strict: `true` is no number, 3.0 is no count.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Kind:
    """One kind of value. Both readers raise ValueError; its text is not shown, `expects` is."""

    expects: str
    """Completes `... must be`, e.g. `a whole number from 1 to 100`."""
    from_text: Callable[[str], Any]
    """Reads a variable, a flag or an argument."""
    from_toml: Callable[[Any], Any]
    """Reads a value of a TOML file."""
    to_text: Callable[[Any], str] = str
    """Writes the value so that `from_text` reads it."""
    to_toml: Callable[[Any], str] = json.dumps
    """Writes the value as a TOML literal."""


def whole(low: int, high: int) -> Kind:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError
        return value

    def from_text(text: str) -> int:
        digits = text.strip().replace(",", "").replace("_", "")
        if not re.fullmatch(r"-?[0-9]{1,12}", digits):
            raise ValueError
        return check(int(digits))

    def from_toml(raw: Any) -> int:
        if type(raw) is not int:
            raise ValueError
        return check(raw)

    return Kind(f"a whole number from {low:,} to {high:,}", from_text, from_toml)


def amount(low: float, high: float, *, optional: bool = False) -> Kind:
    """A number with decimals; where `optional`, `none` means without a limit and reads as None."""

    def check(value: float) -> float:
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError
        return value

    def from_text(text: str) -> float | None:
        word = text.strip().lower()
        if optional and word in ("none", "off", ""):
            return None
        return check(float(word.removeprefix("$")))

    def from_toml(raw: Any) -> float | None:
        if optional and raw in ("none", "off"):
            return None
        if type(raw) not in (int, float):
            raise ValueError
        return check(float(raw))

    def to_text(value: float | None) -> str:
        return "none" if value is None else f"{value:g}"

    def to_toml(value: float | None) -> str:
        return '"none"' if value is None else f"{value:g}"

    span = f"a number from {low:g} to {high:,.0f}"
    return Kind(f'{span}, or "none"' if optional else span, from_text, from_toml, to_text, to_toml)


def yes_no() -> Kind:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

    def from_text(text: str) -> bool:
        try:
            return words[text.strip().lower()]
        except KeyError:
            raise ValueError from None

    def from_toml(raw: Any) -> bool:
        if type(raw) is not bool:
            raise ValueError
        return raw

    def write(value: bool) -> str:
        return "true" if value else "false"

    return Kind("true or false", from_text, from_toml, write, write)


def line(*, expects: str = "one line of text") -> Kind:
    def check(raw: Any) -> str:
        if not isinstance(raw, str) or len(raw) > 500 or any(ord(c) < 0x20 or ord(c) == 0x7F for c in raw):
            raise ValueError
        return raw.strip()

    return Kind(expects, check, check, str, lambda value: json.dumps(value, ensure_ascii=False))


def choice(*options: str) -> Kind:
    """One of `options`; `-`, space and capitals are forgiven."""

    def bare(word: str) -> str:
        return re.sub(r"[\s-]+", "_", word.strip().lower())

    known = {bare(option): option for option in options}

    def check(raw: Any) -> str:
        if not isinstance(raw, str) or bare(raw) not in known:
            raise ValueError
        return known[bare(raw)]

    named = [option for option in options if option]
    return Kind(f"one of {', '.join(named)}", check, check)


def words() -> Kind:
    """A list of words, in lower case, without repeats; as text comma separated."""

    def check(items: list[str]) -> tuple[str, ...]:
        cleaned = [item.strip().lower() for item in items if item.strip()]
        if any(len(item) > 60 or any(ord(c) < 0x20 for c in item) for item in cleaned) or len(cleaned) > 50:
            raise ValueError
        return tuple(dict.fromkeys(cleaned))

    def from_toml(raw: Any) -> tuple[str, ...]:
        if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
            raise ValueError
        return check(raw)

    return Kind(
        "a list of words",
        lambda text: check(text.split(",")),
        from_toml,
        ",".join,
        lambda value: json.dumps(list(value), ensure_ascii=False),
    )


def counts(low: int = 1, high: int = 1_000_000, *, example: str = "mx_check=50") -> Kind:
    """Names with whole numbers from `low` to `high`; as text `name=number`, comma separated."""

    def check(pairs: Mapping[str, Any]) -> dict[str, int]:
        for name, count in pairs.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) or type(count) is not int or not low <= count <= high:
                raise ValueError
        return dict(pairs)

    def from_text(text: str) -> dict[str, int]:
        pairs = (part.split("=", 1) for part in text.split(",") if part.strip())
        return check({name.strip(): int(count) for name, count in pairs})

    def from_toml(raw: Any) -> dict[str, int]:
        if not isinstance(raw, dict):
            raise ValueError
        return check(raw)

    return Kind(
        f"names with whole numbers, e.g. {example}",
        from_text,
        from_toml,
        lambda value: ",".join(f"{name}={count}" for name, count in value.items()),
        lambda value: "{ " + ", ".join(f"{name} = {count}" for name, count in value.items()) + " }",
    )


def texts() -> Kind:
    """Names with a word each; as text `name=word`, with spaces between."""

    def check(pairs: Mapping[str, Any], before: str = "") -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in pairs.items():
            if isinstance(value, dict):  # a dotted name without quotes is a table of its own
                found |= check(value, f"{before}{name}.")
            elif isinstance(value, str) and 0 < len(value) <= 100 and value.isprintable():
                found[f"{before}{name}"] = value
            else:
                raise ValueError
        return found

    def from_toml(raw: Any) -> dict[str, str]:
        if not isinstance(raw, dict):
            raise ValueError
        return check(raw)

    return Kind(
        "names with a word each, e.g. drafts.approve=a",
        lambda text: check(dict(part.split("=", 1) for part in text.split())),
        from_toml,
        lambda value: " ".join(f"{name}={word}" for name, word in value.items()),
        lambda value: "{ " + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items()) + " }",
    )


def span() -> Kind:
    """A range of whole numbers `A..B`, read as (A, B)."""

    def check(raw: Any) -> tuple[int, int]:
        if not isinstance(raw, str):
            raise ValueError
        match = re.fullmatch(r"\s*([0-9][0-9_,]{0,9})\s*\.\.\s*([0-9][0-9_,]{0,9})\s*", raw)
        if not match:
            raise ValueError
        low, high = (int(part.replace(",", "").replace("_", "")) for part in match.groups())
        if low > high or high > 10_000_000:
            raise ValueError
        return low, high

    def write(value: tuple[int, int]) -> str:
        return f"{value[0]}..{value[1]}"

    return Kind("a range A..B, e.g. 100..2000", check, check, write, lambda value: json.dumps(write(value)))


def web_address(*, safe: bool = False) -> Kind:
    """The start of an http(s) address, without a trailing slash; it must carry no user name or password.

    Args:
        safe: Plain http leads to this machine only.
    """

    def check(raw: Any) -> str:
        if not isinstance(raw, str) or len(raw) > 500 or re.search(r"[\s\x00-\x1f\x7f]", raw.strip()):
            raise ValueError
        address = raw.strip().rstrip("/")
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError
        if safe and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError
        _ = parts.port  # raises ValueError where it is no port
        return address

    plain = "http:// for this machine" if safe else "http://"
    return Kind(f"an address that starts with https:// (or {plain}) and holds no password", check, check)


def notices() -> Kind:
    """Ways of being told of milestones; as text comma separated."""
    address = web_address(safe=True)

    def check(items: list[Any]) -> tuple[str, ...]:
        found = [str(item).strip() for item in items if str(item).strip() not in ("", "none")]
        for item in found:
            if item not in ("bell", "desktop"):
                address.from_text(item)
        return tuple(dict.fromkeys(found))

    def from_toml(raw: Any) -> tuple[str, ...]:
        if isinstance(raw, str):
            return check(raw.split(","))
        if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
            raise ValueError
        return check(raw)

    return Kind(
        "bell, desktop, none or an https address, or several of them",
        lambda text: check(text.split(",")),
        from_toml,
        ",".join,
        lambda value: json.dumps(list(value)),
    )


def optional(kind: Kind) -> Kind:
    """`kind`, or empty for not set."""
    return Kind(
        kind.expects,
        lambda text: kind.from_text(text) if text.strip() else "",
        lambda raw: kind.from_toml(raw) if raw != "" else "",
        kind.to_text,
        kind.to_toml,
    )
