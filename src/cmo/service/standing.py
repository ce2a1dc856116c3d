"""What stands in the way of a job and what waits for a person, in the words of all front ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmo.domain.text import clean_line, counted, drafts_wait
from cmo.service.troubles import Trouble
from cmo.store.db import Connection
from cmo.store.draft_views import count_waiting
from cmo.store.groups import count_needing, sending_pause
from cmo.store.outbox_views import count_held_for_person
from cmo.store.request_views import open_requests
from cmo.store.standing_views import stopped
from cmo.store.switches import SENDING, Switch

_LONGEST = 1_000


@dataclass(frozen=True)
class Standing:
    """As of one moment."""

    kill: Switch | None = None
    """All sending is stopped."""
    pause: Switch | None = None
    """Sending of this job, or of all, is paused."""
    drafts: int = 0
    """That wait for a decision."""
    errors: int = 0
    """Groups that nobody has dealt with."""
    doubtful: int = 0
    """Writes that may have left, and of which only a person can say so."""
    requests: int = 0
    """Of the job, that nobody answered."""
    troubles: tuple[Trouble, ...] = ()
    """What is broken, the worst first."""


def read_standing(
    conn: Connection, job_id: str | None, *, now: datetime, troubles: tuple[Trouble, ...] = ()
) -> Standing:
    """How things stand.

    Args:
        troubles: As the last look found them.
    """
    kill = stopped(conn, now=now)
    if job_id is None:
        return Standing(kill=kill, troubles=troubles)
    return Standing(
        kill=kill,
        pause=sending_pause(conn, job_id, now=now),
        drafts=count_waiting(conn, job_id, now=now),
        errors=count_needing(conn, job_id),
        doubtful=count_held_for_person(conn, job_id),
        requests=len(open_requests(conn, job_id)),
        troubles=troubles,
    )


def kill_words(kill: Switch) -> str:
    """Who stopped all sending, and when."""
    by = clean_line(kill.by.removeprefix("operator:"))
    return f"ALL SENDING STOPPED by {by} {kill.at.astimezone():%H:%M}"


def pause_words(pause: Switch) -> tuple[str, str, str]:
    """Since when sending is paused, why, and how it goes on by itself, if it does."""
    why = clean_line(pause.reason, limit=_LONGEST).rstrip(".").replace("paused by operator:", "by ")
    until = f" Goes on {pause.until.astimezone():%H:%M}, one mail first." if pause.until else ""
    return f"Sending paused {pause.at.astimezone():%H:%M}", why, until


def told_kill(kill: Switch) -> tuple[str, str]:
    """That all sending is stopped, and what to do about it."""
    why = clean_line(kill.reason, limit=_LONGEST).rstrip(".")
    return f"{kill_words(kill)}: {why}.", "Let it go on: cmo kill --release --reason TEXT"


def told_pause(pause: Switch, ref: str) -> tuple[str, str]:
    """That sending is paused, and what to do about it.

    Args:
        ref: How the job is named in commands.
    """
    since, why, until = pause_words(pause)
    job = "" if pause.name == SENDING else f" {ref}"
    way = f"When to go on: cmo resume{job} --sending, or cmo pause{job} --sending --for 15m"
    return f"{since}: {why}.{until}", way


def told_trouble(trouble: Trouble) -> tuple[str, str]:
    """What is broken, and what to do about it."""
    fix = clean_line(trouble.fix, limit=_LONGEST)
    return f"Broken: {clean_line(trouble.message, limit=_LONGEST)}", fix[:1].upper() + fix[1:]


def told_drafts(count: int, ref: str) -> str:
    return f"{drafts_wait(count)}: cmo drafts review --job {ref}"


def told_errors(count: int, ref: str) -> str:
    """How many groups of errors wait, and what to type."""
    return f"{counted(count, 'group')} of errors {'needs' if count == 1 else 'need'} you: cmo errors review --job {ref}"


def told_doubtful(count: int, ref: str) -> str:
    """How many writes may have left, and what to type."""
    say = f"only you can say: cmo outbox review --job {ref} --where state:unknown"
    return f"{counted(count, 'write')} may have left, {say}"


def obstacles(standing: Standing, ref: str) -> list[tuple[str, str]]:
    """What stands in the way, the worst first, each with what to do about it."""
    told = [told_kill(standing.kill)] if standing.kill else []
    told += [told_pause(standing.pause, ref)] if standing.pause else []
    return told + [told_trouble(trouble) for trouble in standing.troubles]
