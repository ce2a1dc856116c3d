"""How events change the run state: the only place where it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from cmo.domain import event as ev
from cmo.domain.event import Recorded, RunEvent
from cmo.graph.state import MOST_MESSAGES, GraphState


def reduce(state: GraphState, events: Sequence[Recorded]) -> GraphState:
    """Fold `events` into a new state. An event with `seq <= state["applied_seq"]` changes nothing.

    Row events only move `applied_seq`: what they say lives in rows.
    """
    for recorded in sorted(events, key=lambda r: r.seq):
        if recorded.seq <= state["applied_seq"]:
            continue
        if isinstance(recorded.event, RunEvent):
            state = _fold(state, recorded.event)
        state = {**state, "applied_seq": recorded.seq}
    return state


def _fold(state: GraphState, event: RunEvent) -> GraphState:
    match event:
        case ev.StageEntered():
            return {**state, "current_stage": event.stage.value}
        case ev.StepPlanned():
            told = {"step": event.step, "tool": event.tool, "args": event.args, "planner": event.planner}
            return _say(_count(state, {"steps": 1, **event.usage}), told)
        case ev.StepFinished():
            return _say(state, {"step": event.step, "tool": event.tool, "result": event.result})
        case ev.StepRefused():
            told = {"step": event.step, "tool": event.tool, "refused": event.missing}
            return _say(_count(state, {"refused": 1, **event.usage}), told)
        case ev.PlannerTroubled():
            return _count(state, {"planner_troubles": 1})
        case ev.PageFinished():
            moved: GraphState = {**state, "cursor": {"step": event.step, "page": event.page}}
            return _count(moved, {**event.usage, f"failed_{event.tool}": event.failed})
        case ev.SearchWidened():
            widened = f"{event.knob}: {event.before} -> {event.after}"
            return _say(_count(state, {"widenings": 1}), {"widened": widened})
        case ev.FollowUpRead():
            return _say(state, {"step": event.step, "follow_up": event.effect})
        case ev.JobWaiting():
            return _count(state, {"waits": 1})
        case ev.WritesSettled():
            return _count(state, event.usage)
        case ev.JobFinished():
            return {**state, "ended": "finished", "current_stage": "done"}
        case ev.JobFailed():
            return {**state, "ended": "failed"}
        case ev.JobCancelled():
            return {**state, "ended": "cancelled"}
        case (
            ev.JobStarted() | ev.JobPaused() | ev.JobWaitEnded() | ev.SettingsChanged()
            | ev.MessageQueued() | ev.MessageDropped() | ev.FailuresRetried() | ev.CheckpointWritten()
            | ev.DraftsDecided() | ev.DraftsUndone()
            | ev.RequestAsked() | ev.RequestAllowed() | ev.RequestDenied() | ev.PermissionRevoked()
        ):  # fmt: skip
            return state
        case _:
            assert_never(event)


def _count(state: GraphState, increments: Mapping[str, int]) -> GraphState:
    counters = dict(state["counters"])
    for name, increment in increments.items():
        if increment == 0:
            continue
        counters[name] = counters.get(name, 0) + increment
    return {**state, "counters": counters}


def _say(state: GraphState, message: dict[str, Any]) -> GraphState:
    return {**state, "messages": [*state["messages"], message][-MOST_MESSAGES:]}
