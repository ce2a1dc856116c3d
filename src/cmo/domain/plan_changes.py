"""What differs between two plans, as facts that can be applied to a plan that moved meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmo.domain.job import Icp, Plan, StarsRange

_GROUPS = ("icp", "caps")
_SEARCHED = ("stars_range", "topics", "activity_days")
"""Fields of a profile that widening moves."""


def changes_between(before: Plan, after: Plan) -> dict[str, Any]:
    """Dotted field -> JSON value, for every field that `after` holds otherwise."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    changes = {name: new[name] for name in new if name not in _GROUPS and new[name] != old[name]}
    for group in _GROUPS:
        changes |= {f"{group}.{name}": v for name, v in new[group].items() if v != old[group][name]}
    return changes


def with_changes(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """`plan` with each field of `changes` set."""
    values = plan.model_dump(mode="json")
    for name, value in changes.items():
        group, _, field = name.rpartition(".")
        (values[group] if group else values)[field] = value
    return Plan.model_validate(values)


def held_firm(before: Plan, after: Plan) -> Plan:
    """`after`, in which widening leaves alone whatever the operator has just said about the search."""
    said = [name for name in _SEARCHED if getattr(before.icp, name) != getattr(after.icp, name)]
    firm = tuple(dict.fromkeys((*after.icp.firm, *said)))
    return after.model_copy(update={"icp": after.icp.model_copy(update={"firm": firm})})


def narrowed(search: Icp, icp: Icp) -> Icp | None:
    """The part of a queued search that `icp` still wants; None when that is nothing."""
    low = max(search.stars_range.low, icp.stars_range.low)
    high = min(search.stars_range.high, icp.stars_range.high)
    languages = tuple(name for name in search.languages if name in icp.languages)
    topics = tuple(topic for topic in search.topics if topic in icp.topics)
    if low > high or (search.languages and not languages) or (search.topics and not topics):
        return None
    return search.model_copy(
        update={
            "stars_range": StarsRange(low=low, high=high),
            "languages": languages,
            "topics": topics,
            "keywords": icp.keywords,
            "exclude": icp.exclude,
            "location": icp.location,
            "activity_days": min(search.activity_days, icp.activity_days),
        }
    )
