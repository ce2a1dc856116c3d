"""Recorded exchanges play back through the client to what they gave when they were recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.providers.github.cassettes import FOLDER, NOTE, SCENES, play


@pytest.mark.parametrize("name", SCENES)
def test_a_cassette_plays_to_the_same_result_and_to_its_end(name: str) -> None:
    given, cassette = play(name)
    assert json.loads(json.dumps(given)) == json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert cassette.all_played


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_cassette_says_where_it_comes_from_and_holds_no_key(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(NOTE)
    for secret in ("sandbox-token", "authorization", "127.0.0.1"):
        assert secret not in text.lower()
