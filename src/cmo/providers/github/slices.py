"""Disjoint parts of a search, by stars and by date of creation; pure.

GitHub shows 1,000 results of a query, so a larger one is asked in parts. Known practice: star bands
(https://github.com/vince-lam/awesome-local-llms/issues/65), years (https://github.com/yegor256/cam/issues/186).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cmo.domain.base import Frozen

GITHUB_BEGAN = int(datetime(2007, 10, 1, tzinfo=UTC).timestamp())
SHORTEST_SPAN_S = 60
"""Nobody creates a thousand repositories with one number of stars in a minute; if they do, we miss some."""


class Slice(Frozen):
    """Repositories with stars and date of creation in a range, ends included."""

    stars_low: int = 0
    stars_high: int | None = None
    """None: no upper end."""
    created_from: int | None = None
    """Epoch seconds; None: no lower end."""
    created_to: int | None = None

    @property
    def has_one_star_count(self) -> bool:
        return self.stars_low == self.stars_high

    def qualifiers(self) -> str:
        """The slice in GitHub's search syntax."""
        parts = [_stars(self.stars_low, self.stars_high), _created(self.created_from, self.created_to)]
        return " ".join(part for part in parts if part)

    def by_stars(self, count: int) -> list[Slice]:
        """At most `count` parts, most stars first, about equally full where stars follow their usual law.

        Repositories with more than s stars are about as many as 1/s, so the edges lie evenly on that scale.
        """
        top = self.stars_high
        high_share = 0.0 if top is None else 1.0 / (top + 2)
        low_share = 1.0 / (self.stars_low + 1)
        edges = {round(1.0 / (high_share + (low_share - high_share) * step / count)) - 1 for step in range(1, count)}
        lows = sorted({self.stars_low, *(edge for edge in edges if self.stars_low < edge <= (top or edge))})
        highs = [*(low - 1 for low in lows[1:]), top]
        parts = [
            self.model_copy(update={"stars_low": low, "stars_high": high})
            for low, high in zip(lows, highs, strict=True)
        ]
        return parts[::-1]

    def by_creation(self, count: int, *, now: int) -> list[Slice]:
        """At most `count` parts of equal duration, newest first; just this one when it cannot be divided."""
        begin = GITHUB_BEGAN if self.created_from is None else self.created_from
        end = max(now, begin) if self.created_to is None else self.created_to
        step = (end - begin) // count
        if step < SHORTEST_SPAN_S:
            return [self]
        starts = [self.created_from, *(begin + step * n for n in range(1, count))]
        ends = [*(start - 1 for start in starts[1:] if start is not None), self.created_to]
        parts = [
            self.model_copy(update={"created_from": start, "created_to": stop})
            for start, stop in zip(starts, ends, strict=True)
        ]
        return parts[::-1]

    def joined_with(self, below: Slice) -> Slice:
        """This slice and its neighbour `below`, as one."""
        return Slice(
            stars_low=below.stars_low,
            stars_high=self.stars_high,
            created_from=below.created_from,
            created_to=self.created_to,
        )


def merged(parts: Sequence[tuple[Slice, int]], *, cap: int) -> list[tuple[Slice, int]]:
    """Neighbours joined as long as they count no more than `cap` together: full slices cost fewer pages."""
    joined = [parts[0]]
    for below, count in parts[1:]:
        last, last_count = joined[-1]
        if last_count + count <= cap:
            joined[-1] = (last.joined_with(below), last_count + count)
        else:
            joined.append((below, count))
    return joined


def _stars(low: int, high: int | None) -> str:
    if high is None:
        return f"stars:>={low}" if low else ""
    return f"stars:{low}" if low == high else f"stars:{low}..{high}"


def _created(begin: int | None, end: int | None) -> str:
    if begin is None and end is None:
        return ""
    if begin is None:
        return f"created:<={_instant(end or 0)}"
    return f"created:>={_instant(begin)}" if end is None else f"created:{_instant(begin)}..{_instant(end)}"


def _instant(epoch_s: int) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
