"""Every trouble on the one write: what the client says is never more than what the twin's books show."""

from __future__ import annotations

import pytest

from cmo.domain.outward import Fate
from cmo.errors import RateLimited
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.smartlead import ACTIVE_ID, BASE_PATH
from tests.providers.doubts import TOLD_AS_UNKNOWN
from tests.providers.smartlead.world import LEAD_ROUTE, letter, once, outside

PAUSE_ROUTE = f"out:smartlead{BASE_PATH}/campaigns/{ACTIVE_ID}"


@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
def test_a_doubtful_write_is_unknown_and_looking_up_settles_it(kind: FaultKind) -> None:
    letters = [letter("ann@meadow.example"), letter("bob@meadow.example")]
    with outside(once(kind)) as there:
        receipts = there.write(*letters)
        assert [(row.fate, row.code) for row in receipts] == [(Fate.UNKNOWN, TOLD_AS_UNKNOWN[kind])] * 2
        acted = there.has("ann@meadow.example")
        assert acted == there.door.calls[0].acted
        assert {row.fate for row in there.look_up(*letters)} == {Fate.CONFIRMED if acted else Fate.ABSENT}
        assert {row.fate for row in there.write(*letters)} == {Fate.CONFIRMED}
        assert len(there.twin.enrolled) == 3


def test_a_full_plan_is_for_later_and_nothing_happened() -> None:
    with outside(once(FaultKind.OK_WITH_ERROR)) as there:
        [receipt] = there.write(letter())
        assert (receipt.fate, receipt.code, receipt.retry_after_s) == (Fate.LATER, "lead_limit", 3600)
        assert not there.has("ann@meadow.example")


def test_a_limit_is_raised_with_the_wait_it_told_and_nothing_happened() -> None:
    with outside(once(FaultKind.RATE_LIMIT)) as there:
        with pytest.raises(RateLimited) as caught:
            there.write(letter())
        assert caught.value.retry_after_s == 20
        assert not there.has("ann@meadow.example")


@pytest.mark.parametrize("kind", [*TOLD_AS_UNKNOWN, FaultKind.RATE_LIMIT])
def test_a_read_back_that_fails_leaves_all_in_doubt(kind: FaultKind) -> None:
    with outside(FaultRule(kind=kind, route=LEAD_ROUTE, share=1.0)) as there:
        receipts = there.write(letter(), letter("blocked@meadow.example"))
        assert [(row.fate, row.code) for row in receipts] == [(Fate.UNKNOWN, "read_back_failed")] * 2


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.RESET_AFTER])
def test_a_look_is_tried_three_times_and_then_cannot_be_known(kind: FaultKind) -> None:
    with outside(FaultRule(kind=kind, route=LEAD_ROUTE, nth=(1, 2, 4, 5, 6))) as there:
        [known] = there.look_up(letter())
        [unknown] = there.look_up(letter())
    assert (known.fate, unknown.fate) == (Fate.ABSENT, Fate.UNKNOWN)


@pytest.mark.parametrize("kind", [*TOLD_AS_UNKNOWN, FaultKind.RATE_LIMIT])
def test_a_pause_is_believed_only_when_it_is_read_back(kind: FaultKind) -> None:
    with outside(once(kind, PAUSE_ROUTE)) as there:
        report = there.run(lambda smartlead: smartlead.pause(ACTIVE_ID))
        assert report.is_paused == (there.twin.floor.campaigns[ACTIVE_ID].status == "PAUSED")


def test_a_pause_that_cannot_be_read_back_is_no_pause() -> None:
    with outside(FaultRule(kind=FaultKind.SERVER_ERROR, route=PAUSE_ROUTE, share=1.0)) as there:
        report = there.run(lambda smartlead: smartlead.pause(ACTIVE_ID))
    assert not report.is_paused
    assert "not known" in report.detail
