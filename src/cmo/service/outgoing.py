"""The outbox as the tools of a job see it: counts in, counts out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cmo.domain.job import Plan
from cmo.errors import CmoError, ConfigError, PolicyRefused
from cmo.service.delivery import Delivery, SyncDone
from cmo.service.tickets import ticket_writes
from cmo.service.writers import has_ticket_team
from cmo.store.jobs import get_job
from cmo.store.outbox import waiting
from cmo.tools.registry import send_tool_of, writes_of
from cmo.tools.reports import SendReport, SyncReport

if TYPE_CHECKING:
    from cmo.graph.dispatch import Outcome

PATIENCE_S = 300.0
"""How long a step of a job waits for retries and look-ups, on the job's clock."""


class Asked(Exception):
    """Not an error: the job was asked to pause or stop, so nothing more is taken up."""


@dataclass(frozen=True)
class JobOutgoing:
    """`cmo.tools.base.Outgoing` over one job's delivery."""

    delivery: Delivery

    def tools(self, plan: Plan) -> tuple[str, ...]:
        settings = self.delivery.settings
        return writes_of(
            plan,
            mailer=plan.mailer or settings.mailer,
            crm=plan.crm or settings.crm,
            tickets=has_ticket_team(settings, self.delivery.found),
        )

    async def send(
        self, job_id: str, *, tool: str, most: int | None, seq_id: str | None, per_inbox_cap: int | None
    ) -> SendReport:
        delivery = self._of(job_id)
        if seq_id is not None and seq_id != delivery.job.plan.sequence_id:
            return SendReport(stopped="That is not the job's sequence: cmo jobs set JOB sequence_id=…")
        wanted = send_tool_of(delivery.job.plan.mailer or delivery.settings.mailer)
        if tool != wanted:
            return SendReport(stopped=f"This job's mail leaves by {wanted}.")
        due_at = delivery.found.clock.now() + timedelta(minutes=delivery.settings.hold_minutes)
        try:
            done = await delivery.send(due_at=due_at, most=most, patience_s=PATIENCE_S, per_inbox_cap=per_inbox_cap)
        except Asked:
            return SendReport(stopped="The job was asked to stop; what waits stays in the outbox.")
        except (PolicyRefused, ConfigError) as exc:
            return SendReport(stopped=" ".join(text for text in (exc.message, exc.hint) if text))
        fates = done.outcome.fates
        left, next_at = waiting(delivery.conn, job_id)
        return SendReport(
            sent=fates["confirmed"] + fates["looked_up_confirmed"],
            later=fates["later"],
            failed=fates["refused"],
            unknown=fates["unknown"],
            held=fates["held"],
            waiting=left,
            refused=dict(done.outcome.refused),
            next_at=next_at,
            stopped=done.outcome.stopped,
        )

    async def sync(self, job_id: str, *, tool: str, list_id: str | None) -> SyncReport:
        delivery = self._of(job_id)
        try:
            if tool == "sync_linear":
                done = await delivery.tickets(ticket_writes(delivery), patience_s=PATIENCE_S)
            elif tool == f"sync_{delivery.job.plan.crm or delivery.settings.crm}":
                done = await delivery.sync(list_id=list_id, patience_s=PATIENCE_S)
            else:
                return SyncReport(stopped=f"This job's CRM is not the one of {tool}.")
        except Asked:
            return SyncReport(stopped="The job was asked to stop; what waits stays in the outbox.")
        except (PolicyRefused, ConfigError) as exc:
            return SyncReport(stopped=" ".join(text for text in (exc.message, exc.hint) if text))
        return sync_report(done)

    def _of(self, job_id: str) -> Delivery:
        """The delivery, with the job as it stands now."""
        if job_id != self.delivery.job.id:
            raise CmoError(f"This outbox belongs to job {self.delivery.job.id}, not {job_id}.")
        return self.delivery.for_job(get_job(self.delivery.conn, job_id))


def sync_report(done: SyncDone) -> SyncReport:
    """The counts of all operations together."""
    effects: Counter[str] = Counter()
    fates: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    outcomes: list[Outcome] = list(done.outcomes.values())
    for outcome in outcomes:
        effects.update(outcome.effects)
        fates.update(outcome.fates)
        refused.update(outcome.refused)
    return SyncReport(
        created=effects["created"],
        updated=effects["updated"],
        noop=effects["noop"],
        ambiguous=fates["held"],
        errors=fates["refused"] + fates["later"],
        unknown=fates["unknown"],
        refused=dict(refused),
        stopped=next((outcome.stopped for outcome in outcomes if outcome.stopped), ""),
    )
