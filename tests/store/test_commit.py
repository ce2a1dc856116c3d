from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from cmo.domain.event import CandidateFound, Event, PageFinished, RepoFound, SearchWidened
from cmo.domain.job import Job, Stage
from cmo.errors import JobLeased
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.events import tail
from cmo.store.journal import acquire_lease
from cmo.store.progress import counters, progress
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW, ref_factory, repo_factory


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    conn = open_store(tmp_path / "campaign.db")
    yield conn
    conn.close()


@pytest.fixture
def job(conn: Connection) -> Job:
    return new_job(conn)


def page_factory(page: int = 1) -> PageFinished:
    return PageFinished(
        step=1, page=page, tool="x", stage=Stage.DISCOVER, processed=1, failed=0, usage={"github_points": 3}
    )


def test_events_and_their_rows_are_stored_together(conn: Connection, job: Job) -> None:
    recorded = commit(conn, job.id, [("a", RepoFound(repo=repo_factory(), query="q"))], at=NOW, epoch=None)
    assert [r.event for r in tail(conn, job.id)] == [r.event for r in recorded]
    assert progress(conn, job.id, now=NOW).repos == 1


def test_committing_the_same_ids_again_changes_nothing(conn: Connection, job: Job) -> None:
    events: list[tuple[str, Event]] = [("a", page_factory()), ("b", CandidateFound(ref=ref_factory()))]
    commit(conn, job.id, events, at=NOW, epoch=None)
    assert commit(conn, job.id, events, at=NOW, epoch=None) == []
    assert counters(conn, job.id) == {"github_points": 3}


def test_a_holder_whose_lease_was_taken_over_writes_nothing(conn: Connection, job: Job) -> None:
    first = acquire_lease(conn, job.id, owner="elsewhere:1", now_s=0)
    acquire_lease(conn, job.id, owner="elsewhere:2", now_s=1_000)
    with pytest.raises(JobLeased, match="taken over"):
        commit(conn, job.id, [("a", page_factory())], at=NOW, epoch=first.epoch)
    assert tail(conn, job.id) == []


def test_an_event_that_cannot_be_applied_leaves_nothing_behind(conn: Connection, job: Job) -> None:
    broken = SearchWidened(knob="topics", before="", after="", why="", changes={}, search={"languages": 5})
    with pytest.raises(ValidationError):
        commit(conn, job.id, [("a", page_factory()), ("b", broken)], at=NOW, epoch=None)
    assert tail(conn, job.id) == []
    assert counters(conn, job.id) == {}


def test_a_person_seen_on_two_repositories_is_one_candidate_with_the_sum_of_contributions(
    conn: Connection, job: Job
) -> None:
    refs = [ref_factory("Ana", 1, contributions=4), ref_factory("ana", 2, contributions=6)]
    commit(conn, job.id, [(str(i), CandidateFound(ref=ref)) for i, ref in enumerate(refs)], at=NOW, epoch=None)
    rows = conn.execute("SELECT login, contributions FROM candidates").fetchall()
    assert [tuple(row) for row in rows] == [("Ana", 10)]


def test_events_keep_the_order_of_commits(conn: Connection, job: Job) -> None:
    for n in range(5):
        commit(conn, job.id, [(str(n), page_factory(n))], at=NOW - timedelta(hours=n), epoch=None)
    pages = [r.event.page for r in tail(conn, job.id) if isinstance(r.event, PageFinished)]
    assert pages == [0, 1, 2, 3, 4]
