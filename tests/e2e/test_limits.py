"""A job that meets a limit says until when it waits, waits, and goes on; it never asks while it is limited."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.event import JobPaused, JobWaitEnded, JobWaiting
from cmo.domain.job import JobStatus
from cmo.sandbox import FaultKind, FaultRule
from cmo.store import journal
from tests.e2e.conftest import Undisturbed
from tests.e2e.driver import ANCHOR, Api, Site, outside_of, sandbox

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SPENT: dict[Api, dict[str, Any]] = {"graphql": {"graphql_limit": 1}, "rest": {"core_limit": 40}}
"""Hourly limits that the small plan's job exceeds."""
WAITS: dict[Api, int] = {"graphql": 3, "rest": 2}
"""How often."""


@pytest.mark.parametrize("api", ["graphql", "rest"])
def test_an_hours_limit_is_waited_for_and_the_job_goes_on(tmp_path: Path, undisturbed: Undisturbed, api: Api) -> None:
    with sandbox(**SPENT[api]) as running:
        site = Site(tmp_path, outside_of(running, api=api))
        assert site.run().status is JobStatus.FINISHED
        assert running.clock.now() - ANCHOR > 2 * HOUR
    waits = site.events(JobWaiting)
    assert [wait.resource for wait in waits] == ["graphql" if api == "graphql" else "core"] * WAITS[api]
    assert [(wait.until - ANCHOR).total_seconds() // 3600 for wait in waits] == [*range(1, WAITS[api] + 1)]
    assert len(site.events(JobWaitEnded)) == WAITS[api]
    assert site.leads() == undisturbed(api).site.leads()
    assert running.books.totals().made_while_limited == 0
    assert running.books.totals().refused == 0


@pytest.mark.parametrize("kind", [FaultKind.SECONDARY_LIMIT, FaultKind.SECONDARY_LIMIT_SILENT])
@pytest.mark.parametrize("api", ["graphql", "rest"])
def test_a_secondary_limit_is_waited_for_with_and_without_being_told_how_long(
    tmp_path: Path, undisturbed: Undisturbed, api: Api, kind: FaultKind
) -> None:
    with sandbox(FaultRule(kind=kind, nth=(2, 4, 5))) as running:
        site = Site(tmp_path, outside_of(running, api=api))
        assert site.run().status is JobStatus.FINISHED
    waits = site.events(JobWaiting)
    assert len(waits) == 3
    assert all(wait.until - ANCHOR >= MINUTE for wait in waits)
    assert site.leads() == undisturbed(api).site.leads()
    assert running.books.totals().made_while_limited == 0


def test_an_account_with_less_than_the_documented_pace_slows_down_and_finishes(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    with sandbox(rest_points_per_minute=30) as running:
        site = Site(tmp_path, outside_of(running, api="rest"))
        assert site.run().status is JobStatus.FINISHED
    assert site.leads() == undisturbed("rest").site.leads()
    assert running.books.totals().made_while_limited == 0


def test_a_waiting_job_can_be_paused_and_waits_on_when_it_is_resumed(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with sandbox(**SPENT["graphql"]) as running:
        site = Site(tmp_path, outside_of(running))

        def pause_once_waiting() -> None:
            if site.ask("SELECT 1 FROM jobs WHERE wait_until IS NOT NULL AND control IS NULL"):
                with site.store() as conn:
                    journal.set_control(conn, site.job().id, "pause", by="operator:other")

        paused = site.run(listen=pause_once_waiting)
        asked = len(running.books.entries)
        assert paused.status is JobStatus.PAUSED
        assert site.events(JobPaused) == [JobPaused(reason="asked", message="Paused by other.")]
        assert running.clock.now() - ANCHOR < HOUR / 2
        assert site.run().status is JobStatus.FINISHED
        assert running.books.entries[asked].at - ANCHOR.timestamp() > HOUR.total_seconds()
    assert site.leads() == undisturbed("graphql").site.leads()
    assert running.books.totals().made_while_limited == 0
    assert running.books.totals().refused == 0
