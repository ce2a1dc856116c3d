"""What the person is to a repository: maintainers decide what it uses, regulars know it, passers-by do not."""

from __future__ import annotations

from cmo.domain.job import Icp, Role
from cmo.domain.lead import LeadFacts
from cmo.scoring.feature import Reading

_CONTRIBUTOR_SHARES = (0.0, 0.0, 0.24, 0.48)
"""By contributions to one repository: none, one, two, three or more."""


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """All for a maintainer with evidence, less without; a contributor up to half. Never falls with contributions."""
    maintained = [ref for ref in facts.refs if ref.role is Role.MAINTAINER]
    proven = next((ref for ref in maintained if ref.evidence), None)
    if proven is not None:
        return Reading(1.0, f"maintains {proven.from_repo} ({', '.join(proven.evidence[:3])})")
    if maintained:
        return Reading(0.8, f"maintains {maintained[0].from_repo}")
    most = max((ref.contributions for ref in facts.refs), default=0)
    if not facts.refs:
        return Reading(0.0, "not seen on any repository")
    best = next(ref for ref in facts.refs if ref.contributions == most)
    share = _CONTRIBUTOR_SHARES[min(most, len(_CONTRIBUTOR_SHARES) - 1)]
    return Reading(share, f"contributes to {best.from_repo}" if share else f"only passed by {best.from_repo}")
