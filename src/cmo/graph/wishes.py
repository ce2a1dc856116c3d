"""What a job asks for when a cap stands before its goal: computed from its own yields, never taken from a model."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cmo.domain.costs import STEPS_OF_A_RUN, Work, minutes_of, usd_for
from cmo.domain.job import Stage
from cmo.domain.requests import PER_KIND, RequestAsked, hard_maximum, request_id, value_of
from cmo.graph.planner import Situation
from cmo.graph.planners.rules import MARGIN, STEPS_OF_A_ROUND, STEPS_OF_THE_END
from cmo.graph.rails import can_call, in_work, stops_before, waiting

ROUNDS = 2
"""Of search to score that are enough to end: one by the measured yield, one for what that falls short of."""


def for_room(situation: Situation, used: Mapping[str, int], job_id: str) -> list[RequestAsked]:
    """What would let a job go on that its caps stop; nothing where no yield says that more would help.

    Args:
        used: What the job has used so far: `calls` to services, and the model's `tokens`.
    """
    counts, plan = situation.progress, situation.plan
    missing = plan.target - counts.good_leads
    blocked = [
        (tool, f"{count:,} items wait for {tool}")
        for tool, stage, count in waiting(situation)
        if count and not can_call(situation, tool) and not stops_before(situation, stage)
    ]
    if blocked:
        return _kept([_calls(situation, tool, why, job_id) for tool, why in blocked])
    searches = situation.search_open or situation.can_widen
    if missing <= 0 or not counts.good_leads or in_work(situation) or stops_before(situation, Stage.SCORE):
        return []
    wanted = []
    if not situation.room_people and (counts.repos_unread or searches):
        wanted.append(_more(situation, used, "max_people", counts.candidates, job_id))
    if not situation.room_repos and searches and not counts.repos_unread:
        wanted.append(_more(situation, used, "max_repos", counts.repos_read, job_id))
    if not wanted and searches and not counts.repos_unread and not can_call(situation, "search_github_repos"):
        wanted.append(_calls(situation, "search_github_repos", f"{missing:,} good leads are missing", job_id))
    return _kept(wanted)


def for_steps(situation: Situation, used: Mapping[str, int], job_id: str) -> list[RequestAsked]:
    """What a job asks for that max_steps pauses: turns for the rounds that are missing, and for the end."""
    before = situation.plan.caps.max_steps
    missing = situation.plan.target - situation.progress.good_leads
    turns = STEPS_OF_THE_END + situation.can_draft + (ROUNDS * STEPS_OF_A_ROUND if missing > 0 else 0)
    tokens = turns * used["tokens"] // max(1, used["max_steps"])
    price = f", about {tokens:,} tokens (${usd_for(tokens):,.2f})" if tokens else ""
    why = f"{missing:,} good leads are missing" if missing > 0 else "the target is reached, the end is not written"
    return _kept([_asked(situation, "max_steps", before + turns, why, f"{turns:,} more planner turns{price}", job_id)])


def for_money(situation: Situation, used: Mapping[str, int], job_id: str) -> list[RequestAsked]:
    """What a job asks for whose budget is spent: the turns that max_steps leaves, at what one took so far."""
    spent, turns = usd_for(used["tokens"]), used["max_steps"]
    if not spent or not turns:
        return []
    asked = math.ceil((spent + situation.steps_left * spent / turns) * 100) / 100
    missing = max(0, situation.plan.target - situation.progress.good_leads)
    effect = f"${asked - spent:,.2f} more for {situation.steps_left:,} planner turns, ${spent / turns:,.2f} each so far"
    why = f"${spent:,.2f} are spent and {missing:,} good leads are missing"
    return _kept([_asked(situation, "budget_usd", asked, why, effect, job_id)])


def _more(situation: Situation, used: Mapping[str, int], setting: str, reached: int, job_id: str) -> RequestAsked:
    """A cap on how much is looked at, raised by what the yield of what was looked at says is missing."""
    counts, plan = situation.progress, situation.plan
    missing = plan.target - counts.good_leads
    need = _round(math.ceil(missing * reached / counts.good_leads * MARGIN))
    asked = min(reached + need, int(hard_maximum(setting)))
    share = max(0, asked - reached) / reached
    repos, people, found = (math.ceil(share * n) for n in (counts.repos_read, counts.candidates, counts.emails))
    work = Work(repos=(repos,) * 2, people=(people,) * 2, addresses=(found,) * 2, drafts=(missing,) * 2)
    turns = plan.model_copy(update={"caps": plan.caps.model_copy(update={"max_steps": STEPS_OF_A_RUN})})
    low, high = minutes_of(turns, work, uses_model=bool(used["tokens"]))
    minutes = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    what = "repositories" if setting == "max_repos" else "people"
    why = f"{missing:,} good leads are missing; {reached:,} {what} gave {counts.good_leads:,}"
    calls = math.ceil(share * used["calls"])
    effect = f"about {f'{calls:,} more calls, ' if calls else ''}{minutes} min"
    return _asked(situation, setting, asked, why, effect, job_id)


def _calls(situation: Situation, tool: str, why: str, job_id: str) -> RequestAsked:
    """One call works on everything that waits; further rounds as the yield of a call says."""
    counts, setting = situation.progress, f"{PER_KIND}.{tool}"
    before = int(value_of(situation.plan, setting) or 0)
    missing = max(0, situation.plan.target - counts.good_leads)
    need = max(1, math.ceil(before * missing / counts.good_leads)) if counts.good_leads else 1
    asked = min(before + need, int(hard_maximum(setting)))
    return _asked(situation, setting, asked, why, f"{asked - before:,} more calls of {tool}", job_id)


def _asked(situation: Situation, setting: str, asked: int | float, why: str, effect: str, job_id: str) -> RequestAsked:
    before = value_of(situation.plan, setting) or 0
    return RequestAsked(
        request=request_id(job_id, setting, before), step=situation.step, setting=setting, before=before,
        asked=min(asked, hard_maximum(setting)), why=f"{why}.", effect=effect,
    )  # fmt: skip


def _kept(asked: list[RequestAsked]) -> list[RequestAsked]:
    """Without those for a cap that is at its hard maximum."""
    return [one for one in asked if one.asked > one.before]


def _round(need: int) -> int:
    """Upwards, to two digits."""
    step = int(10 ** max(0, len(str(need)) - 2))
    return math.ceil(need / step) * step
