"""What several commands need of a job: which one is meant, and how to name it shortly."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from cmo import service
from cmo.cli.errors import Left, UsageProblem
from cmo.cli.session import Session
from cmo.domain.text import moment as text_moment
from cmo.errors import JobNotFound
from cmo.store import views

if TYPE_CHECKING:
    from sqlite3 import Connection

    from cmo.service.standing import Standing


@contextmanager
def opened_job(here: Session, ref: str | None) -> Iterator[tuple[Connection, str]]:
    """The store for reading, and the id of the job that `ref` names.

    Raises:
        JobNotFound: none, or several.
    """
    try:
        with service.reader(here.settings) as conn:
            yield conn, service.resolve_job(conn, ref)
    except JobNotFound as error:
        raise _elsewhere(here, error) from error


def _elsewhere(here: Session, error: JobNotFound) -> JobNotFound:
    """The same, with the way to the sandbox's jobs where there are some."""
    from cmo.config import find_paths

    if here.sandbox or not find_paths(replace(here.sources, sandbox=True)).db.exists():
        return error
    words = shlex.join(here.argv)
    hint = f"{error.hint}\nA sandbox job exists: cmo --sandbox {words}"
    return JobNotFound(error.message, hint=hint, details=error.details)


def tell_obstacles(here: Session, conn: Connection, job_id: str) -> None:
    """Warn of what stands in the job's way: stopped, paused, broken."""
    from cmo.service.standing import obstacles

    for words, way in obstacles(read_standing(here, conn, job_id), short_ref(conn, job_id)):
        here.say.warn(words, way)


def read_standing(here: Session, conn: Connection, job_id: str) -> Standing:
    """What stands in the job's way, and what waits for a person."""
    from cmo.service import standing
    from cmo.service.troubles import find_troubles, free_bytes

    now = service.clock_of(here.settings).now()
    troubles = find_troubles(conn, job_id, now=now, free=free_bytes(here.settings.paths.data_dir))
    return standing.read_standing(conn, job_id, now=now, troubles=troubles)


def short_ref(conn: Connection, job_id: str) -> str:
    """The part of the id that is typed: the time of day, where only this job has it."""
    part = job_id.split("-", 2)[2]
    return part if views.match_jobs(conn, part) == [job_id] else job_id


def moment(text: str, *, now: datetime) -> datetime:
    """A time given as `10m`, `2h`, `7d` ago, or as ISO 8601.

    Raises:
        UsageProblem
    """
    try:
        return text_moment(text, now=now)
    except ValueError:
        raise UsageProblem(f"{text!r} is no time.", hint="e.g. 10m, 2h, 7d or 2026-11-20T14:00") from None


def seconds(text: str) -> float:
    """A duration such as `2s`, `500ms`, `1m` or plain seconds.

    Raises:
        UsageProblem
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(ms|s|m|h)?", text.strip().lower())
    value = 0.0 if not found else float(found[1]) * {"ms": 0.001, "m": 60, "h": 3_600}.get(found[2] or "s", 1)
    if not 0.1 <= value <= 86_400:
        raise UsageProblem(f"{text!r} is no interval.", hint="e.g. 2s, 500ms or 1m")
    return value


def agree(here: Session, question: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back; `--yes` answers.

    Raises:
        NeedsPerson: there is no terminal to ask on.
        Left: the answer is no.
    """
    if not yes and not here.ask.confirm(question, default=False):
        raise Left("Nothing was changed.")
