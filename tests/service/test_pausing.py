"""What counts as a number of minutes."""

from __future__ import annotations

import pytest

from cmo.service.pausing import LONGEST_WAIT_MIN, minutes_of


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("007", 7),
        (str(LONGEST_WAIT_MIN), LONGEST_WAIT_MIN),
        (str(LONGEST_WAIT_MIN + 1), None),
        ("0", None),
        ("-5", None),
        ("٣", None),
        ("000000005" + "9" * 30, None),
    ],
)
def test_minutes_are_a_number_of_at_most_a_week_however_many_zeros_stand_before_it(
    text: str, minutes: int | None
) -> None:
    assert minutes_of(text) == minutes
