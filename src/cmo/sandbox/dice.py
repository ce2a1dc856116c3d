"""Seeded chance that comes out the same on every machine and every Python."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Dice:
    """A stream of choices fixed by `seed` and `key`.

    Only `Random.random` is used underneath: it alone is promised to repeat across Python versions.
    """

    __slots__ = ("random",)

    def __init__(self, seed: int, *key: object) -> None:
        self.random = Random(f"{seed}|" + "|".join(map(str, key))).random

    def chance(self, share: float) -> bool:
        return self.random() < share

    def below(self, limit: int) -> int:
        """An integer from 0 to `limit - 1`."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def log_between(self, low: float, high: float) -> float:
        """A number between `low` and `high`, each order of magnitude equally likely."""
        return math.exp(math.log(low) + self.random() * (math.log(high) - math.log(low)))

    def log_normal(self, median: float, sigma: float) -> float:
        """A skewed positive number; `sigma` is the spread of its natural logarithm."""
        bell = math.sqrt(-2.0 * math.log(1.0 - self.random())) * math.cos(2.0 * math.pi * self.random())
        return median * math.exp(sigma * bell)

    def hex(self, digits: int) -> str:
        """`digits` hexadecimal digits, a multiple of 8."""
        return "".join([f"{int(self.random() * 4294967296):08x}" for _ in range(digits // 8)])

    def shuffled(self, items: Sequence[T]) -> list[T]:
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = int(self.random() * (last + 1))
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


class Weighted(Generic[T]):
    """Options with weights, picked in logarithmic time."""

    __slots__ = ("_bounds", "options")

    def __init__(self, options: Sequence[tuple[T, float]]) -> None:
        self.options = tuple(option for option, _ in options)
        self._bounds = tuple(accumulate(weight for _, weight in options))

    def pick(self, dice: Dice) -> T:
        place = bisect_right(self._bounds, dice.random() * self._bounds[-1])
        return self.options[min(place, len(self.options) - 1)]
