"""The checks against the contract do refuse what it does not describe."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import jsonschema
import pytest

from tests.providers.github.shared import needs_contracts
from tests.providers.openapi import ContractTransport

PEOPLE = "/v2/objects/people/records"
VALUES: dict[str, Any] = {"data": {"values": {}}}


def sent(method: str, path: str, body: object, answer: object = None) -> None:
    inner = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))

    async def scene() -> None:
        async with httpx.AsyncClient(transport=ContractTransport("attio.openapi.json", inner)) as client:
            await client.request(method, f"https://attio.example{path}", json=body)

    asyncio.run(scene())


@needs_contracts
@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("DELETE", "/v2/self", None, AssertionError),
        ("PUT", PEOPLE, VALUES, AssertionError),
        ("PUT", f"{PEOPLE}?matching_attribute=x&more=1", VALUES, AssertionError),
        ("PUT", f"{PEOPLE}?matching_attribute=x", {**VALUES, "more": 1}, jsonschema.ValidationError),
        ("PUT", f"{PEOPLE}?matching_attribute=x", {"data": {}}, jsonschema.ValidationError),
        ("PUT", f"{PEOPLE}?matching_attribute=x", VALUES, jsonschema.ValidationError),
    ],
)
def test_what_the_contract_does_not_describe_does_not_pass(
    method: str, path: str, body: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        sent(method, path, body, answer={"data": "not a record"})
