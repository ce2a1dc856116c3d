"""`cmo send`: what would leave, right to the row; handing over; the hold; delivery."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cmo.config import Settings
from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.draft import Step
from cmo.domain.event import EmailVerified
from cmo.domain.job import Environment, Mode
from cmo.domain.lead import MxVerdict
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.outbox import OutboxState
from cmo.domain.outward import Sequence as MailSequence
from cmo.domain.policy import Verdict
from cmo.errors import ConfigError, PolicyRefused
from cmo.providers.ports import Meter
from cmo.service.cache import StoredAnswers
from cmo.service.delivery import VERIFY_AFTER, VERIFY_AT_ONCE, Delivery
from cmo.service.next_steps import raise_ceiling
from cmo.service.routes import Composer, composer_of
from cmo.service.store import resolve_job, writer
from cmo.service.wiring import Outside, open_resolver, outside
from cmo.service.withdrawing import Withdrawn
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.doubt import find_orphans
from cmo.store.events import last_moment
from cmo.store.gate import SendGate, WriteGate
from cmo.store.jobs import get_job
from cmo.store.outbox import reconsider
from cmo.store.outbox_plan import Planned
from cmo.store.rehearsal import claim_all, rehearsal, standing_refusals
from cmo.store.send_views import CameOf, MailRow, came_of, count_unsent, hold_ends, keys_taken, mail_rows, mail_standing
from cmo.store.sends import plan_sends_within, stale_addresses
from cmo.store.switches import breaker_open_until

if TYPE_CHECKING:
    from cmo.graph.dispatch import Lane, Outcome

PATIENCE_S = 120.0
"""How long delivery waits for retries and look-ups that are due soon."""


@dataclass(frozen=True)
class Unasked:
    """Why a mail does not come before the gate; shaped as a verdict."""

    rule: str
    message: str
    retry_at: datetime | None = None


class SendRow(Frozen):
    """One approved draft: whether it would leave, and if not, why."""

    draft_id: int
    login: str
    org: str
    email: str
    score: int
    label: str
    subject: str
    inbox: str
    rule: str | None
    """None where it would leave; else the gate's rule, or held, later, limit, sequence, breaker."""
    message: str
    retry_at: datetime | None

    @property
    def leaves(self) -> bool:
        return self.rule is None


class SendPreview(Frozen):
    """What handing over would come to."""

    job_id: str
    mailer: str
    sequence: MailSequence
    leaves_at: datetime
    """When the first leaves, for which the gate was asked."""
    locked: tuple[Verdict, ...]
    """What stops all of it now; the rows say what it would be without."""
    doubtful: int
    """Mails that may have left; they are looked up first."""
    rows: tuple[SendRow, ...]

    @property
    def leaving(self) -> tuple[SendRow, ...]:
        return tuple(row for row in self.rows if row.leaves)

    @property
    def refused(self) -> Mapping[str, int]:
        """Rule -> rows, most first."""
        return dict(Counter(row.rule for row in self.rows if row.rule is not None).most_common())


