"""Requests of the agent: a cap stands before the goal, and only the operator may raise it.

A cap is asked about once for each value it has. Allowed *once*, it rises to the value asked for. Allowed *for this
job*, it rises the same way, and later requests of that job for the same cap are answered by the permission, up to twice
what was asked for first and never above the cap's hard maximum. The permission is known by the request's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from cmo.domain.base import Frozen
from cmo.domain.job import MOST_USD, Caps, Job, JobStatus, Plan
from cmo.ids import short_hash

PER_KIND = "max_tool_calls_per_kind"
State = Literal["open", "allowed", "denied", "overtaken"]


class RequestAsked(Frozen):
    """The job met a cap before its goal and asks for more; it goes on with what it has."""

    kind: Literal["request_asked"] = "request_asked"
    request: str
    """Its id."""
    step: int
    """Before which it was asked."""
    setting: str
    """A cap of the plan: `max_repos`; of one tool's calls: `max_tool_calls_per_kind.mx_check`."""
    before: int | float
    asked: int | float
    """What it should be."""
    why: str
    effect: str
    """What it would cost, in words."""

    @property
    def wish(self) -> str:
        """`raise max_repos 600 → 900`."""
        return f"raise {self.setting} {number(self.before)} → {number(self.asked)}"


class RequestAllowed(Frozen):
    """The cap rises, from the job's next step on."""

    kind: Literal["request_allowed"] = "request_allowed"
    request: str
    by: str
    setting: str
    value: int | float
    changes: dict[str, Any]
    """Dotted plan field -> its new value."""
    upto: int | float | None = None
    """Given for the job: later requests for the setting are allowed up to here. None: once."""
    permission: str | None = None
    """The permission that answered; None: a person did."""


class RequestDenied(Frozen):
    kind: Literal["request_denied"] = "request_denied"
    request: str
    by: str
    setting: str
    reason: str


class PermissionRevoked(Frozen):
    """What was allowed for the job is asked about again; what was raised stays."""

    kind: Literal["permission_revoked"] = "permission_revoked"
    permission: str
    """The request with which it was given."""
    by: str
    setting: str


RequestEvent = RequestAsked | RequestAllowed | RequestDenied | PermissionRevoked


class Request(Frozen):
    """A request and what became of it."""

    id: str
    job_id: str
    seq: int
    """Of the event that asked."""
    at: datetime
    asked: RequestAsked
    answer: RequestAllowed | RequestDenied | None = None
    answered_at: datetime | None = None
    is_revoked: bool = False
    """The permission that it left was taken back."""
    is_overtaken: bool = False
    """Nobody answered, and nobody needs to: the cap is another one now, or the job does not need it any more."""

    @property
    def state(self) -> State:
        if self.answer is None:
            return "overtaken" if self.is_overtaken else "open"
        return "allowed" if isinstance(self.answer, RequestAllowed) else "denied"

    @property
    def permits_upto(self) -> int | float | None:
        """The value up to which it allows later requests for its setting; None where it does not."""
        if not isinstance(self.answer, RequestAllowed) or self.is_revoked:
            return None
        return self.answer.upto


def number(value: float) -> str:
    """`1,200`, `2.5`."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def request_id(job_id: str, setting: str, before: float) -> str:
    """The same whenever the same cap of the same job is asked about at the same value."""
    return short_hash(job_id, setting, str(before))[:8]


def event_id(job_id: str, event: RequestEvent) -> str:
    """Deterministic: a question is stored once, and of several answers the first."""
    match event:
        case RequestAsked():
            return f"{job_id}/request/{event.request}"
        case RequestAllowed() | RequestDenied():
            return f"{job_id}/request/{event.request}/answer"
        case PermissionRevoked():
            return f"{job_id}/request/{event.permission}/revoked"


def value_of(plan: Plan, setting: str) -> int | float | None:
    """What the cap is now; None where there is none."""
    name, _, tool = setting.partition(".")
    if tool:
        return plan.caps.max_tool_calls_per_kind.get(tool, plan.caps.max_tool_calls)
    found: int | float | None = getattr(plan.caps, name)
    return found


def changes_to(plan: Plan, setting: str, value: float) -> dict[str, Any]:
    """The change that makes the cap `value`: dotted plan field -> its new value."""
    name, _, tool = setting.partition(".")
    return {f"caps.{name}": {**plan.caps.max_tool_calls_per_kind, tool: value} if tool else value}


def hard_maximum(setting: str) -> int | float:
    """Above which nobody can raise the cap."""
    name = setting.partition(".")[0]
    if name == "budget_usd":
        return MOST_USD
    bounds = Caps.model_fields["max_tool_calls" if name == PER_KIND else name].metadata
    return next(int(bound.le) for bound in bounds if hasattr(bound, "le"))


def reach(asked: RequestAsked) -> int | float:
    """Up to where a yes for the job allows later requests."""
    return min(2 * asked.asked, hard_maximum(asked.setting))


def allowed(plan: Plan, asked: RequestAsked, *, by: str, for_job: bool) -> RequestAllowed:
    """The answer of a person who says yes."""
    return RequestAllowed(
        request=asked.request, by=by, setting=asked.setting, value=asked.asked,
        changes=changes_to(plan, asked.setting, asked.asked), upto=reach(asked) if for_job else None,
    )  # fmt: skip


def answered_by(permissions: Sequence[Request], plan: Plan, asked: RequestAsked) -> RequestAllowed | None:
    """The answer that a permission of the job gives to `asked`; None where none reaches above the cap as it is.

    Args:
        permissions: Requests of the same job.
    """
    for given in permissions:
        upto = given.permits_upto
        if upto is None or given.asked.setting != asked.setting or upto <= asked.before:
            continue
        value = min(asked.asked, upto)
        return RequestAllowed(
            request=asked.request, by="system", setting=asked.setting, value=value,
            changes=changes_to(plan, asked.setting, value), permission=given.id,
        )  # fmt: skip
    return None


def is_overtaken(job: Job, asked: RequestAsked) -> bool:
    """Whether an answer to `asked` would change nothing any more.

    A job that ended short of its goal goes on once its cap is raised; one that reached its goal, failed or was
    cancelled does not.
    """
    may_go_on = not job.status.is_over or (job.status is JobStatus.FINISHED and job.ended_reason is not None)
    return not may_go_on or value_of(job.plan, asked.setting) != asked.before
