"""`cmo reconcile`: the outbox against what providers and CRM have, row by row; and putting right what is certain.

Nothing is written to the outside here: what is missing there is planned again only where it surely never arrived, or
where the CRM has a record and lacks something of it, and leaves by the ordinary road. What somebody wrote into a record
is not replaced unless that is asked for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from cmo.domain.audit import AuditEntry
from cmo.domain.draft import WITHDRAW
from cmo.domain.event import WritesSettled
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.outward import CrmItem, Fate, Item, Letter, Operation, Receipt, Repeat, TicketItem, Withdrawal
from cmo.domain.text import clean_line
from cmo.errors import ConfigError, ProviderError
from cmo.providers.ports import Writer
from cmo.service.delivery import OF_THEIR_OWN, Delivery
from cmo.service.writers import CRMS, MAILERS, open_crm, open_mailer, open_sequence_mailer, open_tickets
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import transaction
from cmo.store.doubt import find_orphans, resolve
from cmo.store.erasure import is_erased
from cmo.store.groups import forget_failures
from cmo.store.outbox_plan import follow, plan_again
from cmo.store.send_views import LeftRow, left_rows, operations_in_use

Finding = Literal[
    "agree", "differs", "merged", "missing", "found", "absent", "early", "doubtful", "blind", "unasked", "still_in"
]
MEANING: Mapping[Finding, str] = {
    "agree": "both sides say the same",
    "differs": "it is there and says something else than ours",
    "merged": "it is there under another id, as after records were merged",
    "missing": "we say it was confirmed, the provider does not have it",
    "found": "the provider has it, we do not know it",
    "absent": "we did not know; it surely is not there",
    "early": "it is not there yet, and could still arrive",
    "doubtful": "the provider's answer does not settle it",
    "blind": "confirmed when it left; the provider cannot be asked",
    "unasked": "the provider could not be asked",
    "still_in": "a sequence may still mail somebody who must not be contacted; the next cmo send takes them out",
}
_REPAIRS: Mapping[Finding, str] = {"found": "confirmed", "absent": "planned", "merged": "followed"}
"""What a finding makes of the row when it is repaired."""
_WRITABLE = ("name", "company")
"""Fields that a write of a person sets."""


@dataclass(frozen=True)
class Compared:
    """One row, as it is here and there."""

    row: LeftRow
    finding: Finding
    theirs: str
    """confirmed, absent, unknown or held; empty where nobody was asked."""
    message: str
    operation: Operation | None
    receipt: Receipt | None
    writes: tuple[str, ...] = ()
    """Fields that a repair would have written."""

    @property
    def repair(self) -> str:
        """What repairing makes of it: confirmed, planned, followed (to the other id), or empty."""
        return "planned" if self.writes else _REPAIRS.get(self.finding, "")

    @property
    def differs(self) -> Mapping[str, str]:
        """Field -> what is there; empty where nothing is."""
        return self.receipt.differs if self.receipt and self.finding == "differs" else {}

    @property
    def disagrees(self) -> bool:
        return self.finding not in ("agree", "blind")


@dataclass(frozen=True)
class Reconciling:
    """One job's writes, with their providers within reach."""

    delivery: Delivery
    overwrites: bool = False
    """Whether repairing may replace what records say."""

    def look(self) -> list[Compared]:
        """Mark what dead processes left behind, then ask every provider about every row that left or may have."""
        return asyncio.run(self._look())

    def repair(self, compared: Sequence[Compared]) -> list[Compared]:
        """Put right what is certain; those that were. A row that has moved on meanwhile is left alone."""
        done = []
        for one in compared:
            if one.repair and self._repair(one):
                done.append(one)
        return done

    def note(self, compared: Sequence[Compared], *, action: str, is_dry: bool) -> None:
        """Put it into the audit log."""
        detail = dict(Counter(str(one.finding) for one in compared))
        entry = AuditEntry(
            actor=self.delivery.settings.actor, action=action, object=f"job:{self.delivery.job.id}", detail=detail,
            is_dry=is_dry,
        )  # fmt: skip
        with transaction(self.delivery.conn):
            record_audit(self.delivery.conn, [entry], at=self._now())

    def _now(self) -> datetime:
        return self.delivery.found.clock.now()

    async def _look(self) -> list[Compared]:
        found = list[Compared]()
        names = operations_in_use(self.delivery.conn, self.delivery.job.id)
        for provider in sorted({name.partition(".")[0] for name in names}):
            try:
                async with self._writers(provider) as writers:
                    operations = {
                        name: operation for writer in writers for name, operation in writer.operations.items()
                    }
                    find_orphans(self.delivery.conn, operations, now=self._now())
                    for row_batch in _batches(self._rows(provider), operations):
                        self.delivery.check()
                        writer = next(one for one in writers if row_batch[0].operation in one.operations)
                        found += await self._compared(writer, row_batch)
            except (ConfigError, ProviderError) as exc:
                asked = {one.row.id for one in found}
                found += [
                    Compared(row, "unasked", "", exc.message, None, None)
                    for row in self._rows(provider)
                    if row.id not in asked
                ]
        asked = {one.row.id for one in found}
        found += [
            Compared(row, "still_in", "", MEANING["still_in"], None, None)
            for row in left_rows(self.delivery.conn, self.delivery.job.id)
            if row.id not in asked and _is_stop(row.operation) and row.state != "confirmed"
        ]
        return sorted(found, key=lambda one: (not one.disagrees, one.row.id))

    def _rows(self, provider: str) -> list[LeftRow]:
        rows = left_rows(self.delivery.conn, self.delivery.job.id)
        return [row for row in rows if row.operation.partition(".")[0] == provider]

    async def _compared(self, writer: Writer[Any], rows: Sequence[LeftRow]) -> list[Compared]:
        operation = writer.operations[rows[0].operation]
        receipts = await writer.look_up(operation.name, [_item(row) for row in rows])
        told = {receipt.key: receipt for receipt in receipts}
        judged = [_judged(row, told.get(row.key), operation, self._now()) for row in rows]
        return [_planning(one, self.overwrites) if one.finding == "differs" else one for one in judged]

    @asynccontextmanager
    async def _writers(self, provider: str) -> AsyncIterator[tuple[Writer[Any], ...]]:
        settings, found, meter = self.delivery.settings, self.delivery.found, self.delivery.meter
        if provider in SEQUENCE_MAILERS:
            async with open_sequence_mailer(settings, found, provider, meter) as sequencer:
                yield sequencer, sequencer.withdrawals
        elif provider in MAILERS:
            async with open_mailer(settings, found, provider, meter) as mailer:
                yield (mailer,)
        elif provider in CRMS:
            async with open_crm(settings, found, provider, meter) as crm:
                yield (crm,)
        else:
            async with open_tickets(settings, found, meter) as tickets:
                yield (tickets,)

    def _repair(self, one: Compared) -> bool:
        conn, now, row = self.delivery.conn, self._now(), one.row
        assert one.operation is not None
        assert one.receipt is not None
        with transaction(conn):
            taken = conn.execute(
                "UPDATE outbox SET state = 'unknown' WHERE id = ? AND state = ? AND attempts = ?",
                (row.id, row.state, row.attempts),
            ).rowcount
            if not taken:
                return False
            if one.writes:
                plan_again(conn, row.id, overwrites=self.overwrites, now=now)
            elif one.finding == "merged":
                follow(conn, row.id, one.receipt.provider_id)
            else:
                resolve(conn, one.operation, [one.receipt], now=now)
            if one.repair == "confirmed":
                is_mail = row.operation.partition(".")[0] in MAILERS and not _is_stop(row.operation)
                usage = {"emails_sent": 1} if is_mail else {}
                event = WritesSettled(operation=row.operation, fates={"confirmed": 1}, usage=usage)
                name = f"{self.delivery.job.id}/reconciled/{row.id}/{now.timestamp():.3f}"
                record(conn, self.delivery.job.id, name, event, now)
                forget_failures(conn, self.delivery.job.id, row.operation, [row.id])
            entry = AuditEntry(
                actor=self.delivery.settings.actor, action="outbox.repair", object=f"outbox:{row.id}",
                before=row.state, after=one.repair,
            )  # fmt: skip
            record_audit(conn, [entry], at=now)
        return True


