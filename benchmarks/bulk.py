"""Jobs over an outside in memory: many leads, no network, always the same."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.children import Worker
from benchmarks.measure import copy_home, progress, reading, require_finished, scratch
from benchmarks.worker import BulkOutside, Report, Spec

PEOPLE_EACH = 5
STEPS_OF_A_ROUND = 6
STEPS_OF_THE_END = 3
"""Two exports and done."""
NO_CAP = 1_000_000


@dataclass(frozen=True, kw_only=True)
class BulkRun:
    """A job with `leads` leads."""

    home: Path
    leads: int
    steps: int
    job_id: str
    peak_mb: float
    """Of the process that held most."""

    @property
    def database(self) -> Path:
        return self.home / "campaign.db"

    @property
    def graph_file(self) -> Path:
        return self.home / "graph" / f"{self.job_id}.db"


@cache
def finished(leads: int, steps: int = 40) -> BulkRun:
    """A job run to its end, export and snapshot included, in about `steps` steps."""
    home = scratch() / f"bulk-{leads}-{steps}"
    progress(f"{leads:,} leads in about {steps} steps")
    return _described(home, Worker(spec_of(home, leads, steps)).wait(), leads, "finished")


@cache
def halted(leads: int) -> BulkRun:
    """A job with all its leads found, paused where the step after that would be planned."""
    home = scratch() / f"halted-{leads}"
    progress(f"{leads:,} leads, up to the export")
    return _described(home, Worker(spec_of(home, leads, 40, stop_before_export=True)).wait(), leads, "paused")


@cache
def completed(leads: int) -> BulkRun:
    """The halted job, resumed and run to its end; `peak_mb` is that of both processes."""
    before = halted(leads)
    home = copy_home(before.home, scratch() / f"completed-{leads}")
    progress(f"{leads:,} leads, export and snapshot")
    after = _described(home, Worker(spec_of(home, leads, 40)).wait(), leads, "finished")
    shutil.rmtree(home)
    return replace(before, peak_mb=max(before.peak_mb, after.peak_mb))


def spec_of(home: Path, leads: int, steps: int, *, stop_before_export: bool = False) -> Spec:
    """A job that finds exactly `leads` leads: `rounds` rounds of six steps, and the end."""
    repos = math.ceil(leads / PEOPLE_EACH)
    rounds = max(1, (steps - STEPS_OF_THE_END) // STEPS_OF_A_ROUND)
    return Spec(
        home=str(home),
        plan=plan_of(leads),
        bulk=BulkOutside(repos=repos, people_each=PEOPLE_EACH),
        repos_a_round=math.ceil(repos / rounds),
        stop_before_export=stop_before_export,
    )


def plan_of(leads: int) -> dict[str, Any]:
    """A plan with one topic, so that one search sees everything, and caps that do not bind."""
    caps = {"max_repos": NO_CAP, "max_people": NO_CAP, "max_steps": 100_000, "max_tool_calls": NO_CAP}
    return {"goal": f"find {leads} py maintainers", "target": leads, "icp": {"topics": ["testing"]}, "caps": caps}


def _described(home: Path, report: Report, wanted: int, status: str) -> BulkRun:
    with reading(home / "campaign.db") as conn:
        require_finished(conn, report.job_id, status=status, leads=wanted)
        leads = conn.execute("SELECT COUNT(*) FROM leads").fetchone()[0]
        steps = conn.execute("SELECT COUNT(*) FROM steps").fetchone()[0]
    return BulkRun(home=home, leads=leads, steps=steps, job_id=report.job_id, peak_mb=report.peak_mb)
