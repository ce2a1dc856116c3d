"""Tools that write to the outside ask the outbox, and can say nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from cmo.domain.job import Mode, Plan, Stage
from cmo.errors import ToolFailed
from cmo.tools.base import Tool
from cmo.tools.registry import TOOLS, writes_of
from cmo.tools.reports import SendReport, SyncReport
from tests.fakes.jobs import plan_factory
from tests.fakes.ports import context_factory, ports_factory, run_tool

JOB = "cmo-20261120-090000"
WRITERS = [tool for tool in TOOLS if tool.name.startswith(("send_", "sync_"))]
HOSTILE: list[dict[str, Any]] = [
    {"contacts": ["eve@evil.example"]},
    {"to": "eve@evil.example", "subject": "x", "body": "y"},
    {"approve": True},
    {"mode": "send_allowed"},
    {"job_id": "cmo-20261120-090001"},
    {"most": 0},
    {"selector": "all"},
]


class Outbox:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def tools(self, plan: Plan) -> tuple[str, ...]:
        return ()

    async def send(
        self, job_id: str, *, tool: str, most: int | None, seq_id: str | None, per_inbox_cap: int | None
    ) -> SendReport:
        self.asked.append((job_id, tool))
        return SendReport(sent=1)

    async def sync(self, job_id: str, *, tool: str, list_id: str | None) -> SyncReport:
        self.asked.append((job_id, tool))
        return SyncReport(created=1)


@pytest.mark.parametrize("args", HOSTILE, ids=str)
@pytest.mark.parametrize("tool", WRITERS, ids=lambda tool: tool.name)
def test_a_planner_cannot_name_a_recipient_a_text_an_approval_or_another_job(
    tool: Tool[Any, Any, Any], args: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        tool.planned.model_validate(args)


@pytest.mark.parametrize("tool", WRITERS, ids=lambda tool: tool.name)
def test_a_call_asks_the_outbox_of_its_own_job(tool: Tool[Any, Any, Any]) -> None:
    outbox = Outbox()
    call = tool.layout(tool.planned(), (), replace(context_factory(), job_id=JOB))

    run_tool(tool, call, replace(ports_factory(), outgoing=outbox))

    assert outbox.asked == [(JOB, tool.name)]
    assert tool.stage in (Stage.SEND, Stage.SYNC)


@pytest.mark.parametrize("tool", WRITERS, ids=lambda tool: tool.name)
def test_without_an_outbox_nothing_can_leave(tool: Tool[Any, Any, Any]) -> None:
    call = tool.layout(tool.planned(), (), replace(context_factory(), job_id=JOB))

    with pytest.raises(ToolFailed):
        run_tool(tool, call, ports_factory())


def test_no_tool_approves() -> None:
    assert not [tool.name for tool in TOOLS if "approve" in tool.name]


@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.DRAFT_ONLY])
def test_a_job_that_may_not_send_has_no_tool_that_writes(mode: Mode) -> None:
    assert writes_of(plan_factory(mode=mode), mailer="smtp", crm="attio", tickets=True) == ()


def test_a_job_that_may_send_writes_by_its_own_mailer_and_crm() -> None:
    plan = plan_factory(mode=Mode.SEND_ALLOWED)

    assert writes_of(plan, mailer="instantly", crm="hubspot", tickets=False) == ("send_instantly", "sync_hubspot")
    assert writes_of(plan, mailer="gmail", crm="attio", tickets=True) == ("send_smtp", "sync_attio", "sync_linear")
