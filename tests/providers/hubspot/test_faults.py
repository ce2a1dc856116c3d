"""Whatever goes wrong on the way, a receipt of HubSpot's client says nothing that the account's books deny."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmo.domain.outward import CrmItem, Fate
from cmo.errors import ProviderUnavailable, RateLimited
from cmo.providers.hubspot.companies import SEARCH_MARGIN_S
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.providers.doubts import TOLD_AS_UNKNOWN, nobody, patience_s
from tests.providers.hubspot.rig import (
    ADA,
    COMPANY,
    CONTACT,
    DEAL,
    DOMAIN,
    LINK,
    NOTE,
    Rig,
    company,
    contact,
    hung,
    link,
    rig,
)

OBJECTS = "out:hubspot/crm/objects/2026-09"
OPERATIONS = (CONTACT, COMPANY, "company with a unique property", LINK, NOTE, DEAL)
THE_WRITE = {
    CONTACT: (f"{OBJECTS}/contacts/batch/upsert", 1),
    COMPANY: (f"{OBJECTS}/companies", 2),
    "company with a unique property": (f"{OBJECTS}/companies/batch/upsert", 1),
    LINK: (f"{OBJECTS}/contacts", 2),
    NOTE: (f"{OBJECTS}/notes", 1),
    DEAL: (f"{OBJECTS}/deals", 1),
}
"""The route of the request that writes, and which one on that route it is."""
KINDS = {CONTACT: "contacts", COMPANY: "companies", NOTE: "notes", DEAL: "deals"}


def set_up(case: str, outside: Rig) -> tuple[str, CrmItem, Callable[[], int]]:
    """The operation, an item, and how often the books have it."""
    if case == "company with a unique property":
        outside.unique_property = "cmo_key"
        outside.hubspot.books.unique_properties["companies"].append("cmo_key")
        case = COMPANY
    if case == CONTACT:
        return case, contact(), lambda: len(outside.held("contacts"))
    if case == COMPANY:
        return case, company(), lambda: len(outside.held("companies"))
    if case == LINK:
        outside.add("contacts", email=ADA)
        return case, link(outside.add("companies", domain=DOMAIN)), lambda: len(outside.hubspot.books.links)
    return case, hung(outside.add("contacts", email=ADA)), lambda: len(outside.held(KINDS[case]))


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
@pytest.mark.parametrize("case", OPERATIONS)
def test_a_doubtful_write_is_unknown_and_a_look_settles_it(case: str, kind: FaultKind) -> None:
    route, nth = THE_WRITE[case]
    with rig(FaultRule(kind=kind, route=route, nth=(nth,)), timeout_s=patience_s(kind)) as outside:
        operation, item, in_the_books = set_up(case, outside)
        (receipt,) = outside.write(operation, item)
        assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, TOLD_AS_UNKNOWN[kind])
        outside.clock.advance(SEARCH_MARGIN_S)
        settled = outside.look_up(operation, item)
        assert settled.fate is (Fate.CONFIRMED if in_the_books() else Fate.ABSENT)
        if not in_the_books():
            assert outside.write(operation, item)[0].fate is Fate.CONFIRMED
        assert in_the_books() == 1


@pytest.mark.parametrize("case", OPERATIONS)
def test_a_limit_is_raised_and_nothing_is_written(case: str) -> None:
    route, nth = THE_WRITE[case]
    with rig(FaultRule(kind=FaultKind.RATE_LIMIT, route=route, nth=(nth,))) as outside:
        operation, item, in_the_books = set_up(case, outside)
        with pytest.raises(RateLimited):
            outside.write(operation, item)
        assert in_the_books() == 0


@pytest.mark.parametrize("case", OPERATIONS)
def test_a_200_full_of_errors_is_a_refusal_where_hubspot_has_such_an_answer(case: str) -> None:
    route, nth = THE_WRITE[case]
    with rig(FaultRule(kind=FaultKind.OK_WITH_ERROR, route=route, nth=(nth,))) as outside:
        operation, item, in_the_books = set_up(case, outside)
        (receipt,) = outside.write(operation, item)
        assert receipt.fate is (Fate.CONFIRMED if in_the_books() else Fate.REFUSED)
        assert in_the_books() == (0 if route.endswith("upsert") else 1)


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
def test_a_batch_whose_answer_is_lost_is_unknown_for_all_that_were_sent(kind: FaultKind) -> None:
    route, nth = THE_WRITE[CONTACT]
    with rig(FaultRule(kind=kind, route=route, nth=(nth,)), timeout_s=patience_s(kind)) as outside:
        outside.add("contacts", email="cy@x.example", firstname="Ada", lastname="Lovelace", company="Engines")
        receipts = outside.write(CONTACT, contact(), contact("cy@x.example"), contact("bo@x.example"))
        assert [receipt.fate for receipt in receipts] == [Fate.UNKNOWN, Fate.CONFIRMED, Fate.UNKNOWN]


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
def test_links_whose_answer_is_lost_are_unknown_and_a_look_settles_each(kind: FaultKind) -> None:
    route = "out:hubspot/crm/associations/2026-09/contacts/companies/batch/associate"
    with rig(FaultRule(kind=kind, route=route, nth=(1,)), timeout_s=patience_s(kind)) as outside:
        company_id = outside.add("companies", domain=DOMAIN)
        items = [link(company_id, email) for email in (ADA, "bo@x.example")]
        for item in items:
            outside.add("contacts", email=item.email)
        assert {receipt.fate for receipt in outside.write(LINK, *items)} == {Fate.UNKNOWN}
        there = Fate.CONFIRMED if outside.hubspot.books.links else Fate.ABSENT
        assert {outside.look_up(LINK, item).fate for item in items} == {there}
        assert {receipt.fate for receipt in outside.write(LINK, *items)} == {Fate.CONFIRMED}
        assert len(outside.hubspot.books.links) == 2


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
@pytest.mark.parametrize("operation", [CONTACT, COMPANY])
def test_a_look_beforehand_that_fails_leaves_the_write_for_later(operation: str, kind: FaultKind) -> None:
    rule = FaultRule(kind=kind, route=f"{OBJECTS}/{KINDS[operation]}", nth=(1,))
    with rig(rule, timeout_s=patience_s(kind)) as outside:
        _, item, in_the_books = set_up(operation, outside)
        (receipt,) = outside.write(operation, item)
        assert (receipt.fate, receipt.code) == (Fate.LATER, TOLD_AS_UNKNOWN[kind])
        assert in_the_books() == 0


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.BAD_GATEWAY, FaultKind.MALFORMED_JSON])
@pytest.mark.parametrize("case", OPERATIONS)
def test_a_look_up_that_keeps_failing_does_not_know(case: str, kind: FaultKind) -> None:
    with rig(FaultRule(kind=kind, route="out:hubspot", share=1.0)) as outside:
        operation, item, _ = set_up(case, outside)
        assert outside.look_up(operation, item).fate is Fate.UNKNOWN
        assert len(outside.open.door.calls) == 3


@pytest.mark.parametrize("case", OPERATIONS)
def test_a_refused_connection_is_raised_because_nothing_happened(case: str) -> None:
    with rig() as outside:
        operation, item, _ = set_up(case, outside)
        outside.open = type(outside.open)(url=nobody(), door=outside.open.door)
        for ask in (outside.write, outside.look_up):
            with pytest.raises(ProviderUnavailable) as refused:
                ask(operation, item)
            assert refused.value.details == {"connected": False}
