"""Queries say what was meant, whatever is in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.errors import ProviderRejected
from cmo.providers.github.searchtext import search_text
from cmo.providers.ports import RepoQuery


def text(**fields: Any) -> str:
    found = search_text(RepoQuery(**fields))
    return found.of(found.whole)


def test_a_whole_query_names_language_topic_stars_and_activity() -> None:
    query = text(
        text="async orm",
        language="python",
        topic="testing",
        stars_low=100,
        stars_high=2000,
        pushed_after=datetime(2026, 8, 22, 9, tzinfo=UTC),
        exclude_topics=("crypto",),
    )
    assert query == (
        "language:python topic:testing -topic:crypto pushed:>=2026-08-22 archived:false fork:false"
        " stars:100..2000 sort:stars-desc async orm"
    )


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [(1, None, "pushed:>=2026-08-01"), (None, 2, "pushed:<=2026-08-02"), (1, 2, "pushed:2026-08-01..2026-08-02")],
)
def test_the_last_push_may_be_bounded_on_both_sides(after: int | None, before: int | None, expected: str) -> None:
    days = {"pushed_after": after, "pushed_before": before}
    given = {key: datetime(2026, 8, day, tzinfo=UTC) for key, day in days.items() if day}
    assert expected in text(**given).split()


def test_forks_and_archives_are_left_out_unless_asked_for() -> None:
    assert text() == "archived:false fork:false sort:stars-desc"
    assert text(text="fork:true archived:true x") == "sort:stars-desc fork:true archived:true x"


def test_rest_is_told_the_order_elsewhere() -> None:
    found = search_text(RepoQuery(text="x"))
    assert found.of(found.whole, sort=False) == "archived:false fork:false x"


@pytest.mark.parametrize(
    ("stars", "expected"),
    [
        ("stars:>50", "stars:>=51"),
        ("stars:>=50", "stars:>=50"),
        ("stars:10..50", "stars:10..50"),
        ("STARS:10..*", "stars:>=10"),
        ("stars:*..9", "stars:0..9"),
        ("stars:<9", "stars:0..8"),
        ("stars:<=9", "stars:0..9"),
        ("stars:7", "stars:7"),
    ],
)
def test_stars_in_the_words_become_the_range_that_is_sliced(stars: str, expected: str) -> None:
    assert text(text=f"{stars} x") == f"archived:false fork:false {expected} sort:stars-desc x"


def test_stars_in_the_words_and_in_the_query_both_hold() -> None:
    assert "stars:200..900" in text(text="stars:200..5000", stars_low=100, stars_high=900)


def test_an_order_in_the_words_gives_way_to_ours() -> None:
    assert text(text="x sort:updated") == "archived:false fork:false sort:stars-desc x"


def test_dates_of_creation_in_the_words_are_kept_and_not_sliced() -> None:
    found = search_text(RepoQuery(text="created:2020-01-01..2020-02-01"))
    assert not found.can_slice_dates
    assert found.tail == "created:2020-01-01..2020-02-01"


@pytest.mark.parametrize(
    ("hostile", "tail"),
    [
        ('say "hi', "say hi"),
        ('"two words" x', '"two words" x'),
        ("(a OR b", "a OR b"),
        ("x OR", "x"),
        ("NOT", ""),
        ("AND x NOT", "x"),
        ("a\nb\x00\u202ec", "a bc"),
    ],
)
def test_words_cannot_reach_into_our_qualifiers(hostile: str, tail: str) -> None:
    assert search_text(RepoQuery(text=hostile)).tail == tail


def test_a_language_with_spaces_is_quoted_and_cannot_close_the_quote() -> None:
    assert 'language:"jupyter notebook"' in text(language='jupyter" notebook')
    assert "language:c++" in text(language="c++")


@pytest.mark.parametrize("fields", [{"topic": "a:b"}, {"topic": ""}, {"language": "x:y"}, {"exclude_topics": ("ü",)}])
def test_what_cannot_be_a_topic_or_language_is_refused_with_a_way_out(fields: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected) as caught:
        text(**fields)
    assert caught.value.hint


def test_a_topic_is_spelt_as_github_does() -> None:
    assert "topic:machine-learning" in text(topic="Machine Learning")


def test_too_many_words_or_operators_are_refused_before_github_does() -> None:
    with pytest.raises(ProviderRejected, match="256"):
        text(text="word " * 60)
    with pytest.raises(ProviderRejected, match="AND"):
        text(text=" OR ".join("abcdefg"))
    assert text(text="topic:" + "x" * 300)


@given(words=st.text(max_size=80), language=st.none() | st.text(max_size=20), topic=st.none() | st.text(max_size=20))
def test_our_qualifiers_come_first_and_whole_whatever_the_words_are(words: str, language: Any, topic: Any) -> None:
    try:
        found = search_text(RepoQuery(text=words, language=language, topic=topic, stars_low=3, stars_high=9))
    except ProviderRejected:
        return
    assert found.head.count('"') % 2 == 0
    assert found.tail.count('"') % 2 == 0
    assert "\n" not in found.of(found.whole)
    assert found.whole.stars_low >= 3
