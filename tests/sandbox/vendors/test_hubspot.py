"""The sandbox's HubSpot keeps the contract's manners, the bad ones too."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cmo.sandbox.vendors.hubspot import ACCESS_TOKEN, PER_TEN_S, SEARCH_LAG_S, SEARCHES_PER_S, HubSpotVendor
from cmo.sandbox.wire import Request, Response
from tests.fakes.clock import NOON

V = "/crm/objects/2026-09"
UPSERT = f"{V}/contacts/batch/upsert"
ADA = "ada@x.example"
SEARCH = {"filterGroups": [{"filters": [{"propertyName": "domain", "operator": "EQ", "value": "x.example"}]}]}


def ask(
    vendor: HubSpotVendor,
    method: str,
    target: str,
    body: object = None,
    *,
    after_s: float = 0.0,
    key: str = ACCESS_TOKEN,
) -> Response:
    content = b"" if body is None else json.dumps(body).encode()
    request = Request(method, target, {"authorization": f"Bearer {key}"}, content)
    return vendor.answer(request, NOON + timedelta(seconds=after_s))


def told(response: Response) -> Any:
    return json.loads(response.body)


def upsert(email: str, trace_id: str | None = None, **properties: str) -> dict[str, Any]:
    entry = {"idProperty": "email", "id": email, "properties": {"email": email, **properties}}
    return entry | ({"objectWriteTraceId": trace_id} if trace_id else {})


def read(*ids: str) -> dict[str, Any]:
    return {
        "inputs": [{"id": key} for key in ids],
        "idProperty": "email",
        "properties": ["firstname"],
        "propertiesWithHistory": [],
    }


def a_note(contact_id: str, type_id: int = 202) -> dict[str, Any]:
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
    return {
        "properties": {"hs_timestamp": "0", "hs_note_body": "Hello"},
        "associations": [{"to": {"id": contact_id}, "types": [link]}],
    }


def test_an_upsert_says_what_is_new_and_empties_what_it_leaves_out() -> None:
    vendor = HubSpotVendor(seed=7)
    first = told(ask(vendor, "POST", UPSERT, {"inputs": [upsert(ADA, firstname="Ada", company="Engines")]}))
    again = told(ask(vendor, "POST", UPSERT, {"inputs": [upsert(ADA, firstname="A.")]}))
    assert [answer["results"][0]["new"] for answer in (first, again)] == [True, False]
    shown = told(ask(vendor, "GET", f"{V}/contacts/{ADA}?idProperty=email&properties=firstname,company"))
    assert (shown["properties"]["firstname"], shown["properties"]["company"]) == ("A.", None)


def test_results_come_in_another_order_and_one_bad_input_fails_alone_only_with_trace_ids() -> None:
    vendor = HubSpotVendor(seed=7)
    inputs = [upsert("a@x.example", "t-1"), upsert("bad", "t-2"), upsert("c@x.example", "t-3")]
    answer = ask(vendor, "POST", UPSERT, {"inputs": inputs})
    assert answer.status == 207
    assert [result["objectWriteTraceId"] for result in told(answer)["results"]] == ["t-3", "t-1"]
    assert told(answer)["errors"][0]["context"] == {"ids": ["bad"], "objectWriteTraceId": ["t-2"]}
    bare = ask(vendor, "POST", UPSERT, {"inputs": [upsert("d@x.example"), upsert("bad")]})
    assert bare.status == 400
    assert len(vendor.books.objects["contacts"]) == 2


def test_a_contact_is_known_by_every_address_and_by_the_ids_that_were_merged_into_it() -> None:
    vendor = HubSpotVendor(seed=7)
    kept, gone = (vendor.books.add("contacts", {"email": email}, now=NOON)["id"] for email in ("a@x.example", ADA))
    note = told(ask(vendor, "POST", f"{V}/notes", a_note(gone)))
    vendor.books.merge_contacts(kept, gone)
    found = told(ask(vendor, "POST", f"{V}/contacts/batch/read", read(ADA, "a@x.example", "nobody@x.example")))
    assert ([row["id"] for row in found["results"]], found["numErrors"]) == ([kept], 1)
    for contact_id in (kept, gone):
        linked = ask(
            vendor, "POST", "/crm/associations/2026-09/contacts/notes/batch/read", {"inputs": [{"id": contact_id}]}
        )
        assert [target["toObjectId"] for target in told(linked)["results"][0]["to"]] == [note["id"]]
    told(ask(vendor, "POST", UPSERT, {"inputs": [upsert(ADA)]}))
    assert vendor.books.objects["contacts"][kept]["properties"]["email"] == ADA
    assert vendor.books.objects["contacts"][kept]["properties"]["hs_additional_emails"] == "a@x.example"


def test_a_taken_address_is_a_conflict_that_names_the_contact() -> None:
    vendor = HubSpotVendor(seed=7)
    contact_id = vendor.books.add("contacts", {"email": ADA}, now=NOON)["id"]
    answer = ask(vendor, "POST", f"{V}/contacts", {"properties": {"email": ADA}})
    assert (answer.status, told(answer)["category"]) == (409, "CONFLICT")
    assert told(answer)["message"] == f"Contact already exists. Existing ID: {contact_id}"


def test_the_same_note_or_company_twice_is_two() -> None:
    vendor = HubSpotVendor(seed=7)
    contact_id = vendor.books.add("contacts", {"email": ADA}, now=NOON)["id"]
    for _ in range(2):
        assert ask(vendor, "POST", f"{V}/notes", a_note(contact_id)).status == 201
        assert ask(vendor, "POST", f"{V}/companies", {"properties": {"domain": "x.example"}}).status == 201
    assert {kind: len(rows) for kind, rows in vendor.books.objects.items()} == {
        "contacts": 1,
        "companies": 2,
        "deals": 0,
        "notes": 2,
    }


def test_a_search_finds_nothing_that_is_younger_than_the_lag_and_carries_no_limit_headers() -> None:
    vendor = HubSpotVendor(seed=7)
    ask(vendor, "POST", f"{V}/companies", {"properties": {"domain": "x.example"}})
    early = ask(vendor, "POST", f"{V}/companies/search", SEARCH)
    late = ask(vendor, "POST", f"{V}/companies/search", SEARCH, after_s=SEARCH_LAG_S)
    assert [told(answer)["total"] for answer in (early, late)] == [0, 1]
    assert not any("RateLimit" in name for name in early.headers)
    assert any("RateLimit" in name for name in ask(vendor, "GET", f"{V}/contacts").headers)


def test_a_company_cannot_be_upserted_by_domain_but_by_a_custom_unique_property() -> None:
    vendor = HubSpotVendor(seed=7)
    path = f"{V}/companies/batch/upsert"
    by_domain = {"inputs": [{"idProperty": "domain", "id": "x.example", "properties": {}}]}
    answer = ask(vendor, "POST", path, by_domain)
    assert (answer.status, "non-unique" in told(answer)["message"]) == (400, True)
    vendor.books.unique_properties["companies"].append("cmo_key")
    by_key = {"inputs": [{"idProperty": "cmo_key", "id": "x.example", "properties": {"name": "X"}}]}
    assert [told(ask(vendor, "POST", path, by_key))["results"][0]["new"] for _ in range(2)] == [True, False]
    assert ask(vendor, "GET", f"{V}/companies/x.example?idProperty=cmo_key").status == 200


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/crm/v3/objects/contacts", None, 404),
        ("GET", "/crm/objects/2019-01/contacts", None, 404),
        ("GET", f"{V}/contacts/404404", None, 404),
        ("POST", f"{V}/notes", a_note("404404"), 404),
        ("POST", f"{V}/notes", {"properties": {"hs_note_body": "no time"}}, 400),
        ("POST", f"{V}/notes", {"properties": {"hs_timestamp": "0", "hs_note_body": "x" * 65_537}}, 400),
        ("POST", f"{V}/deals", {"properties": {"dealname": "D", "amount": 7}}, 400),
        ("POST", f"{V}/deals", {"properties": {"dealname": "D", "colour": "red"}}, 400),
        ("POST", f"{V}/companies/search", {"filterGroups": []}, 400),
        ("POST", UPSERT, {"inputs": []}, 400),
        ("POST", UPSERT, {"inputs": [upsert(f"{n}@x.example") for n in range(101)]}, 400),
        ("POST", UPSERT, {"inputs": [upsert(ADA), upsert(ADA.upper())]}, 400),
        ("POST", UPSERT, {"inputs": [{"properties": {}}]}, 400),
        ("POST", UPSERT, {"inputs": [], "more": 1}, 400),
        ("POST", UPSERT, "x", 400),
        ("PUT", f"{V}/contacts/1/associations/default/companies/2", None, 404),
    ],
)
def test_what_the_contract_does_not_know_is_refused(method: str, target: str, body: object, status: int) -> None:
    vendor = HubSpotVendor(seed=7)
    assert ask(vendor, method, target, body).status == status
    assert not any(vendor.books.objects.values())


def test_an_association_of_the_wrong_type_is_refused() -> None:
    vendor = HubSpotVendor(seed=7)
    contact_id = vendor.books.add("contacts", {"email": ADA}, now=NOON)["id"]
    assert ask(vendor, "POST", f"{V}/notes", a_note(contact_id, type_id=3)).status == 400


def test_a_wrong_key_and_a_missing_scope_are_told_apart() -> None:
    vendor = HubSpotVendor(seed=7)
    assert told(ask(vendor, "GET", f"{V}/contacts", key="other"))["category"] == "INVALID_AUTHENTICATION"
    vendor.missing_scopes = ("crm.objects.contacts.write",)
    assert ask(vendor, "GET", f"{V}/contacts").status == 200
    refused = ask(vendor, "POST", UPSERT, {"inputs": [upsert(ADA)]})
    assert (refused.status, told(refused)["category"]) == (403, "MISSING_SCOPES")
    assert b"crm.objects.contacts.write" in refused.body


def test_limits_say_which_one_they_are_and_never_when_they_end() -> None:
    vendor = HubSpotVendor(seed=7)
    for _ in range(SEARCHES_PER_S):
        ask(vendor, "POST", f"{V}/companies/search", SEARCH)
    searched = ask(vendor, "POST", f"{V}/companies/search", SEARCH)
    for _ in range(PER_TEN_S - SEARCHES_PER_S):
        assert ask(vendor, "GET", f"{V}/contacts").status == 200
    refused = ask(vendor, "GET", f"{V}/contacts")
    assert [told(answer)["policyName"] for answer in (searched, refused)] == ["SECONDLY", "TEN_SECONDLY_ROLLING"]
    assert "Retry-After" not in refused.headers
    assert ask(vendor, "GET", f"{V}/contacts", after_s=10.0).status == 200


def test_another_process_goes_on_with_the_same_account() -> None:
    vendor, other = HubSpotVendor(seed=7), HubSpotVendor(seed=7)
    ask(vendor, "POST", UPSERT, {"inputs": [upsert(ADA)]})
    other.load_json(json.loads(json.dumps(vendor.to_json())))
    for account in (vendor, other):
        ask(account, "POST", UPSERT, {"inputs": [upsert("bo@x.example"), upsert(ADA)]})
    assert other.to_json() == vendor.to_json()
