"""The sandbox's Attio keeps the contract's manners, the bad ones too."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from cmo.sandbox.vendors.attio import API_KEY, LIST_SLUG, WRITES_PER_S, AttioVendor
from cmo.sandbox.wire import Request, Response
from tests.fakes.clock import NOON

ASSERT = "/v2/objects/people/records?matching_attribute=email_addresses"
ENTRIES = f"/v2/lists/{LIST_SLUG}/entries"


def ask(vendor: AttioVendor, method: str, target: str, body: object = None, *, key: str = API_KEY) -> Response:
    content = b"" if body is None else json.dumps(body).encode()
    return vendor.answer(Request(method, target, {"authorization": f"Bearer {key}"}, content), NOON)


def told(response: Response) -> Any:
    return json.loads(response.body)


def asserted(vendor: AttioVendor, **values: object) -> Response:
    return ask(vendor, "PUT", ASSERT, {"data": {"values": values}})


def a_note(record_id: str, title: str = "Hello") -> dict[str, Any]:
    note = {"parent_object": "people", "parent_record_id": record_id, "title": title}
    return {"data": {**note, "format": "plaintext", "content": "Text"}}


def test_an_assert_adds_addresses_and_overwrites_every_other_multi_select() -> None:
    vendor = AttioVendor(seed=7)
    record_id = vendor.books.add_person("ada@x.example", now=NOON, categories=("Customer",))
    answer = told(asserted(vendor, email_addresses=["ada@x.example", "Ada@Home.example"], categories=["Partner"]))
    assert answer["data"]["id"]["record_id"] == record_id
    person = vendor.books.people[record_id]
    assert (person["emails"], person["categories"]) == (["ada@x.example", "ada@home.example"], ["Partner"])


def test_an_assert_that_matches_two_records_is_refused() -> None:
    vendor = AttioVendor(seed=7)
    for email in ("a@x.example", "b@x.example"):
        vendor.books.add_person(email, now=NOON)
    answer = asserted(vendor, email_addresses=["a@x.example", "b@x.example"])
    assert (answer.status, told(answer)["code"]) == (400, "multiple_match_results")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"email_addresses": ["a@x.example"], "categories": ["Nobody"]}, "value_not_found"),
        ({"email_addresses": ["a@x.example"], "no_such_slug": ["x"]}, "value_not_found"),
        ({"email_addresses": ["a@x.example"], "record_id": ["x"]}, "value_not_found"),
        (
            {"email_addresses": ["a@x.example"], "company": [{"target_object": "companies", "target_record_id": "x"}]},
            "value_not_found",
        ),
        ({"name": [{"full_name": "Ada"}]}, "missing_value"),
        ({"email_addresses": ["no address"]}, "validation_type"),
        ({"email_addresses": ["a@x.example"], "name": ["Ada"]}, "validation_type"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_nothing_is_kept(values: dict[str, Any], code: str) -> None:
    vendor = AttioVendor(seed=7)
    answer = asserted(vendor, **values)
    assert (answer.status, told(answer)["code"]) == (400, code)
    assert vendor.books.people == {}


def test_a_company_may_be_named_by_its_domain() -> None:
    vendor = AttioVendor(seed=7)
    company_id = vendor.books.add_company("Engines", "engines.example", now=NOON)
    reference = {"target_object": "companies", "domains": [{"domain": "engines.example"}]}
    values = told(asserted(vendor, email_addresses=["a@x.example"], company=[reference]))["data"]["values"]
    assert values["company"][0]["target_record_id"] == company_id


def test_posting_an_entry_makes_another_each_time_and_then_an_assert_is_refused() -> None:
    vendor = AttioVendor(seed=7)
    record_id = vendor.books.add_person("ada@x.example", now=NOON)
    entry = {"data": {"parent_object": "people", "parent_record_id": record_id, "entry_values": {}}}
    first = told(ask(vendor, "PUT", ENTRIES, entry))
    assert told(ask(vendor, "PUT", ENTRIES, entry)) == first
    assert ask(vendor, "POST", ENTRIES, entry).status == 200
    assert len(vendor.books.entries) == 2
    assert told(ask(vendor, "PUT", ENTRIES, entry))["code"] == "multiple_match_results"


def test_the_same_note_twice_is_two_notes_shown_ten_at_a_time_and_never_more_than_fifty() -> None:
    vendor = AttioVendor(seed=7)
    record_id = vendor.books.add_person("ada@x.example", now=NOON)
    for _ in range(12):
        ask(vendor, "POST", "/v2/notes", a_note(record_id))
    listing = f"/v2/notes?parent_object=people&parent_record_id={record_id}"
    assert len(vendor.books.notes) == 12
    assert len(told(ask(vendor, "GET", listing))["data"]) == 10
    assert len(told(ask(vendor, "GET", f"{listing}&limit=50&offset=10"))["data"]) == 2
    assert ask(vendor, "GET", f"{listing}&limit=51").status == 400


def test_a_key_that_is_wrong_is_refused_and_a_revoked_one_still_hears_about_itself() -> None:
    vendor = AttioVendor(seed=7)
    assert ask(vendor, "GET", "/v2/self", key="other").status == 401
    assert told(ask(vendor, "GET", "/v2/self"))["active"] is True
    vendor.books.is_key_revoked = True
    assert told(ask(vendor, "GET", "/v2/self")) == {"active": False}
    assert ask(vendor, "GET", "/v2/notes").status == 401


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/v2/lists/nothing", None, 404),
        ("GET", "/v2/webhooks", None, 404),
        ("GET", "/v2/objects/people/records/nobody/entries", None, 404),
        ("POST", "/v2/notes", a_note("nobody"), 404),
        ("POST", "/v2/notes", {"data": {"title": "x"}}, 400),
        ("POST", "/v2/objects/people/records/query", {"filter": {"job_title": "x"}}, 400),
        ("PUT", "/v2/objects/people/records", {"data": {"values": {}}}, 400),
        ("PUT", ASSERT, {"data": {"values": {}, "more": 1}}, 400),
        ("PUT", ASSERT, [], 400),
    ],
)
def test_what_the_contract_does_not_know_is_refused(method: str, target: str, body: object, status: int) -> None:
    answer = ask(AttioVendor(seed=7), method, target, body)
    assert answer.status == status == told(answer)["status_code"]


def test_too_many_writes_are_limited_with_a_date_a_second_on() -> None:
    vendor = AttioVendor(seed=7)
    for number in range(WRITES_PER_S):
        assert asserted(vendor, email_addresses=[f"p{number}@x.example"]).status == 200
    refused = asserted(vendor, email_addresses=["late@x.example"])
    assert refused.status == 429
    assert parsedate_to_datetime(refused.headers["Retry-After"]) == NOON + timedelta(seconds=1)
    assert ask(vendor, "GET", "/v2/self").status == 200


def test_another_process_goes_on_with_the_same_workspace() -> None:
    vendor, other = AttioVendor(seed=7), AttioVendor(seed=7)
    asserted(vendor, email_addresses=["a@x.example"])
    other.load_json(json.loads(json.dumps(vendor.to_json())))
    asserted(vendor, email_addresses=["b@x.example"])
    asserted(other, email_addresses=["b@x.example"])
    assert other.to_json() == vendor.to_json()
