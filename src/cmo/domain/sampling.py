"""How many of a set of drafts may still have a problem, after some of them, drawn at random, were looked at.

The bound is exact for a finite set (hypergeometric, one-sided, 95 %): no larger number of problems would have let a
sample look this good in more than one case of twenty.
"""

from __future__ import annotations

from math import comb

CONFIDENCE_PERCENT = 95


def most_problems(population: int, seen: int, problems: int = 0) -> int:
    """The largest number of drafts of `population` that may have a problem.

    Args:
        seen: Drafts that were drawn at random and looked at; at most `population`.
        problems: Those of them that had one.
    """
    low, high = problems, population - (seen - problems)
    while low < high:
        middle = (low + high + 1) // 2
        if _could_be(population, seen, problems, middle):
            low = middle
        else:
            high = middle - 1
    return low


def bound_percent(population: int, seen: int, problems: int = 0) -> int:
    """The share of the rest that may still have a problem, in whole per cent.

    The rest is what would be approved: `population` without the problems that were found and taken out.
    """
    rest = population - problems
    return 0 if rest <= 0 else round(100 * (most_problems(population, seen, problems) - problems) / rest)


def samples_for(population: int, percent: int) -> int:
    """How many drafts have to be seen, all without a problem, for `bound_percent` to be `percent` or less."""
    low, high = 0, population
    while low < high:
        middle = (low + high) // 2
        if bound_percent(population, middle) <= percent:
            high = middle
        else:
            low = middle + 1
    return low


def _could_be(population: int, seen: int, problems: int, bad: int) -> bool:
    """Whether a sample shows `problems` or fewer in more than one case of twenty, if `bad` drafts have one."""
    ways = sum(comb(bad, k) * comb(population - bad, seen - k) for k in range(min(problems, bad) + 1))
    return ways * 100 > comb(population, seen) * (100 - CONFIDENCE_PERCENT)
