"""Every trouble on the one write: what the client says is never more than what the twin's books show."""

from __future__ import annotations

import pytest

from cmo.domain.outward import Fate
from cmo.errors import RateLimited
from cmo.providers.instantly import Instantly
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.instantly import ACTIVE_ID
from tests.providers.doubts import TOLD_AS_UNKNOWN
from tests.providers.instantly.world import ENROL, letter, once, outside

DOUBTS = {**TOLD_AS_UNKNOWN, FaultKind.OK_WITH_ERROR: "contract_broken"}
LIST_ROUTE = "out:instantly/api/v2/leads/list"
PAUSE_ROUTE = f"out:instantly/api/v2/campaigns/{ACTIVE_ID}"


@pytest.mark.parametrize("kind", DOUBTS)
def test_a_doubtful_write_is_unknown_and_looking_up_settles_it(kind: FaultKind) -> None:
    letters = [letter("ann@meadow.example"), letter("bob@meadow.example")]
    with outside(once(kind)) as there:
        receipts = there.write(*letters)
        assert [(row.fate, row.code) for row in receipts] == [(Fate.UNKNOWN, DOUBTS[kind])] * 2
        acted = there.has("ann@meadow.example")
        assert acted == there.door.calls[0].acted
        assert {row.fate for row in there.look_up(*letters)} == {Fate.CONFIRMED if acted else Fate.ABSENT}
        again = there.write(*letters)
        assert {row.effect for row in again} == {"noop" if acted else "created"}
        assert len(there.twin.enrolled) == 3


def test_a_limit_is_raised_with_a_wait_of_our_own_and_nothing_happened() -> None:
    with outside(FaultRule(kind=FaultKind.RATE_LIMIT, route="out:instantly", nth=(1, 2, 3, 4, 5, 6, 7))) as there:

        async def waits(instantly: Instantly) -> list[float]:
            told = []
            for _ in range(7):
                with pytest.raises(RateLimited) as caught:
                    await instantly.write(ENROL, [letter()])
                told.append(caught.value.retry_after_s)
            return told

        assert there.run(waits) == [2, 4, 8, 16, 32, 60, 60]
        assert there.clock.monotonic() == pytest.approx(2 + 4 + 8 + 16 + 32 + 60)
        assert not there.has("ann@meadow.example")


@pytest.mark.parametrize("kind", [*DOUBTS, FaultKind.RATE_LIMIT])
def test_a_read_back_that_fails_leaves_the_refused_in_doubt(kind: FaultKind) -> None:
    rule = FaultRule(kind=kind, route=LIST_ROUTE, share=1.0)
    with outside(rule) as there:
        confirmed, doubtful = there.write(letter(), letter("blocked@meadow.example"))
        expected = Fate.REFUSED if kind is FaultKind.OK_WITH_ERROR else Fate.UNKNOWN  # it never does that for a look
        assert (confirmed.fate, doubtful.fate) == (Fate.CONFIRMED, expected)


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.RESET_AFTER, FaultKind.TIMEOUT_AFTER])
def test_a_look_is_tried_three_times_and_then_cannot_be_known(kind: FaultKind) -> None:
    with outside(FaultRule(kind=kind, route=LIST_ROUTE, nth=(1, 2, 4, 5, 6))) as there:
        [known] = there.look_up(letter())
        [unknown] = there.look_up(letter())
    assert (known.fate, unknown.fate) == (Fate.ABSENT, Fate.UNKNOWN)


@pytest.mark.parametrize("kind", [*DOUBTS, FaultKind.RATE_LIMIT])
def test_a_pause_is_believed_only_when_it_is_read_back(kind: FaultKind) -> None:
    with outside(once(kind, PAUSE_ROUTE)) as there:
        report = there.run(lambda instantly: instantly.pause(ACTIVE_ID))
        assert report.is_paused == (there.twin.floor.campaigns[ACTIVE_ID].status == "paused")


def test_a_pause_that_cannot_be_read_back_is_no_pause() -> None:
    with outside(FaultRule(kind=FaultKind.SERVER_ERROR, route=PAUSE_ROUTE, share=1.0)) as there:
        report = there.run(lambda instantly: instantly.pause(ACTIVE_ID))
    assert not report.is_paused
    assert "not known" in report.detail
