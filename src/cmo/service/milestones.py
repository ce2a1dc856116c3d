"""What of a job's story a person is told of without asking: stages done, the end, drafts that wait, what it asks
for, pauses, failure.

The words hold counts and ids only: they may go to a web hook.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.store.db import Connection
from cmo.store.draft_views import count_waiting
from cmo.store.events import of_kinds
from cmo.store.request_views import open_requests

Kind = Literal["stage_done", "waiting_for_approval", "goal_reached", "finished", "paused", "failed", "asked"]
_KINDS = ("stage_entered", "request_asked", "job_paused", "job_finished", "job_failed")


@dataclass(frozen=True)
class Milestone:
    """One of them."""

    seq: int
    """Of the event behind it."""
    kind: Kind
    text: str
    at: datetime

    def sentence(self, job_id: str, *, sandbox: bool) -> str:
        return f"{'SANDBOX: ' if sandbox else ''}{job_id} {self.text}"


def milestones(conn: Connection, job_id: str, *, after_seq: int) -> list[Milestone]:
    """Those of the job whose event comes after `after_seq`, oldest first; a stage is done once, though it may run
    again for a wider search."""
    if not of_kinds(conn, job_id, _KINDS, after_seq=after_seq):
        return []
    return [one for one in _all(conn, job_id) if one.seq > after_seq]


def _all(conn: Connection, job_id: str) -> Iterator[Milestone]:
    stage, done = Stage.INITIALIZATION, {Stage.INITIALIZATION, Stage.DONE}
    waiting = {request.id for request in open_requests(conn, job_id)}
    for item in of_kinds(conn, job_id, _KINDS):
        match item.event:
            case ev.StageEntered(stage=entered):
                left, stage = stage, entered
                if left not in done:
                    done.add(left)
                    yield _stage_done(conn, item, left)
            case ev.JobFinished(good_leads=good, shortfall=shortfall):
                waits = _waiting(conn, item)
                reached: Kind = "goal_reached" if shortfall is None else "finished"
                text = "the goal is reached" if shortfall is None else "finished short of its goal"
                yield Milestone(item.seq, reached, f"{text}: {good:,} good leads{waits and f', {waits}'}", item.at)
            case ev.RequestAsked() as asked if asked.request in waiting:
                yield Milestone(item.seq, "asked", f"asks to {asked.wish}: cmo requests allow {asked.request}", item.at)
            case ev.JobPaused(reason=reason):
                yield Milestone(item.seq, "paused", f"paused ({reason}); cmo resume goes on", item.at)
            case ev.JobFailed(code=code):
                yield Milestone(item.seq, "failed", f"failed ({code}); cmo logs says why", item.at)
            case _:  # of no other kind
                pass


def _stage_done(conn: Connection, item: ev.Recorded, stage: Stage) -> Milestone:
    waits = _waiting(conn, item) if stage is Stage.DRAFT else ""
    if waits:
        return Milestone(item.seq, "waiting_for_approval", f"{stage} is done: {waits}", item.at)
    return Milestone(item.seq, "stage_done", f"{stage} is done", item.at)


def _waiting(conn: Connection, item: ev.Recorded) -> str:
    waiting = count_waiting(conn, item.job_id, now=item.at)
    return f"{waiting:,} drafts wait for you" if waiting else ""
