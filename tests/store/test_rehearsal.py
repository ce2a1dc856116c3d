from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmo.domain.job import Mode
from cmo.domain.outbox import NewWrite
from cmo.domain.outward import Operation, Repeat
from cmo.store.db import Connection, open_store
from cmo.store.gate import WriteGate
from cmo.store.jobs import get_job
from cmo.store.outbox_plan import plan_writes
from cmo.store.rehearsal import claim_all, rehearsal
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW

PERSON, ENTRY = (
    Operation(name=name, repeat=Repeat.REPEATABLE, known_by="the address", batch=1, timeout_s=20.0, source="attio.md")
    for name in ("attio.person", "attio.entry")
)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    opened = open_store(tmp_path / "campaign.db")
    job_id = new_job(opened, plan_factory(mode=Mode.SEND_ALLOWED)).id
    plan_writes(
        opened,
        job_id,
        [
            NewWrite(key="p", operation=PERSON.name, payload="{}", content_hash="h", due_at=NOW),
            NewWrite(key="e", operation=ENTRY.name, payload="{}", content_hash="h", after_key="p", due_at=NOW),
        ],
    )
    yield opened
    opened.close()


def rules(conn: Connection, *, doubted: tuple[str, ...]) -> list[str | None]:
    """What the gate says of the person and of the place on the list."""
    job_id = conn.execute("SELECT id FROM jobs").fetchone()["id"]
    assert get_job(conn, job_id).plan.mode is Mode.SEND_ALLOWED
    gate = WriteGate(job_id=job_id, ceiling=Mode.SEND_ALLOWED, secret=b"secret")
    said: list[str | None] = []
    with rehearsal(conn):
        for operation in (PERSON, ENTRY):
            told = claim_all(conn, operation, job_id=job_id, gate=gate, now=NOW, doubted=doubted)
            said += [verdict.rule for verdict, _ in told.values()]
    return said


def test_what_hangs_on_a_write_follows_once_it_would_be_confirmed(conn: Connection) -> None:
    assert rules(conn, doubted=()) == [None, None]


def test_what_hangs_on_a_doubtful_write_waits(conn: Connection) -> None:
    assert rules(conn, doubted=("p",)) == [None, "dependency"]


def test_nothing_is_left_of_a_rehearsal(conn: Connection) -> None:
    with rehearsal(conn):
        conn.execute("DELETE FROM outbox")
    assert conn.execute("SELECT COUNT(*) AS n FROM outbox").fetchone()["n"] == 2
