"""The kill switch: stop here first, then at the providers, and say on the record what was done and what had left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from cmo.clock import Clock, SystemClock
from cmo.config import Settings
from cmo.config.secrets import mask_addresses
from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.draft import ENROL
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.outward import SequenceState
from cmo.domain.text import clean_line
from cmo.errors import CmoError, ConfigError, StoreBusy
from cmo.service.store import clock_of, writer
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction
from cmo.store.doubt import in_flight
from cmo.store.standing_views import last_left, left_the_house, provider_campaigns
from cmo.store.switches import KILL, Switch, find_switch, switch_off, switch_on

if TYPE_CHECKING:
    from cmo.providers.ports import Mailer
    from cmo.service.wiring import Outside

LONGEST_CALL_S = 300.0
"""No operation of a provider has a longer time-out; after it a call that was under way has ended."""
LOOK_EVERY_S = 0.2
PROVIDER_MOST_S = 60.0
"""How long pausing one campaign may take, limits of the provider included."""


class CampaignReceipt(Frozen):
    """One provider's campaign after the switch."""

    provider: str
    sequence_id: str
    state: SequenceState | Literal["not_confirmed"]
    """Read back from the provider; outside a drill one that sends nothing, or `not_confirmed`."""
    detail: str
    by_hand: str = ""
    """What to do where it could not be confirmed."""
    after_s: float
    """Since the switch was thrown."""


class KillReceipt(Frozen):
    """What stopping came to. Seconds count from when it was asked for."""

    is_drill: bool
    by: str
    reason: str
    stored_at: datetime
    stored_after_s: float
    """When the switch was durable: from here on no claim succeeds."""
    obeyed_after_s: float | None
    """When no process was calling any more; None where one still was after `LONGEST_CALL_S`."""
    in_flight: int
    """Rows still with a call then; they end in the ledger like all others."""
    campaigns: tuple[CampaignReceipt, ...]
    left: dict[str, dict[str, int]]
    """Operation -> state -> rows that had left, or may have."""
    last_left: tuple[int, ...]
    """The newest of them."""

    @property
    def is_confirmed(self) -> bool:
        """Whether every campaign is known to send nothing; in a drill, whether each could be read."""
        return all(campaign.state != "not_confirmed" for campaign in self.campaigns)


def kill(
    settings: Settings,
    reason: str = "",
    *,
    drill: bool = False,
    tell: Callable[[str], None] = lambda words: None,
    clock: Clock | None = None,
) -> KillReceipt:
    """Stop all sending of every job: the switch first, then whoever is calling, then the providers' campaigns.

    Args:
        drill: Measure all of it without throwing the switch or pausing anything.
        tell: Gets each step in words; the first once the switch is durable.
        clock: Waits and measures; the machine's.
    """
    words = mask_addresses(clean_line(reason)) or "no reason given"
    return asyncio.run(_kill(settings, words, drill, tell, clock or SystemClock()))


def release(settings: Settings, reason: str) -> bool:
    """Let sending go on; False where the switch was off. Campaigns at providers stay paused.

    Raises:
        ConfigError: no reason.
    """
    words = mask_addresses(clean_line(reason))
    if not words:
        raise ConfigError("Releasing needs a reason.", hint='cmo kill --release --reason "bounces checked"')
    with writer(settings) as conn:
        return switch_off(
            conn, KILL, by=settings.actor, at=clock_of(settings).now(), reason=words, action="kill.release"
        )


def kill_status(settings: Settings) -> Switch | None:
    """Who stopped all sending, when and why; None where nobody did."""
    with writer(settings) as conn:
        return find_switch(conn, KILL, now=clock_of(settings).now())


