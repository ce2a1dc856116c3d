"""Recorded exchanges play back through the clients to what they gave when they were recorded."""

from __future__ import annotations

import json

import pytest

from cmo.sandbox.vendors import attio, gmail, hubspot, instantly, linear, smartlead
from tests.providers.cassettes import FOLDER, NOTE, SCENES, play

KEYS = (
    attio.API_KEY,
    gmail.ACCESS_TOKEN,
    hubspot.ACCESS_TOKEN,
    instantly.API_KEY,
    linear.API_KEY,
    smartlead.API_KEY,
)


@pytest.mark.parametrize("name", SCENES)
def test_a_cassette_plays_to_the_same_result_and_to_its_end(name: str) -> None:
    given, cassette = play(name)
    assert given == json.loads((FOLDER / name / "scene.json").read_text(encoding="utf-8"))
    assert cassette.all_played


@pytest.mark.parametrize("name", SCENES)
def test_a_cassette_says_where_it_comes_from_and_holds_no_key(name: str) -> None:
    text = (FOLDER / name / "scene.yaml").read_text(encoding="utf-8")
    assert text.startswith(NOTE)
    for secret in (*KEYS, "api_key", "authorization", "127.0.0.1"):
        assert secret.lower() not in text.lower()
