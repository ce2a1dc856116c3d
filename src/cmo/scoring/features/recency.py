"""How long ago the person last contributed."""

from __future__ import annotations

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading

FRESH_DAYS = 7
"""Up to this age a contribution earns everything; then less day by day, until nothing at the window's end."""


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """Age of the newest contribution. Never rises with age; half where no date is known (pull requests)."""
    dates = [ref.last_at for ref in facts.refs if ref.last_at is not None]
    if not dates:
        known = bool(facts.refs)
        return Reading(0.5 if known else 0.0, "the last contribution has no date" if known else "no contribution")
    age_days = max(0.0, (facts.as_of - max(dates)).total_seconds() / 86_400)
    span = max(1, icp.activity_days - FRESH_DAYS)
    share = min(1.0, max(0.0, 1 - (age_days - FRESH_DAYS) / span))
    days = int(age_days)
    return Reading(share, "active today" if days == 0 else f"last active {days} {'day' if days == 1 else 'days'} ago")
