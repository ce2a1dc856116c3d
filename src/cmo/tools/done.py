"""Say that the goal is reached, or that nothing more can be done for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, RootModel

from cmo.domain.base import Frozen
from cmo.domain.event import Event
from cmo.domain.job import Stage
from cmo.domain.text import clean_line
from cmo.tools.base import PageContext, Ports, Source, Tool

NAME = "done"
LONGEST_SUMMARY = 500


class DonePlanned(Frozen):
    """End the job. Call it when the target is reached or nothing more can be found, and the files are written."""

    summary: str = Field(max_length=LONGEST_SUMMARY, description="One sentence on what was reached.")


class DoneIn(Frozen):
    summary: str = Field(max_length=LONGEST_SUMMARY)


class DoneOut(RootModel[None]):
    """Nothing."""


def layout(planned: DonePlanned, rows: Sequence[Any], context: PageContext) -> DoneIn:
    return DoneIn(summary=clean_line(planned.summary, limit=LONGEST_SUMMARY))


async def run(call: DoneIn, ports: Ports) -> DoneOut:
    return DoneOut(None)


def events(call: DoneIn, out: DoneOut) -> list[Event]:
    return []


TOOL: Tool[DonePlanned, DoneIn, DoneOut] = Tool(
    name=NAME,
    stage=Stage.DONE,
    effect="pure",
    planned=DonePlanned,
    takes=DoneIn,
    gives=DoneOut,
    source=Source.NONE,
    page_size=1,
    layout=layout,
    run=run,
    events=events,
)
