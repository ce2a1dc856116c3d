"""The planner's port: from a situation to the next tool call."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.job import Plan, Stage
from cmo.store.progress import Progress


class Situation(Frozen):
    """All a planner may know: the plan, counts, and a few redacted words. The same size at any number of leads."""

    plan: Plan
    step: int
    """The number of the step to plan, from 1."""
    steps_left: int
    """Including this one."""
    stage: Stage
    progress: Progress
    people_unsettled: int = 0
    """Of the people without a score, those whose addresses wait for mx_check."""
    tool_calls_left: dict[str, int]
    room_repos: int
    """Repositories that max_repos still allows."""
    room_people: int
    search_open: bool
    """The current search has more to give."""
    tools_called: frozenset[str] = frozenset()
    """Tools that a step of this job has called."""
    can_draft: bool = False
    """The operator has said what to write; without it nothing is drafted."""
    writes: tuple[str, ...] = ()
    """Tools of this job that write to the outside, in their order; none unless the job may send."""
    can_widen: bool
    """A wider search is still possible; it happens by itself when the search is exhausted."""
    files: dict[str, int]
    """Final files written and still true -> rows."""
    messages: tuple[dict[str, Any], ...]
    """The last turns, oldest first."""
    follow_ups: tuple[str, ...]
    """What the operator said, newest last; a few."""


class ToolCall(Frozen):
    """A tool by name, with the arguments of its planner schema."""

    tool: str
    args: dict[str, Any]
    why: str = ""


class Trouble(Frozen):
    """Something that kept a model from planning."""

    kind: str
    """As `PlannerTroubled.trouble`."""
    message: str


class Decision(Frozen):
    """What a planner decided, and what that took."""

    call: ToolCall
    planner: str
    troubles: tuple[Trouble, ...] = ()
    usage: dict[str, int] = Field(default_factory=dict)
    """Counter name -> increment, e.g. tokens_used."""


class Planner(Protocol):
    async def decide(self, situation: Situation) -> Decision:
        """The next call. Never raises for what a model or its service does."""
