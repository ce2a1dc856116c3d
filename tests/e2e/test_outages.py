"""What is not there, or not for us, stops the job with a reason, and it goes on when it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cmo.config import Secret
from cmo.domain.event import JobPaused, JobWaiting
from cmo.domain.job import JobStatus
from cmo.sandbox import FaultKind, FaultRule
from tests.e2e.conftest import Undisturbed
from tests.e2e.driver import Api, Site, outside_of, sandbox

NOWHERE = "127.0.0.1:9"


def test_a_github_that_was_never_there_pauses_the_job_until_it_is(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with sandbox() as running:
        there = outside_of(running)
        nowhere = f"http://{NOWHERE}"
        site = Site(tmp_path, replace(there, github_api_url=nowhere, github_graphql_url=nowhere))
        assert site.run().status is JobStatus.PAUSED
        assert [paused.reason for paused in site.events(JobPaused)] == ["provider"]
        site.outside = there
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("graphql").site.leads()


def test_a_github_that_goes_away_is_waited_for_and_then_pauses_the_job(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    with sandbox(FaultRule(kind=FaultKind.RESET_BEFORE, nth=tuple(range(3, 200)))) as running:
        site = Site(tmp_path, outside_of(running))
        assert site.run().status is JobStatus.PAUSED
    waits = site.events(JobWaiting)
    assert [paused.reason for paused in site.events(JobPaused)] == ["provider"]
    assert {(wait.provider, wait.resource) for wait in waits} == {("github", "unreachable")}
    assert [wait.until for wait in waits] == sorted(wait.until for wait in waits)
    assert len(running.books.entries) <= 60
    with sandbox() as running:
        site.outside = outside_of(running)
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("graphql").site.leads()


def test_a_key_that_is_refused_pauses_the_job_until_there_is_another(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with sandbox() as running:
        there = outside_of(running)
        site = Site(tmp_path, replace(there, github_tokens=(Secret("expired-key"),)))
        job = site.run()
        assert job.status is JobStatus.PAUSED
        assert "cmo auth set github" in str(job.ended_reason)
        assert [paused.reason for paused in site.events(JobPaused)] == ["key_rejected"]
        assert len(running.books.entries) == 1
        site.outside = there
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("graphql").site.leads()


@pytest.mark.parametrize(("api", "most"), [("graphql", {"graphql_limit": 2}), ("rest", {"core_limit": 30})])
def test_two_accounts_share_the_work_and_each_keeps_its_limit(
    tmp_path: Path, undisturbed: Undisturbed, api: Api, most: dict[str, Any]
) -> None:
    with sandbox(token="first,second", **most) as running:
        site = Site(tmp_path, outside_of(running, api=api))
        assert site.run().status is JobStatus.FINISHED
    assert len({entry.token for entry in running.books.entries}) == 2
    assert running.books.totals().made_while_limited == 0
    assert site.leads() == undisturbed(api).site.leads()


def test_a_name_server_that_is_not_there_costs_nobody_their_place(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with sandbox() as running:
        there = outside_of(running)
        site = Site(tmp_path, replace(there, dns_server=NOWHERE))
        assert site.run().status is JobStatus.PAUSED
        site.outside = there
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("graphql").site.leads()
