"""`cmo sync`: what the CRM would be told, right to the record; telling it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.job import Mode
from cmo.domain.outbox import NewWrite
from cmo.domain.outward import CrmItem, Fate, Receipt, TicketItem
from cmo.domain.policy import Verdict
from cmo.providers.ports import Crm
from cmo.providers.receipts import foreseen
from cmo.service.delivery import CRM_ORDER, PERSONS, TICKET, Delivery
from cmo.service.sending import PATIENCE_S, broken_until
from cmo.service.writers import open_crm, open_tickets
from cmo.store.audit import record_audit
from cmo.store.db import transaction
from cmo.store.outbox_plan import plan_writes
from cmo.store.outbox_views import OutboxRow, Parent, list_outbox, parents_of
from cmo.store.rehearsal import claim_all, rehearsal, standing_refusals
from cmo.store.send_views import CameOf, came_of, left_out_of_crm
from cmo.store.sends import crm_pages

PREVIEW_AT_ONCE = 10
"""Items that the CRM is asked about between two looks at whether to stop, where a call takes fewer."""
_EFFECTS = {"created": "create", "updated": "update", "noop": "noop", "ambiguous": "ambiguous"}


class SyncRow(Frozen):
    """One record of the CRM: what would become of it."""

    login: str
    operation: str
    """e.g. attio.person"""
    effect: str
    """create, update, noop, ambiguous, refused (by the CRM), write (where the CRM does not say), look up (it may have
    happened already) or skip."""
    rule: str | None
    """Why it is skipped: the gate's rule, hold, held, later or breaker."""
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
        """Operation and effect, or the rule of a skip -> records."""
        return dict(Counter(f"{row.operation} {row.rule or row.effect}" for row in self.rows))

    @property
    def writing(self) -> int:
        """Records that would be written, compared or looked up."""
        return sum(row.effect != "skip" for row in self.rows)


def preview_tickets(delivery: Delivery, writes: Sequence[NewWrite]) -> tuple[SyncRow, ...]:
    """What filing these tickets would do; nothing is written, the tracker is only asked what it has.

    Raises:
        ConfigError: the tracker is not set up.
        ProviderError: it cannot be read.
    """
    return asyncio.run(_preview_tickets(delivery, {write.key: write for write in writes}))


async def _preview_tickets(delivery: Delivery, writes: Mapping[str, NewWrite]) -> tuple[SyncRow, ...]:
    conn, now = delivery.conn, delivery.found.clock.now()
    async with open_tickets(delivery.settings, delivery.found, delivery.meter) as tracker:
        with rehearsal(conn):
            plan_writes(conn, delivery.job.id, list(writes.values()))
            found, _ = list_outbox(conn, now=now, job_id=delivery.job.id, limit=-1)
            rows = {item.key: (row, item) for row, item in _tickets(found) if item.key in writes}
            said = claim_all(
                conn, tracker.operations[TICKET], job_id=delivery.job.id, gate=delivery.ticket_gate(), now=now
            )
        passed = [item for row, item in rows.values() if row.id in said and said[row.id][0].rule is None]
        told = {receipt.key: foreseen(receipt) for receipt in await tracker.look_up(TICKET, passed)} if passed else {}
    return tuple(
        _sync_row(row, said[row.id][0] if row.id in said else None, told.get(key)) for key, (row, _) in rows.items()
    )


def _tickets(rows: Sequence[OutboxRow]) -> list[tuple[OutboxRow, TicketItem]]:
    return [(row, TicketItem.model_validate_json(row.payload)) for row in rows if row.operation == TICKET]


@dataclass(frozen=True)
class _Rehearsed:
    locked: tuple[Verdict, ...]
    rows: tuple[tuple[OutboxRow, Verdict | None], ...]
    """None for rows that the gate is not asked about: held, in doubt, or waiting for their next try."""
    parents: Mapping[int, Parent]


