"""Ask DNS whether mail to an address can be expected to arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.event import EmailVerified, Event
from cmo.domain.job import Stage
from cmo.domain.lead import MxVerdict
from cmo.tools.base import PageContext, Ports, Source, Tool

NAME = "mx_check"
EMAILS_PER_PAGE = 200


class MxPlanned(Frozen):
    """Check by DNS whether the addresses found take mail: ok, risky, invalid or unknown, each with a reason.

    Never sends anything. Call it when there are addresses without a fresh verdict.
    """

    selector: Literal["pending"] = Field(default="pending", description="Addresses without a fresh verdict.")


class MxIn(Frozen):
    emails: tuple[str, ...] = Field(max_length=EMAILS_PER_PAGE)


class MxOut(Frozen):
    verdicts: tuple[MxVerdict, ...]
    """In the order asked; each under the spelling it was asked in."""


def layout(planned: MxPlanned, rows: Sequence[str], context: PageContext) -> MxIn:
    return MxIn(emails=tuple(rows))


async def run(call: MxIn, ports: Ports) -> MxOut:
    return MxOut(verdicts=await ports.resolver.check(call.emails))


def events(call: MxIn, out: MxOut) -> list[Event]:
    return [EmailVerified(verdict=verdict) for verdict in out.verdicts]


TOOL: Tool[MxPlanned, MxIn, MxOut] = Tool(
    name=NAME,
    stage=Stage.MX,
    effect="read",
    planned=MxPlanned,
    takes=MxIn,
    gives=MxOut,
    source=Source.EMAILS_UNVERIFIED,
    page_size=EMAILS_PER_PAGE,
    layout=layout,
    run=run,
    events=events,
)
