"""Rows are what the events say: replaying a job's events into a new store gives the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmo.domain.event import Event, LeadOutcomeSet, LeadStatusSet, MessageQueued
from cmo.domain.lead import ItemFailure, PersonProfile
from cmo.domain.outcome import LeadStatus, Outcome
from cmo.providers.ports import PersonKey
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.events import iter_events
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, FakeCodeHost
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
    "messages": "n",
    "jobs": "id",
    "suppressions": "kind, value",
    "holds": "kind, value",
    "merges": "kept, merged",
    "failures": "tool, item",
    "checkpoints": "path",
    "identities": "key",
}


UNRECORDED = {"lease_owner", "lease_epoch", "lease_until", "control", "control_by"}
"""What belongs to processes, not to the job's history."""


def rows(conn: Connection) -> dict[str, list[dict[str, object]]]:
    found = {}
    for table, key in SAME.items():
        read = conn.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()
        found[table] = [{k: v for k, v in dict(row).items() if k not in UNRECORDED} for row in read]
    return found


@dataclass
class Mixed(FakeCodeHost):
    """One person is gone, and one asks to be left alone."""

    async def fetch_profiles(
        self, people: Sequence[PersonKey]
    ) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        profiles, _ = await super().fetch_profiles(people)
        gone = ItemFailure(item=profiles[0].login, code="not_found", message="gone")
        shy = profiles[1].model_copy(update={"bio": "Please no cold email."})
        return (shy, *profiles[2:]), (gone,)


def test_replaying_the_events_of_a_job_rebuilds_its_rows(tmp_path: Path) -> None:
    plan = plan_factory(target=40)
    rig = Rig(tmp_path, plan=plan, host=Mixed(repos=15, people_each=3))
    conn = rig.open()
    job = new_job(conn, plan)
    said = [MessageQueued(by="operator:test", text=text, later=False) for text in ("make it 30", "skip crypto repos")]
    commit(conn, job.id, [(str(n), event) for n, event in enumerate(said)], at=NOW, epoch=None)
    rig.run(conn, job)
    login = conn.execute("SELECT login FROM candidates WHERE state = 'accepted'").fetchone()["login"]
    told: list[Event] = [LeadOutcomeSet(login=login, by="operator:test", outcome=Outcome.BOOKED_DEMO),
            LeadStatusSet(login=login, by="operator:test", status=LeadStatus.QUALIFIED)]  # fmt: skip
    commit(conn, job.id, [(f"told/{n}", event) for n, event in enumerate(told)], at=NOW, epoch=None)
    copy = open_store(tmp_path / "copy.db")
    new_job(copy, plan)
    for recorded in iter_events(conn, job.id):
        commit(copy, job.id, [(recorded.id, recorded.event)], at=recorded.at, epoch=None)
    assert rows(copy) == rows(conn)
    assert all(rows(conn)[table] for table in ("leads", "messages", "failures", "suppressions", "holds"))
    conn.close()
    copy.close()
