"""How long a resumed job takes until its first step is planned: `python -m benchmarks.resuming HOME...`

From opening the store to the stored plan of the step: lease, bookmark, events since, counts, planner, commit. The
libraries are loaded before; files are in the system's cache. Each home is used once, since planning changes it.
Prints milliseconds as a JSON list.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from benchmarks.measure import ROOT, clean_environment, scratch
from benchmarks.worker import BulkOutside, Spec, machinery, settings_of
from cmo.graph.environment import harden

if TYPE_CHECKING:
    from cmo.graph.planner import Decision, Situation

NOTHING = BulkOutside(repos=0, people_each=0)
"""Nothing outside is asked for."""


def resume_ms(homes: Sequence[Path]) -> float:
    """The median over `homes`, copies of one paused job."""
    command = [sys.executable, "-m", "benchmarks.resuming", *map(str, homes)]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(scratch()), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"resuming failed: {done.stderr[-800:]}")
    taken: list[float] = json.loads(done.stdout)
    return median(taken)


class Watch:
    """A planner that notes when it has planned, and asks for a pause as soon as its step is stored."""

    def __init__(self) -> None:
        self.planned_at: float | None = None
        self._has_decided = False

    async def decide(self, situation: Situation) -> Decision:
        from cmo.graph.planner import Decision
        from cmo.graph.planners.rules import next_call

        call = next_call(situation)
        self._has_decided = True
        return Decision(call=call, planner="rules")

    def listen(self) -> Literal["pause"] | None:
        """Asked by the run before it does the step it has just stored."""
        if not self._has_decided:
            return None
        if self.planned_at is None:
            self.planned_at = time.perf_counter()
        return "pause"


async def _resume(home: Path) -> float:
    from dataclasses import replace

    from cmo.graph.run import run_job
    from cmo.service.store import writer
    from cmo.store.jobs import list_jobs

    settings, watch = settings_of(home), Watch()
    started = time.perf_counter()
    with writer(settings) as conn:
        job = list_jobs(conn, limit=1)[0]
        async with machinery(Spec(home=str(home), plan={}, bulk=NOTHING), conn, job) as parts:
            await run_job(conn, job.id, replace(parts, planner=watch), by="operator:bench", listen=watch.listen)
    assert watch.planned_at is not None, "no step was planned"
    return (watch.planned_at - started) * 1000


def main() -> None:
    harden()
    first, *rest = (asyncio.run(_resume(Path(home))) for home in sys.argv[1:])  # the first one loads libraries
    json.dump(rest or [first], sys.stdout)


if __name__ == "__main__":
    main()
