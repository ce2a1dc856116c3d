"""From what is known of a person to a score that adds up, and to the decision whether they become a lead."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cmo.domain.exclusion import is_excluded
from cmo.domain.job import Icp, Weights
from cmo.domain.lead import GOOD_SCORE, HOT_SCORE, EmailClass, LeadFacts, MxState, Score, ScoreLabel, ScorePart
from cmo.scoring.feature import Feature
from cmo.scoring.features import FEATURES
from cmo.scoring.places import is_in

_ORIGINS = {
    EmailClass.PUBLISHED: "publishes an address that takes mail",
    EmailClass.INBOUND: "wrote to us first",
    EmailClass.IMPORTED: "imported with an address that takes mail",
}


def score_person(facts: LeadFacts, icp: Icp, weights: Weights | None = None) -> Score:
    """The score of one person: every feature's points, in whole points so that they add up exactly.

    Args:
        weights: Overrides of features' points; names that no feature has are ignored.
    """
    most = most_points(weights)
    parts = [_part(feature, facts, icp, most[feature.name]) for feature in FEATURES]
    return combine(parts, version=weights.version if weights else 1)


def most_points(weights: Weights | None) -> dict[str, float]:
    """Each feature's most points: its own, or those of `weights` where they are a number, held within ±100."""
    given = weights.points if weights else {}
    most = {f.name: given.get(f.name, f.points) for f in FEATURES}
    return {
        f.name: max(-100.0, min(100.0, most[f.name])) if math.isfinite(most[f.name]) else f.points for f in FEATURES
    }


def combine(parts: Sequence[ScorePart], *, version: int = 1) -> Score:
    """Add `parts` up, each rounded to whole points, so that the parts shown are the score.

    A sum outside 0..100 gets one more part, `limit`, that says what was taken off or added.

    Args:
        version: Of the weights that made the parts.
    """
    whole = [
        ScorePart(feature=part.feature, points=math.floor(part.points + 0.5), reason=part.reason) for part in parts
    ]
    total = int(sum(part.points for part in whole))
    value = max(0, min(100, total))
    if value != total:
        whole.append(ScorePart(feature="limit", points=value - total, reason="a score lies within 0 and 100"))
    label = label_of(value)
    rationale = _rationale(value, label, whole)
    return Score(value=value, label=label, parts=tuple(whole), rationale=rationale, weights=version)


def label_of(value: int) -> ScoreLabel:
    """HOT from 80, WARM from 60, else COLD."""
    if value >= HOT_SCORE:
        return ScoreLabel.HOT
    return ScoreLabel.WARM if value >= GOOD_SCORE else ScoreLabel.COLD


class Decision(NamedTuple):
    """Whether a scored person becomes a lead."""

    accepted: bool
    held: bool
    """Accepted, but known by a commit address only: HOLD until the operator records a basis."""
    words: str
    """Why, in one plain sentence."""


def decide(facts: LeadFacts, icp: Icp, score: Score, weights: Weights | None = None) -> Decision:
    """Accept who fits: an address whose domain takes mail, the role and place asked for, 60 points or more."""
    refusal = _refusal(facts, icp, score, most_points(weights))
    if refusal is not None or facts.email is None:
        return Decision(False, False, f"Rejected: {refusal or 'no usable address'}.")
    if facts.email.email_class is EmailClass.COMMIT:
        return Decision(True, True, "HOLD: the only address is in commit metadata, which is no invitation.")
    return Decision(True, False, f"Accepted: {_ORIGINS[facts.email.email_class]}.")


def _part(feature: Feature, facts: LeadFacts, icp: Icp, most: float) -> ScorePart:
    share, reason = feature.read(facts, icp)
    return ScorePart(feature=feature.name, points=most * share, reason=reason)


def _rationale(value: int, label: ScoreLabel, parts: Sequence[ScorePart]) -> str:
    ranked = sorted((part for part in parts if part.points > 0), key=lambda part: -part.points)
    if not ranked:
        return f"{label} with {value} of 100 points: nothing speaks for a fit."
    reasons = "; ".join(f"{part.reason} (+{part.points:g})" for part in ranked[:3])
    return f"{label} with {value} of 100 points: {reasons}."


def _refusal(facts: LeadFacts, icp: Icp, score: Score, most: Mapping[str, float]) -> str | None:
    """The first reason against, in the order in which it would be put right."""
    if facts.email is None:
        return "no usable address was found"
    if facts.mx is None or facts.mx.state is not MxState.OK:
        return _mail_refusal(facts)
    if facts.repos and all(is_excluded(repo, icp.exclude) for repo in facts.repos):
        return "was seen only on repositories that you left out"
    if icp.roles and not any(ref.role in icp.roles for ref in facts.refs):
        return f"is no {' or '.join(icp.roles)} of any repository found"
    if icp.location is not None and not is_in(facts.profile.location or "", icp.location):
        return f"is not known to be in {icp.location}"
    if score.value < GOOD_SCORE:
        return f"{score.value} points are under {GOOD_SCORE}; {_largest_gap(score, most)}"
    return None


def _mail_refusal(facts: LeadFacts) -> str:
    if facts.mx is None:
        return "the address was not checked"
    return f"mail to the address is {facts.mx.state} ({facts.mx.reason.rstrip('.')})"


def _largest_gap(score: Score, most: Mapping[str, float]) -> str:
    weakest = max(score.parts, key=lambda part: most.get(part.feature, 0) - part.points)
    return f"most is missing at {weakest.feature.replace('_', ' ')} ({weakest.reason})"
