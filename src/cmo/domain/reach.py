"""From a plan's caps to people: how many of each stage they allow, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cmo.domain import yields
from cmo.domain.base import Frozen
from cmo.domain.costs import STEPS_OF_A_RUN, Cost, ModelPrice, Work, costs_of, drafts_are_written, minutes_of
from cmo.domain.job import Plan
from cmo.domain.yields import Rate, Yields


class Estimate(Frozen):
    """How many of something the caps allow."""

    name: str
    """repos, people, matching, addresses, mx_ok, good, sendable or held; also minutes."""
    low: int
    high: int
    reason: str
    guessed: bool
    """Rests on a figure that nobody has measured."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan allows and costs."""

    reach: tuple[Estimate, ...]
    costs: tuple[Cost, ...]
    minutes: Estimate
    chain: tuple[Rate, ...]
    """People per repository, then the share that each stage keeps, up to good leads."""
    middle: float
    """Good leads to expect: the geometric middle of the range, before rounding."""
    obstacles: tuple[str, ...]
    """Why the goal cannot be met; part sentences."""
    repos_needed: int
    """Repositories from which even a cautious run makes the target; 0 where no number does."""

    def of(self, name: str) -> Estimate:
        return next(estimate for estimate in self.reach if estimate.name == name)


def forecast(plan: Plan, observed: Yields | None, price: ModelPrice | None) -> Forecast:
    """Estimate `plan`.

    Args:
        price: None where no model is used.
    """
    chain = {
        "people": yields.people_per_repo(plan, observed),
        "matching": yields.matching(plan, observed),
        "addresses": yields.with_address(observed),
        "mx_ok": yields.mx_ok(observed),
        "good": yields.good(observed),
    }
    found = yields.repos_found(plan, observed)
    reach = _reach(plan, found, chain, yields.sendable(observed))
    work = _work(plan, {estimate.name: estimate for estimate in reach}, tuple(chain.values()))
    costs = costs_of(plan, work, price=price)
    low, high = minutes_of(plan, work, uses_model=price is not None)
    reason = "GitHub's pace and hourly budget, mail domains" + (", the model" if price is not None else "")
    return Forecast(
        reach=reach,
        costs=costs,
        minutes=Estimate(name="minutes", low=low, high=high, reason=reason, guessed=True),
        chain=tuple(chain.values()),
        middle=_middle(plan, found, tuple(chain.values())),
        obstacles=tuple(_obstacles(plan, reach, costs)),
        repos_needed=_repos_needed(plan, tuple(chain.values())),
    )


def _reach(plan: Plan, found: Rate, chain: dict[str, Rate], published: Rate) -> tuple[Estimate, ...]:
    low, high = plan.caps.max_repos * found.low, plan.caps.max_repos * found.high
    estimates = [_estimate("repos", low, high, found, f"at most {plan.caps.max_repos:,} (max_repos); {found.reason}")]
    for name, rate in chain.items():
        low, high, reason = low * rate.low, high * rate.high, rate.reason
        if name == "people":
            if high > plan.caps.max_people:
                reason = f"at most {plan.caps.max_people:,} (max_people); {reason}"
            low, high = min(low, plan.caps.max_people), min(high, plan.caps.max_people)
        if name != "matching" or rate.high < 1 or rate.low < 1:
            estimates.append(_estimate(name, low, high, rate, reason))
    estimates.append(_estimate("sendable", low * published.low, high * published.high, published, published.reason))
    held = Rate(1 - published.high, 1 - published.low, "", published.guessed)
    reason = "an address only in commits: HOLD, since GitHub's terms forbid to use it for unsolicited mail"
    return (*estimates, _estimate("held", low * held.low, high * held.high, held, reason))


def _middle(plan: Plan, found: Rate, chain: tuple[Rate, ...]) -> float:
    per_repo, *shares = (rate.middle for rate in chain)
    people = min(plan.caps.max_repos * found.middle * per_repo, plan.caps.max_people)
    return people * math.prod(shares)


def _repos_needed(plan: Plan, chain: tuple[Rate, ...]) -> int:
    per_repo = math.prod(rate.low for rate in chain)
    return math.ceil(plan.target / per_repo - 1e-9) if per_repo else 0


def _estimate(name: str, low: float, high: float, rate: Rate, reason: str) -> Estimate:
    """Rounded outwards; the tiny margin keeps floating point from adding one."""
    return Estimate(name=name, low=math.floor(low + 1e-9), high=math.ceil(high - 1e-9), reason=reason,
                    guessed=rate.guessed)  # fmt: skip


def _work(plan: Plan, reach: dict[str, Estimate], chain: tuple[Rate, ...]) -> Work:
    """At least what a hopeful run needs to reach the target, at most everything the caps allow."""
    per_repo = math.prod(rate.high for rate in chain)
    repos = min(reach["repos"].low, math.ceil(plan.target / per_repo)) if per_repo else reach["repos"].low
    people = min(reach["people"].low, math.ceil(repos * chain[0].high))
    drafts = (0, 0)
    if drafts_are_written(plan):
        drafts = (min(plan.target, reach["good"].low), min(plan.target, reach["good"].high))
    return Work(
        repos=(repos, reach["repos"].high),
        people=(people, reach["people"].high),
        addresses=(min(people, reach["addresses"].low), reach["addresses"].high),
        drafts=drafts,
    )


def _obstacles(plan: Plan, reach: tuple[Estimate, ...], costs: tuple[Cost, ...]) -> list[str]:
    obstacles = []
    good = next(estimate for estimate in reach if estimate.name == "good")
    if good.high < plan.target:
        obstacles.append(f"at best {good.high:,} good leads are within these caps, {plan.target:,} are wanted")
    if plan.caps.max_steps < STEPS_OF_A_RUN:
        obstacles.append(f"{plan.caps.max_steps} steps are too few, a run takes {STEPS_OF_A_RUN}")
    spent = sum(cost.low for cost in costs if cost.unit == "usd")
    if plan.caps.budget_usd is not None and spent > plan.caps.budget_usd:
        obstacles.append(f"the model costs at least ${spent:,.2f}, the budget is ${plan.caps.budget_usd:,.2f}")
    return obstacles
