from __future__ import annotations

import pytest

from cmo.domain.company import company_key, name_key, organisation


@pytest.mark.parametrize(
    "name", ["Acme", "ACME Inc.", "@acme", " acme,  GmbH & Co. KG ", "\uff21\uff43\uff4d\uff45 Ltd"]
)
def test_case_signs_and_legal_form_make_no_other_company(name: str) -> None:
    assert company_key(name, "ana@gmail.com") == "acme"


@pytest.mark.parametrize("name", ["", "--", "Freelance", "self-employed", "N/A", "Inc."])
def test_without_an_employer_there_is_no_company(name: str) -> None:
    assert company_key(name, "ana@gmail.com") == ""


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("ana@acme.dev", "acme.dev"),
        ("ana@Mail.ACME.dev.", "acme.dev"),
        ("ana@eu.mail.acme.dev", "acme.dev"),
        ("ana@acme.co.uk", "acme.co.uk"),
        ("ana@mail.acme.com.au", "acme.com.au"),
        ("ana@cs.uni.ac.jp", "uni.ac.jp"),
        ("ana@acme.github.io", "acme.github.io"),
        ("ana@b\u00fccher.example", "xn--bcher-kva.example"),
        ("ana@co.uk", "co.uk"),
    ],
)
def test_an_organisation_is_one_under_all_its_names(email: str, domain: str) -> None:
    assert company_key("Whatever Inc.", email) == organisation(email) == domain


@pytest.mark.parametrize("email", ["ana@gmail.com", "ana@googlemail.com", "ana@mail.gmx.de", "ana", ""])
def test_people_at_a_free_mail_service_are_no_organisation(email: str) -> None:
    assert organisation(email) == ""
    assert company_key("", email) == ""


def test_two_companies_are_two() -> None:
    assert name_key("Acme Labs") != name_key("Acme")
    assert organisation("ana@acme.co.uk") != organisation("ana@other.co.uk")
