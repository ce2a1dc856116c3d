"""Every trouble on the one write: what the client says is never more than what the twin's books show."""

from __future__ import annotations

import pytest

from cmo.domain.outward import Fate
from cmo.errors import PlanFull, RateLimited
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.providers.doubts import TOLD_AS_UNKNOWN
from tests.providers.smartlead.world import LEAD_ROUTE, letter, once, outside


def test_a_full_plan_is_for_later_and_nothing_happened() -> None:
    with outside(once(FaultKind.OK_WITH_ERROR)) as there:
        with pytest.raises(PlanFull) as caught:
            there.write(letter())
        assert caught.value.retry_after_s == 3600
        assert not there.has(letter("ann@meadow.example"))


def test_a_limit_is_raised_with_the_wait_it_told_and_nothing_happened() -> None:
    with outside(once(FaultKind.RATE_LIMIT)) as there:
        with pytest.raises(RateLimited) as caught:
            there.write(letter())
        assert caught.value.retry_after_s == 20
        assert not there.has(letter("ann@meadow.example"))


@pytest.mark.parametrize("kind", [*TOLD_AS_UNKNOWN, FaultKind.RATE_LIMIT])
def test_a_read_back_that_fails_leaves_all_in_doubt(kind: FaultKind) -> None:
    with outside(FaultRule(kind=kind, route=LEAD_ROUTE, share=1.0)) as there:
        receipts = there.write(letter(), letter("blocked@meadow.example"))
        assert [(row.fate, row.code) for row in receipts] == [(Fate.UNKNOWN, "read_back_failed")] * 2
