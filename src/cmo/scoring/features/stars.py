"""Whether the repositories are of the size the job looks for."""

from __future__ import annotations

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """All where one repository lies in the band; half where one lies within a factor of two of it."""
    low, high = icp.stars_range.low, icp.stars_range.high
    counts = [repo.stars for repo in facts.repos]
    if not counts:
        return Reading(0.0, "no star count is known")
    inside = [stars for stars in counts if low <= stars <= high]
    if inside:
        return Reading(1.0, f"{max(inside)} stars, within {icp.stars_range}")
    near = [stars for stars in counts if low / 2 <= stars <= high * 2]
    return Reading(0.5 if near else 0.0, f"{max(counts)} stars, outside {icp.stars_range}")
