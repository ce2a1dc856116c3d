"""Kills a change of scoring weights at each boundary in turn, does it again, and prints what came of it as JSON.

A boundary is before and after each transaction, as in `walker`, which forks in the same way.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from cmo.clock import ScaledClock
from cmo.config import Settings, Sources, load
from cmo.domain.rerank import Effect
from cmo.service import scores
from cmo.store.db import open_store
from cmo.store.rescoring import count_behind
from tests.fakes.outside import NOW
from tests.fakes.scored import store_with_scores
from tests.resume.walker import Bomb

CHANGES = {"role": "0", "activity": "0", "reach": "50"}
SIZE = 4


def settings_in(home: Path) -> Settings:
    return load(Sources(env={"CMO_HOME": str(home), "CMO_OPERATOR": "ana"}, folder=home))


def weigh(home: Path, bomb: Bomb) -> Effect:
    """What a person does: the change, or what is left of it."""
    settings = settings_in(home)
    change = scores.weights_change(settings, None, CHANGES)
    conn = open_store(settings.paths.db)
    bomb.listen_to(conn)
    return scores.weigh(conn, change, by=settings.actor, clock=ScaledClock(NOW), size=SIZE)


def killed(home: Path, at: int) -> bool:
    """Change the weights in a child that is killed at boundary `at`; False where it ended before."""
    child = os.fork()
    if child == 0:
        weigh(home, Bomb(at))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def digest(home: Path) -> dict[str, Any]:
    """What must be the same however often it was killed."""
    conn = open_store(settings_in(home).paths.db)
    tables = {
        "plan": "SELECT plan, leads_version FROM jobs",
        "candidates": "SELECT login_key, state, reason, score, score_doc FROM candidates ORDER BY n",
        "leads": "SELECT * FROM leads ORDER BY number",
        "drafts": "SELECT login_key, state, score, version FROM drafts ORDER BY id",
        "events": "SELECT kind, COUNT(*) FROM events GROUP BY kind ORDER BY kind",
        "audit": "SELECT action, before, after FROM audit ORDER BY seq",
    }
    found = {name: [list(row) for row in conn.execute(sql)] for name, sql in tables.items()}
    conn.close()
    return found


def behind(home: Path) -> int:
    conn = open_store(settings_in(home).paths.db)
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    count = count_behind(conn, job_id, 2)
    conn.close()
    return count


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seed = root / "seed"
        seed.mkdir()
        conn, _ = store_with_scores(settings_in(seed).paths.db, 10, drafted=3)
        conn.close()
        reference = shutil.copytree(seed, root / "reference")
        weigh(reference, Bomb(None))
        wanted = digest(reference)
        failures: list[int] = []
        left: list[int] = []
        while killed(home := shutil.copytree(seed, root / f"k{len(left) + 1}"), len(left) + 1):
            left.append(behind(home))
            weigh(home, Bomb(None))
            if digest(home) != wanted:
                failures.append(len(left))
        report = {"left": left, "failures": failures, "leads": len(wanted["leads"])}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