def _batches(rows: Sequence[LeftRow], operations: Mapping[str, Operation]) -> list[list[LeftRow]]:
    """Rows that can be asked about together: of one operation and one campaign, as many as a call takes."""
    known = [row for row in rows if row.operation in operations and not is_erased(row.key)]
    batches = []
    for (name, _), group in groupby(sorted(known, key=_together), key=_together):
        same = list(group)
        size = operations[name].batch
        batches += [same[n : n + size] for n in range(0, len(same), size)]
    return batches


def _is_stop(operation: str) -> bool:
    return operation.endswith(f".{WITHDRAW}")


def _together(row: LeftRow) -> tuple[str, str]:
    return row.operation, row.sequence_id or ""


def _item(row: LeftRow) -> Item:
    provider = row.operation.partition(".")[0]
    if _is_stop(row.operation):
        return Withdrawal.model_validate_json(row.payload)
    if provider in MAILERS:
        return Letter.model_validate_json(row.payload)
    if provider in CRMS:
        item = CrmItem.model_validate_json(row.payload)
        known_as = row.provider_id if row.operation in OF_THEIR_OWN else None
        return item.model_copy(update={"record_id": row.after_provider_id or known_as})
    return TicketItem.model_validate_json(row.payload)


def _judged(row: LeftRow, receipt: Receipt | None, operation: Operation, now: datetime) -> Compared:
    fate = receipt.fate if receipt else Fate.UNKNOWN
    finding: Finding = "doubtful"
    match fate, row.state:
        case Fate.ABSENT, "confirmed" if row.is_withdrawn:
            finding = "agree"
        case Fate.ABSENT, state if _is_stop(row.operation) and state != "confirmed":
            finding = "still_in"
        case Fate.CONFIRMED, "confirmed" if receipt and _is_elsewhere(row, receipt):
            finding = "merged"
        case Fate.CONFIRMED, "confirmed" if receipt and receipt.differs:
            finding = "differs"
        case (Fate.CONFIRMED, "confirmed") | (Fate.ABSENT, "planned"):
            finding = "agree"
        case Fate.CONFIRMED, _:
            finding = "found"
        case Fate.ABSENT, "confirmed" if receipt and receipt.provider_id:
            finding = "differs"
        case _, "failed":
            finding = "agree"
        case Fate.ABSENT, "confirmed":
            finding = "missing"
        case Fate.ABSENT, _:
            finding = "early" if row.due_at > now else "absent"
        case _, "confirmed" if operation.repeat is Repeat.BLIND:
            finding = "blind"
        case _:
            pass
    told = "" if finding == "agree" else receipt.reason if receipt and receipt.reason else MEANING[finding]
    return Compared(row, finding, fate.value, told, operation, receipt)


def _is_elsewhere(row: LeftRow, receipt: Receipt) -> bool:
    known = row.operation in OF_THEIR_OWN and row.provider_id and receipt.provider_id
    return bool(known) and row.provider_id != receipt.provider_id


def _planning(one: Compared, overwrites: bool) -> Compared:
    """`one`, which differs, with what repairing it would have written, in words too."""
    item = CrmItem.model_validate_json(one.row.payload)
    ours = {"email": item.email, "name": item.name, "company": item.company or item.company_domain}
    writes = tuple(field for field in _WRITABLE if field in one.differs and (overwrites or not one.differs[field]))
    words = []
    for field, theirs in one.differs.items():
        there = f"“{clean_line(theirs, limit=80)}”" if theirs else "empty"
        words.append(f"{field} is {there} there" + (f", “{ours[field]}” here" if field in ours else ""))
    plan = f" A repair writes {' and '.join(writes)}." if writes else ""
    return replace(one, writes=writes, message=f"{'; '.join(words)}.{plan}")
