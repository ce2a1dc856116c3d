from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

from benchmarks.bulk import PEOPLE_EACH, spec_of
from benchmarks.resuming import _resume
from benchmarks.worker import Spec, run


def test_a_spec_survives_its_file(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, leads=30, steps=40)
    assert Spec.from_json(asdict(spec)) == spec


def test_a_bulk_job_finds_the_leads_and_takes_the_steps_it_is_meant_to(tmp_path: Path) -> None:
    report = run(spec_of(tmp_path, leads=6 * PEOPLE_EACH, steps=40))
    assert report.status == "finished"
    found = run_counts(tmp_path)
    assert found == {"leads": 30, "steps": 39}


def test_a_halted_job_is_resumed_to_its_end(tmp_path: Path) -> None:
    halted = run(spec_of(tmp_path, leads=10, steps=40, stop_before_export=True))
    assert halted.status == "paused"
    assert asyncio.run(_resume(tmp_path)) > 0
    resumed = run(spec_of(tmp_path, leads=10, steps=40))
    assert (resumed.status, resumed.job_id) == ("finished", halted.job_id)


def run_counts(home: Path) -> dict[str, int]:
    from benchmarks.measure import reading

    with reading(home / "campaign.db") as conn:
        return {name: conn.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in ("leads", "steps")}
