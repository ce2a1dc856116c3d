"""The part of a rehearsal after the drafts: approve, hand over for as many days as it takes, tell the CRM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from cmo.clock import ScaledClock
from cmo.config import Settings
from cmo.domain.job import Job, Plan
from cmo.domain.policy import FAULT_OF_NOBODY
from cmo.errors import PolicyRefused, ProviderError
from cmo.ids import short_hash
from cmo.service import drafts as verbs
from cmo.service.controls import resume_sending
from cmo.service.delivery import Delivery
from cmo.service.tickets import ticket_writes
from cmo.service.world import keep_world, sandbox_world
from cmo.store.draft_views import DraftRow, list_drafts
from cmo.store.outbox_views import list_outbox
from cmo.store.send_views import came_of, mail_standing
from cmo.store.standing_views import stops

MOST_DAYS = 30
"""Simulated days after which a rehearsal stops sending."""
TICKET = "linear.issue"
Faults = Literal["none", "heavy"]
_STEP = timedelta(minutes=15)
"""The clock is moved at least so far between two hand-overs."""
_PATIENCE_S = 60.0
_MOST_TRIES = 60
"""Hand-overs in a row of which nothing comes."""


@dataclass(frozen=True)
class Options:
    """How to rehearse."""

    faults: Faults = "heavy"
    approve_all: bool = False
    """Approve flagged drafts too; blocked ones never."""
    sample: int | None = None
    """Approve so many of what may be approved, drawn by a hash of who they are for; None: all of it."""


@dataclass
class Course:
    """What happened on the way."""

    plan: Plan
    """As the operator wrote it."""
    job: Job
    replaced: tuple[str, ...]
    drafts: list[DraftRow] = field(default_factory=list)
    """As they were before anybody looked at them."""
    approved: int = 0
    approved_again: set[int] = field(default_factory=set)
    """Drafts whose approval ran out although no rule but a quota or a window stood in the way."""
    troubles: list[str] = field(default_factory=list)
    is_cut: bool = False


@dataclass(frozen=True)
class Stage:
    """The throw-away sandbox while its services run."""

    settings: Settings
    delivery: Delivery
    clock: ScaledClock
    course: Course
    loop: asyncio.Runner
    """One for all calls: the resolver's slots belong to the loop that they were first waited for in."""

    def send(self, options: Options, tell: Callable[[str], None]) -> None:
        """Approve, hand over, move the clock to when more may leave; again, until nothing waits for a time."""
        ends, tries = day_of(self.clock.now(), self.settings) + timedelta(days=MOST_DAYS), 0
        while tries < _MOST_TRIES:
            now, before = self.clock.now(), self._confirmed()
            self._approve(options, now)
            went = self._try(self._hand_over)
            sent = self._confirmed() - before
            if sent:
                tell(f"{day_of(now, self.settings)}: {sent} sent.")
            tries = 0 if sent else tries + 1
            next_at = self._next(went, mail=True)
            self.course.is_cut = next_at is not None and day_of(next_at, self.settings) >= ends
            if next_at is None or self.course.is_cut:
                return
            self._move(next_at)

    def sync(self) -> None:
        """Write people, places on the list and notes, then tickets where a tracker is set up."""
        self._settle(self._tell_crm)
        if self.settings.linear_team:
            self._settle(self._file_tickets)

    def _settle(self, act: Callable[[], str]) -> None:
        """Repeat `act` until none of its writes waits for a time, a retry or a look-up."""
        for _ in range(_MOST_TRIES):
            next_at = self._next(self._try(act), mail=False)
            if next_at is None:
                return
            self._move(next_at)

    def _hand_over(self) -> str:
        return self.loop.run(self.delivery.send(due_at=self.clock.now(), patience_s=_PATIENCE_S)).outcome.stopped

    def _tell_crm(self) -> str:
        done = self.loop.run(self.delivery.sync(patience_s=_PATIENCE_S))
        return next((outcome.stopped for outcome in done.outcomes.values() if outcome.stopped), "")

    def _file_tickets(self) -> str:
        if writes := ticket_writes(self.delivery):
            done = self.loop.run(self.delivery.tickets(writes, patience_s=_PATIENCE_S))
            return done.outcomes[TICKET].stopped
        return ""

    def _try(self, act: Callable[[], str]) -> bool:
        """Whether it went to its end. What stopped it is kept; a pause of sending is lifted, as the operator would."""
        try:
            stopped = act()
        except (ProviderError, PolicyRefused) as error:
            stopped = error.message
        for pause in stops(self.delivery.conn, self.clock.now()).pauses:
            stopped = f"Sending paused itself ({pause.reason}); the rehearsal let it go on."
            self._move(self.clock.now() + _STEP)
            resume_sending(self.settings)
        if stopped and stopped not in self.course.troubles:
            self.course.troubles.append(stopped)
        return not stopped

    def _next(self, went: bool, *, mail: bool) -> datetime | None:
        """When to go on; None where nothing waits for a time, a retry or a look-up."""
        now, job = self.clock.now(), self.delivery.job
        came = came_of(self.delivery.conn, job.id, since=now, mail=mail)
        if came.next_at is not None:
            return max(came.next_at, now + _STEP)
        doubtful = came_of(self.delivery.conn, job.id, since=job.created_at, mail=mail).unknown
        return None if went and not came.later and not doubtful else now + _STEP

    def _stuck(self, now: datetime) -> set[int | None]:
        """Drafts whose mail no waiting helps."""
        rows, _ = list_outbox(self.delivery.conn, now=now, job_id=self.delivery.job.id, limit=-1)
        return {row.draft_id for row in rows if row.rule and row.rule not in FAULT_OF_NOBODY}

    def _confirmed(self) -> int:
        """Mails that arrived."""
        return mail_standing(self.delivery.conn, self.delivery.job.id).outbox.get("confirmed", 0)

    def _move(self, to: datetime) -> None:
        """Move the clock, and the time that other readers of the world see."""
        self.clock.advance((to - self.clock.now()).total_seconds())
        keep_world(self.settings, replace(sandbox_world(self.settings), now=self.clock.now()))

    def _approve(self, options: Options, now: datetime) -> None:
        """Approve what passes the checks, and again what ran out before a quota let it leave."""
        course = self.course
        rows = list_drafts(self.delivery.conn, course.job.id, now=now, limit=-1)[0]
        expired = [row.choice for row in rows if row.state == "expired"]
        fresh = [] if course.approved else [row for row in rows if row.state == "pending" and not row.blocked]
        if not options.approve_all:
            fresh = [row for row in fresh if not row.flag]
        if options.sample is not None:
            fresh = sorted(fresh, key=lambda row: short_hash(row.login))[: options.sample]
        if not expired and not fresh:
            return
        stuck = self._stuck(now)
        done = verbs.approve(self.settings, course.job.id, [*expired, *(row.choice for row in fresh)])
        again = {choice.draft_id for choice in expired} & set(done.done)
        course.approved += len(done.done) - len(again)
        course.approved_again |= again - stuck
        course.troubles += [f"Draft {one.draft_id} was not approved: {one.message}." for one in done.refused]


def day_of(at: datetime, settings: Settings) -> date:
    return at.astimezone(ZoneInfo(settings.sender_time_zone)).date()
