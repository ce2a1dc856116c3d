"""Whether the person is where the job looks."""

from __future__ import annotations

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading
from cmo.scoring.places import is_in


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """All where the job names no place or the profile's location lies in it."""
    if icp.location is None:
        return Reading(1.0, "any place will do")
    if not facts.profile.location:
        return Reading(0.0, f"no location on the profile; {icp.location} is asked for")
    if is_in(facts.profile.location, icp.location):
        return Reading(1.0, f"is in {icp.location}")
    return Reading(0.0, f"is not in {icp.location}")
