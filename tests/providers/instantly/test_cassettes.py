"""Recorded exchanges play back through the clients to what they gave when they were recorded."""

from __future__ import annotations

import json

import pytest

from cmo.sandbox.vendors.instantly import API_KEY
from cmo.sandbox.vendors.smartlead import API_KEY as SMARTLEAD_KEY
from tests.providers.instantly.cassettes import FOLDER, NOTE, SERVICES, play


@pytest.mark.parametrize("name", SERVICES)
def test_a_cassette_plays_to_the_same_result_and_to_its_end(name: str) -> None:
    given, cassette = play(name)
    assert given == json.loads((FOLDER / name / "campaign.json").read_text(encoding="utf-8"))
    assert cassette.all_played


@pytest.mark.parametrize("name", SERVICES)
def test_a_cassette_says_where_it_comes_from_and_holds_no_key(name: str) -> None:
    text = (FOLDER / name / "campaign.yaml").read_text(encoding="utf-8")
    assert text.startswith(NOTE)
    for secret in (API_KEY, SMARTLEAD_KEY, "api_key", "authorization", "127.0.0.1"):
        assert secret not in text.lower()
