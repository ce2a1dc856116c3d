"""`cmo chat`: a line reaches the job, what came of it is told, and a goal becomes a job only with a yes."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.messages import list_messages
from tests.cli.harness import Cmo
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW

HOSTILE = "[/] \x1b]52;c;aGk=\x07 \u202egnp.exe"


@pytest.fixture
def conn(cmo: Cmo) -> Connection:
    cmo.home.mkdir()
    return open_store(cmo.home / "campaign.db")


@pytest.fixture
def job(conn: Connection) -> str:
    """A paused job, with a message that was read and a call that was made."""
    job = new_job(conn)
    happened: list[ev.Event] = [
        ev.JobStarted(by="operator:ana", resumed=False),
        ev.MessageQueued(by="operator:ana", text=f"only maintainers {HOSTILE}", later=False),
        ev.FollowUpRead(message_id=1, step=1, effect="roles: any -> maintainer."),
        ev.StepPlanned(step=1, tool="search_github_repos", args={}, planner="rules"),
        ev.StepFinished(step=1, tool="search_github_repos", stage=Stage.DISCOVER, result={"processed": 30}),
        ev.JobPaused(reason="asked", message="Paused by operator:ana."),
    ]
    for n, event in enumerate(happened):
        commit(conn, job.id, [(f"{job.id}/{n}", event)], at=NOW + timedelta(seconds=n), epoch=None)
    return job.id


def waiting(conn: Connection, job: str) -> list[tuple[str, bool, str]]:
    return [(message.text, message.is_later, message.state) for message in list_messages(conn, job)][1:]


def test_a_named_job_is_told_what_is_typed_and_its_story_is_shown_first(cmo: Cmo, conn: Connection, job: str) -> None:
    result = cmo("chat", "--job", job, stdin="skip crypto\n/later at least 500 stars\n/quit\nnever\n", tty=True)

    assert result.code == 0, result.err
    assert "message read at step 1: roles: any -> maintainer." in result.out
    assert "step 1 done: search_github_repos" in result.out
    assert "\x1b" not in result.out
    assert "Message 2 is queued; it is read at the next step. It means:" in " ".join(result.err.split())
    assert waiting(conn, job) == [("skip crypto", False, "queued"), ("at least 500 stars", True, "queued")]


def test_a_message_is_taken_back_by_its_number(cmo: Cmo, conn: Connection, job: str) -> None:
    result = cmo("chat", "--job", job, stdin="skip crypto\n/drop 2\n/drop 2\n/drop x\n/nonsense\n", tty=True)

    assert result.code == 0, result.err
    assert waiting(conn, job) == [("skip crypto", False, "dropped")]
    said = " ".join(result.err.split())
    assert "Message 2 was taken back." in said
    assert "Message 2 is not waiting." in said
    assert "There is no /nonsense here." in said


def test_lines_may_come_from_a_pipe_and_what_happened_is_json_where_asked(cmo: Cmo, conn: Connection, job: str) -> None:
    result = cmo("chat", "--job", job, "--json", stdin="skip crypto\n")

    rows = [json.loads(row) for row in result.out.splitlines()]
    assert [row["kind"] for row in rows][-2:] == ["step_finished", "job_paused"]
    assert {row["schema"] for row in rows} == {"cmo.chat/1"}
    assert waiting(conn, job) == [("skip crypto", False, "queued")]


def test_where_no_job_runs_a_line_is_a_goal_and_no_means_no(cmo: Cmo, job: str) -> None:
    env = {"GITHUB_TOKEN": "x" * 40}
    result = cmo("chat", stdin="find 20 python maintainers\nq\n", tty=True, env=env)

    assert result.code == 0, result.err
    assert "No job runs. Type a goal" in result.err
    assert "Target" in result.err
    assert "Nothing was started." in result.err
    assert len(cmo("jobs", "list", "--json").document["data"]) == 1


def test_a_goal_on_a_pipe_starts_nothing(cmo: Cmo, conn: Connection) -> None:
    assert cmo("chat", stdin="find 20 python maintainers\n").code == 5
    assert conn.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] == 0


def test_a_goal_that_means_nothing_does_not_end_the_conversation(cmo: Cmo) -> None:
    result = cmo("chat", stdin="\nhm\n/later x\n/quit\n", tty=True)

    assert result.code == 0, result.err
    assert "No job runs that could read it later." in result.err


@contextmanager
def at_a_terminal(cmo: Cmo, *argv: str) -> Iterator[int]:
    """A command in a process of its own, at a terminal of its own; both ends read and write it."""
    mine, its = pty.openpty()
    env = {**os.environ, **cmo.env, "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cmo", *argv], stdin=its, stdout=its, stderr=its, env=env, cwd=cmo.folder
    )
    os.close(its)
    try:
        yield mine
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(mine)


def until(terminal: int, words: str, seen: bytearray) -> None:
    """Read on until `words` were said, since the last time."""
    while words.encode() not in seen:
        assert select.select([terminal], [], [], 30)[0], f"{words!r} was never said; seen: {bytes(seen)!r}"
        seen += os.read(terminal, 65_536)
    del seen[: seen.index(words.encode()) + len(words)]


def test_a_goal_becomes_a_job_whose_story_is_told_while_nothing_is_typed(cmo: Cmo) -> None:
    with at_a_terminal(cmo, "--sandbox", "chat") as terminal:
        seen = bytearray()
        until(terminal, "No job runs.", seen)
        os.write(terminal, b"find 5 python maintainers\n")
        until(terminal, "Start?", seen)
        os.write(terminal, b"\n")
        until(terminal, "works in the background", seen)
        until(terminal, "finished: ", seen)
        until(terminal, "The next line is a goal.", seen)
        os.write(terminal, b"/quit\n")
        until(terminal, "/quit", seen)

    assert cmo("status", "--sandbox", "--json").document["data"]["status"] == "finished"
