"""Rows are what the events say: replaying a job's events into a new store gives the same rows."""

from __future__ import annotations

from pathlib import Path

from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.events import iter_events
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import FakeCodeHost
from tests.fakes.rigs import Rig

SAME = {
    "repos": "job_id, n",
    "candidates": "n",
    "candidate_repos": "login_key, repo_id",
    "drops": "login_key",
    "emails": "n",
    "verdicts": "email",
    "leads": "number",
    "searches": "n",
    "counters": "name",
    "steps": "n",
    "failures": "tool, item",
    "checkpoints": "path",
    "identities": "key",
}


def rows(conn: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {t: [tuple(r) for r in conn.execute(f"SELECT * FROM {t} ORDER BY {key}")] for t, key in SAME.items()}


def test_replaying_the_events_of_a_job_rebuilds_its_rows(tmp_path: Path) -> None:
    plan = plan_factory(target=40)
    rig = Rig(tmp_path, plan=plan, host=FakeCodeHost(repos=15, people_each=3))
    conn = rig.open()
    job = rig.run(conn, new_job(conn, plan))
    copy = open_store(tmp_path / "copy.db")
    new_job(copy, plan)
    for recorded in iter_events(conn, job.id):
        commit(copy, job.id, [(recorded.id, recorded.event)], at=recorded.at, epoch=None)
    assert rows(copy) == rows(conn)
    assert rows(conn)["leads"]
    conn.close()
    copy.close()
