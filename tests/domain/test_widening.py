from __future__ import annotations

from cmo.domain.job import Icp, StarsRange
from cmo.domain.widening import narrower_part, widen


def test_widening_lowers_the_star_floor_then_adds_topics_then_lengthens_the_window_then_ends() -> None:
    icp, knobs = Icp(topics=("ci",)), []
    while (wider := widen(icp)) is not None:
        knobs.append(wider.knob)
        icp = wider.icp
    assert knobs == ["stars_range"] * 3 + ["topics"] + ["activity_days"] * 3
    assert icp.activity_days == 365


def test_a_lower_floor_searches_only_the_new_band() -> None:
    wider = widen(Icp(stars_range=StarsRange(low=100, high=2000)))
    assert wider is not None
    assert str(wider.search.stars_range) == "50..99"
    assert str(wider.icp.stars_range) == "50..2000"


def test_new_topics_are_searched_alone() -> None:
    before = Icp(topics=("ci",))
    after = before.model_copy(update={"topics": ("ci", "github-actions")})
    part = narrower_part(before, after)
    assert part is not None
    assert part.topics == ("github-actions",)


def test_a_stricter_profile_needs_no_new_search() -> None:
    assert narrower_part(Icp(), Icp(exclude=("crypto",), location="Berlin")) is None
