"""The recorded scene plays back through the client."""

from __future__ import annotations

from tests.providers.attio.cassettes import CASSETTE, play
from tests.providers.attio.tapes import NOTE


def test_the_cassette_plays_to_its_end() -> None:
    receipts, is_played = play()
    assert is_played
    assert [(receipt.fate, receipt.effect) for receipt in receipts] == [
        ("confirmed", "created"),
        ("confirmed", "updated"),
        ("confirmed", "created"),
        ("confirmed", "created"),
        ("confirmed", ""),
        ("confirmed", ""),
        ("confirmed", ""),
    ]
    assert len({receipts[number].provider_id for number in (0, 1, 4)}) == 1


def test_the_cassette_says_where_it_comes_from_and_holds_no_key() -> None:
    text = CASSETTE.read_text(encoding="utf-8")
    assert text.startswith(NOTE)
    for secret in ("sandbox-attio-key", "authorization", "127.0.0.1"):
        assert secret not in text.lower()
