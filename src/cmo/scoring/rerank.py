"""Score people anew who have a score: what was decided by a person stays, and nobody is taken in twice."""

from __future__ import annotations

from collections.abc import Sequence

from cmo.domain.job import Icp, Weights
from cmo.domain.lead import GOOD_SCORE, Score
from cmo.domain.rerank import Rescored, Scored
from cmo.domain.suppression import email_key
from cmo.scoring.score import Decision, decide, score_person


def rescore(people: Sequence[Scored], icp: Icp, weights: Weights, *, taken: set[str]) -> list[Rescored]:
    """The same people under `weights`, in order.

    A lead with a draft, a status or an outcome stays one at any score; another is rejected under 60 points. Somebody
    rejected who now passes every gate becomes a lead, unless another lead has the same address.

    Args:
        taken: Keys of the addresses of those who become leads; grows by this page's, so give it to the next one too.
    """
    return [_rescored(person, icp, weights, taken) for person in people]


def _rescored(person: Scored, icp: Icp, weights: Weights, taken: set[str]) -> Rescored:
    score = score_person(person.facts, icp, weights)
    decision = decide(person.facts, icp, score, weights)
    accepted, words = _standing(person, score, decision) if person.is_lead else _judged(person, decision, taken)
    return Rescored(person, score, accepted, words, person.facts.email if accepted else None)


def _standing(person: Scored, score: Score, decision: Decision) -> tuple[bool, str]:
    """Whether a lead stays one: of all gates only the score counts, since nothing else was changed."""
    if score.value < GOOD_SCORE and not (person.is_drafted or person.is_known):
        return False, f"Rejected: {score.value} points by weights {score.weights} are under {GOOD_SCORE}."
    if decision.accepted:
        return True, decision.words
    why = "it was accepted before"
    if score.value < GOOD_SCORE:
        why = "there is a draft" if person.is_drafted else "a status or an outcome was set"
    return True, f"Stays a lead at {score.value} points by weights {score.weights}: {why}."


def _judged(person: Scored, decision: Decision, taken: set[str]) -> tuple[bool, str]:
    facts = person.facts
    if not decision.accepted or facts.email is None:
        return False, decision.words
    key = email_key(facts.email.email)
    if key in taken or any(twin.accepted for twin in facts.twins):
        return False, "Rejected: a lead has the same address."
    taken.add(key)
    return True, decision.words
