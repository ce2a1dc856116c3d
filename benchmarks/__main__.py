"""`python -m benchmarks [NAME ...] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from benchmarks.measure import progress
from benchmarks.table import Row, broken, document, render

NAMES = (
    *("accuracy", "limits", "cost", "faults", "delivery", "soak", "state"),
    *("memory", "delivery_cost", "startup", "screens", "demo"),
)
"""In the order of the table. Those that measure time come last, when nothing else runs."""


def main(argv: Sequence[str]) -> int:
    """Run the benchmarks named (all, when none is); 0, or 1 when one of them broke. A missed goal is no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure cmo against its goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    asked = parser.parse_args(argv)
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(NAMES)}")
    rows = measure([name for name in NAMES if name in asked.names or not asked.names])
    sys.stdout.write(json.dumps(document(rows), indent=1) + "\n" if asked.json else render(rows))
    return int(any(row.verdict == "failed" for row in rows))


def measure(names: Sequence[str]) -> list[Row]:
    """The rows of the benchmarks `names`; one that breaks has a row that says so."""
    rows: list[Row] = []
    for name in names:
        progress(name)
        started = time.perf_counter()
        try:
            rows += import_module(f"benchmarks.{name}").run()
        except Exception as error:  # the others are still worth having
            rows.append(broken(name, error))
        progress(f"{name}: {time.perf_counter() - started:.0f} s")
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
