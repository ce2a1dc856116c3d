"""Trouble: the sandbox's `heavy` profile of faults, and a process killed in the middle of its work."""

from __future__ import annotations

from benchmarks import naive_github, sandboxed
from benchmarks.sandboxed import plan_of
from benchmarks.table import Row

TARGET = 1_000


def run() -> list[Row]:
    """The same leads for little more, whatever goes wrong."""
    plain = sandboxed.reach(TARGET)
    heavy = sandboxed.run(f"goal of {TARGET:,}, heavy faults", plan_of(TARGET), faults="heavy")
    killed = sandboxed.run(
        f"goal of {TARGET:,}, killed half-way", plan_of(TARGET), kill_after_requests=plain.totals.requests // 2
    )
    calm = naive_github.naive_run(naive_github.obvious)
    shaken = naive_github.naive_run(naive_github.obvious, faults="heavy")
    naive_is = f"the obvious REST loop, three tries a second apart, {calm.good_leads} leads without faults"
    return [
        Row(
            what="leads gained or lost under heavy faults",
            measured=len(plain.leads ^ heavy.leads),
            at_most=0,
            yardstick=len(_pairs(calm) ^ _pairs(shaken)),
            yardstick_is=naive_is,
            note=f"{heavy.good_leads:,} leads, {heavy.waits} waits",
        ),
        Row(
            what="units under heavy faults / without",
            measured=heavy.units / plain.units,
            unit="x",
            at_most=1.3,
            note=f"{heavy.units} / {plain.units}; {heavy.totals.requests} / {plain.totals.requests} requests",
        ),
        Row(
            what="work repeated after kill -9",
            measured=100 * (killed.units - plain.units) / plain.units,
            unit="%",
            at_most=5,
            yardstick=100 * killed.units_before / plain.units,
            yardstick_is="starting over",
            note=f"{killed.units} units, killed at {killed.units_before}; uninterrupted {plain.units}",
        ),
        Row(
            what="leads gained or lost by kill -9",
            measured=len(plain.leads ^ killed.leads),
            at_most=0,
            note=f"{killed.good_leads:,} leads",
        ),
    ]


def _pairs(found: naive_github.NaiveRun) -> frozenset[tuple[str, str]]:
    return frozenset((find.login, find.email) for find in found.finds if find.good)
