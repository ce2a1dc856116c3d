"""Whatever goes wrong on the way, a receipt of Attio's client says nothing that the workspace's books deny."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmo.domain.outward import CrmItem, Fate
from cmo.errors import ProviderUnavailable, RateLimited
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.providers.attio.rig import ENTRY, NOTE, PERSON, Rig, note, on_list, person, rig
from tests.providers.doubts import TOLD_AS_UNKNOWN, nobody, patience_s

RECORDS, ENTRIES, NOTES = "out:attio/v2/objects/people/records", "out:attio/v2/lists", "out:attio/v2/notes"
IN_THE_BOOKS: dict[str, Callable[[Rig], int]] = {
    PERSON: lambda outside: sum(
        row["name"].get("full_name") == "Ada Lovelace" for row in outside.attio.books.people.values()
    ),
    ENTRY: lambda outside: len(outside.attio.books.entries),
    NOTE: lambda outside: len(outside.attio.books.notes),
}


def the_write(operation: str) -> tuple[str, int]:
    """The route of the request that writes, and which one on that route it is."""
    return {PERSON: (RECORDS, 2), ENTRY: (ENTRIES, 1), NOTE: (NOTES, 1)}[operation]


def the_item(operation: str, outside: Rig) -> CrmItem:
    record_id = outside.add_person()
    return {PERSON: person(), ENTRY: on_list(record_id), NOTE: note(record_id)}[operation]


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
@pytest.mark.parametrize("operation", IN_THE_BOOKS)
def test_a_doubtful_write_is_unknown_and_a_look_settles_it(operation: str, kind: FaultKind) -> None:
    route, nth = the_write(operation)
    with rig(FaultRule(kind=kind, route=route, nth=(nth,)), timeout_s=patience_s(kind)) as outside:
        item = the_item(operation, outside)
        receipt = outside.write(operation, item)
        assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, TOLD_AS_UNKNOWN[kind])
        settled = outside.look_up(operation, item)
        is_there = IN_THE_BOOKS[operation](outside)
        assert settled.fate is (Fate.CONFIRMED if is_there else Fate.ABSENT)
        if not is_there:
            assert outside.write(operation, item).fate is Fate.CONFIRMED
        assert IN_THE_BOOKS[operation](outside) == 1


@pytest.mark.parametrize("operation", IN_THE_BOOKS)
def test_a_limit_is_raised_and_nothing_is_written(operation: str) -> None:
    route, nth = the_write(operation)
    with rig(FaultRule(kind=FaultKind.RATE_LIMIT, route=route, nth=(nth,))) as outside:
        item = the_item(operation, outside)
        with pytest.raises(RateLimited):
            outside.write(operation, item)
        assert IN_THE_BOOKS[operation](outside) == 0


@pytest.mark.parametrize("operation", IN_THE_BOOKS)
def test_a_200_that_does_nothing_does_not_exist_for_writes(operation: str) -> None:
    route, nth = the_write(operation)
    with rig(FaultRule(kind=FaultKind.OK_WITH_ERROR, route=route, nth=(nth,))) as outside:
        assert outside.write(operation, the_item(operation, outside)).fate is Fate.CONFIRMED
        assert IN_THE_BOOKS[operation](outside) == 1


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
@pytest.mark.parametrize("operation", [PERSON, ENTRY])
def test_a_look_beforehand_that_fails_leaves_the_write_for_later(operation: str, kind: FaultKind) -> None:
    rule = FaultRule(kind=kind, route=RECORDS, nth=(1,))
    with rig(rule, timeout_s=patience_s(kind)) as outside:
        receipt = outside.write(operation, the_item(operation, outside))
        assert (receipt.fate, receipt.code) == (Fate.LATER, TOLD_AS_UNKNOWN[kind])
        assert outside.writes == []


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
def test_a_look_up_asks_again_and_then_says_that_it_does_not_know(kind: FaultKind) -> None:
    once = FaultRule(kind=kind, route=NOTES, nth=(1,))
    with rig(once, timeout_s=patience_s(kind)) as outside:
        assert outside.look_up(NOTE, note(outside.add_person())).fate is Fate.ABSENT
    with rig(FaultRule(kind=kind, route=NOTES, share=1.0), timeout_s=patience_s(kind)) as outside:
        receipt = outside.look_up(NOTE, note(outside.add_person()))
        assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, TOLD_AS_UNKNOWN[kind])
        assert len(outside.open.door.calls) == 3


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.MALFORMED_JSON])
def test_a_preview_that_cannot_be_had_is_unknown_without_an_effect(kind: FaultKind) -> None:
    with rig(FaultRule(kind=kind, route=RECORDS, share=1.0)) as outside:
        receipt = outside.preview(person())
        assert (receipt.fate, receipt.effect) == (Fate.UNKNOWN, "")


@pytest.mark.parametrize("operation", IN_THE_BOOKS)
def test_a_refused_connection_is_raised_because_nothing_happened(operation: str) -> None:
    with rig() as outside:
        item = the_item(operation, outside)
        outside.open = type(outside.open)(url=nobody(), door=outside.open.door)
        for ask in (outside.write, outside.look_up):
            with pytest.raises(ProviderUnavailable) as refused:
                ask(operation, item)
            assert refused.value.details == {"connected": False}
