"""Caps are exact, and a job says why it found fewer than asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmo.domain.event import CandidateDropped, JobFinished, JobPaused
from cmo.domain.job import Caps, Icp, JobStatus, Stage
from tests.e2e.driver import Site, outside_of, sandbox, small_plan


def ran(home: Path, **changes: Any) -> Site:
    """The site of a job with a changed plan, run once."""
    with sandbox() as running:
        site = Site(home, outside_of(running), plan=small_plan(**changes))
        site.run()
    return site


@pytest.mark.parametrize("most", [1, 7, 33])
def test_max_repos_is_exact(tmp_path: Path, most: int) -> None:
    site = ran(tmp_path, target=1000, caps=Caps(max_repos=most))
    (ended,) = site.events(JobFinished)
    assert site.count("repos") == most
    assert site.job().status is JobStatus.FINISHED
    assert f"max_repos={most} is reached" in str(ended.shortfall)


@pytest.mark.parametrize("most", [1, 17])
def test_max_people_is_exact(tmp_path: Path, most: int) -> None:
    site = ran(tmp_path, target=1000, caps=Caps(max_repos=10, max_people=most))
    (ended,) = site.events(JobFinished)
    assert site.count("candidates") == most
    assert {drop.reason for drop in site.events(CandidateDropped)} == {"bot", "cap"}
    assert "is reached" in str(ended.shortfall)


@pytest.mark.parametrize("most", [1, 4])
def test_max_steps_is_exact_over_pauses(tmp_path: Path, most: int) -> None:
    with sandbox() as running:
        site = Site(tmp_path, outside_of(running), plan=small_plan(caps=Caps(max_repos=5, max_steps=most)))
        for _ in range(2):
            assert site.run().status is JobStatus.PAUSED
    assert [paused.reason for paused in site.events(JobPaused)] == ["max_steps", "max_steps"]
    assert site.count("steps") == most


def test_a_job_that_reached_nobody_is_finished_and_says_why(tmp_path: Path) -> None:
    nowhere = Icp(topics=("ci",), location="Antarctica")
    site = ran(tmp_path, icp=nowhere, caps=Caps(max_repos=5))
    job = site.job()
    assert job.status is JobStatus.FINISHED
    assert site.leads() == []
    assert str(job.ended_reason).startswith("20 fewer than asked for: max_repos=5 is reached.")
    assert site.files()["prospects.csv"].decode().splitlines()[1:] == []
    reasons = [reason for (reason,) in site.ask("SELECT reason FROM candidates")]
    assert all(reasons)
    assert "Rejected: is not known to be in Antarctica." in reasons


def test_a_search_that_finds_nothing_is_widened_to_its_end_and_says_so(tmp_path: Path) -> None:
    site = ran(tmp_path, icp=Icp(topics=("no-such-topic-anywhere",)))
    job = site.job()
    assert job.status is JobStatus.FINISHED
    assert site.count("repos") == 0
    assert "no further repository matches, even after widening" in str(job.ended_reason)


def test_a_job_that_is_to_stop_after_a_stage_stops_there(tmp_path: Path) -> None:
    site = ran(tmp_path, until=Stage.EXTRACT)
    assert site.job().status is JobStatus.FINISHED
    assert site.count("candidates") > 0
    assert site.ask("SELECT COUNT(*) FROM candidates WHERE profile IS NOT NULL") == [(0,)]
