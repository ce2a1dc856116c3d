"""Kills a job around the moment at which it asks for more, and an operator's yes at each of its boundaries; goes on
each time, and prints what came of it as JSON. Run as a program, as `tests.resume.walker`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from cmo.domain.job import Caps
from cmo.graph.environment import harden
from cmo.store.audit import iter_audit
from cmo.store.db import Connection
from cmo.store.jobs import get_job
from cmo.store.request_views import list_requests
from cmo.store.requests import allow_request
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, FakeCodeHost
from tests.fakes.rigs import Rig
from tests.resume.walker import Bomb, digest, killed

AROUND = 3
"""Boundaries: the transaction that stores the request begins, commits, and the next one begins."""
MOST_OF_A_YES = 20
"""More boundaries than a yes has."""


def rig_in(home: Path) -> Rig:
    return Rig(home, plan=plan_factory(target=8, caps=Caps(max_repos=2)), host=FakeCodeHost(repos=6))


def run(home: Path, bomb: Bomb, met: list[int] | None = None) -> None:
    """Start the job, or go on with it, until it ends.

    Args:
        met: Gets the boundary at which the request was first seen.
    """
    rig = rig_in(home)
    conn = rig.open()
    known = conn.execute("SELECT id FROM jobs").fetchone()
    job = get_job(conn, known["id"]) if known else new_job(conn, rig.plan)

    def tick(sql: str) -> None:
        if sql in ("BEGIN IMMEDIATE", "COMMIT"):
            bomb.tick()
        if met is not None and "request_asked" in sql:
            met.append(bomb.passed)

    conn.set_trace_callback(tick)
    if not job.status.is_over:
        rig.run(conn, job)
    conn.close()


def allow(home: Path, bomb: Bomb) -> None:
    """Say yes to everything that was asked."""
    conn = rig_in(home).open()
    bomb.listen_to(conn)
    for request in requests(conn):
        allow_request(conn, request.id, by="operator:ana", for_job=True, at=NOW)
    conn.close()


def requests(conn: Connection) -> list[Any]:
    return list_requests(conn, conn.execute("SELECT id FROM jobs").fetchone()["id"])


def outcome(home: Path) -> dict[str, Any]:
    """What must be the same however often anything was killed."""
    conn = rig_in(home).open()
    asked = [request.model_dump(mode="json", exclude={"seq", "at", "answered_at"}) for request in requests(conn)]
    rows = [row for row in iter_audit(conn) if row.action.startswith("request.")]  # each start of the job has its own
    told = [(row.actor, row.action, row.object, row.before, row.after) for row in rows]
    conn.close()
    return {**digest(home), "requests": asked, "audit": told}


def played(home: Path) -> dict[str, Any]:
    """Whatever is missing of: the job, the yes, the job going on."""
    for work in (run, allow, run):
        work(home, Bomb(None))
    return outcome(home)


def main() -> None:
    harden()
    with tempfile.TemporaryDirectory() as name:
        root, met = Path(name), list[int]()
        run(root / "reference", Bomb(None), met)
        wanted = played(root / "reference")
        killed_at: list[Path] = []
        for at in range(met[0], met[0] + AROUND):
            if killed(run, home := root / f"ask{at}", at):
                killed_at.append(home)
        for at in range(1, MOST_OF_A_YES):
            run(home := root / f"yes{at}", Bomb(None))
            if not killed(allow, home, at):
                break
            killed_at.append(home)
        failures = {
            home.name: [key for key in wanted if found.get(key) != wanted[key]]
            for home in killed_at
            if (found := played(home)) != wanted
        }
        report = {"kills": [home.name for home in killed_at], "failures": failures, **wanted}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
