"""Three virtual hours over 1,000 repositories, held back by an hourly limit."""

from __future__ import annotations

from statistics import median

from benchmarks import sandboxed
from benchmarks.sandboxed import plan_of
from benchmarks.table import Row

REPOS = 1_000
UNREACHABLE = 100_000
BATCH = 200
"""Leads in a CSV checkpoint."""
HOURS = 3
PARTS = HOURS + 0.4
"""Of the needed units, one hour's limit is one such part, so that the limit is met three times."""


def run() -> list[Row]:
    """A run under a limit against the same run without one."""
    plan = plan_of(UNREACHABLE, max_repos=REPOS)
    free = sandboxed.run(f"{REPOS:,} repositories", plan)
    limit = max(1, int(free.units / PARTS))
    slow = sandboxed.run(f"{REPOS:,} repositories, {limit} points an hour", plan, graphql_limit=limit)
    third = max(1, len(slow.report.rss_mb) // 3)
    early, late = median(slow.report.rss_mb[:third]), median(slow.report.rss_mb[-third:])
    told = f"{limit} points an hour, {slow.waits} waits, {slow.report.seconds:.0f} real seconds"
    return [
        Row(what="soak: hours on the job's clock", measured=slow.report.virtual_s / 3600, unit="h", at_least=HOURS,
            yardstick=free.report.virtual_s / 3600, yardstick_is="without the limit", note=told),
        Row(what="soak: leads lost", measured=len(free.leads - slow.leads), at_most=0,
            note=f"{slow.good_leads:,} leads; without the limit {free.good_leads:,}"),
        Row(what=f"soak: CSV checkpoints missing, one for each {BATCH} leads",
            measured=slow.good_leads // BATCH - slow.checkpoints, at_most=0, note=f"{slow.checkpoints} written"),
        Row(what="soak: memory, last third of the run / first third", measured=late / early, unit="x", at_most=1.1,
            note=f"median {late:.0f} / {early:.0f} MB; first third includes the loading of libraries"),
    ]  # fmt: skip
