from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmo.domain.filters import FilterInvalid, parse_filter
from cmo.domain.job import Job
from cmo.store import people_views, views
from cmo.store.db import Connection
from cmo.store.why_views import lead_why
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, FakeCodeHost
from tests.fakes.rigs import Rig


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, Job]]:
    plan = plan_factory(target=30)
    rig = Rig(tmp_path_factory.mktemp("home"), plan=plan, host=FakeCodeHost(repos=8, people_each=3))
    conn = rig.open()
    yield conn, rig.run(conn, new_job(conn, plan))
    conn.close()


def test_the_summary_counts_what_the_rows_hold(finished: tuple[Connection, Job]) -> None:
    conn, job = finished
    summary = views.job_summary(conn, job.id, now=NOW, wall_s=0)
    leads = conn.execute("SELECT COUNT(*) FROM leads").fetchone()[0]
    assert summary.progress.good_leads == leads
    assert summary.files["prospects.csv"] == leads
    assert {row.stage.value: row.state for row in summary.stages}["score"] == "done"
    assert summary.holder is None


@pytest.mark.parametrize(
    ("where", "some"),
    [
        ("score>=0", True),
        ("score>100", False),
        ("state:accepted", True),
        ("-state:accepted", False),
        ("repo:org3", True),
        ("org:acme mx:ok email:published", True),
        ("location:paris", False),
        ("label:hot -flag:hold", True),
        ('"maint2-1"', True),
        ("100%_", False),
    ],
)
def test_a_filter_keeps_who_meets_it(finished: tuple[Connection, Job], where: str, some: bool) -> None:
    conn, job = finished
    terms = parse_filter(where, fields=people_views.LEAD_FIELDS)
    rows = people_views.page_leads(conn, job.id, terms=terms, limit=100)
    total = people_views.count_leads(conn, job.id, terms=terms)
    assert (total > 0) is some
    assert len(rows) == total


def test_a_filter_and_its_opposite_share_nobody_and_miss_nobody(finished: tuple[Connection, Job]) -> None:
    conn, job = finished
    counts = [
        people_views.count_leads(conn, job.id, terms=parse_filter(w, fields=people_views.LEAD_FIELDS))
        for w in ("", "score>=80", "-score>=80")
    ]
    assert counts[0] == counts[1] + counts[2]


@pytest.mark.parametrize(
    ("where", "words"),
    [("colour:red", "colour"), ("score>=high", "high"), ("label:", "label"), ('"open', "open quote")],
)
def test_a_filter_that_means_nothing_is_refused_with_the_fields(where: str, words: str) -> None:
    with pytest.raises(FilterInvalid, match=words):
        parse_filter(where, fields=people_views.LEAD_FIELDS)


def test_why_names_sources_parts_and_the_decision(finished: tuple[Connection, Job]) -> None:
    conn, job = finished
    why = lead_why(conn, job.id, "MAINT2-1")
    assert why is not None
    assert why.score is not None
    assert round(sum(part.points for part in why.score.parts)) == why.score.value
    assert why.addresses[0].source_url == "https://github.com/maint2-1"
    assert [what for _, what in why.timeline][-1] == "lead scored"


def test_why_finds_a_person_by_address(finished: tuple[Connection, Job]) -> None:
    conn, job = finished
    why = lead_why(conn, job.id, "maint2-1@maint2-1.example")
    assert why is not None
    assert why.login == "maint2-1"
    assert lead_why(conn, job.id, "nobody") is None


def test_a_suppressed_person_is_called_suppressed_and_counted_apart(tmp_path: Path) -> None:
    rig = Rig(tmp_path, plan=plan_factory(target=6), host=FakeCodeHost(repos=4))
    conn = rig.open()
    values = ("login", "maint1-1", "asked us to stop", "operator", NOW.isoformat())
    conn.execute("INSERT INTO suppressions VALUES (?, ?, ?, ?, ?)", values)
    job = rig.run(conn, new_job(conn, rig.plan))
    why = lead_why(conn, job.id, "maint1-1")
    assert why is not None
    assert (why.state, why.decision) == ("suppressed", "asked us to stop (operator)")
    assert people_views.not_exported(conn, job.id) == {"suppressed": 1}
    conn.close()


def test_leads_come_out_once_each_in_order_of_acceptance(finished: tuple[Connection, Job]) -> None:
    conn, job = finished
    numbers = [row.number for row in people_views.iter_leads(conn, job.id)]
    assert numbers == sorted(numbers, key=lambda n: n or 0)
    assert len(numbers) == len(set(numbers)) == views.job_summary(conn, job.id, now=NOW, wall_s=0).progress.good_leads


def test_a_stage_that_is_done_is_not_short_of_its_cap(finished: tuple[Connection, Job]) -> None:
    conn, job = finished
    discover = views.job_summary(conn, job.id, now=NOW, wall_s=0).stages[0]
    assert (discover.state, discover.of) == ("done", discover.done)
