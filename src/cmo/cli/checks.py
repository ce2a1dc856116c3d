"""What `cmo doctor` checks on this machine; reads, and changes nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cmo.cli.session import Session
from cmo.cli.terminal import thousands
from cmo.config import CREDENTIALS, SPECS, Problem, Settings
from cmo.errors import CmoError

State = Literal["ok", "warn", "fail", "skip"]
SAFE_SQLITE = (3, 51, 3)
"""The first release without the WAL-reset race (https://www.sqlite.org/changes.html)."""
_LEAST_SIZE = (60, 16)


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    state: State
    message: str
    fix: str = ""
    """One command or one sentence."""
    unreachable: bool = False
    """It failed because nobody answered."""

    def as_row(self, head: str = "check") -> dict[str, str]:
        return {"state": self.state, head: self.name, "message": self.message, "fix": self.fix}


def local(here: Session, settings: Settings, problems: tuple[Problem, ...]) -> list[Check]:
    """Every check that needs no network."""
    from cmo.cli.probes import mail_checks

    return [
        _runtime(),
        *_settings(settings, problems),
        *_store(here, settings),
        _disk(settings),
        *_jobs(here, settings),
        *_keys(settings),
        *mail_checks(settings),
        _terminal(here),
    ]


def _runtime() -> Check:
    found = sqlite3.sqlite_version_info
    text = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {sys.platform}"
    if found < (3, 35, 0):
        return Check("runtime", "fail", f"{text}: SQLite is too old.", "Install a Python with SQLite 3.35 or newer.")
    return Check("runtime", "ok", text)


def _settings(settings: Settings, problems: tuple[Problem, ...]) -> list[Check]:
    checks = [Check("settings", "fail" if p.fatal else "warn", p.message, p.hint) for p in problems]
    for key, spec in SPECS.items():
        winner, *rest = settings.origins[key]
        hidden = next((o for o in rest if o.layer != "default" and o.value != winner.value), None)
        if hidden is not None and winner.layer != "sandbox":
            where = hidden.source or hidden.layer
            text = f"{key}: {spec.kind.to_text(hidden.value)} in {where} is hidden by {winner.source}"
            checks.append(Check("settings", "warn", text, "cmo config show --origin"))
    if not checks:
        count = sum(origins[0].layer != "default" for origins in settings.origins.values())
        where = "" if settings.profile == "default" else f", profile {settings.profile}"
        checks.append(Check("settings", "ok", f"{count} set, the rest are defaults{where}"))
    return checks


def _store(here: Session, settings: Settings) -> list[Check]:
    path = settings.paths.db
    if not path.exists():
        writable = _is_writable(path.parent)
        return [Check("store", "ok" if writable else "fail", f"none yet; {path} is made by the first job", ""
                      if writable else f"Make {path.parent} writable, or set CMO_HOME.")]  # fmt: skip
    from cmo import service
    from cmo.store import views

    try:
        with service.reader(settings) as conn:
            jobs, key = views.list_jobs(conn, limit=10_000), _installation_key(settings, conn)
    except CmoError as error:
        return [Check("store", "fail", error.message, error.hint)]
    size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
    held = f"{thousands(len(jobs))} job{'' if len(jobs) == 1 else 's'}, {_megabytes(size)} at {path}"
    return [Check("store", "ok", held), *key]


def _installation_key(settings: Settings, conn: sqlite3.Connection) -> list[Check]:
    """What is wrong with the key that the erased are recognised by."""
    from cmo import service

    try:
        service.known_key(settings, conn)
    except CmoError as error:
        return [Check("key", "fail", error.message, error.hint)]
    return []


def _disk(settings: Settings) -> Check:
    from cmo.service.troubles import LEAST_FREE, free_bytes

    free = free_bytes(settings.paths.data_dir)
    text = f"{_megabytes(free)} free"
    if free < LEAST_FREE:
        return Check("disk", "warn", f"{text}: a job may need more.", "Free some space, or move CMO_HOME or BLOB_DIR.")
    return Check("disk", "ok", text)


def _jobs(here: Session, settings: Settings) -> list[Check]:
    if not settings.paths.db.exists():
        return []
    from cmo import service
    from cmo.domain.job import JobStatus
    from cmo.store import views

    try:
        with service.reader(settings) as conn:
            running = views.list_jobs(conn, status=JobStatus.RUNNING)
            words = {job.id: service.summary(settings, conn, job.id).state for job in running}
    except CmoError:
        return []  # `_store` tells it
    stopped = [job_id for job_id, word in words.items() if word == "stopped"]
    return [
        Check("jobs", "warn", f"{job} stopped without saying so; nothing is lost", f"cmo resume {job}")
        for job in stopped
    ]


def _keys(settings: Settings) -> list[Check]:
    if settings.sandbox:
        return [Check("keys", "skip", "the sandbox uses none")]
    checks = []
    for name in CREDENTIALS:
        try:
            places = settings.secrets.places(name)
        except CmoError as error:
            return [Check("keys", "fail", error.message, error.hint)]
        if len(places) > 1 and any(place.secret != places[0].secret for place in places[1:]):
            hidden = ", ".join(place.source for place in places[1:])
            checks.append(Check(name, "warn", f"the key in {hidden} is hidden by {places[0].source}", "cmo auth list"))
    return checks


def _terminal(here: Session) -> Check:
    terminal = here.err_terminal if here.err_terminal.is_tty else here.out.terminal
    if not terminal.is_tty:
        return Check("terminal", "skip", "output goes to a pipe or file")
    width, height = terminal.width, terminal.height
    text = f"{width}x{height}, {'colour' if terminal.color else 'no colour'}, {'signs' if terminal.glyphs else 'words'}"
    if width < _LEAST_SIZE[0] or height < _LEAST_SIZE[1]:
        return Check("terminal", "warn", f"{text}: small", "cmo watch --plain works in any size")
    return Check("terminal", "ok", text)


def _is_writable(folder: Path) -> bool:
    from cmo.service.troubles import existing

    return os.access(existing(folder), os.W_OK)


def _megabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
