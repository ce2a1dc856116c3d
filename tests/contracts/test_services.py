"""The watch over the contracts does refuse what they do not describe."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from jsonschema import ValidationError

from cmo.clock import SystemClock
from cmo.providers.http import HttpClient
from cmo.sandbox.vendors.attio import API_KEY, AttioVendor
from cmo.sandbox.wire import Request
from tests.contracts import watch
from tests.contracts.files import needs_contracts
from tests.contracts.services import CONTRACTS
from tests.fakes.clock import NOON

pytestmark = needs_contracts

UUID = "2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9"
PEOPLE = "/v2/objects/people/records?matching_attribute=email_addresses"
VALUES: dict[str, Any] = {"data": {"values": {}}}
LEADS: dict[str, Any] = {"campaign_id": UUID, "leads": [{"email": "ann@meadow.example"}]}
SMARTLEADS: dict[str, Any] = {"lead_list": [{"email": "ann@meadow.example"}]}
UNPROTECTED = {"settings": {"ignore_unsubscribe": True}}
UPSERT: dict[str, Any] = {
    "inputs": [{"idProperty": "email", "id": "a@b.example", "properties": {"email": "a@b.example"}}]
}
TEAM = {"query": "query t($id: String!) { team(id: $id) { id name } }", "variables": {"id": UUID}}
RAW = base64.urlsafe_b64encode(b"To: ann@meadow.example\r\n\r\nHi").decode()

ALLOWED: list[tuple[str, str, str, object]] = [
    ("attio", "PUT", PEOPLE, VALUES),
    ("attio", "GET", f"/v2/notes?parent_object=people&parent_record_id={UUID}&limit=50", None),
    ("hubspot", "POST", "/crm/objects/2026-09/contacts/batch/upsert", UPSERT),
    ("instantly", "POST", "/api/v2/leads/add", LEADS),
    ("smartlead", "POST", "/api/v1/campaigns/1/leads?api_key=k", SMARTLEADS),
    ("linear", "POST", "/graphql", TEAM),
    ("gmail", "POST", "/gmail/v1/users/me/drafts", {"message": {"raw": RAW}}),
    ("github", "POST", "/graphql", {"query": "{ viewer { login } }", "variables": {}}),
    ("github", "GET", "/search/repositories?q=x&per_page=5", None),
]
REFUSED: list[tuple[str, str, str, object]] = [
    ("attio", "DELETE", "/v2/self", None),
    ("attio", "PUT", PEOPLE.partition("?")[0], VALUES),
    ("attio", "PUT", f"{PEOPLE}&more=1", VALUES),
    ("attio", "PUT", PEOPLE, {**VALUES, "more": 1}),
    ("attio", "PUT", PEOPLE, {"data": {}}),
    ("attio", "GET", f"/v2/notes?parent_object=people&parent_record_id={UUID}&limit=many", None),
    ("attio", "GET", "/v2/notes/n1", None),
    ("attio", "GET", "/v2/self", {}),
    ("hubspot", "POST", "/crm/objects/2026-09/contacts/batch/upsert", {"inputs": [{"id": "a@b.example"}]}),
    ("hubspot", "POST", "/crm/objects/2026-09/contacts/batch/upsert", {**UPSERT, "more": 1}),
    ("instantly", "POST", "/api/v2/leads/add", {**LEADS, "campaign_id": "c1"}),
    ("instantly", "POST", "/api/v2/leads/list", {"contacts": ["ann"]}),
    ("instantly", "POST", "/api/v2/leads/add", {**LEADS, "leads": [{**LEADS["leads"][0], "more": 1}]}),
    ("smartlead", "POST", "/api/v1/campaigns/1/leads", SMARTLEADS),
    ("smartlead", "POST", "/api/v1/campaigns/1/leads?api_key=k", {"lead_list": []}),
    (
        "smartlead",
        "POST",
        "/api/v1/campaigns/1/leads?api_key=k",
        SMARTLEADS | UNPROTECTED,
    ),
    ("smartlead", "POST", "/api/v1/campaigns/1/status?api_key=k", {"status": "PAUSE"}),
    ("linear", "POST", "/graphql", {**TEAM, "query": "query t($id: String!) { team(id: $id) { colour } }"}),
    ("linear", "POST", "/graphql", {**TEAM, "variables": {}}),
    ("linear", "POST", "/graphql", {**TEAM, "variables": {"id": UUID, "more": 1}}),
    ("gmail", "POST", "/gmail/v1/users/me/drafts", {"message": {"body": RAW}}),
    ("gmail", "GET", "/gmail/v1/users/me/messages?query=x", None),
    ("google", "POST", "/token", {"grant_type": "refresh_token"}),
    ("github", "GET", "/search/repositories?q=x&language=go", None),
    ("github", "POST", "/graphql", {"query": "{ viewer { secret } }", "variables": {}}),
]


def content(body: object) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


@pytest.mark.parametrize(("service", "method", "target", "body"), ALLOWED)
def test_what_a_contract_describes_passes(service: str, method: str, target: str, body: object) -> None:
    CONTRACTS[service].check_request(method, target, content(body))


@pytest.mark.parametrize(("service", "method", "target", "body"), REFUSED)
def test_what_a_contract_does_not_describe_does_not_pass(service: str, method: str, target: str, body: object) -> None:
    with pytest.raises((AssertionError, ValueError, ValidationError)):
        CONTRACTS[service].check_request(method, target, content(body))


@pytest.mark.parametrize(
    ("service", "method", "target", "asked", "status", "answer"),
    [
        ("attio", "PUT", PEOPLE, VALUES, 200, {"data": "no record"}),
        ("attio", "PUT", PEOPLE, VALUES, 202, {}),
        ("instantly", "POST", "/api/v2/leads/add", LEADS, 200, {"status": 1}),
        ("smartlead", "GET", "/api/v1/campaigns/1?api_key=k", None, 200, {"name": "no id"}),
        ("smartlead", "POST", "/api/v1/campaigns/1/leads?api_key=k", SMARTLEADS, 429, {"told": "too many"}),
        ("linear", "POST", "/graphql", TEAM, 200, {"data": {"team": {"id": UUID, "name": None}}}),
        ("linear", "POST", "/graphql", TEAM, 200, {"data": {"team": {"id": UUID}}}),
        ("gmail", "GET", "/gmail/v1/users/me/profile", None, 200, {"emailAddress": 7}),
    ],
)
def test_an_answer_that_a_contract_does_not_describe_does_not_pass(
    service: str, method: str, target: str, asked: object, status: int, answer: object
) -> None:
    with pytest.raises((AssertionError, LookupError, ValidationError)):
        CONTRACTS[service].check_answer(method, target, status, content(answer), content(asked))


@pytest.mark.off_contract
def test_a_client_that_sends_what_no_contract_has_is_found_out_though_all_goes_well() -> None:
    async def scene() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
        http = HttpClient("attio", clock=SystemClock(), timeout_s=5.0, transport=transport)
        await http.send("POST", "https://attio.example/v2/nowhere", operation="asking", json_body={})
        await http.close()

    asyncio.run(scene())
    assert watch.problems == ["attio is asked POST /v2/nowhere: AssertionError: not in the contract"]


@pytest.mark.off_contract
def test_a_service_of_the_sandbox_that_answers_what_no_contract_has_is_found_out() -> None:
    vendor = AttioVendor(seed=7)
    person = vendor.books.add_person("ann@meadow.example", now=NOON)
    vendor.books.people[person]["record_id"] = "p1"
    headers = {"authorization": f"Bearer {API_KEY}"}
    vendor.answer(Request("POST", "/v2/objects/people/records/query", headers, b"{}"), NOON)
    assert len(watch.problems) == 1
    assert "'p1' is not a 'uuid'" in watch.problems[0]
