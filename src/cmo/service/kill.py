"""The kill switch: stop here first, then at the providers, and say on the record what was done and what had left.

It is put beside the store as a file before it is stored, so that it holds while the store is locked, full or read-only.
Each part is tried whatever became of the others, and the receipt says which worked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field
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
from cmo.service.anchor import note_anchor
from cmo.service.store import clock_of, writer
from cmo.store.audit import record_audit
from cmo.store.db import Connection, open_as_it_is, open_store, transaction
from cmo.store.doubt import in_flight
from cmo.store.standing_views import last_left, left_the_house, provider_campaigns
from cmo.store.switches import KILL, Switch, find_flag, find_switch, raise_flag, release_kill, switch_on

if TYPE_CHECKING:
    from cmo.providers.ports import Mailer
    from cmo.service.wiring import Outside

LONGEST_CALL_S = 300.0
"""No operation of a provider has a longer time-out; after it a call that was under way has ended."""
LOOK_EVERY_S = 0.2
STORE_MOST_S = 30.0
"""How long to wait for a store that others keep to themselves; where the file is not there either, `LONGEST_CALL_S`."""
PHRASE = "send again"
"""What a person types to release the switch."""
STOPPED = "All sending is stopped. No new mail leaves."
PROVIDER_MOST_S = 60.0
"""How long pausing one campaign may take, limits of the provider included."""


_HANDED_OVER = tuple(f"{mailer}.{ENROL}" for mailer in sorted(SEQUENCE_MAILERS))
"""Operations that hand a person to a provider's sequence."""


NOT_STOPPED = "NOT STOPPED ON THIS MACHINE: neither the store nor the file beside it can be written."
MEND = "End every process that works (cmo jobs list names them), mend the disk, then: cmo kill"


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
    took_s: float
    """Of that, asking the provider. In a drill of reading, which pausing and reading back take twice of."""


class KillReceipt(Frozen):
    """What stopping came to. Seconds count from when it was asked for."""

    is_drill: bool
    by: str
    reason: str
    stored_at: datetime
    """When it was asked for, as the store and the file say."""
    flagged_after_s: float | None
    """When the file beside the store was durable: from here on no claim succeeds. None where it could not be written,
    and in a drill."""
    stored_after_s: float | None
    """The same of the store, where it is on the record too."""
    trouble: tuple[str, ...]
    """What could not be written or read, in words."""
    is_read: bool
    """Whether the ledger could be read; without it campaigns, calls and what left are not known."""
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
    def is_stopped(self) -> bool:
        """Whether no process of this machine can claim a mail."""
        return self.flagged_after_s is not None or self.stored_after_s is not None

    @property
    def is_confirmed(self) -> bool:
        """Whether every campaign is known to send nothing; in a drill, whether each could be read."""
        return self.is_read and all(campaign.state != "not_confirmed" for campaign in self.campaigns)


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
    """Let sending go on; False where the switch was off. Campaigns at providers stay paused, but for the sandbox's,
    which nobody could resume there.

    Raises:
        ConfigError: no reason.
        OutputUnwritable: the file beside the store is still there, so nothing is sent.
    """
    words = mask_addresses(clean_line(reason))
    if not words:
        raise ConfigError("Releasing needs a reason.", hint='cmo kill --release --reason "bounces checked"')
    with writer(settings) as conn:
        is_changed = release_kill(conn, by=settings.actor, at=clock_of(settings).now(), reason=words)
        if settings.sandbox:
            from cmo.service.sandbox_campaigns import resume_campaigns

            resume_campaigns(settings, {campaign for _, campaign in provider_campaigns(conn, _HANDED_OVER)})
    return is_changed


def kill_status(settings: Settings) -> Switch | None:
    """Who stopped all sending, when and why; None where nobody did."""
    flag = find_flag(settings.paths.db)
    if flag is not None:
        return flag
    with writer(settings) as conn:
        return find_switch(conn, KILL, now=clock_of(settings).now())


async def _kill(settings: Settings, reason: str, drill: bool, tell: Callable[[str], None], clock: Clock) -> KillReceipt:
    stop = _Stop(settings, drill, tell, clock, clock.monotonic())
    switch = Switch(name=KILL, by=settings.actor, at=clock_of(settings).now(), reason=reason)
    flagged_s = stop.flag(switch)
    with stop.opened() as conn:
        (stored_s, obeyed_s, calling), campaigns = await asyncio.gather(  # no campaign is paused later for our own part
            stop.here(conn, switch, is_flagged=flagged_s is not None), stop.campaigns(conn)
        )
        receipt = KillReceipt(
            is_drill=drill,
            by=switch.by,
            reason=reason,
            stored_at=switch.at,
            flagged_after_s=flagged_s,
            stored_after_s=stored_s,
            trouble=tuple(stop.trouble),
            is_read=conn is not None,
            obeyed_after_s=obeyed_s,
            in_flight=calling,
            campaigns=campaigns,
            left=left_the_house(conn) if conn else {},
            last_left=tuple(last_left(conn)) if conn else (),
        )
        if conn and (drill or stored_s is not None):
            _record(conn, receipt, at=clock_of(settings).now())
    return receipt


