"""What limits a run, and when work stops."""

from __future__ import annotations

from pathlib import Path

from cmo.domain.job import Caps
from cmo.service.outlook import outlook, tight, time_left
from cmo.store.db import Connection
from tests.fakes.jobs import plan_factory
from tests.tui.runs import at_work, clock_of_the_run


def _with_budget(conn: Connection, job_id: str, usd: float, tokens: int) -> None:
    plan = plan_factory(target=50, caps=Caps(budget_usd=usd))
    conn.execute("UPDATE jobs SET plan = ? WHERE id = ?", (plan.model_dump_json(), job_id))
    conn.execute("INSERT INTO counters VALUES (?, 'tokens_used', ?)", (job_id, tokens))


def test_a_run_within_its_budgets_is_limited_by_its_slowest_stage(tmp_path: Path) -> None:
    conn, job_id = at_work(tmp_path / "place")

    view = outlook(conn, job_id, now=clock_of_the_run().now())

    assert tight(view.gauges) == []
    assert time_left(view) == (30.0, "enrich")


def test_from_four_fifths_of_the_money_on_it_is_said_when_work_stops(tmp_path: Path) -> None:
    conn, job_id = at_work(tmp_path / "place")
    _with_budget(conn, job_id, usd=1.0, tokens=80_000)

    view = outlook(conn, job_id, now=clock_of_the_run().now())

    assert [told.partition(":")[0] for told in tight(view.gauges)] == ["tokens 80,000/100,000", "money $0.80/1"]
    assert time_left(view)[1] == "tokens 80,000/100,000"


def test_money_without_a_limit_is_shown_and_never_stops_work(tmp_path: Path) -> None:
    conn, job_id = at_work(tmp_path / "place")
    conn.execute("INSERT INTO counters VALUES (?, 'tokens_used', 5000000)", (job_id,))

    view = outlook(conn, job_id, now=clock_of_the_run().now())

    assert tight(view.gauges) == []
    assert [gauge.used for gauge in view.gauges if gauge.name == "money"] == [50.0]
