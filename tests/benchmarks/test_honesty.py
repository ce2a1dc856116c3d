from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.bulk import spec_of
from benchmarks.measure import NothingMeasured, reading, require_finished
from benchmarks.table import Row
from benchmarks.worker import run


def test_a_paused_job_is_never_taken_for_a_finished_one(tmp_path: Path) -> None:
    report = run(spec_of(tmp_path, leads=10, steps=40, stop_before_export=True))
    with reading(tmp_path / "campaign.db") as conn, pytest.raises(NothingMeasured, match="is paused at"):
        require_finished(conn, report.job_id)


def test_a_job_that_found_too_few_is_refused(tmp_path: Path) -> None:
    report = run(spec_of(tmp_path, leads=10, steps=40))
    with reading(tmp_path / "campaign.db") as conn:
        require_finished(conn, report.job_id, leads=10)
        with pytest.raises(NothingMeasured, match="with 10 leads"):
            require_finished(conn, report.job_id, leads=11)


def test_recall_and_precision_of_nothing_are_no_figures() -> None:
    with pytest.raises(NothingMeasured):
        accuracy.recall([("ana", "ana@example.org")], frozenset())
    with pytest.raises(NothingMeasured):
        accuracy.precision([])


def test_less_than_nothing_repeated_has_no_ratio() -> None:
    assert Row(what="repeated", measured=-0.9, at_most=5, yardstick=49.5).ratio is None