async def _kill(settings: Settings, reason: str, drill: bool, tell: Callable[[str], None], clock: Clock) -> KillReceipt:
    began, at = clock.monotonic(), clock_of(settings).now()
    with writer(settings) as conn:
        if not drill:
            await _throw(conn, settings.actor, at, reason, clock)
        stored_s = clock.monotonic() - began
        tell("Drill: the switch is not thrown." if drill else "All sending is stopped. No new mail leaves.")
        (obeyed_s, calling), campaigns = await asyncio.gather(  # a campaign is not paused later for a slow call of ours
            _wait_for_calls(conn, tell, clock, began, clock_of(settings).now),
            _campaigns(settings, conn, drill, tell, clock, began),
        )
        receipt = KillReceipt(
            is_drill=drill,
            by=settings.actor,
            reason=reason,
            stored_at=at,
            stored_after_s=round(stored_s, 3),
            obeyed_after_s=obeyed_s,
            in_flight=calling,
            campaigns=campaigns,
            left=left_the_house(conn),
            last_left=tuple(last_left(conn)),
        )
        entry = AuditEntry(
            actor=settings.actor,
            action="kill.drill" if drill else "kill.receipt",
            object=f"switch:{KILL}",
            detail=receipt.model_dump(mode="json"),
            is_dry=drill,
        )
        with transaction(conn):
            record_audit(conn, [entry], at=clock_of(settings).now())
    return receipt


async def _throw(conn: Connection, by: str, at: datetime, reason: str, clock: Clock) -> None:
    """Store the switch, however long others keep the store to themselves."""
    while True:
        try:
            switch_on(conn, KILL, by=by, at=at, reason=reason, action="kill.on")
            return
        except StoreBusy:
            await clock.sleep(LOOK_EVERY_S)


async def _wait_for_calls(
    conn: Connection, tell: Callable[[str], None], clock: Clock, began: float, now: Callable[[], datetime]
) -> tuple[float | None, int]:
    """When nobody was calling any more, and how many calls were left when waiting was over."""
    told = 0
    while (calling := in_flight(conn, now=now())) and clock.monotonic() - began < LONGEST_CALL_S:
        if calling != told:
            many = f"{calling} calls are" if calling > 1 else "1 call is"
            tell(f"{many} under way and cannot be taken back; waiting. Ctrl-C leaves, the switch stays on.")
            told = calling
        await clock.sleep(LOOK_EVERY_S)
    return (None if calling else round(clock.monotonic() - began, 3)), calling


async def _campaigns(
    settings: Settings, conn: Connection, drill: bool, tell: Callable[[str], None], clock: Clock, began: float
) -> tuple[CampaignReceipt, ...]:
    handed = tuple(f"{mailer}.{ENROL}" for mailer in sorted(SEQUENCE_MAILERS))
    found = provider_campaigns(conn, handed)
    if not found:
        return ()
    from cmo.service.wiring import outside
    from cmo.store.events import last_moment

    tell(f"Asking for {len(found)} campaign{'s' if len(found) > 1 else ''} at the providers.")
    with outside(settings, not_before=last_moment(conn)) as places:
        asked = (_campaign(settings, places, provider, id_, drill, clock, began) for provider, id_ in found)
        return tuple(await asyncio.gather(*asked))


async def _campaign(
    settings: Settings, places: Outside, provider: str, sequence_id: str, drill: bool, clock: Clock, began: float
) -> CampaignReceipt:
    """Pause one campaign, or look at it; whatever goes wrong is told, never raised."""
    from cmo.providers.ports import Meter
    from cmo.service.writers import open_mailer

    state: str = "not_confirmed"
    try:
        async with asyncio.timeout(PROVIDER_MOST_S), AsyncExitStack() as stack:
            mailer = await stack.enter_async_context(open_mailer(settings, places, provider, Meter()))
            state, detail = await (_look(mailer, sequence_id) if drill else _pause(mailer, sequence_id))
    except TimeoutError:
        detail = f"{provider} did not answer in {PROVIDER_MOST_S:.0f} s."
    except CmoError as error:
        detail = error.message
    by_hand = f"Open {provider}, pause campaign {sequence_id} there, and look that it says so."
    return CampaignReceipt.model_validate(
        {
            "provider": provider,
            "sequence_id": sequence_id,
            "state": state,
            "detail": mask_addresses(detail),
            "by_hand": by_hand if state == "not_confirmed" else "",
            "after_s": round(clock.monotonic() - began, 3),
        }
    )


async def _pause(mailer: Mailer, sequence_id: str) -> tuple[str, str]:
    report = await mailer.pause(sequence_id)
    return (report.state if report.state and report.is_quiet else "not_confirmed"), report.detail


async def _look(mailer: Mailer, sequence_id: str) -> tuple[str, str]:
    found = await mailer.sequence(sequence_id)
    return found.state, f"It is {found.state} now; a kill would pause it."
