"""Parts of a search: disjoint, and together the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.providers.github.slices import GITHUB_BEGAN, Slice, merged

NOW = 1_795_000_000
lows = st.integers(0, 50_000)
slices = st.builds(
    lambda low, width: Slice(stars_low=low, stars_high=None if width is None else low + width),
    lows,
    st.none() | st.integers(1, 100_000),
)


def holds(part: Slice, stars: int, created_at: int) -> bool:
    return (
        part.stars_low <= stars
        and (part.stars_high is None or stars <= part.stars_high)
        and (part.created_from is None or part.created_from <= created_at)
        and (part.created_to is None or created_at <= part.created_to)
    )


@given(whole=slices, count=st.integers(2, 40), stars=st.integers(0, 200_000))
def test_parts_by_stars_are_disjoint_and_cover_the_whole(whole: Slice, count: int, stars: int) -> None:
    parts = whole.by_stars(count)
    assert 2 <= len(parts) <= count
    assert sum(holds(part, stars, 0) for part in parts) == holds(whole, stars, 0)


@given(
    begin=st.none() | st.integers(GITHUB_BEGAN, NOW),
    width=st.none() | st.integers(0, 10**9),
    count=st.integers(2, 40),
    at=st.integers(GITHUB_BEGAN - 10**8, NOW + 10**8),
)
def test_parts_by_creation_are_disjoint_and_cover_the_whole(
    begin: int | None, width: int | None, count: int, at: int
) -> None:
    end = None if width is None else (begin or GITHUB_BEGAN) + width
    whole = Slice(stars_low=7, stars_high=7, created_from=begin, created_to=end)
    parts = whole.by_creation(count, now=NOW)
    assert sum(holds(part, 7, at) for part in parts) == holds(whole, 7, at)


@given(whole=slices, counts=st.lists(st.integers(0, 1500), min_size=24, max_size=24), stars=lows)
def test_joining_neighbours_keeps_the_cover_and_the_cap(whole: Slice, counts: list[int], stars: int) -> None:
    parts = list(zip(whole.by_stars(24), counts, strict=False))
    joined = merged(parts, cap=1000)
    assert sum(count for _, count in joined) == sum(count for _, count in parts)
    assert all(count <= 1000 or (part, count) in parts for part, count in joined)
    assert sum(holds(part, stars, 0) for part, _ in joined) == holds(whole, stars, 0)


def test_the_parts_of_a_usual_range_are_about_equally_full() -> None:
    parts = Slice(stars_low=100, stars_high=2000).by_stars(4)
    assert [part.qualifiers() for part in parts] == [
        "stars:350..2000",
        "stars:191..349",
        "stars:131..190",
        "stars:100..130",
    ]


def test_an_open_range_stays_open_at_the_top() -> None:
    parts = Slice(stars_low=1000).by_stars(2)
    assert [part.qualifiers() for part in parts] == ["stars:>=2001", "stars:1000..2000"]


def test_a_span_of_a_minute_is_not_divided_further() -> None:
    part = Slice(stars_low=1, stars_high=1, created_from=NOW, created_to=NOW + 60)
    assert part.by_creation(24, now=NOW) == [part]


def test_slices_are_spelt_in_githubs_syntax() -> None:
    assert Slice().qualifiers() == ""
    assert Slice(stars_low=5, stars_high=5, created_from=0, created_to=60).qualifiers() == (
        "stars:5 created:1970-01-01T00:00:00Z..1970-01-01T00:01:00Z"
    )
    assert Slice(created_to=0).qualifiers() == "created:<=1970-01-01T00:00:00Z"
    assert Slice(created_from=0).qualifiers() == "created:>=1970-01-01T00:00:00Z"
