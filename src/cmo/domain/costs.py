"""What work costs: GitHub points and requests, look-ups, tokens and money, minutes.

"cost study" as in `cmo.domain.yields`. GitHub's limits: 5,000 points an hour and 2,000 a minute, 60 s of GraphQL time
a minute (https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cmo.domain.base import Frozen
from cmo.domain.job import Plan, Stage

POINTS_PER_HOUR = 5_000
POINTS_PER_MINUTE = 2_000
SEARCHES_PER_MINUTE = 30
"""Of the REST search, which is asked only where GraphQL cannot."""
HISTORIES_PER_QUERY = (4, 12)
"""Repositories whose history one query reads: after halvings, and at best (cost study)."""
PROFILES_PER_QUERY = (50, 100)
HISTORY_S = (0.145, 0.29)
"""Seconds of GraphQL time a repository: modelled, and as the prototype spent with its time-outs (cost study)."""
STEPS_OF_A_RUN = 11
"""Planner turns from search to done without widening."""
_DRAFT_TOKENS = ((350, 90), (900, 250))
"""Tokens in and out for one draft. A guess."""
_TURN_TOKENS = ((1_500, 100), (4_000, 400))
"""Tokens in and out for one planner turn. A guess."""


class ModelPrice(Frozen):
    """What the model's provider asks for a million tokens."""

    usd_per_million_in: float = 1.25
    usd_per_million_out: float = 10.0


def usd_for(tokens: float) -> float:
    """What `tokens` cost at most: all of them as if the model had written them."""
    return tokens * ModelPrice().usd_per_million_out / 1_000_000


def tokens_for(usd: float) -> float:
    """How many tokens `usd` pay at least."""
    return usd * 1_000_000 / ModelPrice().usd_per_million_out


class Cost(Frozen):
    """What one provider is asked for. `low` to `high`, whole but for money."""

    provider: str
    """github, dns or model."""
    unit: str
    """points, rest_requests, lookups, tokens or usd."""
    low: int | float
    high: int | float
    reason: str


@dataclass(frozen=True, slots=True)
class Work:
    """How much is worked on, at least and at most."""

    repos: tuple[int, int]
    people: tuple[int, int]
    addresses: tuple[int, int]
    drafts: tuple[int, int]


def costs_of(plan: Plan, work: Work, *, price: ModelPrice | None) -> tuple[Cost, ...]:
    """What `work` costs at each provider.

    Args:
        price: None where no model is used.
    """
    github = (_points(plan, work, 0), _points(plan, work, 1))
    share = f"{github[0] / POINTS_PER_HOUR:.1%} to {github[1] / POINTS_PER_HOUR:.1%} of an hour's budget"
    rest = math.ceil(0.02 * work.repos[1])
    costs = [
        Cost(provider="github", unit="points", low=github[0], high=github[1],
             reason=f"search, history and profiles by GraphQL; {share}"),
        Cost(provider="github", unit="rest_requests", low=0, high=rest, reason="only where GraphQL cannot"),
        Cost(provider="dns", unit="lookups", low=math.ceil(0.1 * work.addresses[0]), high=2 * work.addresses[1],
             reason="one or two for each new mail domain"),
    ]  # fmt: skip
    return (*costs, *_model_costs(plan, work, price)) if price is not None else tuple(costs)


def _points(plan: Plan, work: Work, end: int) -> int:
    """GraphQL points; each query of ours costs one (cost study, by GitHub's price formula)."""
    repos, people = work.repos[end], work.people[end]
    if repos == 0:
        return 0
    searches = max(1, len(plan.icp.languages)) * max(1, len(plan.icp.topics))
    search = math.ceil(repos / 100) + searches * (3 if end else 1)
    history = math.ceil(repos / HISTORIES_PER_QUERY[1 - end])
    return search + history + math.ceil(people / PROFILES_PER_QUERY[1 - end])


def _model_costs(plan: Plan, work: Work, price: ModelPrice) -> tuple[Cost, Cost]:
    tokens, money = [], []
    for end, turns in enumerate((min(STEPS_OF_A_RUN, plan.caps.max_steps), plan.caps.max_steps)):
        drafts = work.drafts[end]
        into, out = (
            _TURN_TOKENS[end][kind] * turns + _DRAFT_TOKENS[end][kind] * drafts for kind in (0, 1)
        )  # fmt: skip
        tokens.append(into + out)
        money.append(round((into * price.usd_per_million_in + out * price.usd_per_million_out) / 1e6, 2))
    reason = f"{work.drafts[0]:,} to {work.drafts[1]:,} drafts and up to {plan.caps.max_steps} planner turns"
    return (
        Cost(provider="model", unit="tokens", low=tokens[0], high=tokens[1], reason=reason),
        Cost(provider="model", unit="usd", low=money[0], high=money[1],
             reason=f"${price.usd_per_million_in:g} in and ${price.usd_per_million_out:g} out a million tokens"),
    )  # fmt: skip


def minutes_of(plan: Plan, work: Work, *, uses_model: bool) -> tuple[int, int]:
    """Minutes until the drafts are ready, waiting for GitHub's hourly budget included."""
    ends = []
    for end in (0, 1):
        points = _points(plan, work, end)
        reading_s = work.repos[end] * HISTORY_S[end] + work.people[end] * (0.01, 0.04)[end]
        paced_s = max(reading_s, points / POINTS_PER_MINUTE * 60)
        waiting_s = 3600 * (max(points - 1, 0) // POINTS_PER_HOUR)
        dns_s = work.addresses[end] * (0.005, 0.1)[end]
        turns = (min(STEPS_OF_A_RUN, plan.caps.max_steps), plan.caps.max_steps)[end]
        model_s = work.drafts[end] * (1, 5)[end] + turns * (3, 20)[end] if uses_model else 0
        ends.append(math.ceil((paced_s + waiting_s + dns_s + model_s) / 60))
    return ends[0], ends[1]


def drafts_are_written(plan: Plan) -> bool:
    """The job goes as far as drafting."""
    order = list(Stage)
    return plan.until is None or order.index(plan.until) >= order.index(Stage.DRAFT)
