"""When a search has given too few, what to try next: a lower star floor, neighbouring topics, a longer window."""

from __future__ import annotations

from cmo.domain.base import Frozen
from cmo.domain.job import Icp, StarsRange

STAR_FLOORS = (50, 20, 10)
"""Tried one after the other below the operator's own floor."""
LONGEST_WINDOW_DAYS = 365

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "ci": ("continuous-integration", "github-actions", "cicd"),
    "testing": ("test-automation", "unit-testing", "testing-tools"),
    "pytest": ("pytest-plugin", "unittest", "tdd"),
    "devtools": ("developer-tools", "cli", "productivity"),
    "llm": ("ai-agents", "rag", "openai"),
    "linting": ("linter", "static-analysis", "code-quality"),
    "observability": ("monitoring", "tracing", "opentelemetry"),
    "security": ("appsec", "devsecops", "vulnerability-scanners"),
    "database": ("sql", "orm", "postgresql"),
    "web": ("web-framework", "api", "asgi"),
    "data": ("data-engineering", "etl", "pandas"),
    "kubernetes": ("k8s", "helm", "operators"),
}
"""Topics that people of the key's field use as well."""


class Widening(Frozen):
    """One step wider."""

    knob: str
    before: str
    after: str
    icp: Icp
    """Everything that is searched from now on."""
    search: Icp
    """The part of it that was not searched before."""


def widen(icp: Icp) -> Widening | None:
    """The next step wider than `icp`, or None when there is none left."""
    ways = (("stars_range", _lower_floor), ("topics", _more_topics), ("activity_days", _longer_window))
    return next((wider for knob, way in ways if knob not in icp.firm and (wider := way(icp)) is not None), None)


def narrower_part(before: Icp, after: Icp) -> Icp | None:
    """The part of `after` that a search for `before` did not cover, or None where there is none.

    New topics and languages are searched alone; any other loosening searches `after` whole.
    """
    topics = tuple(t for t in after.topics if t not in before.topics)
    languages = tuple(x for x in after.languages if x not in before.languages)
    if topics and not languages:
        return after.model_copy(update={"topics": topics})
    if languages and not topics:
        return after.model_copy(update={"languages": languages})
    looser = (
        after.stars_range.low < before.stars_range.low
        or after.stars_range.high > before.stars_range.high
        or after.activity_days > before.activity_days
        or bool(topics and languages)
        or bool(set(before.keywords) - set(after.keywords))
    )
    return after if looser else None


def _lower_floor(icp: Icp) -> Widening | None:
    stars = icp.stars_range
    floor = next((f for f in STAR_FLOORS if f < stars.low), None)
    if floor is None:
        return None
    wider = StarsRange(low=floor, high=stars.high)
    return Widening(
        knob="stars_range",
        before=str(stars),
        after=str(wider),
        icp=icp.model_copy(update={"stars_range": wider}),
        search=icp.model_copy(update={"stars_range": StarsRange(low=floor, high=stars.low - 1)}),
    )


def _more_topics(icp: Icp) -> Widening | None:
    new = [n for t in icp.topics for n in NEIGHBOURS.get(t, ()) if n not in icp.topics]
    if not new:
        return None
    topics = tuple(dict.fromkeys(new))
    return Widening(
        knob="topics",
        before=", ".join(icp.topics),
        after=", ".join((*icp.topics, *topics)),
        icp=icp.model_copy(update={"topics": (*icp.topics, *topics)}),
        search=icp.model_copy(update={"topics": topics}),
    )


def _longer_window(icp: Icp) -> Widening | None:
    if icp.activity_days >= LONGEST_WINDOW_DAYS:
        return None
    days = min(icp.activity_days * 2, LONGEST_WINDOW_DAYS)
    wider = icp.model_copy(update={"activity_days": days})
    older = wider.model_copy(update={"pushed_before_days": icp.activity_days})
    return Widening(knob="activity_days", before=str(icp.activity_days), after=str(days), icp=wider, search=older)
