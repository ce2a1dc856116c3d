"""Deliveries to webhooks, signed as each service does; the team's own vectors where they are beside the project."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator

from cmo.config.secrets import Secret
from cmo.providers.signatures import LINEAR_SKEW_MS, MOST_SKEW_MS, TOKEN_HEADER, Delivery, is_genuine
from tests.contracts.files import contract, needs_contracts

VECTORS: list[dict[str, Any]] = contract("webhook-signatures.json").get("vectors", [])
PAYLOADS: dict[str, Any] = contract("webhooks.schema.json").get("$defs", {})
SHAPES = {
    "instantly": "instantly.event",
    "smartlead": "smartlead.event",
    "attio": "attio.delivery",
    "hubspot": "hubspot.delivery",
    "linear": "linear.delivery",
    "twilio": "twilio.status_callback",
}

KEY = "the-one-key"
NOW_MS = 1_795_158_000_000
URL = "https://cmo.example.com/hooks?to=a%40b"


def mac(text: bytes, key: str = KEY, algorithm: str = "sha256") -> bytes:
    return hmac.digest(key.encode(), text, algorithm)


def linear(sent_at: object = NOW_MS, key: str = KEY) -> Delivery:
    body = json.dumps({"data": {"title": "Héllo"}, "webhookTimestamp": sent_at}, ensure_ascii=False).encode()
    return Delivery({"linear-signature": mac(body, key).hex()}, body)


def attio(key: str = KEY) -> Delivery:
    return Delivery({"attio-signature": mac(b"{}", key).hex()}, b"{}")


def hubspot(sent_at: str = str(NOW_MS), *, signed_url: str = URL, key: str = KEY) -> Delivery:
    digest = base64.b64encode(mac(f"POST{signed_url}[]{sent_at}".encode(), key)).decode()
    return Delivery({"x-hubspot-signature-v3": digest, "x-hubspot-request-timestamp": sent_at}, b"[]", url=URL)


def hubspot_2(key: str = KEY) -> Delivery:
    digest = hashlib.sha256(f"{key}POST{URL}[]".encode()).hexdigest()
    return Delivery({"x-hubspot-signature": digest, "x-hubspot-signature-version": "v2"}, b"[]", url=URL)


def smartlead(key: str = KEY) -> Delivery:
    return Delivery({"x-smartlead-signature": f"sha256={mac(b'{}', key).hex()}"}, b"{}")


def instantly(key: str = KEY) -> Delivery:
    return Delivery({TOKEN_HEADER: key}, b"{}")


def twilio(key: str = KEY, *, signed_url: str = URL, algorithm: str = "sha1") -> Delivery:
    digest = mac(f"{signed_url}A1A2B".encode(), key, algorithm)  # A=2, A=1 twice, B empty
    return Delivery({"x-twilio-signature": base64.b64encode(digest).decode()}, b"A=2&B=&A=1&A=1", url=URL)


SIGNED = [linear, attio, hubspot, hubspot_2, smartlead, instantly, twilio]
by_service = pytest.mark.parametrize("make", SIGNED, ids=lambda make: make.__name__)


def accepts(delivery: Delivery, service: str, *keys: str, at_ms: int = NOW_MS) -> bool:
    return is_genuine(service.removesuffix("_2"), delivery, [Secret(key) for key in keys], at_ms=at_ms)


@by_service
def test_a_delivery_signed_with_the_key_is_genuine(make: Any) -> None:
    assert accepts(make(), make.__name__, KEY)


@by_service
def test_both_keys_are_good_while_one_is_replaced(make: Any) -> None:
    assert accepts(make(), make.__name__, "the-next-key", KEY)
    assert accepts(make(key="the-next-key"), make.__name__, "the-next-key", KEY)


@by_service
@pytest.mark.parametrize("keys", [(), ("",), ("", ""), ("another-key",)])
def test_without_the_key_everything_is_refused(make: Any, keys: tuple[str, ...]) -> None:
    assert not accepts(make(), make.__name__, *keys)
    assert not accepts(make(key=""), make.__name__, *keys)


@by_service
@pytest.mark.parametrize("given", ["", "é", "\udcff", "0" * 64, "sha256="])
def test_anything_else_for_a_signature_is_refused_and_raises_nothing(make: Any, given: str) -> None:
    delivery = make()
    headers = {name: given if "timestamp" not in name else value for name, value in delivery.headers.items()}
    assert not accepts(replace(delivery, headers=headers), make.__name__, KEY)
    assert not accepts(replace(delivery, headers={}), make.__name__, KEY)


@by_service
def test_another_body_is_refused_where_the_body_is_signed(make: Any) -> None:
    delivery = make()
    changed = replace(delivery, body=delivery.body + b" ")
    assert accepts(changed, make.__name__, KEY) is (make is instantly)


@pytest.mark.parametrize("skew_ms", [-MOST_SKEW_MS, MOST_SKEW_MS])
def test_a_signed_time_may_be_five_minutes_off_in_either_direction(skew_ms: int) -> None:
    assert accepts(hubspot(), "hubspot", KEY, at_ms=NOW_MS + skew_ms)
    assert not accepts(hubspot(), "hubspot", KEY, at_ms=NOW_MS + skew_ms + (1 if skew_ms > 0 else -1))


@pytest.mark.parametrize("skew_ms", [-LINEAR_SKEW_MS, LINEAR_SKEW_MS])
def test_linears_time_may_be_one_minute_off_in_either_direction(skew_ms: int) -> None:
    assert accepts(linear(), "linear", KEY, at_ms=NOW_MS + skew_ms)
    assert not accepts(linear(), "linear", KEY, at_ms=NOW_MS + skew_ms + (1 if skew_ms > 0 else -1))


@pytest.mark.parametrize("sent_at", ["", f"+{NOW_MS}", f" {NOW_MS}", f"{NOW_MS}\n", f"{NOW_MS}.0", "1_795_158_000_000"])
def test_a_signed_time_that_is_no_plain_integer_is_refused(sent_at: str) -> None:
    assert not accepts(hubspot(sent_at), "hubspot", KEY)


def test_digits_of_another_script_are_no_time() -> None:
    assert not accepts(hubspot("".join(chr(0x0660 + int(digit)) for digit in str(NOW_MS))), "hubspot", KEY)


@pytest.mark.parametrize("sent_at", [None, True, str(NOW_MS), float(NOW_MS), [NOW_MS]])
def test_linears_time_is_an_integer(sent_at: object) -> None:
    assert not accepts(linear(sent_at), "linear", KEY)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_signed_body_that_tells_no_time_is_refused(body: bytes) -> None:
    assert not accepts(Delivery({"linear-signature": mac(body).hex()}, body), "linear", KEY)


def test_hubspots_older_kinds_do_not_stand_in_for_a_newer_one_that_is_wrong() -> None:
    wrong = hubspot(key="another-key")
    both = replace(wrong, headers={**hubspot_2().headers, **wrong.headers})
    assert not accepts(both, "hubspot", KEY)


def test_hubspots_first_kind_of_signature_counts_for_nothing() -> None:
    digest = hashlib.sha256(f"{KEY}[]".encode()).hexdigest()
    headers = {"x-hubspot-signature": digest, "x-hubspot-signature-version": "v1"}
    assert not accepts(Delivery(headers, b"[]", url=URL), "hubspot", KEY)


def test_hubspot_may_sign_the_address_as_its_page_says_or_as_its_clients_do() -> None:
    assert accepts(hubspot(signed_url=URL.replace("%40", "@")), "hubspot", KEY)
    assert not accepts(hubspot(signed_url="https://elsewhere.example/hooks"), "hubspot", KEY)


def test_attios_two_headers_do_not_stand_in_for_each_other() -> None:
    good = attio().headers["attio-signature"]
    assert accepts(Delivery({"x-attio-signature": good}, b"{}"), "attio", KEY)
    assert not accepts(Delivery({"attio-signature": "0", "x-attio-signature": good}, b"{}"), "attio", KEY)


def test_twilio_may_sign_the_address_with_its_port_or_without() -> None:
    with_port = URL.replace(".com", ".com:443")
    assert accepts(twilio(signed_url=with_port), "twilio", KEY)
    assert accepts(replace(twilio(), url=with_port), "twilio", KEY)
    assert not accepts(twilio(signed_url=URL.replace(".com", ".com:8443")), "twilio", KEY)


@pytest.mark.parametrize(("algorithm", "is_good"), [("HMAC_SHA256", True), ("HMAC_MD5", False), ("", False)])
def test_twilios_signature_is_of_an_algorithm_that_is_known(algorithm: str, is_good: bool) -> None:
    made = twilio(algorithm="sha256")
    settings = {"x-twilio-webhooks-signature-settings": f"key=k1,algorithm={algorithm}"}
    assert accepts(replace(made, headers={**made.headers, **settings}), "twilio", KEY) is is_good


def test_a_body_that_is_no_form_is_bound_to_twilios_signature_by_its_digest_in_the_address() -> None:
    url = f"{URL}&bodySHA256={hashlib.sha256(b'{}').hexdigest()}"
    headers = {"x-twilio-signature": base64.b64encode(mac(url.encode(), algorithm="sha1")).decode()}
    assert accepts(Delivery(headers, b"{}", url=url), "twilio", KEY)
    assert not accepts(Delivery(headers, b"[]", url=url), "twilio", KEY)


@by_service
@pytest.mark.parametrize("url", ["", "https://[", "https://a:b", "/\udcff"])
def test_an_address_that_is_none_raises_nothing(make: Any, url: str) -> None:
    is_bound_to_it = make in (hubspot, hubspot_2, twilio)
    assert accepts(replace(make(), url=url), make.__name__, KEY) is not is_bound_to_it


def test_a_service_that_is_unknown_is_refused() -> None:
    assert not is_genuine("elsewhere", instantly(), [Secret(KEY)], at_ms=NOW_MS)


@needs_contracts
@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['service']}-{one.get('why', 'valid')}")
def test_every_vector_is_judged_as_the_contract_says(vector: dict[str, Any]) -> None:
    body = urlencode(vector["form"]) if "form" in vector else vector["body"]
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    delivery = Delivery(headers, body.encode(), vector.get("method", "POST"), vector.get("url", ""))
    key = vector["secret"] or headers[TOKEN_HEADER]
    assert accepts(delivery, vector["service"], key, at_ms=vector.get("verify_at_ms", NOW_MS)) is vector["valid"]


@needs_contracts
@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['service']}-{one.get('why', 'valid')}")
def test_every_vector_carries_what_its_service_is_said_to_deliver(vector: dict[str, Any]) -> None:
    told = vector.get("form") or json.loads(vector["body"])
    Draft202012Validator({"$ref": f"#/$defs/{SHAPES[vector['service']]}", "$defs": PAYLOADS}).validate(told)


@needs_contracts
def test_the_contract_has_vectors_of_every_service_that_can_be_checked() -> None:
    assert len(VECTORS) == 12
    assert {vector["service"] for vector in VECTORS} == set(SHAPES)