@dataclass(frozen=True)
class Sending:
    """One job's mail, with the outside within reach."""

    delivery: Delivery

    @property
    def job_id(self) -> str:
        return self.delivery.job.id

    def now(self) -> datetime:
        """The time of the job's world."""
        return self.delivery.found.clock.now()

    def locked(self) -> list[Verdict]:
        """What stops everything of the job, in the order of the rules; asks no provider."""
        gate = WriteGate(job_id=self.job_id, ceiling=self.delivery.ceiling(), secret=b"")  # nobody is looked up
        with rehearsal(self.delivery.conn):
            gates = (gate, replace(gate, ceiling=Mode.SEND_ALLOWED))
            return standing_refusals(self.delivery.conn, self.job_id, gates, self.now())

    def waiting(self) -> int:
        """Drafts that are approved and have not left."""
        return count_unsent(self.delivery.conn, self.job_id)

    def preview(self, *, due_at: datetime, most: int | None = None) -> SendPreview:
        """What handing over now would come to; the provider is only asked about its sequence.

        Nothing is written but that what a dead process had claimed is doubtful.

        Args:
            due_at: When what is not in the outbox yet may leave.
        Raises:
            As `Delivery.deliver`; and ConfigError where sender or provider are not set up.
        """
        return asyncio.run(self._preview(due_at, most))

    def hand_over(self, preview: SendPreview, *, due_at: datetime, limited: bool) -> Planned:
        """Put what was looked at into the outbox; with `limited` only what would leave."""
        drafts = [row.draft_id for row in preview.rows if row.leaves or not limited]
        planned = asyncio.run(self.delivery.plan_mail(due_at=due_at, only=drafts))
        self.note(preview, is_dry=False)
        return planned

    def note(self, preview: SendPreview, *, is_dry: bool) -> None:
        """Put it into the audit log."""
        detail = {"leaving": len(preview.leaving), "refused": preview.refused, "mailer": preview.mailer}
        entry = AuditEntry(
            actor=self.delivery.settings.actor, action="outbox.send", object=f"job:{self.job_id}", detail=detail,
            is_dry=is_dry,
        )  # fmt: skip
        with transaction(self.delivery.conn):
            record_audit(self.delivery.conn, [entry], at=self.now())

    def wait(self, until: datetime, on_tick: Callable[[float], None]) -> None:
        """Sit out the hold; ends early where everything was recalled.

        Args:
            on_tick: Called each second with the seconds left.
        """
        asyncio.run(self._wait(until, on_tick))

    def withdraw(self) -> Withdrawn:
        """Take those who must not be contacted out of the sequences that they were handed to."""
        return asyncio.run(self.delivery.withdraw())

    def deliver(self, *, most: int | None, patience_s: float = PATIENCE_S, shown: SendPreview | None = None) -> Outcome:
        """Hand over what is due and passes the gate.

        Args:
            shown: What a person said yes to: of it, only what was said to leave; nobody comes in its place.
        """
        leaving = None if shown is None else [row.draft_id for row in shown.leaving]
        done = asyncio.run(self.delivery.deliver(Planned(), most=most, patience_s=patience_s, only=leaving))
        return done.outcome

    def came_of(self, *, since: datetime) -> CameOf:
        """What has come of the job's mail since then, by what the rows say."""
        return came_of(self.delivery.conn, self.job_id, since=since, mail=True)

    async def _wait(self, until: datetime, on_tick: Callable[[float], None]) -> None:
        while (ends := hold_ends(self.delivery.conn, self.job_id)) is not None:
            left = (min(ends, until) - self.now()).total_seconds()
            if left <= 0:
                return
            self.delivery.check()
            on_tick(left)
            await self.delivery.found.clock.sleep(min(left, 1.0))

    async def _preview(self, due_at: datetime, most: int | None) -> SendPreview:
        composer = composer_of(self.delivery.conn, self.delivery.job.plan, self.delivery.settings)
        async with self.delivery.mail_lane() as (lane, sequence):
            find_orphans(self.delivery.conn, {lane.operation.name: lane.operation}, now=self.now())
            stale = self._stale(composer, due_at)
            batches = [stale[n : n + VERIFY_AT_ONCE] for n in range(0, len(stale), VERIFY_AT_ONCE)]
            checked = [verdict for batch in batches for verdict in await self.delivery.resolver.check(batch)]
            return self._rehearsed(lane, sequence, composer, due_at, most, checked)

    def _stale(self, composer: Composer, due_at: datetime) -> list[str]:
        """Addresses that would be verified again before anything leaves."""
        conn = self.delivery.conn
        with rehearsal(conn):
            self._plan(composer, due_at)
            return stale_addresses(conn, self.job_id, before=self.now() - VERIFY_AFTER, limit=-1)

    def _rehearsed(
        self,
        lane: Lane,
        sequence: MailSequence,
        composer: Composer,
        due_at: datetime,
        most: int | None,
        checked: Sequence[MxVerdict],
    ) -> SendPreview:
        """Everything that a send would do in the store, rolled back.

        Args:
            checked: What verifying again came to.
        """
        conn, now, gate = self.delivery.conn, self.now(), lane.gate
        assert isinstance(gate, SendGate)
        free = replace(gate, ceiling=Mode.SEND_ALLOWED)
        with rehearsal(conn):
            locked = standing_refusals(conn, self.job_id, (gate, free), now)
            for n, verdict in enumerate(checked):
                record(conn, self.job_id, f"{self.job_id}/rehearsal/{n}", EmailVerified(verdict=verdict), now)
            self._plan(composer, due_at)
            reconsider(conn, lane.operation, job_id=self.job_id, now=now)
            leaves_at = max(now, hold_ends(conn, self.job_id) or now)
            doubtful = mail_standing(conn, self.job_id).outbox.get("unknown", 0)
            rows = self._claimed(lane, free if locked else gate, composer, leaves_at, most)
        return SendPreview(
            job_id=self.job_id,
            mailer=lane.operation.provider,
            sequence=sequence,
            leaves_at=leaves_at,
            locked=tuple(locked),
            doubtful=doubtful,
            rows=rows,
        )

    def _claimed(
        self, lane: Lane, gate: SendGate, composer: Composer, at: datetime, most: int | None
    ) -> tuple[SendRow, ...]:
        """What becomes of each mail. Runs inside the rehearsal, once everything is planned."""
        conn = self.delivery.conn
        told: dict[int, tuple[Verdict, str]] = {}
        broken = broken_until(conn, lane.operation.provider, at)
        if broken is None:
            told = claim_all(conn, lane.operation, job_id=self.job_id, gate=gate, now=at, most=most)
        rows = mail_rows(conn, self.job_id)
        taken = keys_taken(conn, [composer.route.key(row.email, row.step) for row in rows])
        return tuple(
            _send_row(row, told.get(row.outbox_id or 0) or (_unasked(row, at, composer, taken, broken), ""))
            for row in rows
            if row.outbox_id in told or row.state in (None, OutboxState.PLANNED)
        )

    def _plan(self, composer: Composer, due_at: datetime) -> None:
        after, total = -1, Planned()
        while after:
            after = plan_sends_within(
                self.delivery.conn,
                self.job_id,
                route=composer.route,
                compose=lambda words, at: composer.letter(words, approved_at=at),
                due_at=due_at,
                after=max(after, 0),
                total=total,
            )


