"""Can a plan be met, and at what cost: ranges with their reasons, before anything runs. Pure and deterministic.

The chain is repositories -> people -> those asked for -> addresses -> verified -> good leads -> sendable. Every range
goes from cautious to hopeful; raising a cap never lowers one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cmo.domain.base import Frozen
from cmo.domain.costs import Cost, ModelPrice
from cmo.domain.job import Mode, Plan
from cmo.domain.plan_fields import change_plan
from cmo.domain.quotas import Quotas, SendingTime, sending_time
from cmo.domain.reach import Estimate, Forecast, forecast
from cmo.domain.remedies import Change, find_changes
from cmo.domain.yields import Yields

__all__ = [
    "Change",
    "Cost",
    "Estimate",
    "Feasibility",
    "ModelPrice",
    "Quotas",
    "SendingTime",
    "Yields",
    "change_plan",
    "feasibility",
]

Verdict = Literal["fits", "may_fall_short", "does_not_fit"]


class Feasibility(Frozen):
    """What a plan allows, what it costs, and whether its goal fits."""

    reach: tuple[Estimate, ...]
    """From repositories to sendable leads, in the order of the work; `matching` only where role or place is asked."""
    costs: tuple[Cost, ...]
    minutes: Estimate
    """Until the drafts are ready."""
    sending: SendingTime
    verdict: Verdict
    fits: bool
    """The goal can be met within the caps if things go well."""
    reason: str
    """The verdict as a sentence."""
    changes: tuple[Change, ...]
    """Of which each alone would make it fit, the best first."""
    notes: tuple[str, ...]

    def of(self, name: str) -> Estimate:
        """The estimate of that name."""
        return next(estimate for estimate in (*self.reach, self.minutes) if estimate.name == name)


def feasibility(
    plan: Plan,
    *,
    observed: Yields | None = None,
    quotas: Quotas | None = None,
    uses_model: bool = False,
    price: ModelPrice | None = None,
) -> Feasibility:
    """Estimate `plan`.

    Args:
        observed: What a job has counted so far; it narrows the ranges.
        uses_model: A model plans and writes; else rules and templates do, which cost no tokens.
        price: What its tokens cost; None is the list price of the default model.
    """
    used_price = (price or ModelPrice()) if uses_model else None
    now = forecast(plan, observed, used_price)
    sendable = now.of("sendable")
    verdict = _verdict(plan, now)
    return Feasibility(
        reach=now.reach,
        costs=now.costs,
        minutes=now.minutes,
        sending=_sending(plan, sendable, quotas or Quotas()),
        verdict=verdict,
        fits=verdict != "does_not_fit",
        reason=_reason(plan, now, verdict),
        changes=find_changes(plan, observed, used_price, now),
        notes=tuple(_notes(plan, observed)),
    )


def _sending(plan: Plan, sendable: Estimate, quotas: Quotas) -> SendingTime:
    if plan.mode is Mode.DRY_RUN:
        return SendingTime(low_days=0, high_days=0, binding="nothing", reason="A dry run writes to nobody.")
    return sending_time(min(sendable.low, plan.target), min(sendable.high, plan.target), quotas)


def _verdict(plan: Plan, now: Forecast) -> Verdict:
    if now.obstacles:
        return "does_not_fit"
    return "fits" if now.of("good").low >= plan.target else "may_fall_short"


def _reason(plan: Plan, now: Forecast, verdict: Verdict) -> str:
    good = now.of("good")
    match verdict:
        case "does_not_fit":
            return f"This goal does not fit these caps: {'; '.join(now.obstacles)}."
        case "may_fall_short":
            return (
                f"This goal may fall short: {good.low:,} to {good.high:,} good leads expected, {plan.target:,} wanted."
            )
        case "fits":
            return _fitting(plan, now)


def _fitting(plan: Plan, now: Forecast) -> str:
    """`at least` only where everything up to the good leads was counted; how many repositories match is often open."""
    good = now.of("good")
    if now.of("repos").guessed:
        return (
            f"This goal fits these caps if the search finds {now.repos_needed:,} repositories or more, which is known "
            f"once it has run: {good.low:,} to {good.high:,} good leads are possible, {plan.target:,} wanted."
        )
    if any(rate.guessed for rate in now.chain):
        return f"This goal fits: {good.low:,} to {good.high:,} good leads expected, {plan.target:,} wanted."
    return f"This goal fits: at least {good.low:,} good leads expected, {plan.target:,} wanted."


def _notes(plan: Plan, observed: Yields | None) -> Iterator[str]:
    match plan.mode:
        case Mode.DRY_RUN:
            yield "Dry run: nothing is sent, synced or filed."
        case Mode.DRAFT_ONLY:
            yield "Draft only: drafts wait for your approval; nothing leaves, neither mail nor CRM records nor tickets."
        case Mode.SEND_ALLOWED:
            yield "Send allowed: what you have approved by then leaves, once, within every quota; nothing else does."
    matching = None if observed is None else observed.repos_matching
    if matching is not None and matching < plan.caps.max_repos:
        yield (
            f"The search matches {matching:,} repositories, fewer than max_repos: "
            "more topics, a lower star floor or a longer window would find more."
        )
