"""The recorded scene plays back through the client."""

from __future__ import annotations

from tests.providers.attio.tapes import NOTE
from tests.providers.hubspot.cassettes import CASSETTE, play


def test_the_cassette_plays_to_its_end() -> None:
    receipts, is_played = play()
    assert is_played
    assert [(receipt.fate, receipt.effect) for receipt in receipts] == [
        ("confirmed", "created"),
        ("refused", ""),
        ("confirmed", "created"),
        ("confirmed", "created"),
        ("confirmed", "created"),
        ("confirmed", ""),
        ("confirmed", ""),
        ("confirmed", ""),
        ("confirmed", ""),
    ]


def test_the_cassette_says_where_it_comes_from_and_holds_no_key() -> None:
    text = CASSETTE.read_text(encoding="utf-8")
    assert text.startswith(NOTE)
    for secret in ("sandbox-hubspot-token", "authorization", "127.0.0.1"):
        assert secret not in text.lower()