def _record(conn: Connection, receipt: KillReceipt, *, at: datetime) -> None:
    entry = AuditEntry(
        actor=receipt.by,
        action="kill.drill" if receipt.is_drill else "kill.receipt",
        object=f"switch:{KILL}",
        detail=receipt.model_dump(mode="json"),
        is_dry=receipt.is_drill,
    )
    with transaction(conn):
        record_audit(conn, [entry], at=at)


@dataclass
class _Stop:
    """The parts of stopping; what goes wrong with one is told, never raised."""

    settings: Settings
    is_drill: bool
    tell: Callable[[str], None]
    clock: Clock
    began: float
    trouble: list[str] = field(default_factory=list)
    is_writable: bool = False

    def flag(self, switch: Switch) -> float | None:
        """Put the switch beside the store; when that was done."""
        if self.is_drill:
            self.tell("Drill: the switch is not thrown.")
            return None
        try:
            raise_flag(self.settings.paths.db, switch)
        except CmoError as error:
            self.trouble.append(error.message)
            return None
        self.tell(STOPPED)
        return self._seconds()

    @contextmanager
    def opened(self) -> Iterator[Connection | None]:
        """The store; for reading only where it cannot be written, None where it cannot be read."""
        try:
            conn: Connection | None = open_store(self.settings.paths.db)
            self.is_writable = True
        except CmoError as error:
            self.trouble.append(error.message)
            conn = open_as_it_is(self.settings.paths.db)
        if conn is None:
            yield None
            return
        with closing(conn):
            conn.execute("PRAGMA busy_timeout=10")  # others wait for their turn in the same loop
            yield conn
            if self.is_writable:
                note_anchor(self.settings.paths.db, conn)

    async def here(
        self, conn: Connection | None, switch: Switch, *, is_flagged: bool
    ) -> tuple[float | None, float | None, int]:
        """Store the switch, and wait until nobody calls: when each was so, and how many calls were left."""
        if conn is None:
            return None, None, 0
        if is_flagged:
            stored_s, calls = await asyncio.gather(self._store(conn, switch, STORE_MOST_S), self._calls(conn))
        else:
            stored_s = None if self.is_drill else await self._store(conn, switch, LONGEST_CALL_S)
            calls = await self._calls(conn)
        return (stored_s, *calls)

    async def _store(self, conn: Connection, switch: Switch, most_s: float) -> float | None:
        while self.is_writable:
            try:
                switch_on(conn, KILL, by=switch.by, at=switch.at, reason=switch.reason, action="kill.on")
            except StoreBusy as error:
                if self._passed() < most_s:
                    await self.clock.sleep(LOOK_EVERY_S)
                    continue
                self.trouble.append(error.message)
                break
            except CmoError as error:
                self.trouble.append(error.message)
                break
            if find_flag(self.settings.paths.db) is None:
                self.tell(STOPPED)
            return self._seconds()
        return None

    async def _calls(self, conn: Connection) -> tuple[float | None, int]:
        """When nobody was calling any more, and how many calls were left when waiting was over."""
        told, now = 0, clock_of(self.settings).now
        while (calling := in_flight(conn, now=now())) and self._passed() < LONGEST_CALL_S:
            if calling != told:
                many = f"{calling} calls are" if calling > 1 else "1 call is"
                self.tell(f"{many} under way and cannot be taken back; waiting. Ctrl-C leaves, the switch stays on.")
                told = calling
            await self.clock.sleep(LOOK_EVERY_S)
        return (None if calling else self._seconds()), calling

    async def campaigns(self, conn: Connection | None) -> tuple[CampaignReceipt, ...]:
        """Pause every campaign to which people were handed, or look at it."""
        found = provider_campaigns(conn, _HANDED_OVER) if conn else []
        if conn is None or not found:
            return ()
        from cmo.service.wiring import outside
        from cmo.store.events import last_moment

        self.tell(f"Asking for {len(found)} campaign{'s' if len(found) > 1 else ''} at the providers.")
        with outside(self.settings, not_before=last_moment(conn)) as places:
            asked = (self._campaign(places, provider, sequence_id) for provider, sequence_id in found)
            return tuple(await asyncio.gather(*asked))

    async def _campaign(self, places: Outside, provider: str, sequence_id: str) -> CampaignReceipt:
        from cmo.providers.ports import Meter
        from cmo.service.writers import open_mailer

        state: str = "not_confirmed"
        asked_at_s = self._passed()
        try:
            async with asyncio.timeout(PROVIDER_MOST_S), AsyncExitStack() as stack:
                mailer = await stack.enter_async_context(open_mailer(self.settings, places, provider, Meter()))
                state, detail = await (_look(mailer, sequence_id) if self.is_drill else _pause(mailer, sequence_id))
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
                "after_s": self._seconds(),
                "took_s": round(self._passed() - asked_at_s, 3),
            }
        )

    def _passed(self) -> float:
        return self.clock.monotonic() - self.began

    def _seconds(self) -> float:
        return round(self._passed(), 3)


async def _pause(mailer: Mailer, sequence_id: str) -> tuple[str, str]:
    report = await mailer.pause(sequence_id)
    return (report.state if report.state and report.is_quiet else "not_confirmed"), report.detail


async def _look(mailer: Mailer, sequence_id: str) -> tuple[str, str]:
    found = await mailer.sequence(sequence_id)
    return found.state, f"It is {found.state} now; a kill would pause it."
