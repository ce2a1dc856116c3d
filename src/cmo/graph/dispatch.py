"""Draining the outbox: claim, call, settle; look up what is doubtful. The only place that calls a `Writer`.

The gate is asked inside the claim, right before each call, so a kill switch, a stop or a full quota holds from the
next call on. A call is never repeated here: what surely did nothing is planned again and comes up in a later pass, and
what may have worked is looked up at the provider first, whatever its operation says of repeating.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cmo.clock import Clock
from cmo.domain.event import Event, ItemFailed, WritesSettled
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure
from cmo.domain.outbox import SOFT_BOUNCE, ClaimedWrite
from cmo.domain.outward import CrmItem, Fate, Item, Operation, Receipt, Withdrawal
from cmo.errors import (
    AuthRejected,
    CmoError,
    ConfigError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    Standstill,
)
from cmo.providers.ports import Meter, Writer
from cmo.store import doubt, groups, outbox
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.switches import SENDING, breaker_open_until, end_trial, ended_pauses, note_outcome, write_switch

SPIKE_WITHIN = timedelta(minutes=5)
UNREACHABLE_S = 30.0


@dataclass(frozen=True)
class Lane:
    """One kind of write of one job."""

    operation: Operation
    writer: Writer[Any]
    gate: outbox.Gate
    item: type[Item]
    """What the payload is."""
    stage: Stage
    only: Collection[int] | None = None
    """Drafts whose mail it is about; None: all of the job."""


@dataclass
class Outcome:
    """What draining came to."""

    fates: Counter[str] = field(default_factory=Counter)
    """confirmed, later, refused, unknown, held -> items."""
    effects: Counter[str] = field(default_factory=Counter)
    """created, updated, noop, ambiguous -> items."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rule of the gate -> rows, in the last pass."""
    stopped: str = ""
    """Why the drain ended before the last row, or empty."""
    limited: str = ""
    """What the provider said of its limit, which ended the last pass, or empty."""
    spike: str = ""
    """The group of errors that paused sending meanwhile."""


