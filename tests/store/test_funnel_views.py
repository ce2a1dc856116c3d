"""The funnel: each step a part of the one before, and why the others are missing."""

from __future__ import annotations

from pathlib import Path

from cmo.domain import event as ev
from cmo.store.commit import commit
from cmo.store.db import open_store
from cmo.store.funnel_views import funnel
from tests.cli.harness import NOW
from tests.cli.seed import seed


def test_people_who_are_lost_are_counted_with_the_main_reason(tmp_path: Path) -> None:
    job_id = seed(tmp_path)
    conn = open_store(tmp_path / "campaign.db")
    missing = ev.EmailMissing(login="ana", reason="no commit in 90 days")
    commit(conn, job_id, [(f"{job_id}/late/1", missing)], at=NOW, epoch=None)

    steps = {step.name: step for step in funnel(conn, job_id, now=NOW)}

    counts = {name: step.count for name, step in steps.items()}
    assert counts["repositories"] == 1
    assert (counts["people"], counts["profiles"]) == (3, 3)
    assert steps["people"].reason == "1: bot"
    assert steps["address found"].count == 2
    assert steps["address found"].reason == "1: no commit in 90 days"
    assert steps["address found"].share == 2 / 3


def test_a_job_that_found_nothing_has_a_funnel_of_noughts(tmp_path: Path) -> None:
    from tests.fakes.jobs import new_job

    conn = open_store(tmp_path / "campaign.db")
    steps = funnel(conn, new_job(conn).id, now=NOW)

    assert [step.count for step in steps] == [0] * 9
    assert {step.reason for step in steps} == {""}