@dataclass(frozen=True)
class Syncing:
    """One job's people, with the CRM within reach."""

    delivery: Delivery
    list_id: str | None = None

    @property
    def job_id(self) -> str:
        return self.delivery.job.id

    def preview(self) -> SyncPreview:
        """What the CRM would be told; nothing is written, the CRM is only read.

        Raises:
            ConfigError: the CRM is not set up.
            ProviderError: it cannot be read, or has no such list.
        """
        return asyncio.run(self._preview())

    def sync(self, preview: SyncPreview) -> str:
        """Tell the CRM; why it ended before the last record, or empty."""
        self.note(preview, is_dry=False)
        done = asyncio.run(self.delivery.sync(list_id=self.list_id, patience_s=PATIENCE_S))
        return next((outcome.stopped for outcome in done.outcomes.values() if outcome.stopped), "")

    def came_of(self, *, since: datetime) -> CameOf:
        """What has come of the job's records since then, by what the rows say."""
        return came_of(self.delivery.conn, self.job_id, since=since, mail=False)

    def note(self, preview: SyncPreview, *, is_dry: bool) -> None:
        """Put it into the audit log."""
        entry = AuditEntry(
            actor=self.delivery.settings.actor,
            action="outbox.sync",
            object=f"job:{self.job_id}",
            detail={"crm": preview.crm, "records": dict(preview.effects)},
            is_dry=is_dry,
        )
        with transaction(self.delivery.conn):
            record_audit(self.delivery.conn, [entry], at=self.delivery.found.clock.now())

    async def _preview(self) -> SyncPreview:
        delivery = self.delivery
        name = delivery.job.plan.crm or delivery.settings.crm
        async with open_crm(delivery.settings, delivery.found, name, delivery.meter) as crm:
            await delivery.wanted_list(crm, self.list_id)
            first = self._rehearse(crm, name, doubted=())
            told = await self._told(crm, first)
            doubted = [key for key, receipt in told.items() if receipt.fate in (Fate.HELD, Fate.REFUSED)]
            found = self._rehearse(crm, name, doubted=doubted) if doubted else first
        rows = [_sync_row(row, verdict, told.get(_key(row)) if verdict else None) for row, verdict in found.rows]
        left_out = [
            SyncRow(login=login, operation=_person(crm), effect="skip", rule=rule, message=message)
            for login, rule, message in left_out_of_crm(delivery.conn, self.job_id)
        ]
        return SyncPreview(
            job_id=self.job_id,
            crm=name,
            list_id=self._list(),
            locked=found.locked,
            rows=(*rows, *left_out),
        )

    async def _told(self, crm: Crm, found: _Rehearsed) -> dict[str, Receipt]:
        """What the CRM would do with each record that passes the gate; of what hangs on a new one it is not asked."""
        told = dict[str, Receipt]()
        fresh = set[str]()  # keys of records, and addresses of people, that are yet to be made
        for operation in (name for name in CRM_ORDER if name in crm.operations):
            asked = list[CrmItem]()
            for row, verdict in found.rows:
                if row.operation != operation or verdict is None or verdict.rule is not None:
                    continue
                item, parent = CrmItem.model_validate_json(row.payload), found.parents.get(row.id)
                on = parent and (parent.provider_id or _id_of(told.get(parent.key)))
                if operation.endswith(".note") or item.email in fresh or (parent and parent.key in fresh):
                    told[item.key] = Receipt(key=item.key, fate=Fate.ABSENT, effect="created")
                elif parent is None or on:
                    asked.append(item.model_copy(update={"record_id": on}))
            size = max(PREVIEW_AT_ONCE, crm.operations[operation].batch)
            for n in range(0, len(asked), size):
                self.delivery.check()
                for receipt in await crm.preview(operation, asked[n : n + size]):
                    told[receipt.key] = receipt
            fresh |= {
                name for item in asked if told[item.key].effect == "created" for name in (item.key, item.email) if name
            }
        return told

    def _rehearse(self, crm: Crm, name: str, *, doubted: Collection[str]) -> _Rehearsed:
        delivery, now = self.delivery, self.delivery.found.clock.now()
        conn, gate = delivery.conn, delivery.write_gate()
        free = replace(gate, ceiling=Mode.SEND_ALLOWED)
        told: dict[int, Verdict] = {}
        with rehearsal(conn):
            locked = standing_refusals(conn, self.job_id, (gate, free), now)
            entries = f"{name}.entry" in crm.operations
            for writes in crm_pages(conn, self.job_id, crm=name, list_id=self._list(), entries=entries, now=now):
                plan_writes(conn, self.job_id, writes)
            before, _ = list_outbox(conn, now=now, job_id=self.job_id, limit=-1)
            parents = parents_of(conn, self.job_id)
            broken = broken_until(conn, name, now)
            for operation in CRM_ORDER:
                if operation in crm.operations and broken is None:
                    said = claim_all(
                        conn, crm.operations[operation], job_id=self.job_id, gate=free if locked else gate, now=now,
                        doubted=doubted,
                    )  # fmt: skip
                    told.update({row_id: verdict for row_id, (verdict, _) in said.items()})
        waiting = [row for row in before if row.operation in crm.operations and row.state in ("planned", "unknown")]
        return _Rehearsed(
            locked=tuple(locked),
            rows=tuple((row, told.get(row.id)) for row in waiting),
            parents=parents,
        )

    def _list(self) -> str | None:
        return self.list_id or self.delivery.job.plan.list_id


def _person(crm: Crm) -> str:
    """The operation that writes people."""
    return next(name for name in PERSONS if name in crm.operations)


def _sync_row(row: OutboxRow, verdict: Verdict | None, receipt: Receipt | None) -> SyncRow:
    effect, rule, message = "write", None, ""
    if row.state == "confirmed":
        effect, message = "noop", f"It is there as {row.provider_id}."
    elif verdict is None and row.state == "unknown" and not row.is_held:
        effect, message = "look up", "It may have happened; the CRM is asked first."
    elif verdict is None:
        effect, rule = "skip", "held" if row.is_held else "later"
        message = row.reason or "It waits for its next try."
    elif verdict.rule is not None:
        effect, rule, message = "skip", verdict.rule, verdict.message
    elif receipt is not None and receipt.fate is Fate.REFUSED:
        effect, message = "refused", receipt.reason
    elif receipt is not None:
        effect, message = _EFFECTS.get(receipt.effect, "write"), receipt.reason
    return SyncRow(login=row.who, operation=row.operation, effect=effect, rule=rule, message=message)


def _id_of(receipt: Receipt | None) -> str | None:
    return receipt.provider_id if receipt else None


def _key(row: OutboxRow) -> str:
    return CrmItem.model_validate_json(row.payload).key
