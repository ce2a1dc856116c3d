"""The program as an operator starts it, pointed at another GitHub by nothing but its environment."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cmo.clock import ScaledClock
from cmo.sandbox import Books, Sandbox, SandboxSettings
from cmo.sandbox.books import Entry

GOAL = ("run", "find 20 py maintainers", "--yes", "--max-repos", "12", "--topic", "ci", "--topic", "pytest")
PATIENCE_S = 60.0
TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Ended:
    """A command that ran in a process of its own."""

    code: int
    out: str
    err: str


class Interrupting(Books):
    """Books that send Ctrl-C to a process when the second request is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.process: Future[int] = Future()

    def record(self, entry: Entry) -> None:
        super().record(entry)
        if len(self.entries) == 2:
            os.kill(self.process.result(timeout=PATIENCE_S), signal.SIGINT)


def start_cmo(home: Path, *words: str, **places: str) -> subprocess.Popen[str]:
    """Start `cmo WORDS` in `home`, with the variables `places`."""
    home.mkdir(exist_ok=True)
    env = {**os.environ, "CMO_HOME": str(home), **places}
    command = [sys.executable, "-m", "cmo", *words]
    return subprocess.Popen(command, cwd=home, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Ended(process.returncode, out, err)


@contextmanager
def living(books: Books | None = None) -> Iterator[Sandbox]:
    """A GitHub whose world began today, as the built-in one does, and whose hours pass as the machine's do."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    running = Sandbox(SandboxSettings(anchor_at=today, token=TOKEN), clock=ScaledClock(now, speed=1_000))
    running.books = books or running.books
    with running:
        yield running


def leads_in(home: Path) -> list[tuple[Any, ...]]:
    (store,) = home.rglob("campaign.db")
    with closing(sqlite3.connect(store)) as conn:
        return conn.execute("SELECT number, login_key, email, email_class, held, score FROM leads").fetchall()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A run against another GitHub, named by variables alone."""
    home = tmp_path_factory.mktemp("live")
    with living() as running:
        end = ended(start_cmo(home, *GOAL, **running.environment()))
        assert running.books.totals().requests > 0
    return home, end


def test_a_live_run_against_another_github_finds_what_the_sandbox_run_finds(
    tmp_path: Path, live: tuple[Path, Ended]
) -> None:
    home, end = live
    assert end.code == 0, end.err
    assert ended(start_cmo(tmp_path, "--sandbox", *GOAL)).code == 0
    assert len(leads_in(home)) >= 20
    assert leads_in(home) == leads_in(tmp_path)


def test_a_live_run_says_nothing_of_a_sandbox_and_keeps_its_key_to_itself(live: tuple[Path, Ended]) -> None:
    home, end = live
    files = [path for path in home.rglob("*") if path.is_file()]
    assert "sandbox" not in (end.out + end.err).lower()
    assert TOKEN not in end.out + end.err
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


def test_ctrl_c_pauses_the_run_and_resume_finds_the_rest(tmp_path: Path, live: tuple[Path, Ended]) -> None:
    books = Interrupting()
    with living(books) as running:
        process = start_cmo(tmp_path, *GOAL, **running.environment())
        books.process.set_result(process.pid)
        paused = ended(process)
        resumed = ended(start_cmo(tmp_path, "resume", "last", **running.environment()))
    assert paused.code == 75
    assert "Pausing" in paused.err
    assert "cmo resume" in paused.err
    assert resumed.code == 0, resumed.err
    assert leads_in(tmp_path) == leads_in(live[0])


def test_the_whole_log_of_a_run_can_be_shown(live: tuple[Path, Ended]) -> None:
    shown = ended(start_cmo(live[0], "logs", "last", "--all"))
    assert shown.code == 0, shown.err
