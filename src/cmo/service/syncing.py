"""`cmo sync`: what the CRM would be told, right to the record; telling it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.job import Mode
from cmo.domain.outward import CrmItem, Fate, Operation
from cmo.domain.policy import Verdict
from cmo.providers.ports import Crm
from cmo.service.delivery import CRM_ORDER, Delivery
from cmo.service.sending import PATIENCE_S
from cmo.service.writers import open_crm
from cmo.store.audit import record_audit
from cmo.store.db import transaction
from cmo.store.outbox import plan_writes
from cmo.store.outbox_views import CameOf, OutboxRow, came_of, left_out_of_crm, list_outbox
from cmo.store.rehearsal import claim_all, rehearsal, standing_refusals
from cmo.store.sends import crm_pages

PREVIEW_AT_ONCE = 100


class SyncRow(Frozen):
    """One record of the CRM: what would become of it."""

    login: str
    operation: str
    """person, contact, entry or note."""
    effect: str
    """create, update, noop, ambiguous, write (not asked for one by one), or skip."""
    rule: str | None
    """Why it is skipped: the gate's rule, hold, or unknown where the CRM did not say."""
    message: str


class SyncPreview(Frozen):
    """What telling the CRM would come to."""

    job_id: str
    crm: str
    list_id: str | None
    locked: tuple[Verdict, ...]
    """What stops all of it now; the rows say what it would be without."""
    rows: tuple[SyncRow, ...]

    @property
    def effects(self) -> Mapping[str, int]:
        """Effect -> records, most first."""
        return dict(Counter(row.effect for row in self.rows).most_common())

    @property
    def writing(self) -> int:
        """Records that would be written or looked at."""
        return sum(row.effect != "skip" for row in self.rows)


@dataclass(frozen=True)
class Syncing:
    """One job's people, with the CRM within reach."""

    delivery: Delivery
    list_id: str | None = None

    def preview(self) -> SyncPreview:
        """What the CRM would be told; nothing is written, the CRM is only read.

        Raises:
            ConfigError: the CRM is not set up.
            ProviderError: it cannot be read.
        """
        return asyncio.run(self._preview())

    def sync(self) -> str:
        """Tell the CRM; why it ended before the last record, or empty."""
        self.note(self.list_of(), is_dry=False)
        done = asyncio.run(self.delivery.sync(list_id=self.list_id, patience_s=PATIENCE_S))
        return next((outcome.stopped for outcome in done.outcomes.values() if outcome.stopped), "")

    def list_of(self) -> str | None:
        """The list that people go to."""
        return self.list_id or self.delivery.job.plan.list_id

    def came_of(self, **since: object) -> CameOf:
        """What has come of the job's records since then."""
        return came_of(self.delivery.conn, self.delivery.job.id, mail=False, **since)  # type: ignore[arg-type]
