"""The most memory that a whole job takes, as leads grow: search to export and snapshot, one process a job."""

from __future__ import annotations

from benchmarks import bulk
from benchmarks.naive_state import naive_run
from benchmarks.state import FEW, MANY, NAIVE_STEPS
from benchmarks.table import Row


def run() -> list[Row]:
    """Growth of the peak from 1,000 to 30,000 leads."""
    few, many = bulk.completed(FEW), bulk.completed(MANY)
    naive_few, naive_many = naive_run(FEW, NAIVE_STEPS), naive_run(MANY, NAIVE_STEPS)
    return [
        Row(
            what=f"peak memory, {MANY:,} leads minus {FEW:,}",
            measured=many.peak_mb - few.peak_mb,
            unit="MB",
            at_most=25,
            yardstick=naive_many.peak_mb - naive_few.peak_mb,
            yardstick_is="lists in the graph's state, nine steps",
            note=f"{many.peak_mb:.0f} - {few.peak_mb:.0f} MB",
        )
    ]
