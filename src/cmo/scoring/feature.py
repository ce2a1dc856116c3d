"""What a scoring feature is: a name, its most points, and how much of them a person earns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts


class Reading(NamedTuple):
    """What a feature saw of one person."""

    share: float
    """Of the feature's points, 0 to 1."""
    reason: str
    """A plain phrase made of our own words and numbers: text from outside never enters it."""


@dataclass(frozen=True)
class Feature:
    """One aspect of fit. `read` is deterministic and works with anything missing."""

    name: str
    points: float
    """Most points by default; `Weights` may override it."""
    read: Callable[[LeadFacts, Icp], Reading]
    about: str
    """What earns its points, in a few words."""
