"""How well the repositories match what the job looks for."""

from __future__ import annotations

from cmo.domain.job import Icp
from cmo.domain.lead import LeadFacts, Repo
from cmo.scoring.feature import Reading

_LANGUAGE, _FIRST_TOPIC, _SECOND_TOPIC = 0.4, 0.4, 0.2


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """The best repository's language and topics (or keywords). What the job does not ask for, everybody has."""
    if not facts.repos:
        return Reading(0.0, "nothing is known of the repositories")
    return max((_fit(repo, icp) for repo in facts.repos), key=lambda reading: reading.share)


def _fit(repo: Repo, icp: Icp) -> Reading:
    language = not icp.languages or (repo.language or "").lower() in {name.lower() for name in icp.languages}
    shared = _shared_subjects(repo, icp)
    asked = bool(icp.topics or icp.keywords)
    share = _LANGUAGE * language
    share += _FIRST_TOPIC * (bool(shared) or not asked) + _SECOND_TOPIC * (len(shared) > 1 or not asked)
    told = [*([(repo.language or "").lower()] if language and icp.languages else []), *shared]
    return Reading(share, f"{repo.full_name} is about {', '.join(told)}" if told else f"{repo.full_name} fits loosely")


def _shared_subjects(repo: Repo, icp: Icp) -> list[str]:
    """The job's own words that the repository carries as topics, or in its name or description."""
    topics = {topic.lower() for topic in repo.topics}
    words = f"{repo.full_name} {repo.description}".lower()
    shared = [topic for topic in icp.topics if topic.lower() in topics]
    return shared + [word for word in icp.keywords if word.lower() in words or word.lower() in topics]
