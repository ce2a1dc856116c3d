"""What a person sees of many drafts before a rule approves them, and what that says of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import SystemRandom

from cmo.domain.sampling import bound_percent, samples_for
from cmo.store.draft_views import Choice

BETTER_PERCENT = (8, 3, 1)
"""Bounds that more samples are offered for."""


@dataclass
class Samples:
    """Drafts in random order, looked at one after the other."""

    choices: Sequence[Choice]
    """Shuffled."""
    seen: list[int] = field(default_factory=list)
    flagged: set[int] = field(default_factory=set)

    @classmethod
    def drawn(cls, choices: Sequence[Choice]) -> Samples:
        """All of `choices`, in an order that nobody can foresee."""
        return cls(SystemRandom().sample(choices, len(choices)))

    @property
    def kept(self) -> list[Choice]:
        """What would be approved."""
        return [choice for choice in self.choices if choice.draft_id not in self.flagged]

    def told(self) -> str:
        """What was seen, and how many of the rest may still have a problem."""
        total, seen, found = len(self.choices), len(self.seen), len(self.flagged)
        problems = f"{found} {'problem' if found == 1 else 'problems'}"
        if seen == total:
            return f"All {total} seen, {problems}."
        bound = bound_percent(total, seen, found)
        line = f"{seen} of {total} seen at random, {problems}: up to {bound} % of the rest may still have one (95 %)."
        better = next((percent for percent in BETTER_PERCENT if percent < bound), None)
        if found or better is None:
            return line
        return f"{line} See {samples_for(total, better) - seen} more to get to {better} %."
