from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.outbox import (
    AFTER,
    BACKOFF_BASE_S,
    BACKOFF_MOST_S,
    MOST_ATTEMPTS,
    SOFT_MOST_S,
    OutboxState,
    backoff_s,
    soft_wait_s,
)
from cmo.domain.outward import Fate


def test_every_receipt_leads_to_a_state_and_no_doubt_leads_back_to_planned() -> None:
    assert set(AFTER) == set(Fate)
    assert {fate for fate, state in AFTER.items() if state is OutboxState.PLANNED} == {Fate.LATER, Fate.ABSENT}
    assert {AFTER[Fate.UNKNOWN], AFTER[Fate.HELD]} == {OutboxState.UNKNOWN}


@given(st.integers(1, 60), st.floats(0, 1))
def test_waits_are_drawn_from_zero_to_a_ceiling_that_doubles_up_to_an_hour(attempts: int, share: float) -> None:
    ceiling = backoff_s(attempts, share=1.0)
    assert ceiling == min(BACKOFF_MOST_S, BACKOFF_BASE_S * 2 ** (attempts - 1))
    assert 0 <= backoff_s(attempts, share=share) <= ceiling
    assert backoff_s(attempts, share=0.0) == 0
    assert backoff_s(attempts, share=0.5) == ceiling / 2


def test_the_longest_wait_is_reached_before_the_last_attempt() -> None:
    assert backoff_s(MOST_ATTEMPTS, share=1.0) == BACKOFF_MOST_S


def test_a_soft_bounce_waits_longer_than_greylisting_and_at_most_four_hours() -> None:
    assert [soft_wait_s(attempts) / 60 for attempts in (1, 2, 3, 4)] == [15, 60, 240, 240]
    assert soft_wait_s(MOST_ATTEMPTS) == SOFT_MOST_S
