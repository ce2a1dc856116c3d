"""The features of a score, in the order in which they are shown, with their default points (100 together)."""

from __future__ import annotations

from cmo.scoring.feature import Feature
from cmo.scoring.features import activity, location, profile, reach, reachability, recency, repo_fit, role, stars

FEATURES: tuple[Feature, ...] = (
    Feature("role", 25, role.read),
    Feature("activity", 22, activity.read),
    Feature("repo_fit", 15, repo_fit.read),
    Feature("reachability", 10, reachability.read),
    Feature("recency", 8, recency.read),
    Feature("stars", 5, stars.read),
    Feature("reach", 5, reach.read),
    Feature("profile", 5, profile.read),
    Feature("location", 5, location.read),
)
