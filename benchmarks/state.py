"""What a job's state takes: bytes on disk, as leads and steps grow, and the time to load it again.

Ours is the store and the graph's bookmark together; the outside is in memory, so the store holds no answers of
providers. The yardstick keeps the same facts as lists in the graph's state (`benchmarks/naive_state.py`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import bulk
from benchmarks.bulk import BulkRun
from benchmarks.measure import copy_home, database_bytes, load, progress, reading, scratch
from benchmarks.naive_state import naive_run
from benchmarks.resuming import resume_ms
from benchmarks.table import Row

LEADS, FEW, MANY = 3_000, 1_000, 30_000
STEPS, MANY_STEPS = 40, 640
NAIVE_LEADS = 150
"""The yardstick at 640 steps; with 3,000 leads it would write gigabytes."""
NAIVE_STEPS = 9
"""The yardstick's one round, for what does not depend on steps."""
SAMPLES = 5
MB = 1_000_000


def run() -> list[Row]:
    """Bytes by steps and leads, and the resume."""
    ours, naive = bulk.finished(LEADS, STEPS), naive_run(LEADS, STEPS)
    longer = bulk.finished(LEADS, MANY_STEPS)
    naive_short, naive_long = naive_run(NAIVE_LEADS, STEPS), naive_run(NAIVE_LEADS, MANY_STEPS)
    few, many = bulk.halted(FEW), bulk.halted(MANY)
    naive_few, naive_many = naive_run(FEW, NAIVE_STEPS), naive_run(MANY, NAIVE_STEPS)
    in_graph = "lists in the graph's state, each node returns those it changed"
    return [
        Row(
            what=f"database bytes, naive / ours, {LEADS:,} leads, {ours.steps} steps",
            measured=naive.database_bytes / total_bytes(ours),
            unit="x",
            at_least=15,
            note=f"{naive.database_bytes / MB:.1f} MB ({naive.steps} steps, {in_graph}) / {total_bytes(ours) / MB:.1f}"
            f" MB; ours {total_bytes(ours) / ours.leads / 1000:.2f} kB a lead",
        ),
        Row(
            what=f"checkpoint bytes, {MANY:,} / {FEW:,} leads",
            measured=checkpoint_bytes(many) / checkpoint_bytes(few),
            unit="x",
            at_most=1.1,
            yardstick=naive_many.checkpoint_bytes / naive_few.checkpoint_bytes,
            yardstick_is=in_graph,
            note=f"{checkpoint_bytes(many):,} / {checkpoint_bytes(few):,} bytes",
        ),
        Row(
            what=f"database bytes, {longer.steps} / {ours.steps} steps, {LEADS:,} leads",
            measured=total_bytes(longer) / total_bytes(ours),
            unit="x",
            at_most=1.5,
            yardstick=naive_long.database_bytes / naive_short.database_bytes,
            yardstick_is=f"{in_graph}; {naive_long.steps} / {naive_short.steps} steps with {NAIVE_LEADS} leads",
            note=f"{total_bytes(longer) / MB:.1f} / {total_bytes(ours) / MB:.1f} MB",
        ),
        Row(
            what=f"resume until the first step is planned, {MANY:,} leads",
            measured=_resume_ms(many, few),
            unit="ms",
            at_most=50,
            yardstick=naive_many.resume_ms,
            yardstick_is="only loading the state, with lists in it",
            note=f"median of {SAMPLES}, libraries loaded; {load()}",
        ),
    ]


def total_bytes(found: BulkRun) -> int:
    """Store and bookmark."""
    return database_bytes(found.database) + database_bytes(found.graph_file)


def checkpoint_bytes(found: BulkRun) -> int:
    """Everything the graph's saver keeps for the job."""
    with reading(found.graph_file) as conn:
        kept = conn.execute("SELECT SUM(LENGTH(checkpoint) + LENGTH(metadata)) FROM checkpoints").fetchone()[0]
        pending = conn.execute("SELECT COALESCE(SUM(LENGTH(value)), 0) FROM writes").fetchone()[0]
    return int(kept + pending)


def _resume_ms(many: BulkRun, few: BulkRun) -> float:
    progress(f"resume with {many.leads:,} leads")
    homes: list[Path] = [copy_home(few.home, scratch() / "resume-warm")]
    homes += [copy_home(many.home, scratch() / f"resume-{number}") for number in range(SAMPLES)]
    took = resume_ms(homes)
    for home in homes:
        shutil.rmtree(home)
    return took
