"""The bound on what samples cannot show: exact, checked against brute force."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.sampling import bound_percent, most_problems, samples_for


@pytest.mark.parametrize(("seen", "percent"), [(8, 30), (12, 21), (20, 12), (30, 8)])
def test_of_137_drafts_the_bound_is_as_specified(seen: int, percent: int) -> None:
    assert bound_percent(137, seen) == percent


def test_thirty_samples_are_needed_for_8_percent_of_137() -> None:
    assert samples_for(137, 8) == 30


@pytest.mark.parametrize(("population", "seen", "problems"), [(9, 4, 0), (9, 4, 1), (8, 6, 2), (7, 7, 3), (5, 0, 0)])
def test_the_bound_is_the_largest_number_that_one_sample_in_twenty_could_hide(
    population: int, seen: int, problems: int
) -> None:
    def hidden(bad: int) -> float:
        """How often a sample shows so few problems, by drawing every sample there is."""
        draws = list(combinations(range(population), seen))
        return sum(sum(item < bad for item in draw) <= problems for draw in draws) / len(draws)

    possible = [bad for bad in range(problems, population - (seen - problems) + 1) if hidden(bad) > 0.05]

    assert most_problems(population, seen, problems) == max(possible, default=problems)


@given(st.integers(1, 400), st.data())
def test_more_samples_never_make_the_bound_worse(population: int, data: st.DataObject) -> None:
    seen = data.draw(st.integers(0, population - 1))

    assert most_problems(population, seen + 1) <= most_problems(population, seen)


def test_all_seen_leaves_nothing_open() -> None:
    assert bound_percent(12, 12) == 0
    assert bound_percent(12, 12, 3) == 0
    assert bound_percent(3, 3, 3) == 0


def test_a_problem_among_the_samples_makes_the_bound_worse() -> None:
    assert bound_percent(137, 12, 1) > bound_percent(137, 12)
