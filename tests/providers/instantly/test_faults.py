"""Every trouble on the one write: what the client says is never more than what the twin's books show."""

from __future__ import annotations

import pytest

from cmo.domain.outward import Fate
from cmo.errors import RateLimited
from cmo.providers.instantly import Instantly
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.providers.doubts import TOLD_AS_UNKNOWN
from tests.providers.instantly.world import ENROL, letter, outside

DOUBTS = {**TOLD_AS_UNKNOWN, FaultKind.OK_WITH_ERROR: "contract_broken"}
LIST_ROUTE = "out:instantly/api/v2/leads/list"


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
        assert not there.has(letter("ann@meadow.example"))


@pytest.mark.parametrize("kind", [*DOUBTS, FaultKind.RATE_LIMIT])
def test_a_read_back_that_fails_leaves_the_refused_in_doubt(kind: FaultKind) -> None:
    rule = FaultRule(kind=kind, route=LIST_ROUTE, share=1.0)
    with outside(rule) as there:
        confirmed, doubtful = there.write(letter(), letter("blocked@meadow.example"))
        expected = Fate.REFUSED if kind is FaultKind.OK_WITH_ERROR else Fate.UNKNOWN  # it never does that for a look
        assert (confirmed.fate, doubtful.fate) == (Fate.CONFIRMED, expected)
