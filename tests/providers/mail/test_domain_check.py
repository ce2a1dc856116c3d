from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.outward import Probe
from cmo.providers.mail.domain_check import check_domain, dkim_flaw, rsa_bits, spf_flaw

DOMAIN = "sender.example"


# Made with OpenSSL for this test; the private half was thrown away.
STRONG = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDOOAmVb6y+jC2Iba4PT+DT9xmTEBc0mZeFqHkJ6yuC6wjya+9obTGA59HAZzheb8qeQ+y8"
    "i/oSq/Uuuwje4+DheYDcRmpETZDnX7NdDmcjqe1N2g2trrEG0PJtdUGeFwDJNDWB9jMDBgQOVoBsprLqJo1rPwZeuahKgmA18F/yiQIDAQAB"
)
GOOD: dict[str, Sequence[str] | None] = {
    DOMAIN: ["some-verification=1", "v=spf1 mx include:spf.mail.example ~all"],
    "spf.mail.example": ["v=spf1 ip4:192.0.2.0/24 a:out.mail.example -all"],
    f"cmo._domainkey.{DOMAIN}": [f"v=DKIM1; k=rsa; p={STRONG}"],
    f"_dmarc.{DOMAIN}": ["v=DMARC1; p=none; rua=mailto:dmarc@sender.example"],
}


def lookup_in(zone: dict[str, Sequence[str] | None]) -> Callable[[str], Awaitable[Sequence[str] | None]]:
    async def lookup(name: str) -> Sequence[str] | None:
        return zone.get(name, [])

    return lookup


def check(changes: dict[str, Sequence[str] | None], *, domain: str = DOMAIN, selector: str = "cmo") -> list[Probe]:
    return list(asyncio.run(check_domain(domain, selector=selector, lookup=lookup_in({**GOOD, **changes}))))


def test_a_domain_that_is_set_up_passes() -> None:
    assert [(probe.provider, probe.state) for probe in check({})] == [("spf", "ok"), ("dkim", "ok"), ("dmarc", "ok")]
    assert "3 look-ups" in check({})[0].detail


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (["something else"], "has no SPF record"),
        (["v=spf10 -all"], "has no SPF record"),
        (["v=spf1 -all", "v=spf1 mx -all"], "has 2 SPF records"),
        (["v=spf1 mx +all"], "lets everybody send"),
        (["v=spf1 mx all"], "lets everybody send"),
        (["v=spf1 mx"], "does not end in ~all"),
        (["v=spf1 mx inlcude:x.example -all"], "has a term that is none"),
        (["v=spf1 " + "a:h.mail.example " * 11 + "-all"], "more than 10 look-ups"),
        (["v=spf1 include:sender.example -all"], "more than 10 look-ups"),
        (["v=spf1 " + "include:spf.mail.example " * 6 + "-all"], "more than 10 look-ups"),
    ],
)
def test_an_spf_record_that_would_not_hold_fails_with_the_way_out(records: list[str], words: str) -> None:
    spf = check({DOMAIN: records})[0]
    assert (spf.state, words in spf.detail, bool(spf.fix)) == ("fail", True, True)


@pytest.mark.parametrize("record", ["v=spf1 -all", "v=spf1 ip6:2001:db8::/32 ?all", "V=SPF1 MX ~ALL exp=x.example"])
def test_an_spf_record_of_any_right_form_passes(record: str) -> None:
    assert check({DOMAIN: [record]})[0].state == "ok"


def test_a_redirect_is_followed_and_counted() -> None:
    spf = check({DOMAIN: ["v=spf1 redirect=spf.mail.example"]})[0]
    assert (spf.state, "2 look-ups" in spf.detail) == ("ok", True)
    ignored = check({DOMAIN: ["v=spf1 mx -all redirect=spf.mail.example"]})[0]
    assert (ignored.state, "1 look-ups" in ignored.detail) == ("ok", True)


def test_a_missing_selector_is_asked_for() -> None:
    assert check({}, selector="")[1].state == "warn"


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "has 0 keys"),
        ([f"p={STRONG}", f"p={STRONG}"], "has 2 keys"),
        (["v=DKIM1; p="], "is revoked"),
        (["p=not base64"], "cannot be read"),
        (["p=AAAA"], "cannot be read"),
        (["p=\xe9"], "cannot be read"),
        (["k=ed25519; p=AAAA"], "cannot be read"),
        ([f"p={STRONG[:40]}"], "cannot be read"),
    ],
)
def test_a_dkim_key_that_would_not_hold_fails(records: list[str], words: str) -> None:
    dkim = check({f"cmo._domainkey.{DOMAIN}": records})[1]
    assert (dkim.state, words in dkim.detail) == ("fail", True)


def der(tag: int, content: bytes) -> bytes:
    size = len(content).to_bytes(2, "big")
    return bytes([tag, 0x82]) + size + content


def rsa_key(bits: int) -> bytes:
    """An RSAPublicKey of the length alone."""
    return der(0x30, der(0x02, b"\0" + ((1 << bits) - 1).to_bytes((bits + 7) // 8, "big")) + der(0x02, b"\x01\0\x01"))


@pytest.mark.parametrize("bits", [512, 1023, 1024, 2048, 4096])
def test_a_key_is_as_strong_as_its_modulus_is_long(bits: int) -> None:
    wrapped = der(0x30, der(0x30, b"algorithm") + der(0x03, b"\0" + rsa_key(bits)))
    assert rsa_bits(rsa_key(bits)) == rsa_bits(wrapped) == bits
    flaw = dkim_flaw(f"v=DKIM1; p={base64.b64encode(wrapped).decode()}")
    assert flaw == ("" if bits >= 1024 else f"has {bits} bit, and 1024 is the least that counts")


def test_an_ed25519_key_has_32_bytes() -> None:
    assert dkim_flaw(f"k=ed25519; p={base64.b64encode(bytes(32)).decode()}") == ""


@given(st.binary(max_size=300))
def test_no_key_crashes_the_check(der: bytes) -> None:
    rsa_bits(der)


@given(st.text(max_size=100))
def test_no_record_crashes_the_check(text: str) -> None:
    spf_flaw("v=spf1 " + text)


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([], "fail"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "fail"),
        (["v=DMARC1; rua=mailto:a@sender.example"], "fail"),
        (["v=DMARC1; p=maybe"], "fail"),
        (["v=DMARC1;p=reject"], "ok"),
        (["something else", "v=DMARC1; p=quarantine"], "ok"),
    ],
)
def test_dmarc_is_one_record_with_a_policy(records: list[str], state: str) -> None:
    dmarc = check({f"_dmarc.{DOMAIN}": records})[2]
    assert dmarc.state == state
    if not records:
        assert '_dmarc.sender.example: "v=DMARC1; p=none; rua=mailto:postmaster@sender.example"' in dmarc.fix


def test_a_subdomain_is_covered_by_the_record_above_it() -> None:
    assert check({}, domain="news.sender.example")[2].state == "ok"


@pytest.mark.parametrize("name", [DOMAIN, "spf.mail.example", f"cmo._domainkey.{DOMAIN}", f"_dmarc.{DOMAIN}"])
def test_what_cannot_be_looked_up_now_is_a_warning_and_no_verdict(name: str) -> None:
    states = sorted(probe.state for probe in check({name: None}))
    assert states == ["ok", "ok", "warn"]
