from __future__ import annotations

import pytest

from cmo.domain.traces import Traces

ANA = Traces(addresses=["Ana.Lee+gh@Gmail.com", "ana@bücher.example"], logins=["Go"])


@pytest.mark.parametrize(
    "text",
    [
        "ANA.LEE+GH@gmail.com",
        "to: <analee@googlemail.com>.",
        "mailto:ana.lee+news@gmail.com?subject=x",
        "analee@gmail.com|email|camp-1|enrol",
        "https://crm.example/?email=ana.lee%2bgh%40gmail.com",
        "https://crm.example/ana%40b\u00fccher.example",
        "ana@xn--bcher-kva.example",
        r'{"body":"Hi,\n\nana.lee+news@gmail.com\n"}',
        r'{"to":"ana@b\u00fccher.example"}',
        "ANA@B\u00dcCHER.example",
    ],
)
def test_an_address_is_found_in_every_spelling(text: str) -> None:
    assert ANA.has_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "bob@gmail.com",
        "ana.lee",
        "@gmail.com",
        "xana@bücher.example",
        "ana@bücher.example.org",
        "a+ana@bücher.example",
        "",
    ],
)
def test_other_texts_name_nobody(text: str) -> None:
    assert not ANA.names(text)
    assert ANA.without_names(text) == text


@pytest.mark.parametrize(
    "text", ['{"login": "go"}', '{"item":"Go"}', "https://github.com/go", "asked by @go, twice", "/users/GO/events"]
)
def test_a_login_is_found_where_a_login_stands(text: str) -> None:
    assert ANA.names(text)
    assert not ANA.names(ANA.without_names(text))


@pytest.mark.parametrize("text", ['{"languages": ["go"]}', "go on", "github.com/golang", "ana@go.example", "@go-team"])
def test_a_login_that_is_a_word_is_left_alone_elsewhere(text: str) -> None:
    assert ANA.without_names(text) == text


def test_what_is_replaced_leaves_the_rest_as_it_was() -> None:
    assert ANA.without_names('{"login":"Go","note":"analee@gmail.com, bob@gmail.com"}') == (
        '{"login":"[erased]","note":"[erased], bob@gmail.com"}'
    )
