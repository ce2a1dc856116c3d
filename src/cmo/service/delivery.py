"""Handing over what was approved, and telling the CRM: plan into the outbox, then drain it through the gate.

The agent's send and sync steps, `cmo send` and `cmo sync` are this, and nothing else calls a mailer or a CRM.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from collections.abc import Sequence as Many
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cmo.config import Settings
from cmo.domain.address import identity_key
from cmo.domain.event import EmailVerified
from cmo.domain.job import Job, Mode, Stage
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.outbox import NewWrite
from cmo.domain.outward import CrmItem, Item, Letter, Sequence, TicketItem
from cmo.domain.policy import VERIFIED_FOR
from cmo.errors import ConfigError, PolicyRefused
from cmo.providers.ports import Crm, Meter, Resolver, Writer
from cmo.service.controls import limits_of
from cmo.service.routes import composer_of
from cmo.service.store import installation_key
from cmo.service.tickets import ticket_writes
from cmo.service.wiring import Outside
from cmo.service.withdrawing import Withdrawn, withdraw_at
from cmo.service.writers import has_ticket_team, open_crm, open_mailer, open_tickets
from cmo.store.commit import commit
from cmo.store.db import Connection, transaction
from cmo.store.gate import SendGate, WriteGate
from cmo.store.journal import this_claimant
from cmo.store.outbox import Gate, reconsider
from cmo.store.outbox_plan import Planned, plan_writes
from cmo.store.sends import plan_crm, plan_sends, stale_addresses

if TYPE_CHECKING:
    from cmo.graph.dispatch import Dispatcher, Lane, Outcome

VERIFY_AT_ONCE = 100
VERIFY_AFTER = VERIFIED_FOR - timedelta(hours=12)
"""Verdicts older than this are asked for again before anything leaves, so that none expires on the way."""
BURST_S = 2.0
"""The shortest time in which a sending service counts requests."""
CRM_ORDER = (
    "attio.person", "attio.entry", "attio.note",
    "hubspot.contact", "hubspot.company", "hubspot.link", "hubspot.note",
)  # fmt: skip
"""What hangs on another record comes after it."""
TICKET = "linear.issue"
PERSONS = ("attio.person", "hubspot.contact")
OF_THEIR_OWN = (*PERSONS, "hubspot.company")
"""Records that hang on no other: an item's `record_id` is their own."""


@dataclass(frozen=True)
class SendDone:
    """What a hand-over came to."""

    planned: Planned
    outcome: Outcome
    sequence: Sequence
    mailer: str


@dataclass(frozen=True)
class SyncDone:
    """What telling the CRM came to."""

    planned: Planned
    outcomes: Mapping[str, Outcome]
    """Operation -> what came of it."""


