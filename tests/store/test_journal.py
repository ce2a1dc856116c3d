from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmo.domain.event import PageFinished, StepPlanned
from cmo.domain.job import Job, Stage
from cmo.errors import JobLeased, JobNotFound
from cmo.store import journal
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    conn = open_store(tmp_path / "campaign.db")
    yield conn
    conn.close()


@pytest.fixture
def job(conn: Connection) -> Job:
    return new_job(conn)


def dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_live_lease_is_refused_with_holder_and_time_left(conn: Connection, job: Job) -> None:
    journal.acquire_lease(conn, job.id, owner=f"{socket.gethostname()}:{os.getpid()}", now_s=100)
    with pytest.raises(JobLeased, match=rf"{os.getpid()}.*25 s more") as caught:
        journal.acquire_lease(conn, job.id, owner="other:2", now_s=105)
    assert caught.value.details["lease_until_s"] == 130


def test_the_lease_of_a_dead_process_is_taken_over_at_once(conn: Connection, job: Job) -> None:
    owner = f"{socket.gethostname()}:{dead_pid()}"
    first = journal.acquire_lease(conn, job.id, owner=owner, now_s=100)
    second = journal.acquire_lease(conn, job.id, owner="me:1", now_s=101)
    assert (second.stale_owner, second.epoch) == (owner, first.epoch + 1)


def test_the_lease_of_another_machine_is_taken_over_only_when_it_ran_out(conn: Connection, job: Job) -> None:
    journal.acquire_lease(conn, job.id, owner="elsewhere:7", now_s=100)
    with pytest.raises(JobLeased):
        journal.acquire_lease(conn, job.id, owner="me:1", now_s=129)
    assert journal.acquire_lease(conn, job.id, owner="me:1", now_s=131).epoch == 2


def test_a_heartbeat_prolongs_the_lease_and_fails_once_it_is_lost(conn: Connection, job: Job) -> None:
    lease = journal.acquire_lease(conn, job.id, owner="elsewhere:7", now_s=100)
    journal.renew_lease(conn, lease, now_s=120)
    assert journal.live_holder(conn, job.id, now_s=149) == "elsewhere:7"
    journal.acquire_lease(conn, job.id, owner="elsewhere:8", now_s=200)
    with pytest.raises(JobLeased):
        journal.renew_lease(conn, lease, now_s=201)


def test_a_released_lease_is_free(conn: Connection, job: Job) -> None:
    journal.release_lease(conn, journal.acquire_lease(conn, job.id, owner="elsewhere:7", now_s=100))
    assert journal.live_holder(conn, job.id, now_s=101) is None


def test_leasing_an_unknown_job_says_so(conn: Connection) -> None:
    with pytest.raises(JobNotFound):
        journal.acquire_lease(conn, "cmo-20260101-000000", owner="me:1", now_s=0)


def test_a_step_stands_where_its_last_finished_page_left_it(conn: Connection, job: Job) -> None:
    lease = journal.acquire_lease(conn, job.id, owner="me:1", now_s=0)
    commit(conn, job.id, [("s", StepPlanned(step=1, tool="t", args={}, planner="rules"))], at=NOW, epoch=lease.epoch)
    for page in (1, 2):
        journal.claim_page(conn, lease, 1, page, at=NOW)
        done = PageFinished(
            step=1,
            page=page,
            tool="t",
            stage=Stage.MX,
            processed=3,
            failed=1,
            usage={"x": page},
            cursor={"after": page},
        )
        commit(conn, job.id, [(f"p{page}", done)], at=NOW, epoch=lease.epoch)
    journal.claim_page(conn, lease, 1, 3, at=NOW)
    place = journal.place_in_step(conn, job.id, 1)
    assert (place.page, place.cursor, place.processed, place.failed) == (3, {"after": 2}, 6, 2)
    assert place.tally == {"x": 3}
    step = journal.unfinished_step(conn, job.id)
    assert step is not None
    assert step.n == 1


def test_a_page_cannot_be_claimed_under_a_lost_lease(conn: Connection, job: Job) -> None:
    lease = journal.acquire_lease(conn, job.id, owner="elsewhere:1", now_s=0)
    journal.acquire_lease(conn, job.id, owner="elsewhere:2", now_s=500)
    with pytest.raises(JobLeased):
        journal.claim_page(conn, lease, 1, 1, at=NOW)


def test_control_reaches_the_reader_with_the_name_of_who_asked(conn: Connection, job: Job) -> None:
    assert journal.read_control(conn, job.id) == (None, "")
    journal.set_control(conn, job.id, "pause", by="operator:ana")
    assert journal.read_control(conn, job.id) == ("pause", "operator:ana")


def test_a_process_notices_that_another_one_has_taken_its_job(conn: Connection, job: Job) -> None:
    assert not journal.is_taken_over(conn, job.id)
    journal.acquire_lease(conn, job.id, owner=journal.this_process(), now_s=100)
    assert not journal.is_taken_over(conn, job.id)
    journal.acquire_lease(conn, job.id, owner="elsewhere:7", now_s=100 + 2 * journal.LEASE_TTL_S)
    assert journal.is_taken_over(conn, job.id)
