"""What jobs came to, each said once: whoever runs them, and from when the screen was opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cmo.domain.job import JobStatus
from cmo.service.milestones import Milestone, milestones
from cmo.store.events import last_seq
from cmo.store.job_views import JobPulse, job_states
from cmo.tui.desk import Desk
from cmo.tui.feed import what_changed

STAGES = ("stage_done", "waiting_for_approval", "asked")
"""Milestones that change no job's state."""


@dataclass(frozen=True)
class News:
    """One thing to say."""

    text: str
    is_failure: bool = False
    """It stays until dismissed."""


@dataclass
class Teller:
    """Remembers what was said."""

    desk: Desk
    has_rung: bool = field(default=False, init=False)
    """Whether the last `news` held a milestone of the job in view."""
    _states: Mapping[str, JobPulse] | None = field(default=None, init=False)
    _told: tuple[str, int] = field(default=("", 0), init=False)
    """The job in view, and the last event of its milestones that was said."""

    def news(self) -> Iterator[News]:
        """What is new since it was asked last; nothing the first time."""
        before, self._states = self._states, job_states(self.desk.conn)
        for job in self._states.values() if before is not None else ():
            if told := what_changed(before.get(job.id) if before else None, job):
                yield News(told, is_failure=job.status is JobStatus.FAILED)
        new = self._milestones()
        self.has_rung = bool(new)
        stages = [one.text for one in new if one.kind in STAGES]
        if stages:
            yield News(f"This job: {'; '.join(stages)}")

    def _milestones(self) -> list[Milestone]:
        """Those of the job in view since it was looked at first."""
        job_id = self.desk.job_id
        if job_id is None:
            return []
        if job_id != self._told[0]:
            self._told = job_id, last_seq(self.desk.conn)
        new = milestones(self.desk.conn, job_id, after_seq=self._told[1])
        if new:
            self._told = job_id, new[-1].seq
        return new
