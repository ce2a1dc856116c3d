"""Whether a delivery to a webhook was sent by the service that it names: pure, from its raw bytes and our secrets.

Where a service signs the time of its delivery, an old delivery is refused; elsewhere only remembering deliveries helps.

Source: contracts linear.md, attio.md, hubspot.md, smartlead.md, instantly.md and twilio.md, "Webhooks".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cmo.config.secrets import Secret

MOST_SKEW_MS = 300_000
LINEAR_SKEW_MS = 60_000
TOKEN_HEADER = "x-cmo-token"
"""Set on the subscription where a service signs nothing."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HUBSPOT_DECODED = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}
"""What HubSpot's page says to decode before signing, and its own clients leave as it is."""


@dataclass(frozen=True)
class Delivery:
    """One request to a webhook, as it arrived."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    method: str = "POST"
    url: str = ""
    """The public one, as the service called it: scheme, host, query."""


Check = Callable[[Delivery, bytes, int], bool]


def is_genuine(service: str, delivery: Delivery, secrets: Sequence[Secret], *, at_ms: int) -> bool:
    """Whether `service` made `delivery` with one of `secrets`, several of which are valid while one is replaced.

    False where there is no secret, or where the service is unknown. A token instead of a signature (Instantly) proves
    that the sender knows the subscription, not what the body says.

    Args:
        at_ms: When it arrived, in milliseconds since 1970.
    """
    check = _CHECKS.get(service)
    if check is None:
        return False
    try:
        return any(check(delivery, secret.reveal().encode(), at_ms) for secret in secrets if secret)
    except (ValueError, RecursionError):  # an address that is none, a body that cannot be read
        return False


def _is_linears(delivery: Delivery, secret: bytes, at_ms: int) -> bool:
    """The time in the header is not signed; the one in the body is."""
    if not _same(_hmac(secret, delivery.body).hex(), delivery.headers.get("linear-signature")):
        return False
    told = json.loads(delivery.body)
    sent_at_ms = told.get("webhookTimestamp") if isinstance(told, dict) else None
    return type(sent_at_ms) is int and abs(at_ms - sent_at_ms) <= LINEAR_SKEW_MS


def _is_attios(delivery: Delivery, secret: bytes, at_ms: int) -> bool:
    given = delivery.headers.get("attio-signature", delivery.headers.get("x-attio-signature"))
    return _same(_hmac(secret, delivery.body).hex(), given)


def _is_hubspots(delivery: Delivery, secret: bytes, at_ms: int) -> bool:
    """By version 3, else by 2. Version 1 covers neither the address nor the time and is taken for no signature."""
    urls = (delivery.url, _decoded(delivery.url))
    given = delivery.headers.get("x-hubspot-signature-v3")
    if given is not None:
        sent_at = delivery.headers.get("x-hubspot-request-timestamp", "")
        signed = [_request(delivery, url) + sent_at.encode() for url in urls]
        return _is_recent(sent_at, at_ms) and any(_same(_base64(_hmac(secret, text)), given) for text in signed)
    if delivery.headers.get("x-hubspot-signature-version") != "v2":
        return False
    digests = [hashlib.sha256(secret + _request(delivery, url)).hexdigest() for url in urls]
    return any(_same(digest, delivery.headers.get("x-hubspot-signature")) for digest in digests)


def _is_smartleads(delivery: Delivery, secret: bytes, at_ms: int) -> bool:
    expected = f"sha256={_hmac(secret, delivery.body).hex()}"
    return _same(expected, delivery.headers.get("x-smartlead-signature"))


def _is_instantlys(delivery: Delivery, secret: bytes, at_ms: int) -> bool:
    return _same(secret.decode(), delivery.headers.get(TOKEN_HEADER))


def _is_twilios(delivery: Delivery, secret: bytes, at_ms: int) -> bool:
    """Over the URL, with its port or without, and every field of the form; a body of JSON is signed through the URL."""
    settings = delivery.headers.get("x-twilio-webhooks-signature-settings")
    algorithm = "sha1" if settings is None else "sha256"
    if settings is not None and "algorithm=HMAC_SHA256" not in re.split(r"\s*,\s*", settings.strip()):
        return False
    body_digest = parse_qs(urlsplit(delivery.url).query).get("bodySHA256")
    if body_digest:
        if not _same(hashlib.sha256(delivery.body).hexdigest(), body_digest[0]):
            return False
        fields = ""
    else:
        pairs = parse_qsl(delivery.body.decode(errors="replace"), keep_blank_values=True)
        fields = "".join(f"{name}{value}" for name, value in sorted(set(pairs)))
    digests = [_hmac(secret, f"{url}{fields}".encode(), algorithm) for url in _with_and_without_port(delivery.url)]
    return any(_same(_base64(digest), delivery.headers.get("x-twilio-signature")) for digest in digests)


_CHECKS: Mapping[str, Check] = {
    "linear": _is_linears,
    "attio": _is_attios,
    "hubspot": _is_hubspots,
    "smartlead": _is_smartleads,
    "instantly": _is_instantlys,
    "twilio": _is_twilios,
}


def _same(expected: str, given: str | None) -> bool:
    """In constant time, as bytes: `compare_digest` raises for text that is no ASCII."""
    return given is not None and hmac.compare_digest(expected.encode(), given.encode(errors="surrogatepass"))


def _hmac(secret: bytes, text: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.digest(secret, text, algorithm)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _is_recent(sent_at: str, at_ms: int) -> bool:
    """`int` would also take signs, blanks, underscores and digits of other scripts."""
    return re.fullmatch(r"[0-9]{1,15}", sent_at) is not None and abs(at_ms - int(sent_at)) <= MOST_SKEW_MS


def _request(delivery: Delivery, url: str) -> bytes:
    return f"{delivery.method}{url}".encode() + delivery.body


def _decoded(url: str) -> str:
    return re.sub(r"%[0-9A-Fa-f]{2}", lambda code: _HUBSPOT_DECODED.get(code[0].upper(), code[0]), url)


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    return parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()
