"""Work that takes long is done less often, so that it takes no more than its share of the time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.tui.pace import Pace


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
