from __future__ import annotations

import pytest

from cmo.domain.company import company_key


@pytest.mark.parametrize(
    "name", ["Acme", "ACME Inc.", "@acme", " acme,  GmbH & Co. KG ", "\uff21\uff43\uff4d\uff45 Ltd"]
)
def test_case_signs_and_legal_form_make_no_other_company(name: str) -> None:
    assert company_key(name, "ana@other.example") == "acme"


@pytest.mark.parametrize("name", ["", "--", "Freelance", "self-employed", "N/A", "Inc."])
def test_without_an_employer_the_mail_domain_stands_for_it(name: str) -> None:
    assert company_key(name, "ana@Mail.Org.example") == "mail.org.example"


def test_people_at_a_free_mail_service_are_no_company() -> None:
    assert company_key("", "ana@gmail.com") == ""


def test_two_companies_are_two() -> None:
    assert company_key("Acme Labs", "") != company_key("Acme", "")
