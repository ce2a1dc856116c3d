"""Suppression holds whatever spelling somebody comes back in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.suppression import (
    Key,
    Suppression,
    SuppressionKind,
    email_domain,
    email_key,
    erased_value,
    find_suppression,
    suppression_keys,
    suppression_value,
)

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
DOMAINS = st.sampled_from(["acme.dev", "mail.acme.dev", "gmail.com", "bücher.example", "straße.de", "東京.example"])


def entry(kind: SuppressionKind, text: str) -> dict[Key, Suppression]:
    value = suppression_value(kind, text)
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return {(kind, value): Suppression(kind=kind, value=value, reason="asked", source="reply", added_at=at)}


@given(local=WORDS, tag=WORDS, domain=DOMAINS, listed_tag=st.booleans())
def test_an_address_stays_suppressed_across_case_and_plus_tags(
    local: str, tag: str, domain: str, listed_tag: bool
) -> None:
    listed = f"{local}+list@{domain}" if listed_tag else f"{local}@{domain}"
    entries = entry(SuppressionKind.EMAIL, listed)
    for spelling in (f"{local}@{domain}", f"{local.upper()}@{domain.upper()}", f" {local}+{tag}@{domain} "):
        assert find_suppression(entries, email=spelling) is not None


@given(local=st.text("abc.", min_size=1, max_size=10).filter(lambda text: text.strip(".") != ""))
def test_gmail_dots_and_its_other_name_do_not_lift_a_suppression(local: str) -> None:
    entries = entry(SuppressionKind.EMAIL, f"{local.replace('.', '')}@gmail.com")
    assert find_suppression(entries, email=f"{local}@googlemail.com") is not None


@pytest.mark.parametrize(
    "domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bu\u0308cher.example"]
)
def test_every_form_of_an_internationalised_domain_is_suppressed(domain: str) -> None:
    entries = entry(SuppressionKind.DOMAIN, "bücher.example")
    assert find_suppression(entries, email=f"jane@{domain}") is not None
    assert find_suppression(entries, email=f"jane@mail.{domain}") is not None


@pytest.mark.parametrize("written", ["acme.dev", "@acme.dev", "*.acme.dev", "ACME.dev.", " acme.dev "])
def test_a_domain_is_suppressed_with_everything_under_it(written: str) -> None:
    entries = entry(SuppressionKind.DOMAIN, written)
    assert find_suppression(entries, email="jane@eu.mail.acme.dev") is not None
    assert find_suppression(entries, email="jane@notacme.dev") is None


def test_a_login_is_suppressed_in_any_case() -> None:
    entries = entry(SuppressionKind.LOGIN, "@OctoCat")
    assert find_suppression(entries, login="octocat") is not None
    assert find_suppression(entries, login="octocat2", email="octocat@acme.dev") is None


def test_an_account_is_suppressed_as_a_whole() -> None:
    assert find_suppression(entry(SuppressionKind.ACCOUNT, "acc-7"), account="ACC-7") is not None


def test_the_erased_stay_suppressed_without_being_named() -> None:
    value = erased_value(SuppressionKind.EMAIL, "Jane.Doe+x@gmail.com", secret=b"key")
    at = datetime(2026, 11, 20, tzinfo=UTC)
    kind = SuppressionKind.HASH
    entries = {(kind, value): Suppression(kind=kind, value=value, reason="erased", source="cmo forget", added_at=at)}
    assert "jane" not in value
    assert find_suppression(entries, email="janedoe@gmail.com", secret=b"key") is not None
    assert find_suppression(entries, email="janedoe@gmail.com", secret=b"other") is None


def test_nobody_is_suppressed_by_an_empty_list() -> None:
    assert find_suppression({}, email="jane@acme.dev", login="jane", account="a", secret=b"key") is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (SuppressionKind.EMAIL, "acme.dev"),
        (SuppressionKind.EMAIL, "@acme.dev"),
        (SuppressionKind.DOMAIN, "com"),
        (SuppressionKind.DOMAIN, ""),
        (SuppressionKind.LOGIN, " @ "),
    ],
)
def test_an_entry_that_would_match_nobody_or_everybody_is_refused(kind: SuppressionKind, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        suppression_value(kind, text)


@given(st.text(max_size=40), st.text(max_size=20))
def test_keys_can_be_made_of_any_text(email: str, login: str) -> None:
    suppression_keys(email=email, login=login, secret=b"key")


def test_the_store_joins_on_the_same_forms() -> None:
    assert email_key("Jane+x@BÜCHER.example") == "jane@xn--bcher-kva.example"
    assert email_domain("Jane+x@BÜCHER.example") == "xn--bcher-kva.example"
    assert email_domain("no address") == ""
