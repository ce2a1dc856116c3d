"""What share of the repositories and people of one stage reaches the next, and where the figures come from.

"cost study" is the study of 41 public repositories behind cmo's GitHub client: 712 people, 6,254 commits. What nobody
has measured is a guess and marked so; a job's own counts replace it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.job import Plan, Role

ONLY_NOREPLY = 0.393
"""People whose commits show no address of their own (cost study)."""
PUBLISHED = 0.35
"""Profiles that show an address. Assumed in the cost study; nothing public was found."""
PEOPLE_PER_REPO = (3.0, 17.4)
"""Active in 90 days: tenth percentile and mean; the median is 8 (cost study)."""
MET_TWICE = 0.08
"""Addresses that recur across repositories (cost study)."""
WINDOW_DAYS = 90
"""The window of the cost study."""
_SURE = 1.64
"""Standard deviations of a 90 % interval."""


class Yields(Frozen):
    """What a job, or an earlier one like it, has counted; each count is a part of the one before."""

    repos_matching: int | None = Field(default=None, ge=0)
    """Repositories the search says there are; None where it was not asked."""
    repos_read: int = Field(default=0, ge=0)
    people: int = Field(default=0, ge=0)
    """People taken from those repositories, each once."""
    people_matching: int = Field(default=0, ge=0)
    """Of these, in the asked place and role."""
    with_address: int = Field(default=0, ge=0)
    published: int = Field(default=0, ge=0)
    """Of those with an address: shown on the profile or site."""
    mx_ok: int = Field(default=0, ge=0)
    good: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share (or people per repository), from cautious to hopeful."""

    low: float
    high: float
    reason: str
    guessed: bool = False

    @property
    def middle(self) -> float:
        return math.sqrt(self.low * self.high)


def repos_found(plan: Plan, observed: Yields | None) -> Rate:
    """Share of `max_repos` that the search finds."""
    if observed is not None and observed.repos_matching is not None:
        share = min(1.0, observed.repos_matching / plan.caps.max_repos)
        return Rate(share, share, f"the search matches {observed.repos_matching:,}")
    return Rate(0.3, 1.0, "how many match is known once the search has run", guessed=True)


def people_per_repo(plan: Plan, observed: Yields | None) -> Rate:
    """People taken from a repository, those met before left out."""
    top, days = plan.caps.top_authors_per_repo, plan.icp.activity_days
    if observed is not None and observed.repos_read >= 20 and observed.people:
        spread = _SURE / math.sqrt(observed.people)
        mean = observed.people / observed.repos_read
        return Rate(
            min(top, mean * max(0.0, 1 - spread)), min(top, mean * (1 + spread)), f"{mean:.1f} a repository so far"
        )
    window = math.sqrt(days / WINDOW_DAYS)
    few, many = (min(top, people * window) for people in PEOPLE_PER_REPO)
    reason = f"a repository has 3 to 35 people active in 90 days (median 8), {top} are taken, 8 % are met twice"
    return Rate(few * (1 - MET_TWICE), many, reason, guessed=days != WINDOW_DAYS)


def matching(plan: Plan, observed: Yields | None) -> Rate:
    """Share of people of the asked role and place."""
    icp = plan.icp
    if not icp.roles and not icp.location:
        return Rate(1.0, 1.0, "no role or place is asked for")
    if observed is not None and observed.people >= 20:
        return _measured(observed.people_matching, observed.people, "in the asked role and place")
    low, high, reasons = 1.0, 1.0, []
    if len(icp.roles) == 1:
        ends = (0.2, 0.6) if icp.roles[0] is Role.MAINTAINER else (0.4, 0.9)
        low, high = low * ends[0], high * ends[1]
        reasons.append(f"{ends[0]:.0%} to {ends[1]:.0%} are {icp.roles[0].value}s")
    if icp.location:
        low, high = low * 0.01, high * 0.15
        reasons.append(f"1 % to 15 % say they are in {icp.location}")
    return Rate(low, high, " and ".join(reasons), guessed=True)


def with_address(observed: Yields | None) -> Rate:
    """Share of people with a usable address, on the profile or in commits."""
    if observed is not None and observed.people_matching >= 20:
        return _measured(observed.with_address, observed.people_matching, "with an address")
    hopeful = 1 - ONLY_NOREPLY * (1 - PUBLISHED)
    return Rate(0.50, hopeful, "39 % commit only with a noreply address, and 35 % of those may show one on the profile")


def mx_ok(observed: Yields | None) -> Rate:
    """Share of addresses whose domain takes mail and that are neither role nor disposable ones."""
    if observed is not None and observed.with_address >= 20:
        return _measured(observed.mx_ok, observed.with_address, "verified")
    return Rate(0.85, 0.98, "7 to 8 % of small domains are dead; role and disposable addresses do not count")


def good(observed: Yields | None) -> Rate:
    """Share of verified people who score 60 or more."""
    if observed is not None and observed.mx_ok >= 20:
        return _measured(observed.good, observed.mx_ok, "with a score of 60 or more")
    return Rate(0.35, 0.75, "score 60 or more", guessed=True)


def sendable(observed: Yields | None) -> Rate:
    """Share of good leads whose address is published; the others are HOLD."""
    if observed is not None and observed.with_address >= 20:
        return _measured(observed.published, observed.with_address, "with a published address")
    reason = "35 % of profiles show an address (assumed); commit-only addresses are on HOLD"
    return Rate(0.25 / 0.745, 0.45 / 0.607, reason, guessed=True)


def _measured(part: int, whole: int, words: str) -> Rate:
    """A share with its 90 % interval (Wilson), which stays inside 0..1 and narrows as counts grow."""
    part = min(part, whole)
    share, z2 = part / whole, _SURE * _SURE
    centre = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _SURE * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return Rate(max(0.0, centre - half), min(1.0, centre + half), f"{part:,} of {whole:,} {words} so far")
