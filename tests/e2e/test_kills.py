"""A job whose process is killed at any request goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cmo.sandbox import Books
from cmo.sandbox.books import Entry
from tests.e2e.driver import TARGET, WIDE, Api, Site, outside_of, sandbox
from tests.e2e.hand import Hand

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the jobs' processes are forked")

A_BATCH: dict[Api, int] = {"graphql": 3, "rest": 8}
"""The most that is paid for and lost when a process dies: documents under way, or the requests of one repository."""
SHARES = [Random(2026 + n).random() for n in range(5)]
"""Where in a job by REST its process is killed, 0 to 1."""
KILLED = -signal.SIGKILL


class Tripwire(Books):
    """Books that kill a process when the `at`-th request is written down: paid for, and never answered."""

    def __init__(self) -> None:
        super().__init__()
        self._at: int | None = None
        self._victim: Future[int] = Future()

    def record(self, entry: Entry) -> None:
        super().record(entry)
        if len(self.entries) == self._at:
            os.kill(self._victim.result(timeout=20), signal.SIGKILL)

    def kill(self, start: Callable[[], int], *, at: int) -> int:
        """Start a process that will be killed; its number."""
        self._at, self._victim = at, Future()
        pid = start()
        self._victim.set_result(pid)
        return pid

    @property
    def work(self) -> int:
        """Requests and points that GitHub charged."""
        totals = self.totals()
        return totals.rest_cost + totals.graphql_points


@dataclass(frozen=True)
class Life:
    """What became of a job."""

    leads: list[tuple[Any, ...]]
    rows: dict[str, str]
    """By table, as text; the port of its sandbox, which a page link names, is left out."""
    files: dict[str, bytes]
    work: int
    requests: int


def live(hand: Hand, home: Path, api: Api, kills: Sequence[int]) -> Life:
    """Run the small plan's job in processes, each but the last killed at one of the requests `kills`."""
    books = Tripwire()
    with sandbox(books=books, **WIDE) as running:
        site = Site(home, outside_of(running, api=api))
        for at in kills:
            assert hand.wait(books.kill(lambda: hand.start(site), at=at)) == KILLED
        assert hand.run(site) == 0
    rows = {name: repr(found).replace(running.github_url, "…") for name, found in site.rows().items()}
    return Life(site.leads(), rows, site.files(), books.work, len(books.entries))


Uninterrupted = Callable[[Api], Life]


@pytest.fixture(scope="module")
def uninterrupted(hand: Hand, tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    return cache(lambda api: live(hand, tmp_path_factory.mktemp(api), api, ()))


def assert_same_end(killed: Life, whole: Life) -> None:
    assert len(whole.leads) >= TARGET
    assert killed.leads == whole.leads
    assert [name for name, rows in killed.rows.items() if rows != whole.rows[name]] == []
    assert killed.files == whole.files


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_job_killed_at_any_graphql_request_ends_with_the_same_rows_and_files(
    hand: Hand, uninterrupted: Uninterrupted, tmp_path: Path, at: int
) -> None:
    whole = uninterrupted("graphql")
    killed = live(hand, tmp_path, "graphql", [at])
    assert whole.requests == 4
    assert_same_end(killed, whole)
    assert killed.work - whole.work <= 0.05 * whole.work + A_BATCH["graphql"]


@pytest.mark.parametrize("share", SHARES)
def test_a_job_killed_at_any_rest_request_ends_with_the_same_rows_and_files(
    hand: Hand, uninterrupted: Uninterrupted, tmp_path: Path, share: float
) -> None:
    whole = uninterrupted("rest")
    killed = live(hand, tmp_path, "rest", [1 + int(share * whole.requests)])
    assert whole.requests > 80
    assert_same_end(killed, whole)
    assert killed.work - whole.work <= 0.05 * whole.work + A_BATCH["rest"]


def test_a_job_killed_again_and_again_ends_with_the_same_rows_and_files(
    hand: Hand, uninterrupted: Uninterrupted, tmp_path: Path
) -> None:
    whole = uninterrupted("rest")
    kills = range(20, whole.requests, 20)
    killed = live(hand, tmp_path, "rest", kills)
    assert_same_end(killed, whole)
    assert killed.work - whole.work <= 0.05 * whole.work + len(kills) * A_BATCH["rest"]
