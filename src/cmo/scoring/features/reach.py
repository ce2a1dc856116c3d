"""How many people listen to the person; capped, since fame is not fit."""

from __future__ import annotations

import math

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading

FULL_AT = 300
"""Followers that earn everything."""


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """Followers on a logarithmic scale. Never falls with more of them."""
    followers = facts.profile.followers
    if followers is None:
        return Reading(0.0, "followers are not known")
    share = min(1.0, math.log1p(max(0, followers)) / math.log1p(FULL_AT))
    return Reading(share, f"{followers} follower" if followers == 1 else f"{followers} followers")