def broken_until(conn: Connection, provider: str, at: datetime) -> Unasked | None:
    """What keeps everything from a provider that fails again and again."""
    open_until, why = breaker_open_until(conn, provider)
    if open_until <= at.timestamp():
        return None
    retry_at = datetime.fromtimestamp(open_until, UTC)
    return Unasked("breaker", f"{provider} fails again and again ({why}).", retry_at)


def _unasked(
    row: MailRow, leaves_at: datetime, composer: Composer, taken: Mapping[str, str], broken: Unasked | None
) -> Unasked:
    """Why the gate is not asked about a mail."""
    if row.outbox_id is None and composer.route.mailer in SEQUENCE_MAILERS and row.step != Step.FIRST_TOUCH:
        return Unasked("sequence", f"{composer.route.mailer} sends follow-ups by its own sequence.")
    if row.outbox_id is None:
        where = taken.get(composer.route.key(row.email, row.step), "another job")
        return Unasked("contacted", f"This person is in the same sequence already: {where}.")
    if row.is_held:
        return Unasked("held", "An operator holds it: cmo outbox release lets it go.")
    if row.due_at is not None and row.due_at > leaves_at:
        return Unasked(row.waits_for or "later", row.reason or "It waits for its next try.", row.due_at)
    return broken or Unasked("limit", "It is beyond the limit asked for.")


