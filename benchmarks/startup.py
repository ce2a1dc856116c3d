"""How long commands take to start: whole processes, medians, byte code compiled, files in the system's cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import bulk
from benchmarks.measure import IMPORT_ALL, ROOT, clean_environment, copy_home, load, progress, scratch
from benchmarks.table import Row

LEADS = 10_000
SAMPLES, EAGER_SAMPLES = 9, 3
COMMANDS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("--version",), 40),
    (("--help",), 150),
    ((), 180),
    (("status",), 200),
    (("leads", "list"), 200),
)
"""Arguments and the goal in ms; the last two over 10,000 leads."""
RUN = ("run", "--sandbox", "--yes", "find 50 python maintainers")
RUN_GOAL_MS = 200
EAGER = f"{IMPORT_ALL}; import sys; from cmo.__main__ import main; sys.exit(main())"


def run() -> list[Row]:
    """Each command as it is, and with every module of cmo imported first."""
    home = copy_home(bulk.finished(LEADS).home, scratch() / "startup")
    progress("starting commands")
    busy = load()
    rows = [
        _row("cmo " + " ".join(words), goal, command_ms(words, home), command_ms(words, home, eager=True), busy)
        for words, goal in COMMANDS
    ]
    rows.append(_row("cmo run --sandbox, first line", RUN_GOAL_MS, first_line_ms(), first_line_ms(eager=True), busy))
    return rows


def _row(what: str, goal_ms: float, took_ms: float, eager_ms: float, busy: str) -> Row:
    return Row(
        what=what.strip(),
        measured=took_ms,
        unit="ms",
        at_most=goal_ms,
        yardstick=eager_ms,
        yardstick_is="every module imported at the start",
        note=f"medians of {SAMPLES} and {EAGER_SAMPLES}; status and leads list over {LEADS:,} leads; {busy}",
    )


def command(arguments: Sequence[str], *, eager: bool) -> list[str]:
    """How a shell would start it."""
    if eager:
        return [sys.executable, "-c", EAGER, *arguments]
    script = Path(sys.executable).with_name("cmo")
    return [str(script), *arguments] if script.exists() else [sys.executable, "-m", "cmo", *arguments]


def command_ms(arguments: Sequence[str], home: Path, *, eager: bool = False) -> float:
    """Median of the whole process, after one that is not counted."""
    environment = clean_environment(home)
    taken = []
    for _ in range(1 + (EAGER_SAMPLES if eager else SAMPLES)):
        started = time.perf_counter()
        done = subprocess.run(
            command(arguments, eager=eager),
            cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        taken.append((time.perf_counter() - started) * 1000)
        if done.returncode != 0:
            raise RuntimeError(f"cmo {' '.join(arguments)} left with {done.returncode}: {done.stderr[-400:]}")
    return median(taken[1:])


def first_line_ms(*, eager: bool = False) -> float:
    """Median until the first line is out, after one that is not counted; the process is killed then."""
    taken = []
    for number in range(1 + (EAGER_SAMPLES if eager else SAMPLES)):
        home = scratch() / f"first-line-{eager}-{number}"
        home.mkdir()
        started = time.perf_counter()
        process = subprocess.Popen(
            command(RUN, eager=eager),
            cwd=ROOT, env=clean_environment(home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        taken.append((time.perf_counter() - started) * 1000)
        process.kill()
        process.wait()
        process.stdout.close()
        shutil.rmtree(home, ignore_errors=True)
        if not line.strip():
            raise RuntimeError("cmo run said nothing")
    return median(taken[1:])
