"""What the tools that write to the outside have in common: they ask the outbox, and report counts.

None of them names a recipient or carries a text. What leaves is what a person approved and the gate lets through, so a
call by hand, by the rules or by a model that obeys an attacker comes to the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field

from cmo.domain.base import Frozen
from cmo.domain.event import Event
from cmo.domain.job import JobId, Stage
from cmo.errors import ToolFailed
from cmo.tools.base import Outgoing, PageContext, Ports, Source, Tool
from cmo.tools.reports import SendReport, SyncReport


class SendPlanned(Frozen):
    most: int | None = Field(default=None, ge=1, description="Mails to hand over at most; null for all that may leave.")


class SendIn(SendPlanned):
    job_id: JobId
    seq_id: str | None = Field(default=None, description="The job's sequence, to make sure; null for whichever it is.")
    per_inbox_cap: int | None = Field(
        default=None, ge=0, description="Mails a day and inbox, to lower the settings' cap."
    )


class SyncPlanned(Frozen):
    selector: str = Field(default="pending", pattern="^pending$", description="What was not written yet.")


class SyncIn(SyncPlanned):
    job_id: JobId
    list_id: str | None = Field(default=None, description="The CRM's list, as the job's plan has it.")


def send_tool(name: str, planned: type[SendPlanned]) -> Tool[Any, SendIn, SendReport]:
    """A tool that hands approved mail over."""

    def layout(planned: SendPlanned, rows: Sequence[Any], context: PageContext) -> SendIn:
        return SendIn(job_id=context.job_id, most=planned.most, seq_id=context.plan.sequence_id)

    async def run(call: SendIn, ports: Ports) -> SendReport:
        return await _outgoing(ports).send(
            call.job_id, tool=name, most=call.most, seq_id=call.seq_id, per_inbox_cap=call.per_inbox_cap
        )

    return _tool(name, Stage.SEND, "send", planned, SendIn, SendReport, layout, run)


def sync_tool(name: str, planned: type[SyncPlanned]) -> Tool[Any, SyncIn, SyncReport]:
    """A tool that tells the CRM or the ticket tracker."""

    def layout(planned: SyncPlanned, rows: Sequence[Any], context: PageContext) -> SyncIn:
        return SyncIn(job_id=context.job_id, list_id=context.plan.list_id)

    async def run(call: SyncIn, ports: Ports) -> SyncReport:
        return await _outgoing(ports).sync(call.job_id, tool=name, list_id=call.list_id)

    return _tool(name, Stage.SYNC, "write", planned, SyncIn, SyncReport, layout, run)


def _outgoing(ports: Ports) -> Outgoing:
    if ports.outgoing is None:
        raise ToolFailed("Nothing can leave from here: there is no outbox.", hint="cmo send")
    return ports.outgoing


def _tool(
    name: str,
    stage: Stage,
    effect: Any,
    planned: type[BaseModel],
    takes: type[BaseModel],
    gives: type[BaseModel],
    layout: Callable[[Any, Sequence[Any], PageContext], Any],
    run: Callable[[Any, Ports], Awaitable[Any]],
) -> Tool[Any, Any, Any]:
    return Tool(
        name=name,
        stage=stage,
        effect=effect,
        planned=planned,
        takes=takes,
        gives=gives,
        source=Source.NONE,
        page_size=1,
        layout=layout,
        run=run,
        events=_no_events,
    )


def _no_events(call: BaseModel, out: BaseModel) -> list[Event]:
    """The outbox has recorded what happened."""
    return []
