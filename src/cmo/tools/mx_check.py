"""Ask DNS whether mail to an address can be expected to arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.event import EmailVerified, Event, ItemFailed
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure, MxState, MxVerdict
from cmo.errors import ProviderUnavailable
from cmo.tools.base import PageContext, Ports, Source, Tool

NAME = "mx_check"
EMAILS_PER_PAGE = 200
ALWAYS_THERE = "postmaster@gmail.com"
"""An address whose domain surely takes mail; only its name is looked up, and nothing is sent."""


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
    """Raises ProviderUnavailable where the network answered nothing at all: that says nothing of the addresses."""
    verdicts = await ports.resolver.check(call.emails)
    if verdicts and all(verdict.state is MxState.UNKNOWN for verdict in verdicts) and await _is_down(ports):
        raise ProviderUnavailable(
            f"DNS gives no answer: {verdicts[0].reason}",
            provider="dns",
            operation="look up mail domains",
            hint="Check the network, or set CMO_DNS_SERVER.",
        )
    return MxOut(verdicts=verdicts)


async def _is_down(ports: Ports) -> bool:
    """Whether even a domain that surely exists gets no answer."""
    (verdict,) = await ports.resolver.check([ALWAYS_THERE])
    return verdict.state is MxState.UNKNOWN


def events(call: MxIn, out: MxOut) -> list[Event]:
    failed = [
        ItemFailed(
            tool=NAME,
            stage=Stage.MX,
            failure=ItemFailure(item=verdict.email, code="unknown", message=verdict.reason),
        )
        for verdict in out.verdicts
        if verdict.state is MxState.UNKNOWN
    ]
    return [*(EmailVerified(verdict=verdict) for verdict in out.verdicts), *failed]


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
