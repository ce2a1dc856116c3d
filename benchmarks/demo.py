"""`make demo` after installation: the whole job of the built-in world, as a person starts it."""

from __future__ import annotations

import subprocess
import time
from datetime import datetime

from benchmarks.measure import clean_environment, load, progress, reading, require_finished, scratch
from benchmarks.startup import command
from benchmarks.table import Row


def run() -> list[Row]:
    """Seconds until the prompt is back; yardstick: the seconds that passed in that world."""
    home = scratch() / "demo"
    home.mkdir()
    progress("cmo demo")
    started = time.perf_counter()
    done = subprocess.run(
        command(("demo",), eager=False),
        cwd=home, env=clean_environment(home), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"cmo demo left with {done.returncode}: {done.stderr[-400:]}")
    store = next(home.rglob("campaign.db"))
    with reading(store) as conn:
        require_finished(conn, conn.execute("SELECT id FROM jobs").fetchone()[0])
        first, last = conn.execute("SELECT MIN(at), MAX(at) FROM events").fetchone()
        leads = conn.execute("SELECT COUNT(*) FROM leads").fetchone()[0]
    virtual = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return [
        Row(
            what="cmo demo, start to end",
            measured=took,
            unit="s",
            at_most=60,
            yardstick=virtual.total_seconds(),
            yardstick_is="the same job without shortened waits",
            note=f"{leads} leads; {load()}",
        )
    ]