@dataclass(frozen=True)
class Dispatcher:
    """Drains lanes of one job, under one name of this process."""

    conn: Connection
    job_id: str
    holder: str
    clock: Clock
    meter: Meter
    pause_after: int
    """Errors of one group within five minutes that pause sending."""
    check: Callable[[], None] = lambda: None
    """Called before each call; raises to stop there."""

    async def drain(self, lane: Lane, *, most: int | None = None, patience_s: float = 0.0) -> Outcome:
        """Write all that may be written now, one pass over the rows; further passes for what is due within patience.

        Args:
            most: Items to hand over at most.
            patience_s: How long, in all, to wait for retries and look-ups that are due soon.
        """
        done = Outcome()
        doubt.find_orphans(self.conn, {lane.operation.name: lane.operation}, now=self.clock.now())
        deadline = self.clock.monotonic() + patience_s
        while True:
            done.refused.clear()
            done.limited = ""
            await self._look_up(lane, done)
            await self._pass(lane, done, most)
            due = doubt.next_due(self.conn, lane.operation, job_id=self.job_id)
            if done.stopped or due is None or (most is not None and _written(done) >= most):
                return done
            wait_s = (due - self.clock.now()).total_seconds()
            if self.clock.monotonic() + wait_s > deadline:
                done.stopped = done.limited
                return done
            await self._wait(max(wait_s, 0.05))

    async def _pass(self, lane: Lane, done: Outcome, most: int | None) -> None:
        after, scan, at_once = 0, 1, lane.operation.batch
        while not done.stopped and not done.limited:
            self.check()
            open_until, why = breaker_open_until(self.conn, lane.operation.provider)
            if open_until > self.clock.now().timestamp():
                done.stopped = f"{lane.operation.provider} fails again and again ({why}); cmo leaves it alone for now."
                return
            left = lane.operation.batch if most is None else most - _written(done)
            if left <= 0:
                return
            size = 1 if open_until or self._is_on_trial(lane) else min(left, at_once)
            taken = outbox.claim(
                self.conn,
                lane.operation,
                job_id=self.job_id,
                gate=lane.gate,
                now=self.clock.now(),
                holder=self.holder,
                after_id=after,
                size=size,
                scan=scan,
                only=lane.only,
            )
            done.refused.update(taken.refused)
            after, scan = taken.last_id, 1 if taken.claimed else min(outbox.MOST_SCANNED, scan * 4)
            at_once = min(lane.operation.batch, 2 * at_once)
            if taken.claimed:
                if await self._call(lane, taken.claimed, done):
                    after, at_once = taken.claimed[0].id - 1, len(taken.claimed) // 2
            elif taken.is_end:
                return

    async def _call(self, lane: Lane, claimed: Sequence[ClaimedWrite], done: Outcome) -> bool:
        """One call with claimed rows; whatever happens, they are settled or given back.

        Returns:
            Whether it was refused for what is in it, so that fewer rows at once are worth trying; they are due now.
        """
        before = self.meter.snapshot()
        try:
            told = await lane.writer.write(lane.operation.name, [_item(lane, row) for row in claimed])
        except Standstill as exc:
            self._stand_still(lane, claimed, exc, before, done)
            return False
        except RateLimited as exc:
            self._give_back(lane, claimed, max(exc.retry_after_s, 1.0), before, done)
            done.limited = exc.message
            return False
        except CmoError as exc:
            if len(claimed) > 1 and isinstance(exc, ProviderRejected) and exc.is_for_content:
                self._give_back(lane, claimed, 0.0, before, done)
                return True
            if _surely_nothing_left(exc):
                done.stopped = exc.message
                self._give_back(lane, claimed, UNREACHABLE_S, before, done, failed=exc)
                return False
            self._settle(lane, claimed, _unknown(claimed, exc.code, exc.message), before, done)
            return False
        except BaseException as exc:
            self._settle(lane, claimed, _unknown(claimed, "interrupted", type(exc).__name__), before, done)
            raise
        self._settle(lane, claimed, told, before, done)
        return False

    def _settle(
        self,
        lane: Lane,
        claimed: Sequence[ClaimedWrite],
        told: Sequence[Receipt],
        before: dict[str, int],
        done: Outcome,
    ) -> None:
        by_key = {receipt.key: receipt for receipt in told}
        silent = Receipt(key="", fate=Fate.UNKNOWN, code="no_receipt", reason="the answer says nothing of this one")
        receipts = [by_key.get(row.key) or silent.model_copy(update={"key": row.key}) for row in claimed]
        now = self.clock.now()
        with transaction(self.conn):
            outbox.settle(self.conn, lane.operation, receipts, holder=self.holder, now=now)
            self._record(lane, claimed, receipts, self.meter.since(before), now, done)
            answered = all(
                receipt.fate in (Fate.CONFIRMED, Fate.REFUSED) or receipt.code == SOFT_BOUNCE for receipt in receipts
            )
            self._end_trial(lane, answered, now, done)
        done.fates.update(receipt.fate.value for receipt in receipts)
        done.effects.update(receipt.effect for receipt in receipts if receipt.effect)

    def _record(
        self,
        lane: Lane,
        rows: Sequence[ClaimedWrite],
        receipts: Sequence[Receipt],
        usage: dict[str, int],
        now: datetime,
        done: Outcome,
    ) -> None:
        """The round as events, and a pause where errors of one kind pile up. Inside the transaction of its rows."""
        fates = Counter(receipt.fate.value for receipt in receipts)
        if lane.stage is Stage.SEND and fates["confirmed"]:
            usage = {**usage, "emails_sent": fates["confirmed"]}
        name = f"{self.job_id}/writes/{rows[0].id}/{rows[0].attempts}/{now.timestamp():.3f}"
        events: list[Event] = [WritesSettled(operation=lane.operation.name, fates=dict(fates), usage=usage)]
        for row, receipt in zip(rows, receipts, strict=True):
            if receipt.fate not in (Fate.CONFIRMED, Fate.ABSENT):
                failure = ItemFailure(
                    item=f"outbox:{row.id}",
                    code=receipt.code or receipt.fate,
                    message=receipt.reason,
                    status=receipt.status,
                )
                events.append(ItemFailed(tool=lane.operation.name, stage=lane.stage, failure=failure))
        for n, event in enumerate(events):
            record(self.conn, self.job_id, f"{name}/{n}", event, now)
        confirmed = [row.id for row, receipt in zip(rows, receipts, strict=True) if receipt.fate is Fate.CONFIRMED]
        groups.forget_failures(self.conn, self.job_id, lane.operation.name, confirmed)
        if len(events) == 1:
            return
        group = groups.spike(self.conn, lane.operation.name, since=now - SPIKE_WITHIN, at_least=self.pause_after)
        if group is not None:
            done.spike = group.group_key
            reason = f"{group.count}x {group.group_key}"
            write_switch(self.conn, SENDING, by="system", at=now, reason=reason, action="sending.pause")

    def _is_on_trial(self, lane: Lane) -> bool:
        """Whether a timed pause is over and no mail has left since: then one goes first."""
        return lane.stage is Stage.SEND and bool(ended_pauses(self.conn, self.job_id, now=self.clock.now()))

    def _end_trial(self, lane: Lane, worked: bool, now: datetime, done: Outcome) -> None:
        again = end_trial(self.conn, self.job_id, worked=worked, now=now) if lane.stage is Stage.SEND else None
        if again is not None:
            done.stopped = f"The first call after the pause failed; sending is paused again until {again:%H:%M} UTC."

    def _give_back(
        self,
        lane: Lane,
        claimed: Sequence[ClaimedWrite],
        wait_s: float,
        before: dict[str, int],
        done: Outcome,
        *,
        failed: CmoError | None = None,
    ) -> None:
        """The call surely did nothing: the rows are planned again, and what stands in the way is on record."""
        now = self.clock.now()
        with transaction(self.conn):
            outbox.give_back(self.conn, claimed, holder=self.holder, due_at=now + timedelta(seconds=wait_s))
            if failed is None:
                return
            note_outcome(self.conn, lane.operation.provider, worked=False, now_s=now.timestamp(), reason=failed.message)
            receipts = [
                Receipt(key=row.key, fate=Fate.LATER, code=failed.code, reason=failed.message) for row in claimed
            ]
            self._record(lane, claimed, receipts, self.meter.since(before), now, done)
            self._end_trial(lane, False, now, done)
            if failed.code == "auth_rejected":
                write_switch(self.conn, SENDING, by="system", at=now, reason=failed.message, action="sending.pause")

    def _stand_still(
        self, lane: Lane, claimed: Sequence[ClaimedWrite], stop: Standstill, before: dict[str, int], done: Outcome
    ) -> None:
        """The call did nothing, and the next ones would do nothing either: everything that is due waits."""
        now = self.clock.now()
        until = now + timedelta(seconds=stop.retry_after_s)
        told: dict[str, Any] = {"code": stop.code, "reason": stop.message}
        with transaction(self.conn):
            outbox.give_back(self.conn, claimed, holder=self.holder, due_at=until, **told)
            outbox.put_off(self.conn, lane.operation, job_id=self.job_id, now=now, until=until, **told)
            receipts = [Receipt(key=row.key, fate=Fate.LATER, **told) for row in claimed]
            self._record(lane, claimed, receipts, self.meter.since(before), now, done)
        done.fates[Fate.LATER] += len(claimed)
        done.stopped = stop.message

    async def _look_up(self, lane: Lane, done: Outcome) -> None:
        """Settle what is doubtful and late enough, by asking the provider."""
        operation = lane.operation
        while rows := doubt.doubtful(self.conn, operation, job_id=self.job_id, now=self.clock.now()):
            self.check()
            before = self.meter.snapshot()
            found: Sequence[Receipt]
            try:
                found = await lane.writer.look_up(operation.name, [_item(lane, row) for row in rows])
            except CmoError as exc:
                is_unasked = isinstance(exc, RateLimited) or _surely_nothing_left(exc)
                found = _unknown(rows, doubt.UNASKED if is_unasked else exc.code, exc.message)
            except Exception as exc:  # a fault of ours must not keep every other row from being settled
                found = _unknown(rows, "fault", f"looking it up failed: {type(exc).__name__}")
            now = self.clock.now()
            by_key = {receipt.key: receipt for receipt in found}
            silent = Receipt(key="", fate=Fate.UNKNOWN, code="no_receipt", reason="looking it up gave no answer")
            receipts = [by_key.get(row.key) or silent.model_copy(update={"key": row.key}) for row in rows]
            attempts = {row.key: row.attempts for row in rows}
            with transaction(self.conn):
                taken = doubt.resolve(self.conn, operation, receipts, attempts=attempts, now=now)
                rows = [row for row in rows if row.key in taken]
                receipts = [receipt for receipt in receipts if receipt.key in taken]
                if taken:
                    self._record(lane, rows, receipts, self.meter.since(before), now, done)
            done.fates.update(f"looked_up_{receipt.fate.value}" for receipt in receipts)

    async def _wait(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.check()
            await self.clock.sleep(min(left, 1.0))


def _item(lane: Lane, row: ClaimedWrite) -> Item:
    item = lane.item.model_validate_json(row.payload)
    if isinstance(item, CrmItem | Withdrawal) and row.after_provider_id:
        return item.model_copy(update={"record_id": row.after_provider_id})
    return item


def _unknown(rows: Sequence[ClaimedWrite], code: str, reason: str) -> list[Receipt]:
    return [Receipt(key=row.key, fate=Fate.UNKNOWN, code=code, reason=reason) for row in rows]


def _surely_nothing_left(exc: CmoError) -> bool:
    """Whether `exc` is one of those that a `Writer` raises where nothing of the call happened; others prove nothing."""
    if isinstance(exc, ProviderUnavailable):
        return exc.details.get("connected") is False
    return isinstance(exc, AuthRejected | ProviderRejected | ConfigError)


def _written(done: Outcome) -> int:
    return done.fates["confirmed"] + done.fates["unknown"] + done.fates["held"]
