"""How much the person shows of themselves; what the texts say is never looked at."""

from __future__ import annotations

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """A quarter each for name, company, location and a site or handle. Never falls with more of them."""
    profile = facts.profile
    shown = {
        "name": bool(profile.name),
        "company": bool(profile.company),
        "location": bool(profile.location),
        "site": bool(profile.blog or profile.twitter),
    }
    given = [field for field, is_given in shown.items() if is_given]
    return Reading(len(given) / len(shown), f"profile shows {', '.join(given)}" if given else "an empty profile")
