"""What to change so that a goal fits its caps: each change is tried on the forecast before it is named."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.costs import STEPS_OF_A_RUN, ModelPrice
from cmo.domain.grammar.compile import changed
from cmo.domain.job import Caps, Plan
from cmo.domain.reach import Forecast, forecast
from cmo.domain.yields import Yields

_FLAGS = {
    "target": "--target", "caps.max_repos": "--max-repos", "caps.max_people": "--max-people",
    "caps.max_steps": "--max-steps", "caps.budget_usd": "--budget",
}  # fmt: skip
_MORE_AUTHORS = (8, 10, 15, 20)
_MOST = 1_000_000
"""The highest cap on repositories and on people."""


class Change(Frozen):
    """Settings that together make the goal fit."""

    settings: dict[str, Any] = Field(default_factory=dict)
    """Plan fields by dotted name; None takes a filter away."""
    label: str
    """`max_repos=1900 max_people=7000`, as `cmo jobs set` and the plan card take it."""
    command: str
    """What to type, `…` standing for the goal."""
    why: str
    """The arithmetic."""


def find_changes(plan: Plan, observed: Yields | None, price: ModelPrice | None, now: Forecast) -> tuple[Change, ...]:
    """Changes of which each alone makes `plan` fit, the least painful first; none where nothing stands in the way."""
    alternatives = [*_capacity(plan, now)] if now.middle < plan.target else [({}, "")]
    changes: list[Change] = []
    for settings, why in alternatives:
        complete = _complete(plan, settings, observed, price)
        after = forecast(changed(plan, complete, plan), observed, price)
        helps = not settings or "target" in settings or after.middle > now.middle
        is_second = "caps.top_authors_per_repo" in settings and any(
            "caps.top_authors_per_repo" in change.settings for change in changes
        )
        if is_second:
            continue
        if complete and helps and not after.obstacles:
            changes.append(_change(complete, _with_reach(why, settings, after) or _other_reason(complete)))
    return tuple(changes)


def _with_reach(why: str, settings: dict[str, Any], after: Forecast) -> str:
    if not why or "target" in settings:
        return why
    good = after.of("good")
    return f"{why}; {good.low:,} to {good.high:,} good leads then"


def _capacity(plan: Plan, now: Forecast) -> Iterator[tuple[dict[str, Any], str]]:
    """Ways to more leads, or to a smaller goal, each with its arithmetic."""
    per_repo, *shares = (rate.middle for rate in now.chain)
    yielded = math.prod(shares)
    if yielded > 0 and per_repo > 0:
        people = _round_up(plan.target / yielded)
        repos = _round_up(people / per_repo)
        if max(people, repos) <= _MOST:
            wanted = {
                "caps.max_repos": max(repos, plan.caps.max_repos),
                "caps.max_people": max(people, plan.caps.max_people),
            }
            factors = " × ".join(f"{share:.0%}" for share in shares if share < 1)
            yield (
                {key: value for key, value in wanted.items() if value > getattr(plan.caps, key.removeprefix("caps."))},
                f"{repos:,} repositories × {per_repo:.1f} people × {factors} ≈ "
                f"{repos * per_repo * yielded:,.0f} good leads",
            )
    for authors in _MORE_AUTHORS:
        if authors > plan.caps.top_authors_per_repo:
            yield (
                {"caps.top_authors_per_repo": authors},
                f"up to {authors} people of a repository instead of " + str(plan.caps.top_authors_per_repo),
            )
    if plan.icp.roles:
        yield {"icp.roles": []}, "every role counts; the score still prefers maintainers"
    if plan.icp.location:
        yield {"icp.location": None}, "most profiles name no place"
    if (reachable := _round_down(now.middle)) >= 1:
        yield (
            {"target": reachable},
            f"{now.of('good').low:,} to {now.of('good').high:,} good leads are within these caps",
        )


def _complete(
    plan: Plan, settings: dict[str, Any], observed: Yields | None, price: ModelPrice | None
) -> dict[str, Any]:
    """`settings` with the steps and the money that the changed plan needs as well."""
    complete = dict(settings)
    if plan.caps.max_steps < STEPS_OF_A_RUN:
        complete["caps.max_steps"] = Caps().max_steps
    after = forecast(changed(plan, complete, plan), observed, price)
    needed = sum(cost.high for cost in after.costs if cost.unit == "usd")
    if plan.caps.budget_usd is not None and any("budget" in obstacle for obstacle in after.obstacles):
        complete["caps.budget_usd"] = float(math.ceil(needed))
    return complete


def _change(settings: dict[str, Any], why: str) -> Change:
    flags = [f"{_FLAGS[key]} {value:g}" if isinstance(value, float) else f"{_FLAGS[key]} {value}"
             for key, value in settings.items() if key in _FLAGS]  # fmt: skip
    words = [_words(key, value) for key, value in settings.items() if key not in _FLAGS]
    goal = f'"… {", ".join(words)}"' if words else "…"
    label = " ".join(f"{key.rpartition('.')[2]}={_shown(value)}" for key, value in settings.items())
    return Change(settings=settings, label=label, command=" ".join(["cmo run", goal, *flags]), why=why)


def _words(key: str, value: Any) -> str:
    return {"icp.roles": "any role", "icp.location": "anywhere"}.get(key) or f"{value} authors per repo"


def _shown(value: Any) -> str:
    return "any" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value)


def _other_reason(settings: dict[str, Any]) -> str:
    reasons = {"caps.max_steps": f"a run takes {STEPS_OF_A_RUN} steps", "caps.budget_usd": "what the model may cost"}
    return " and ".join(reason for key, reason in reasons.items() if key in settings)


def _round_up(value: float) -> int:
    """To two digits, upwards."""
    size = _second_digit(value)
    return math.ceil(value / size - 1e-9) * size


def _round_down(value: float) -> int:
    size = _second_digit(value)
    return math.floor(value / size + 1e-9) * size


def _second_digit(value: float) -> int:
    """What the second digit counts: 10 of 123, 1 of 45."""
    return int(10 ** max(0, math.floor(math.log10(max(value, 1))) - 1))
