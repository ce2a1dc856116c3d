"""Addresses: syntax, the form they are compared in, and whom they reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.address import (
    AddressKind,
    a_label,
    classify,
    identity_key,
    is_disposable,
    is_free_mail,
    noreply_login,
    parent_domains,
    parse_address,
)

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
DOMAINS = st.builds(lambda name, top: f"{name}.{top}", WORDS, st.sampled_from(["de", "org", "example"]))


@pytest.mark.parametrize(
    ("text", "ascii_domain"),
    [
        ("jane@acme.dev", "acme.dev"),
        ("  Jane.Doe+git@Mail.Acme.DEV ", "mail.acme.dev"),
        ("jane@bücher.example", "xn--bcher-kva.example"),
        ("jane@例え.jp", "xn--r8jz45g.jp"),
        ("jane@例え。jp", "xn--r8jz45g.jp"),
        ("o'brien@acme.dev", "acme.dev"),
    ],
)
def test_an_address_is_taken_apart(text: str, ascii_domain: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert address.ascii_domain == ascii_domain
    assert address.text == address.text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "@acme.dev",
        "jane@",
        "jane@localhost",
        "jane@acme..dev",
        ".jane@acme.dev",
        "ja ne@acme.dev",
        '"jane doe"@acme.dev',
        "jané@acme.dev",
        "jane@10.0.0.1",
        "jane@[10.0.0.1]",
        "jane@-acme.dev",
        "jane at acme dot dev",
        "jane [at] acme.dev",
        f"{'x' * 65}@acme.dev",
        f"jane@{'x' * 64}.dev",
        "jane@acme.dev\r\nBcc: eve@evil.example",
    ],
)
def test_what_is_no_address_is_refused_and_never_repaired(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("Bücher.Example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("ΣΑΣ.gr", "xn--mxa9ab.gr"),
        ("İstanbul.com", "xn--istanbul-o0e.com"),
        ("\uff21\uff23\uff2d\uff25.com", "acme.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("single", None),
        ("a_b.de", None),
    ],
)
def test_internationalised_names_become_a_labels_as_uts46_has_it(domain: str, expected: str | None) -> None:
    assert a_label(domain) == expected


@pytest.mark.parametrize(
    "spelling",
    ["jane.doe@gmail.com", "JaneDoe@GMAIL.com", "janedoe+lists@gmail.com", "j.a.n.e.doe+x+y@googlemail.com"],
)
def test_spellings_of_one_gmail_mailbox_are_one(spelling: str) -> None:
    assert identity_key(spelling) == "janedoe@gmail.com"


@pytest.mark.parametrize("spelling", ["x@straße.de", "X@STRASSE.DE", "x@xn--strae-oqa.de"])
def test_an_identity_survives_what_upper_case_makes_of_a_name(spelling: str) -> None:
    assert identity_key(spelling) == "x@strasse.de"


def test_dots_count_where_the_host_counts_them() -> None:
    assert identity_key("jane.doe@acme.dev") != identity_key("janedoe@acme.dev")


@given(local=WORDS, tag=WORDS, domain=DOMAINS)
def test_an_identity_survives_case_and_plus_tags(local: str, tag: str, domain: str) -> None:
    assert identity_key(f"{local.upper()}+{tag}@{domain.upper()}") == identity_key(f"{local}@{domain}")


@given(st.text(max_size=60))
def test_an_identity_never_fails_and_is_stable(text: str) -> None:
    key = identity_key(text)
    assert identity_key(key) == key


@pytest.mark.parametrize(
    ("email", "kind"),
    [
        ("jane@acme.dev", AddressKind.PERSONAL),
        ("me@jane.dev", AddressKind.PERSONAL),
        ("hi@jane.dev", AddressKind.PERSONAL),
        ("github@jane.dev", AddressKind.PERSONAL),
        ("ceo.jane@acme.dev", AddressKind.PERSONAL),
        ("marc.jenkins@gmail.com", AddressKind.PERSONAL),
        ("emma.bot@gmail.com", AddressKind.PERSONAL),
        ("info@acme.dev", AddressKind.ROLE),
        ("security+cve@acme.dev", AddressKind.ROLE),
        ("hello@acme.dev", AddressKind.ROLE),
        ("jane@mailinator.com", AddressKind.DISPOSABLE),
        ("jane@eu.mailinator.com", AddressKind.DISPOSABLE),
        ("12+jane@users.noreply.github.com", AddressKind.NOREPLY),
        ("no.reply@acme.dev", AddressKind.NOREPLY),
        ("do-not-reply@acme.dev", AddressKind.NOREPLY),
        ("ci@acme.dev", AddressKind.MACHINE),
        ("release-bot@acme.dev", AddressKind.MACHINE),
        ("you@example.com", AddressKind.MACHINE),
        ("jane@macbook-pro.local", AddressKind.LOCAL),
        ("jane@localhost", AddressKind.LOCAL),
        ("jane@(none)", AddressKind.LOCAL),
        ("jane@build.internal", AddressKind.LOCAL),
        ("jane at acme", AddressKind.MALFORMED),
        ("", AddressKind.MALFORMED),
    ],
)
def test_an_address_says_whom_it_reaches(email: str, kind: AddressKind) -> None:
    assert classify(email) is kind


@pytest.mark.parametrize(
    ("email", "login"),
    [
        ("583231+octocat@users.noreply.github.com", "octocat"),
        ("octocat@users.noreply.github.com", "octocat"),
        ("49699333+dependabot[bot]@users.noreply.github.com", "dependabot[bot]"),
        ("7+jane_acme@users.noreply.github.com", "jane_acme"),
        ("octocat@noreply.github.com", None),
        ("x y@users.noreply.github.com", None),
        ("octocat@users.noreply.github.com.evil.example", None),
    ],
)
def test_a_noreply_address_names_its_login(email: str, login: str | None) -> None:
    assert noreply_login(email) == login


def test_free_mail_and_disposable_hosts_are_known() -> None:
    assert is_free_mail("gmail.com")
    assert not is_free_mail("acme.dev")
    assert is_disposable("x.yopmail.com")
    assert not is_disposable("yopmail.com.acme.dev")


def test_parent_domains_end_at_two_labels() -> None:
    assert parent_domains("a.b.acme.dev") == ("a.b.acme.dev", "b.acme.dev", "acme.dev")
    assert parent_domains("dev") == ("dev",)
