"""Taking those who must not be contacted out of the sequences that they were handed to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cmo.config import Settings
from cmo.domain.draft import WITHDRAW
from cmo.domain.job import Stage
from cmo.domain.outward import Withdrawal
from cmo.domain.suppression import Key, Suppression
from cmo.errors import CmoError, ConfigError
from cmo.providers.ports import Meter
from cmo.service.store import clock_of, known_key, writer
from cmo.service.wiring import Outside, outside
from cmo.service.writers import open_sequence_mailer
from cmo.store.db import Connection
from cmo.store.events import last_moment
from cmo.store.gate import withdrawal_gate
from cmo.store.journal import this_claimant
from cmo.store.withdrawals import StillIn, count_withdrawals, plan_withdrawals, still_in

if TYPE_CHECKING:
    from cmo.graph.dispatch import Dispatcher


@dataclass(frozen=True)
class Withdrawn:
    """What taking people out came to."""

    done: int = 0
    left: tuple[StillIn, ...] = ()
    """Who is in a sequence still; tried again by the next send."""


def withdraw(settings: Settings) -> Withdrawn:
    """Take out everybody who must not be contacted, now."""
    with writer(settings) as conn:
        return withdraw_within(settings, conn)


def would_withdraw(settings: Settings, names: Iterable[Key]) -> int:
    """How many people would be taken out of sequences if these were suppressed. Changes nothing."""
    at = clock_of(settings).now()
    with writer(settings) as conn:
        entries = [
            Suppression(kind=kind, value=value, reason="", source=settings.actor, added_at=at) for kind, value in names
        ]
        return count_withdrawals(conn, entries)


def withdraw_within(settings: Settings, conn: Connection) -> Withdrawn:
    """The same with a store that is open; the outside is reached for only where there is somebody to take out."""
    _plan(settings, conn)
    if not still_in(conn):
        return Withdrawn()
    with outside(settings, not_before=last_moment(conn)) as found:
        return asyncio.run(withdraw_at(settings, found, conn))


async def withdraw_at(settings: Settings, found: Outside, conn: Connection) -> Withdrawn:
    """The same with the outside within reach, whichever job handed them over; never raises for what a provider does."""
    _plan(settings, conn)
    places: dict[str, set[str]] = defaultdict(set)
    before = still_in(conn)
    for one in before:
        if one.job_id is not None:
            places[one.provider].add(one.job_id)
    troubles = {provider: await _at(settings, found, conn, provider, sorted(jobs)) for provider, jobs in places.items()}
    left = still_in(conn)
    told = tuple(one.model_copy(update={"why": one.why or troubles.get(one.provider, "")}) for one in left)
    return Withdrawn(done=len(before) - len(left), left=told)


def _plan(settings: Settings, conn: Connection) -> None:
    try:
        secret = known_key(settings, conn)  # without one nobody was erased
    except ConfigError:  # that it is lost keeps nobody from being taken out
        secret = None
    plan_withdrawals(conn, secret=secret)


async def _at(settings: Settings, found: Outside, conn: Connection, provider: str, jobs: Sequence[str]) -> str:
    """Drain one provider's; why that ended early, or empty."""
    from cmo.graph.dispatch import Lane

    meter = Meter()
    try:
        async with open_sequence_mailer(settings, found, provider, meter) as mailer:
            writes = mailer.withdrawals
            lane = Lane(
                operation=writes.operations[f"{provider}.{WITHDRAW}"],
                writer=writes,
                gate=withdrawal_gate,
                item=Withdrawal,
                stage=Stage.SYNC,
            )
            for job_id in jobs:
                outcome = await _dispatcher(settings, found, conn, job_id, meter).drain(lane)
                if outcome.stopped or outcome.limited:
                    return outcome.stopped or outcome.limited
    except CmoError as exc:
        return exc.message
    return ""


def _dispatcher(settings: Settings, found: Outside, conn: Connection, job_id: str, meter: Meter) -> Dispatcher:
    from cmo.graph.dispatch import Dispatcher

    return Dispatcher(
        conn=conn,
        job_id=job_id,
        holder=this_claimant(),
        clock=found.clock,
        meter=meter,
        pause_after=settings.pause_sending_after,
    )
