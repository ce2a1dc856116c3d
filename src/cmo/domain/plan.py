"""What a plan's caps allow, what it costs, and what to change when it does not fit."""

from __future__ import annotations

from cmo.domain.base import Frozen
from cmo.domain.job import Plan


class Quotas(Frozen):
    max_emails_per_day: int = 20
    per_inbox_daily: int = 50
    per_company_daily: int = 5


class Range(Frozen):
    what: str
    low: int
    high: int
    reason: str


class Feasibility(Frozen):
    ranges: tuple[Range, ...] = ()
    fits: bool = True
    changes: tuple[str, ...] = ()


def feasibility(plan: Plan, *, quotas: Quotas, uses_model: bool = False) -> Feasibility:
    return Feasibility()
