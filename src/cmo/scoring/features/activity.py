"""How much the person worked in the window."""

from __future__ import annotations

import math

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading

FULL_AT = 40
"""Contributions in the window, all repositories together, that earn everything."""


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """Contributions on a logarithmic scale. Never falls with more of them."""
    count = sum(ref.contributions for ref in facts.refs)
    share = min(1.0, math.log1p(count) / math.log1p(FULL_AT))
    noun = "contribution" if count == 1 else "contributions"
    return Reading(share, f"{count} {noun} in the last {icp.activity_days} days")
