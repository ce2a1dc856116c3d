"""Write a draft for each lead from templates, bound to the facts on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.draft import LeadToDraft, Rendered, Step
from cmo.domain.event import DraftRendered, Event
from cmo.domain.job import Stage
from cmo.drafting.inputs import DraftingInputs
from cmo.drafting.render import Policy, render_page
from cmo.tools.base import PAGE_SIZE, PageContext, Ports, Source, Tool

NAME = "render_copy"


class RenderPlanned(Frozen):
    """Write a draft for each accepted lead, from a template and the facts on record, and check it.

    Nothing is sent: a person approves drafts. Call it when leads are scored.
    """

    selector: Literal["pending"] = Field(default="pending", description="Accepted leads without a draft.")
    variant: Policy = Field(default="split", description="Which variant people get; split: half of them each.")


class RenderIn(DraftingInputs):
    leads: tuple[LeadToDraft, ...] = Field(max_length=PAGE_SIZE)
    step: Step = Step.FIRST_TOUCH
    variant: Policy = "split"


class RenderOut(Frozen):
    drafts: tuple[Rendered, ...]
    """One for each lead, in order."""


def layout(planned: RenderPlanned, rows: Sequence[LeadToDraft], context: PageContext) -> RenderIn:
    return RenderIn(leads=tuple(rows), variant=planned.variant, **dict(context.drafting))


async def run(call: RenderIn, ports: Ports) -> RenderOut:
    return RenderOut(drafts=render_page(call.leads, call.step, call.variant, call))


def events(call: RenderIn, out: RenderOut) -> list[Event]:
    return [
        DraftRendered(number=lead.number, rendered=rendered)
        for lead, rendered in zip(call.leads, out.drafts, strict=True)
    ]


TOOL: Tool[RenderPlanned, RenderIn, RenderOut] = Tool(
    name=NAME,
    stage=Stage.DRAFT,
    effect="pure",
    planned=RenderPlanned,
    takes=RenderIn,
    gives=RenderOut,
    source=Source.LEADS_UNDRAFTED,
    page_size=PAGE_SIZE,
    layout=layout,
    run=run,
    events=events,
)
