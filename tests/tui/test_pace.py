"""Work that takes long takes no more than its share of the time; a person's pace is that of what they look at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.tui.pace import Pace, Rhythm


@given(share=st.floats(0.005, 0.5), takes=st.lists(st.floats(0.001, 5), min_size=1, max_size=20))
def test_work_takes_no_more_than_its_share_of_the_time(share: float, takes: list[float]) -> None:
    now = 0.0
    pace = Pace(share, now=lambda: now)
    assert pace.left_s <= 0
    for took in takes:
        with pace.worked():
            now += took
        now += pace.left_s
    assert sum(takes) <= share * now * (1 + 1e-9)


def test_the_pace_of_a_person_counts_neither_pauses_nor_many_at_once() -> None:
    now = 0.0
    rhythm = Rhythm(now=lambda: now)
    assert rhythm.each_s is None
    for gap, done in ((4, 1), (6, 1), (1, 137), (5, 1), (3_600, 1), (5, 1)):
        now += gap
        rhythm.beat(done)
    assert rhythm.each_s == 5
