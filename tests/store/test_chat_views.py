"""The conversation with a job stands in one order, whatever clocks wrote it, and is read by pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cmo.domain import event as ev
from cmo.store.chat_views import count_lines, page_lines
from cmo.store.commit import commit
from cmo.store.db import open_store
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW


def test_a_message_stands_before_the_step_that_read_it_and_what_waits_comes_last(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")
    job = new_job(conn).id
    slow = NOW - timedelta(hours=1)
    happened: list[tuple[ev.Event, datetime]] = [
        (ev.StepPlanned(step=1, tool="one", args={}, planner="rules"), NOW),
        (ev.MessageQueued(by="operator:ana", text="first", later=False), slow),
        (ev.MessageQueued(by="operator:ana", text="dropped", later=False), NOW + timedelta(minutes=1)),
        (ev.MessageDropped(by="operator:ana", message_id=2), slow),
        (ev.FollowUpRead(message_id=1, step=2, effect="yes"), NOW),
        (ev.MessageQueued(by="operator:ana", text="waits", later=True), slow),
        (ev.StepPlanned(step=2, tool="two", args={}, planner="rules"), NOW + timedelta(minutes=2)),
        (ev.StepPlanned(step=3, tool="three", args={}, planner="rules"), NOW + timedelta(minutes=3)),
    ]
    for n, (event, at) in enumerate(happened):
        commit(conn, job, [(f"{job}/{n}", event)], at=at, epoch=None)

    lines = page_lines(conn, job, limit=100)

    words = [line.text for line in lines if line.kind != "answer"]
    assert words == ["one", "first", "dropped", "two", "three", "waits"]
    assert [line.kind for line in lines[1:5]] == ["said", "answer", "said", "answer"]
    assert count_lines(conn, job) == len(lines)
    assert [line for start in range(0, 9, 2) for line in page_lines(conn, job, offset=start, limit=2)] == lines