@dataclass(frozen=True)
class Delivery:
    """The outbox of one job, with the outside within reach."""

    settings: Settings
    found: Outside
    conn: Connection
    job: Job
    meter: Meter
    resolver: Resolver
    check: Callable[[], None] = field(default=lambda: None)
    """Called before each call; raises to stop there."""

    def for_job(self, job: Job) -> Delivery:
        """The same for `job` as it stands now."""
        return replace(self, job=job)

    async def plan_mail(self, *, due_at: datetime, only: Many[int] | None = None) -> Planned:
        """Put what is approved, or `only` these drafts of it, into the outbox; nothing leaves."""
        composer = composer_of(self.conn, self.job.plan, self.settings)
        return plan_sends(
            self.conn,
            self.job.id,
            route=composer.route,
            compose=lambda words, at: composer.letter(words, approved_at=at),
            due_at=due_at,
            only=only,
        )

    async def send(
        self,
        *,
        due_at: datetime,
        most: int | None = None,
        patience_s: float = 0.0,
        per_inbox_cap: int | None = None,
    ) -> SendDone:
        """Plan what is approved, and deliver it; raises as `deliver`."""
        planned = await self.plan_mail(due_at=due_at)
        return await self.deliver(planned, most=most, patience_s=patience_s, per_inbox_cap=per_inbox_cap)

    async def deliver(
        self,
        planned: Planned,
        *,
        most: int | None = None,
        patience_s: float = 0.0,
        per_inbox_cap: int | None = None,
        only: Collection[int] | None = None,
    ) -> SendDone:
        """Hand over what is in the outbox, due, and passes the gate.

        Args:
            only: Drafts; the mail of others is left alone.
            per_inbox_cap: Mails a day and inbox, where that is less than the settings allow.
        Raises:
            PolicyRefused: the provider's sequence would not send exactly what was approved, or not now.
            ProviderError: the provider cannot be asked about its sequence.
        """
        await self.withdraw()
        async with self.mail_lane(per_inbox_cap=per_inbox_cap) as (lane, sequence):
            with transaction(self.conn):
                reconsider(self.conn, lane.operation, job_id=self.job.id, now=self.found.clock.now())
            await self.verify_again()
            outcome = await self.dispatcher().drain(replace(lane, only=only), most=most, patience_s=patience_s)
        if outcome.fates["looked_up_confirmed"]:
            await self.withdraw()
        if outcome.spike and has_ticket_team(self.settings, self.found):
            await self.tickets(ticket_writes(self, only=outcome.spike))
        return SendDone(planned=planned, outcome=outcome, sequence=sequence, mailer=lane.operation.provider)

    async def withdraw(self) -> Withdrawn:
        """Take those who must not be contacted out of the sequences that any job handed them to."""
        done = await withdraw_at(self.settings, self.found, self.conn)
        if done.done or done.left:  # the next client of the service counts its requests from zero
            await self.found.clock.sleep(BURST_S)
        return done

    async def sync(self, *, list_id: str | None = None, patience_s: float = 0.0) -> SyncDone:
        """Plan people, places on the list and notes, and write those that may be written."""
        name = self.job.plan.crm or self.settings.crm
        async with open_crm(self.settings, self.found, name, self.meter) as crm:
            wanted = await self.wanted_list(crm, list_id)
            planned = plan_crm(
                self.conn,
                self.job.id,
                crm=name,
                list_id=wanted,
                entries=f"{name}.entry" in crm.operations,
                now=self.found.clock.now(),
            )
            outcomes = {}
            for operation in CRM_ORDER:
                if operation in crm.operations:
                    lane = self._lane(crm, operation, self.write_gate(), CrmItem, Stage.SYNC)
                    outcomes[operation] = await self.dispatcher().drain(lane, patience_s=patience_s)
        return SyncDone(planned=planned, outcomes=outcomes)

    async def wanted_list(self, crm: Crm, asked: str | None = None) -> str | None:
        """The list that people go to, once it is known to be there; None where none is wanted.

        Args:
            asked: In place of the job's.
        Raises:
            As `Crm.require_list`.
        """
        wanted = asked or self.job.plan.list_id
        if wanted:
            await crm.require_list(wanted)
        return wanted

    async def tickets(self, writes: list[NewWrite], *, patience_s: float = 0.0) -> SyncDone:
        """Plan tickets, parents first, and write those that may be written."""
        with transaction(self.conn):
            planned = plan_writes(self.conn, self.job.id, writes)
        async with open_tickets(self.settings, self.found, self.meter) as tracker:
            lane = self._lane(tracker, TICKET, self.ticket_gate(), TicketItem, Stage.SYNC)
            outcome = await self.dispatcher().drain(lane, patience_s=patience_s)
        return SyncDone(planned=planned, outcomes={TICKET: outcome})

    @asynccontextmanager
    async def mail_lane(self, *, per_inbox_cap: int | None = None) -> AsyncIterator[tuple[Lane, Sequence]]:
        """Where the job's mail leaves, once its sequence is known to send exactly what was approved, in time."""
        limits = limits_of(self.settings)
        if per_inbox_cap is not None:
            lower = min(per_inbox_cap, limits.per_inbox_daily)
            limits = limits.model_copy(update={"per_inbox_daily": lower})
        composer = composer_of(self.conn, self.job.plan, self.settings)
        route = composer.route
        async with open_mailer(self.settings, self.found, route.mailer, self.meter) as mailer:
            sequence = await mailer.sequence(route.sequence_id)
            if sequence.problems:
                raise PolicyRefused(
                    f"{route.mailer} would not send what was approved: {' '.join(sequence.problems)}",
                    hint=f"Mend the sequence at {route.mailer}, then run the command again.",
                    details={"problems": list(sequence.problems)},
                )
            if route.mailer not in SEQUENCE_MAILERS:
                _require_own(route.mailer, sequence, composer.sender.email)
            gate = SendGate(
                job_id=self.job.id,
                ceiling=self.ceiling(),
                limits=limits,
                inboxes=sequence.inboxes,
                secret=composer.secret,
                route=route,
            )
            yield self._lane(mailer, route.operation, gate, Letter, Stage.SEND), sequence

    def write_gate(self) -> WriteGate:
        """The gate of what is no mail."""
        secret = installation_key(self.settings, self.conn)
        return WriteGate(job_id=self.job.id, ceiling=self.ceiling(), secret=secret)

    def ticket_gate(self) -> WriteGate:
        """The gate of tickets."""
        return replace(self.write_gate(), heeds_pauses=False)

    def ceiling(self) -> Mode:
        """The most that the settings allow any job."""
        return self.settings.mode()

    def dispatcher(self) -> Dispatcher:
        """Whoever drains, under this process's name."""
        from cmo.graph.dispatch import Dispatcher

        return Dispatcher(
            conn=self.conn,
            job_id=self.job.id,
            holder=this_claimant(),
            clock=self.found.clock,
            meter=self.meter,
            pause_after=self.settings.pause_sending_after,
            check=self.check,
        )

    async def verify_again(self) -> int:
        """Ask DNS again about addresses whose verdict is too old to send on; how many were asked about."""
        asked, before = 0, self.found.clock.now() - VERIFY_AFTER
        last: list[str] = []
        while stale := stale_addresses(self.conn, self.job.id, before=before, limit=VERIFY_AT_ONCE):
            if stale == last:
                break
            self.check()
            verdicts = await self.resolver.check(stale)
            now = self.found.clock.now()
            events = [
                (f"{self.job.id}/verified/{now.timestamp():.3f}/{n}", EmailVerified(verdict=verdict))
                for n, verdict in enumerate(verdicts)
            ]
            commit(self.conn, self.job.id, events, at=now, epoch=None)
            asked, last = asked + len(stale), stale
        return asked

    def _lane(self, writer: Writer[Any], operation: str, gate: Gate, item: type[Item], stage: Stage) -> Lane:
        from cmo.graph.dispatch import Lane

        return Lane(operation=writer.operations[operation], writer=writer, gate=gate, item=item, stage=stage)


def _require_own(mailer: str, mailbox: Sequence, sender: str) -> None:
    """Raises ConfigError where a mailbox is not the sender's: it would refuse every mail for good."""
    boxes = [box.address for box in mailbox.inboxes]
    if identity_key(sender) not in [identity_key(box) for box in boxes]:
        raise ConfigError(
            f"The mailbox at {mailer} is {', '.join(boxes)}, and mail is written from {sender}.",
            hint=f"cmo config set sender.email {boxes[0] if boxes else 'YOUR-ADDRESS'}\nThen approve the drafts again.",
        )