def _send_row(row: MailRow, said: tuple[Verdict | Unasked, str]) -> SendRow:
    verdict, inbox = said
    return SendRow(
        draft_id=row.draft_id,
        login=row.login,
        org=row.org,
        email=row.email,
        score=row.score,
        label=row.label,
        subject=row.subject,
        inbox=inbox if verdict.rule is None else "",
        rule=verdict.rule,
        message=verdict.message,
        retry_at=verdict.retry_at,
    )


@contextmanager
def opened(
    settings: Settings,
    ref: str | None,
    *,
    check: Callable[[], None] = lambda: None,
    found: Outside | None = None,
) -> Iterator[Delivery]:
    """The outbox of a job, with the outside within reach.

    Args:
        settings: Those of the job.
        check: Called between two pieces of work; raises to stop there.
        found: In place of the outside that the settings name.
    Raises:
        JobNotFound
        ConfigError: the job belongs to the other environment.
    """
    from cmo.graph.environment import harden

    harden()
    with writer(settings) as conn, ExitStack() as stack:
        job = get_job(conn, resolve_job(conn, ref))
        if (job.environment is Environment.SANDBOX) != settings.sandbox:
            raise ConfigError(
                f"Job {job.id} belongs to the {job.environment} environment.",
                hint="Add --sandbox." if job.environment is Environment.SANDBOX else "Leave --sandbox away.",
            )
        place = found or stack.enter_context(outside(settings, not_before=last_moment(conn)))
        meter = Meter()
        resolver = open_resolver(settings, place, StoredAnswers(conn), meter)
        yield Delivery(settings, place, conn, job, meter, resolver, check)


def preview_send(
    settings: Settings, ref: str | None, *, hold: timedelta | None = None, most: int | None = None
) -> SendPreview:
    """What `cmo send` would come to now.

    Args:
        hold: Before the first leaves; None for the settings' hold.
    """
    with opened(settings, ref) as delivery:
        sending = Sending(delivery)
        return sending.preview(due_at=sending.now() + hold_of(settings, hold), most=most)


def require_unlocked(sending: Sending, ref: str, *, what: str = "send") -> None:
    """Raises PolicyRefused where the kill switch, a pause or the mode stops everything, with the way on.

    Args:
        ref: How the job is named in commands.
        what: The command that is refused.
    """
    locked = sending.locked()
    if not locked:
        return
    first, waiting = locked[0], sending.waiting()
    stay = f"{waiting:,} approved drafts stay where they are."
    if waiting == 1:
        stay = "1 approved draft stays where it is."
    hint = "\n".join([f"See what would go: cmo {what} {ref} --dry-run", *unlock_steps(sending, first, ref)])
    if first.rule != "mode":
        raise PolicyRefused(f"sending is stopped. {first.message} {stay}", hint=hint)
    ceiling, mode = sending.delivery.ceiling(), sending.delivery.job.plan.mode
    words = (mode if ceiling is Mode.SEND_ALLOWED else ceiling).value.replace("_", "-").upper()
    raise PolicyRefused(f"sending is locked ({words}). {stay}", hint=hint)


def unlock_steps(sending: Sending, locked: Verdict, ref: str) -> list[str]:
    """How what stops everything is taken away, each step by its command.

    Args:
        ref: How the job is named in commands.
    """
    if locked.rule != "mode":
        way = "cmo kill --release --reason TEXT" if locked.rule == "kill_switch" else "cmo resume --sending"
        return [f"Unlock: {way}"]
    steps = []
    if sending.delivery.ceiling() is not Mode.SEND_ALLOWED:
        steps.append(raise_ceiling(sending.delivery.settings))
    if sending.delivery.job.plan.mode is not Mode.SEND_ALLOWED:
        steps.append(f"cmo jobs set {ref} mode=send_allowed")
    return [f"{'Then' if n else 'Unlock'}: {step}" for n, step in enumerate(steps)]


def hold_of(settings: Settings, asked: timedelta | None = None) -> timedelta:
    """How long mail can be recalled before the first leaves."""
    return timedelta(minutes=settings.hold_minutes) if asked is None else asked
