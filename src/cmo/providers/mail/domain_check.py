"""Whether a sender's domain is set up so that mail from it is believed: SPF, DKIM, DMARC.

Source: RFC 7208 (SPF), 6376 and 8463 (DKIM), 7489 (DMARC); SAFETY.md 5.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from cmo.domain.outward import Probe

TxtLookup = Callable[[str], Awaitable[Sequence[str] | None]]
"""Name in A-labels -> its TXT records, each with its strings joined; empty where there are none, None where that
cannot be told now."""

MOST_LOOKUPS = 10
"""Of names while one SPF record is evaluated (RFC 7208, 4.6.4)."""
FEWEST_BITS = 1024
_SPF_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:[:/](.*))?", re.I)
_COUNTED = {"include", "a", "mx", "ptr", "exists"}

_INTEGER, _SEQUENCE = 0x02, 0x30
_CANNOT_TELL = "The name servers do not answer now; try again later."


async def check_domain(domain: str, *, selector: str, lookup: TxtLookup) -> tuple[Probe, Probe, Probe]:
    """SPF, DKIM and DMARC of `domain` (A-labels), in this order.

    Args:
        selector: DKIM's, as the mail service names it; empty where it is not known.
    """
    return (
        await check_spf(domain, lookup=lookup),
        await check_dkim(domain, selector=selector, lookup=lookup),
        await check_dmarc(domain, lookup=lookup),
    )


async def check_spf(domain: str, *, lookup: TxtLookup) -> Probe:
    """One record, at most ten look-ups, and not everybody's."""
    paste = f'Paste as TXT of {domain}: "v=spf1 mx ~all", with the include of your mail service before ~all.'
    found = await lookup(domain)
    if found is None:
        return _told("spf", "warn", f"SPF of {domain} could not be looked up.", _CANNOT_TELL)
    records = spf_records(found)
    if not records:
        return _told("spf", "fail", f"{domain} has no SPF record.", paste)
    if len(records) > 1:
        fix = f"Merge the {len(records)} records into one: several count as none."
        return _told("spf", "fail", f"{domain} has {len(records)} SPF records.", fix)
    flaw = spf_flaw(records[0])
    if flaw:
        return _told("spf", "fail", f"The SPF record of {domain} {flaw}.", paste)
    count = await _count_lookups(records[0], lookup=lookup)
    if count is None:
        return _told("spf", "warn", f"What SPF of {domain} includes could not be looked up.", _CANNOT_TELL)
    if count > MOST_LOOKUPS:
        fix = f"Remove includes that are not used: more than {MOST_LOOKUPS} look-ups count as an error."
        return _told("spf", "fail", f"The SPF record of {domain} takes more than {MOST_LOOKUPS} look-ups.", fix)
    return _told("spf", "ok", f"SPF of {domain} is in order ({count} look-ups).")


async def check_dkim(domain: str, *, selector: str, lookup: TxtLookup) -> Probe:
    """A key under `selector` that is strong enough."""
    if not selector:
        fix = "Find the selector in your mail service's settings, or as s= in the DKIM-Signature of a mail you sent."
        return _told("dkim", "warn", f"DKIM of {domain} was not checked: no selector is set.", fix)
    name = f"{selector}._domainkey.{domain}"
    found = await lookup(name)
    if found is None:
        return _told("dkim", "warn", f"{name} could not be looked up.", _CANNOT_TELL)
    keys = [record for record in found if "p" in tags_of(record)]
    fix = f"Have your mail service make a key of 2048 bit and paste its record as TXT of {name}."
    if len(keys) != 1:
        return _told("dkim", "fail", f"{name} has {len(keys)} keys instead of one.", fix)
    flaw = dkim_flaw(keys[0])
    if flaw:
        return _told("dkim", "fail", f"The key at {name} {flaw}.", fix)
    return _told("dkim", "ok", f"The DKIM key at {name} is in order.")


