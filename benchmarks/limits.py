"""Requests that should never be made: while limited, and a second time without a condition. The sandbox counts them.

A request is made while limited when its connection had been told to wait, or another one a moment before. A request
is repeated without a condition when its answer came with a validator before and none is sent now.
"""

from __future__ import annotations

from benchmarks import naive_github, sandboxed
from benchmarks.measure import NothingMeasured
from benchmarks.sandboxed import SandboxRun, plan_of
from benchmarks.table import Row

TARGET = 1_000
TIGHT_LIMIT = 40
"""GraphQL points an hour."""
REST_TARGET = 60
REST_TIGHT_LIMIT = 250
"""REST requests an hour."""
NAIVE_LIMIT = 200


def run() -> list[Row]:
    """A plain run, one that meets its hourly limit, and two jobs over one store on a server without GraphQL."""
    plain = sandboxed.reach(TARGET)
    tight = sandboxed.run(
        f"goal of {TARGET:,}, {TIGHT_LIMIT} points an hour", plan_of(TARGET), graphql_limit=TIGHT_LIMIT
    )
    rest = sandboxed.run(
        f"goal of {REST_TARGET} twice by REST alone, {REST_TIGHT_LIMIT} requests an hour",
        plan_of(REST_TARGET),
        jobs=2,
        without_graphql=True,
        core_limit=REST_TIGHT_LIMIT,
    )
    hasty = naive_github.naive_run(naive_github.obvious, core_limit=NAIVE_LIMIT)
    unhurried = naive_github.naive_run(naive_github.obvious)
    if not tight.waits or not rest.waits:
        raise NothingMeasured(f"the tight limits were met {tight.waits} and {rest.waits} times; both must be")
    runs = {
        "plain run": plain,
        f"{TIGHT_LIMIT} points an hour": tight,
        "two jobs, REST only": rest,
    }
    return [
        *(
            Row(
                what=f"requests made while limited, {name}",
                measured=found.totals.made_while_limited,
                at_most=0,
                yardstick=hasty.totals.made_while_limited,
                yardstick_is=f"the obvious REST loop with {NAIVE_LIMIT} requests an hour, three tries a second apart",
                note=_told(found),
            )
            for name, found in runs.items()
        ),
        *(
            Row(
                what=f"repeated requests without a condition, {name}",
                measured=found.totals.unconditional_repeats,
                at_most=0,
                yardstick=unhurried.totals.unconditional_repeats,
                yardstick_is=f"the obvious REST loop, {unhurried.totals.requests:,} requests",
                note=_told(found),
            )
            for name, found in runs.items()
        ),
        Row(
            what="units of a second job over the same store, a day later, REST only",
            measured=rest.units - rest.units_before,
            yardstick=rest.units_before,
            yardstick_is="the first job",
            note=_told(rest),
        ),
    ]


def _told(found: SandboxRun) -> str:
    totals = found.totals
    return (
        f"{totals.requests} requests, {totals.refused} refused, {found.waits} limits waited for,"
        f" {totals.conditional_hits} answers not modified"
    )
