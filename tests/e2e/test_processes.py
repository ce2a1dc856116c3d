"""One job, several processes: one of them runs it, the others can stop it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cmo.domain.event import JobCancelled, JobStarted, PageFinished
from cmo.domain.job import JobStatus
from cmo.errors import JobLeased, JobNotResumable
from cmo.sandbox import Books
from cmo.sandbox.books import Entry
from cmo.store import journal
from cmo.store.db import open_store
from tests.e2e.conftest import Undisturbed
from tests.e2e.driver import Api, Listen, Site, outside_of, sandbox
from tests.e2e.hand import Hand

PATIENCE_S = 20.0


class Watched(Books):
    """Books that do something once, when the `at`-th request is written down; the request waits for it."""

    def __init__(self, at: int, act: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._at = at
        self.act = act

    def record(self, entry: Entry) -> None:
        super().record(entry)
        if len(self.entries) == self._at:
            self.act()


def pause_when_people_are_known(site: Site) -> Listen:
    return lambda: "pause" if site.count("candidates") else None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the jobs' processes are forked")
def test_a_job_that_a_process_runs_is_refused_to_a_second(hand: Hand, tmp_path: Path, undisturbed: Undisturbed) -> None:
    reached, refused = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert refused.wait(PATIENCE_S)

    with sandbox(books=Watched(3, hold)) as running:
        site = Site(tmp_path, outside_of(running))
        first = hand.start(site)
        assert reached.wait(PATIENCE_S)
        with pytest.raises(JobLeased, match=f":{first}") as error:
            site.run()
        refused.set()
        assert hand.wait(first) == 0
    assert "cmo pause" in error.value.hint
    assert site.events(JobStarted) == [JobStarted(by="operator:test", resumed=False)]
    assert site.leads() == undisturbed("graphql").site.leads()


@pytest.mark.parametrize(("api", "at"), [("graphql", 1), ("graphql", 2), ("graphql", 4), ("rest", 2), ("rest", 30)])
def test_a_pause_from_another_connection_stops_the_job_within_a_page(
    tmp_path: Path, undisturbed: Undisturbed, api: Api, at: int
) -> None:
    done_before: list[int] = []

    def pause() -> None:
        conn = open_store(site.settings.paths.db)
        done_before.append(conn.execute("SELECT COUNT(*) FROM calls WHERE state = 'finished'").fetchone()[0])
        journal.set_control(conn, site.job().id, "pause", by="operator:other")
        conn.close()

    books = Watched(at)
    with sandbox(books=books) as running:
        site = Site(tmp_path, outside_of(running, api=api))
        books.act = pause
        paused = site.run()
        assert paused.status is JobStatus.PAUSED
        assert paused.ended_reason == "Paused by other."
        assert len(site.events(PageFinished)) - done_before[0] <= 1
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed(api).site.leads()
    assert len(site.events(JobStarted)) == 2


def test_a_cancel_from_another_connection_ends_the_job_for_good(tmp_path: Path) -> None:
    def cancel() -> None:
        conn = open_store(site.settings.paths.db)
        journal.set_control(conn, site.job().id, "cancel", by="operator:other")
        conn.close()

    books = Watched(4)
    with sandbox(books=books) as running:
        site = Site(tmp_path, outside_of(running))
        books.act = cancel
        assert site.run().status is JobStatus.CANCELLED
        with pytest.raises(JobNotResumable):
            site.run()
    assert site.events(JobCancelled) == [JobCancelled(by="operator:other")]
    assert site.count("repos") == 10


def test_a_process_that_lost_its_job_stops_and_writes_nothing_more(tmp_path: Path, undisturbed: Undisturbed) -> None:
    def take_over() -> None:
        conn = open_store(site.settings.paths.db)
        conn.execute("UPDATE jobs SET lease_owner = 'elsewhere:1', lease_epoch = lease_epoch + 1")
        seen.append(conn.execute("SELECT MAX(seq) FROM events").fetchone()[0])
        conn.close()

    seen: list[int] = []
    books = Watched(4)
    with sandbox(books=books) as running:
        site = Site(tmp_path, outside_of(running))
        books.act = take_over
        with pytest.raises(JobLeased):
            site.run()
        assert site.ask("SELECT MAX(seq) FROM events") == [(seen[0],)]
        assert site.ask("SELECT lease_owner FROM jobs") == [("elsewhere:1",)]
        with site.store() as conn:
            conn.execute("UPDATE jobs SET lease_until = 0")
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("graphql").site.leads()


def test_a_log_whose_last_line_was_cut_by_a_kill_is_mended(tmp_path: Path) -> None:
    with sandbox() as running:
        site = Site(tmp_path, outside_of(running))
        assert site.run(listen=pause_when_people_are_known(site)).status is JobStatus.PAUSED
        log = site.folder / "logs" / "events.ndjson"
        log.write_bytes(log.read_bytes()[:-30])
        assert site.run().status is JobStatus.FINISHED
    lines = log.read_text().splitlines()
    seqs = [json.loads(line)["seq"] for line in lines]
    assert seqs == [seq for (seq,) in site.ask("SELECT seq FROM events WHERE is_run = 1 ORDER BY seq")]


def test_a_job_whose_bookmark_was_lost_goes_on(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with sandbox() as running:
        site = Site(tmp_path, outside_of(running))
        assert site.run(listen=pause_when_people_are_known(site)).status is JobStatus.PAUSED
        for path in site.settings.paths.graph_dir.iterdir():
            path.unlink()
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("graphql").site.leads()
