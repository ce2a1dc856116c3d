from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain.suppression import Suppression, SuppressionKind, erased_value
from cmo.store.db import Connection, open_store, transaction
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_entry, find_suppressed, record_suppressions
from tests.fakes.outside import NOW

SECRET = b"k" * 32


@pytest.fixture
def conn(tmp_path: Path) -> Connection:
    return open_store(tmp_path / "campaign.db")


def entry(kind: SuppressionKind, value: str, *, source: str = "operator:ana") -> Suppression:
    return Suppression(kind=kind, value=value, reason="asked", source=source, added_at=NOW)


def record(conn: Connection, *entries: Suppression) -> int:
    with transaction(conn):
        return record_suppressions(conn, entries)


def test_only_new_entries_count(conn: Connection) -> None:
    first = entry(SuppressionKind.EMAIL, "ana@ana.example")

    assert (record(conn, first), record(conn, first)) == (1, 0)


def test_an_objection_takes_the_place_of_what_was_added_by_hand_and_not_the_other_way_round(conn: Connection) -> None:
    by_hand = entry(SuppressionKind.EMAIL, "ana@ana.example")
    objection = entry(SuppressionKind.EMAIL, "ana@ana.example", source="reply:17")
    for told in (by_hand, objection, by_hand):
        record(conn, told)

    found = find_entry(conn, SuppressionKind.EMAIL, "ana@ana.example")
    assert found is not None
    assert found.source == "reply:17"


def test_the_erased_are_found_by_their_hash_in_any_spelling(conn: Connection) -> None:
    value = erased_value(SuppressionKind.EMAIL, "ana@ana.example", secret=SECRET)
    record(conn, entry(SuppressionKind.HASH, value))

    people = {1: Recipient("Ana+news@ANA.example"), 2: Recipient("bob@ana.example")}
    assert set(find_suppressed(conn, people, secret=SECRET)) == {1}
    assert find_suppressed(conn, people, secret=None) == {}
