"""The features of a score, in the order in which they are shown, with their default points (100 together)."""

from __future__ import annotations

from cmo.scoring.feature import Feature
from cmo.scoring.features import activity, location, profile, reach, reachability, recency, repo_fit, role, stars

FEATURES: tuple[Feature, ...] = (
    Feature("role", 25, role.read, "maintains a repository, or contributes to it often"),
    Feature("activity", 22, activity.read, "contributions in the window"),
    Feature("repo_fit", 15, repo_fit.read, "language and topics of their repositories"),
    Feature("reachability", 10, reachability.read, "an address they publish, whose domain takes mail"),
    Feature("recency", 8, recency.read, "the last contribution is a week old or less"),
    Feature("stars", 5, stars.read, "repositories of the size that is looked for"),
    Feature("reach", 5, reach.read, "followers"),
    Feature("profile", 5, profile.read, "name, company, location and site are given"),
    Feature("location", 5, location.read, "lives where the job looks"),
)
