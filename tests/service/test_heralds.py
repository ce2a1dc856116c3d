"""Milestones are told once each, by bell and by web hook, and no trouble with either touches the job."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cmo.clock import SystemClock
from cmo.config import Settings, Sources, load
from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.service.heralds import Ears, heralded
from cmo.service.milestones import Milestone, milestones
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from tests.fakes.drafts import store_with_drafts
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW

STORY: list[ev.Event] = [
    ev.StageEntered(stage=Stage.DISCOVER),
    ev.StageEntered(stage=Stage.EXTRACT),
    ev.StageEntered(stage=Stage.DISCOVER),
    ev.StageEntered(stage=Stage.EXTRACT),
    ev.JobPaused(reason="budget", message="Ana Marsh <ana@marsh.example> cost too much."),
    ev.JobFailed(code="store_damaged", message="ana@marsh.example broke it"),
]


class Hook(ThreadingHTTPServer):
    """Takes what is posted, with the status it was made for."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.status = status
        self.got: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-path"


class _Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Hook)
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def hook(status: int = 200) -> Iterator[Hook]:
    server = Hook(status)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def conn(tmp_path: Path) -> Connection:
    return open_store(tmp_path / "campaign.db")


def settings_with(tmp_path: Path, notify: str) -> Settings:
    return load(Sources(env={"CMO_HOME": str(tmp_path), "CMO_NOTIFY": notify}, folder=tmp_path))


def happen(conn: Connection, job_id: str, story: list[ev.Event], *, part: int = 0) -> None:
    for n, event in enumerate(story):
        commit(conn, job_id, [(f"{job_id}/{part}/{n}", event)], at=NOW + timedelta(seconds=n), epoch=None)


def told(
    settings: Settings, conn: Connection, job_id: str, work: Callable[[], None]
) -> tuple[list[Milestone], list[str]]:
    """What was rung, and what went wrong, while `work` was done."""
    rung: list[Milestone] = []
    troubles: list[str] = []

    async def main() -> None:
        async with heralded(settings, conn, job_id, SystemClock(), Ears(rung.append, troubles.append)):
            work()

    asyncio.run(main())
    return rung, troubles


def test_each_milestone_is_told_once_by_bell_and_hook_without_a_word_about_a_person(
    tmp_path: Path, conn: Connection
) -> None:
    job = new_job(conn).id
    with hook() as server:
        settings = settings_with(tmp_path, f"bell,{server.url}")
        rung, troubles = told(settings, conn, job, lambda: happen(conn, job, STORY))

    assert [one.kind for one in rung] == ["stage_done", "stage_done", "paused", "failed"]
    assert [body["milestone"] for body in server.got] == [one.kind for one in rung]
    assert server.got[0]["text"] == f"{job} discover is done"
    assert server.got[0]["schema"] == "cmo.milestone/1"
    assert "marsh" not in json.dumps(server.got).lower()
    assert troubles == []


def test_what_was_before_this_run_is_not_told_again(tmp_path: Path, conn: Connection) -> None:
    job = new_job(conn).id
    happen(conn, job, STORY[:3])

    rung, _ = told(settings_with(tmp_path, "bell"), conn, job, lambda: happen(conn, job, STORY[3:5], part=1))

    assert [one.kind for one in rung] == ["paused"]


def test_the_end_of_a_job_is_no_stage_of_it(conn: Connection) -> None:
    job = new_job(conn).id
    happen(conn, job, [ev.StageEntered(stage=Stage.DONE), ev.StageEntered(stage=Stage.DISCOVER)])
    assert milestones(conn, job, after_seq=0) == []


def test_a_hook_that_refuses_or_is_not_there_is_told_by_its_host_alone_and_ends_nothing(
    tmp_path: Path, conn: Connection
) -> None:
    job = new_job(conn).id
    with hook(500) as server:
        gone = Hook(200)
        gone.server_close()
        settings = settings_with(tmp_path, f"{server.url},{gone.url}")
        rung, troubles = told(settings, conn, job, lambda: happen(conn, job, STORY[:2]))

    assert len(rung) == 1
    assert len(troubles) == 2
    assert "it answered 500" in troubles[0]
    assert "secret-path" not in "".join(troubles)


def test_drafts_that_wait_are_counted_when_drafting_is_done_and_at_the_end(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "drafts.db", 3, flagged=0, blocked=0)
    story: list[ev.Event] = [ev.StageEntered(stage=Stage.DRAFT), ev.StageEntered(stage=Stage.EXPORT)]
    before = milestones(conn, job, after_seq=0)[-1]
    happen(conn, job, story, part=1)

    waits = milestones(conn, job, after_seq=before.seq)[-1]
    assert (waits.kind, waits.text) == ("waiting_for_approval", "draft is done: 3 drafts wait for you")
    assert "3 drafts wait for you" in before.text


def test_the_sandbox_says_so(tmp_path: Path, conn: Connection) -> None:
    job = new_job(conn).id
    with hook() as server:
        env = {"CMO_HOME": str(tmp_path), "CMO_NOTIFY": server.url, "CMO_SANDBOX": "1"}
        settings = load(Sources(env=env, folder=tmp_path))
        told(settings, conn, job, lambda: happen(conn, job, STORY[:2]))

    assert server.got[0]["sandbox"] is True
    assert server.got[0]["text"].startswith("SANDBOX: ")
