"""GitHub units for each good lead: REST requests that count against the limit, and GraphQL points.

A good lead is one merged person with an address whose domain takes mail, not suppressed, score 60 or
more. The units are the sandbox's own count, everything included: searches, counts, retries.
"""

from __future__ import annotations

from benchmarks import naive_github, sandboxed
from benchmarks.measure import NothingMeasured
from benchmarks.table import Row

TARGETS = (300, 2_000)
GOAL = 0.10


def run() -> list[Row]:
    """Units per good lead at both targets, beside the obvious and the best REST loop."""
    obvious = naive_github.naive_run(naive_github.obvious)
    best = naive_github.naive_run(naive_github.best)
    rows = []
    for target in TARGETS:
        ours = sandboxed.reach(target)
        if ours.good_leads < target:
            raise NothingMeasured(f"{ours.good_leads} good leads, {target} were asked for")
        each = ours.units / ours.good_leads
        told = f"{ours.units} units, {ours.good_leads:,} good leads, {len(ours.repos_read)} repositories"
        for name, naive in (("obvious", obvious), ("best", best)):
            rows.append(
                Row(
                    what=f"GitHub units per good lead, goal {target:,} ({name} loop)",
                    measured=each,
                    at_most=GOAL,
                    yardstick=naive.requests_per_lead,
                    yardstick_is=f"the {name} REST loop on {len(naive.repos)} repositories of the same world,"
                    " good leads by our own score with the mail check answered by truth",
                    note=f"{told}; 50 ms latency",
                )
            )
    return rows
