"""What line 1 and line 2 show, read from the store when somebody committed something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmo.clock import SystemClock
from cmo.domain.job import Job, JobStatus
from cmo.errors import ConfigError
from cmo.service.controls import limits_of
from cmo.service.standing import Standing, read_standing
from cmo.service.troubles import Trouble
from cmo.store.job_views import JobPulse
from cmo.store.standing_views import quota_use
from cmo.store.views import live_holder, state_of
from cmo.tui.desk import Desk
from cmo.tui.paint import line


@dataclass(frozen=True)
class Frame(Standing):
    """Where the job in view stands, as far as every screen shows it."""

    job: Job | None = None
    state: str = ""
    """Of the job, as `JobSummary.state`."""
    used: int = 0
    limit: int = 0
    """Mails today, of the whole workspace."""

    @property
    def holds_until(self) -> datetime | None:
        """When time alone makes it another one: a pause ends."""
        return self.pause.until if self.pause else None

    def waiting(self, screen: str) -> int:
        """How much waits for a person on a screen."""
        waits = {"review": self.drafts, "errors": self.errors, "chat": self.requests, "outbox": self.doubtful}
        return waits.get(screen, 0)


def what_changed(before: JobPulse | None, after: JobPulse) -> str:
    """What is worth a word about a job, besides that it is there; else empty."""
    if before is None or (before.status, before.wait_reason) == (after.status, after.wait_reason):
        return ""
    name = after.id.split("-", 2)[2]
    match after.status:
        case JobStatus.PAUSED:
            return f"{name} is paused. {line(after.reason)}".rstrip()
        case JobStatus.FINISHED:
            return f"{name} is finished. {line(after.summary)}".rstrip()
        case JobStatus.FAILED:
            return f"{name} failed. {line(after.reason)}".rstrip()
        case JobStatus.CANCELLED:
            return f"{name} is cancelled."
        case JobStatus.RUNNING if after.wait_reason:
            return f"{name} waits: {line(after.wait_reason)}."
        case _:
            return ""


def read_frame(desk: Desk, troubles: tuple[Trouble, ...]) -> Frame:
    """The frame as of now.

    Args:
        troubles: As the last look found them.
    """
    now, conn, job = desk.now(), desk.conn, desk.job()
    try:
        quotas = quota_use(conn, limits_of(desk.settings), now)
        used, limit = quotas.day_used, quotas.day_limit
    except ConfigError:  # told by the screen of limits; line 1 is never empty
        used, limit = 0, 0
    holder = live_holder(conn, job.id, now_s=SystemClock().now().timestamp()) if job else None
    standing = read_standing(conn, job.id if job else None, now=now, troubles=troubles)
    return Frame(
        **vars(standing),
        job=job,
        state=state_of(job.status, holder) if job else "",
        used=used,
        limit=limit,
    )