async def check_dmarc(domain: str, *, lookup: TxtLookup) -> Probe:
    """One record, of the domain or of the nearest one above it."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        found = await lookup(f"_dmarc.{name}")
        if found is None:
            return _told("dmarc", "warn", f"_dmarc.{name} could not be looked up.", _CANNOT_TELL)
        records = [record for record in found if tags_of(record).get("v") == "DMARC1"]
        if len(records) > 1:
            fix = "Keep one of them: several count as none."
            return _told("dmarc", "fail", f"{name} has {len(records)} DMARC records.", fix)
        if records:
            policy = tags_of(records[0]).get("p", "").lower()
            if policy in ("none", "quarantine", "reject"):
                return _told("dmarc", "ok", f"DMARC of {name} is in order (p={policy}).")
            return _told("dmarc", "fail", f"The DMARC record of {name} has no valid policy.", _dmarc_paste(name))
    return _told("dmarc", "fail", f"{domain} has no DMARC record.", _dmarc_paste(domain))


def spf_records(records: Sequence[str]) -> list[str]:
    """Those of the TXT records that are SPF's."""
    return [record for record in records if record.lower().split(" ")[0] == "v=spf1"]


def spf_flaw(record: str) -> str:
    """What is wrong with an SPF record, as the end of a sentence; empty for nothing."""
    for term in record.split()[1:]:
        if "=" in term.partition(":")[0]:
            continue  # a modifier
        found = _SPF_TERM.fullmatch(term)
        if found is None:
            return "has a term that is none"
        if found[2].lower() == "all":
            return "lets everybody send (+all)" if found[1] in ("", "+") else ""
    return "" if _redirect(record) else "does not end in ~all or -all"


def dkim_flaw(record: str) -> str:
    """What is wrong with a DKIM key record, as the end of a sentence; empty for nothing."""
    tags = tags_of(record)
    if not tags["p"]:
        return "is revoked (p is empty)"
    try:
        key = base64.b64decode("".join(tags["p"].split()), validate=True)
    except ValueError:
        return "cannot be read"
    if tags.get("k", "rsa") == "ed25519":
        return "" if len(key) == 32 else "cannot be read"
    bits = rsa_bits(key)
    if bits is None:
        return "cannot be read"
    return "" if bits >= FEWEST_BITS else f"has {bits} bit, and {FEWEST_BITS} is the least that counts"


def rsa_bits(der: bytes) -> int | None:
    """Length of the modulus of a public key (SubjectPublicKeyInfo, or the bare RSAPublicKey); None if it is neither."""
    try:
        _, key, _ = _der(der)
        tag, modulus, rest = _der(key)
        if tag == _SEQUENCE:  # the algorithm; the key follows in a bit string, after a byte that counts unused bits
            _, bits, _ = _der(rest)
            _, key, _ = _der(bits[1:])
            tag, modulus, _ = _der(key)
    except IndexError:
        return None
    return int.from_bytes(modulus, "big").bit_length() if tag == _INTEGER else None


def tags_of(record: str) -> dict[str, str]:
    """`a=b; c=d` as DKIM and DMARC write it."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


async def _count_lookups(record: str, *, lookup: TxtLookup) -> int | None:
    """Look-ups that evaluating `record` takes with all it includes, counted to just above the limit; None where that
    cannot be told."""
    waiting, count = [record], 0
    while waiting:
        terms = _looked_up(waiting.pop())
        count += len(terms)
        if count > MOST_LOOKUPS:
            break
        for mechanism, name in terms:
            if mechanism not in ("include", "redirect") or "%" in name:
                continue
            below = await lookup(name)
            if below is None:
                return None
            waiting += spf_records(below)[:1]
    return count


def _looked_up(record: str) -> list[tuple[str, str]]:
    """The terms that cost a look-up: what they are, and their domain."""
    found = [match for term in record.split()[1:] if (match := _SPF_TERM.fullmatch(term))]
    terms = [(match[2].lower(), match[3] or "") for match in found if match[2].lower() in _COUNTED]
    is_settled = any(match[2].lower() == "all" for match in found)  # then a redirect is ignored
    return terms if is_settled or not _redirect(record) else [*terms, ("redirect", _redirect(record))]


def _redirect(record: str) -> str:
    found = re.search(r" redirect=(\S+)", record, re.I)
    return found[1] if found else ""


def _dmarc_paste(domain: str) -> str:
    return f'Paste as TXT of _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'


def _der(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element of `data`, and what comes after it.

    Raises:
        IndexError: it is cut short.
    """
    head, size = 2, data[1]
    if size >= 0x80:
        head += size & 0x7F
        size = int.from_bytes(data[2:head], "big")
    if len(data) < head + size:
        raise IndexError(head + size)
    return data[0], data[head : head + size], data[head + size :]


def _told(what: str, state: Literal["ok", "warn", "fail"], detail: str, fix: str = "") -> Probe:
    return Probe(provider=what, state=state, detail=detail, fix=fix)
