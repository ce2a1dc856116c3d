"""A clock that is set back, or was a year ahead: never more mail than the quota, and nothing comes back to life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from cmo.service.whynot import why_not
from cmo.store.gate import clock_behind
from tests.fakes.campaign import approve, campaign
from tests.fakes.clock import NOON, StillClock
from tests.store.test_gate import PEOPLE, Bench

YEAR, WEEK = timedelta(days=364), timedelta(days=7)
CAP = 2


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = campaign(tmp_path / "campaign", PEOPLE)
    with closing(made.open()) as conn:
        yield Bench(made, conn)


def live_for_ever(bench: Bench) -> None:
    """Approvals and verdicts that outlive every jump."""
    bench.conn.execute("UPDATE approvals SET expires_at = ?", ((NOON + 9 * YEAR).isoformat(),))
    bench.conn.execute("UPDATE verdicts SET checked_at = ?", ((NOON + YEAR).isoformat(),))
    bench.conn.execute("UPDATE outbox SET due_s = 0")


@pytest.mark.parametrize("jumps", list(permutations([timedelta(0), YEAR, -WEEK])), ids=str)
def test_however_the_clock_jumps_a_day_gets_no_more_than_its_quota(bench: Bench, jumps: tuple[timedelta, ...]) -> None:
    live_for_ever(bench)
    for jump in [*jumps, *jumps]:
        bench.claim(NOON + jump, max_emails_per_day=CAP)
        bench.conn.execute("UPDATE outbox SET due_s = 0 WHERE state = 'planned'")

    days = bench.conn.execute(
        "SELECT COUNT(*) AS n FROM outbox WHERE state = 'claimed' GROUP BY date(claimed_s, 'unixepoch')"
    ).fetchall()
    assert all(day["n"] <= CAP for day in days)
    forward = sum(later > max([timedelta(-99), *jumps[:n]]) for n, later in enumerate(jumps))
    assert len(days) <= forward, "only time that was never seen before frees anything"


def test_an_approval_that_was_found_expired_stays_so(bench: Bench) -> None:
    assert bench.claim(NOON + 2 * WEEK) == 0
    bench.conn.execute("UPDATE outbox SET due_s = 0")

    assert bench.claim(NOON) == 0
    assert bench.rules() == {"approval"}


def test_a_new_approval_holds_although_the_clock_was_a_year_ahead(bench: Bench) -> None:
    assert bench.claim(NOON + YEAR) == 0

    ids = range(1, PEOPLE + 1)
    bench.conn.execute("UPDATE drafts SET state = 'pending'")
    approve(bench.conn, bench.made.settings, bench.made.job_id, ids, at=NOON - timedelta(hours=1))
    again = Bench(bench.made, bench.conn)
    assert again.claim(NOON) == PEOPLE


def test_the_clock_is_named_where_somebody_asks_why(bench: Bench) -> None:
    bench.claim(NOON + YEAR)
    assert clock_behind(bench.conn, NOON + YEAR) is None
    assert clock_behind(bench.conn, NOON) == NOON + YEAR

    made = bench.made
    made.clock = StillClock(NOON)
    found = why_not(made.settings, made.job_id, short="0000", found=made.found)
    gate = next(gate for gate in found.gates if gate.name == "clock")
    assert (gate.state, gate.retry_at, gate.next) == ("stops", NOON + YEAR, "cmo doctor")
    assert "2027-11-19" in gate.message
