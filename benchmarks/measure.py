"""Measuring: memory of this process, bytes on disk, seconds of commands; and the folder it all happens in."""

from __future__ import annotations

import atexit
import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository; subprocesses start in it."""
IMPORT_ALL = (
    "import importlib, pkgutil, cmo; "
    "[importlib.import_module(module.name) for module in pkgutil.walk_packages(cmo.__path__, 'cmo.')"
    " if not module.name.endswith('__main__')]"
)
"""Python that imports every module of cmo, and with them every library."""
_STATUS = Path("/proc/self/status")
_MEGA = 1_000_000


class NothingMeasured(Exception):
    """A run did not get where it had to, so that no figure may be taken from it."""


def require_finished(conn: sqlite3.Connection, job_id: str, *, status: str = "finished", leads: int = 1) -> None:
    """Refuse a job that is not `status` or has fewer than `leads` leads: comparing nothing with nothing proves nothing.

    Raises:
        NothingMeasured: says how the job ended instead.
    """
    row = conn.execute("SELECT status, stage, ended_reason FROM jobs WHERE id = ?", (job_id,)).fetchone()
    found = conn.execute("SELECT COUNT(*) FROM leads WHERE job_id = ?", (job_id,)).fetchone()[0]
    if row["status"] != status or found < leads:
        raise NothingMeasured(
            f"job {job_id} is {row['status']} at {row['stage']} with {found} leads, not {status} with {leads} or more:"
            f" {row['ended_reason'] or 'no reason given'}"
        )


def load() -> str:
    """How busy the machine is, for figures in seconds."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def progress(text: str) -> None:
    """Tell on stderr what is being done."""
    print(f"  … {text}", file=sys.stderr, flush=True)


@cache
def scratch() -> Path:
    """A folder for everything that benchmarks write; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="cmo-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def bytecode() -> Path:
    """Where measured processes find everything compiled, so that none of them pays for it in time or memory."""
    folder = scratch() / "bytecode"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    progress("compiling")
    for code in (IMPORT_ALL, "import benchmarks.worker, benchmarks.naive_state, tests.fakes.rigs"):
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    return folder


def peak_rss_mb() -> float:
    """The most memory this process has held, in MB.

    Linux's `ru_maxrss` is not asked: it starts from what the parent held when it forked.
    """
    return _status_mb("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        _MEGA if sys.platform == "darwin" else 1_000
    )


def rss_mb() -> float:
    """What this process holds now, in MB; the peak where the system does not say."""
    return _status_mb("VmRSS") or peak_rss_mb()


def _status_mb(name: str) -> float:
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024 / _MEGA
    return 0.0


class RssSampler:
    """Looks at this process's memory from a thread while a `with` block runs."""

    def __init__(self, every_s: float = 0.25) -> None:
        self.samples: list[float] = []
        """MB, oldest first."""
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> RssSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self.samples.append(rss_mb())


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A database for looking at, its write-ahead log folded in first so that file sizes tell all."""
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    try:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield conn
    finally:
        conn.close()


def database_bytes(path: Path) -> int:
    """Bytes of a database's file."""
    with reading(path):
        return path.stat().st_size


def copy_home(source: Path, target: Path) -> Path:
    """A copy of a home that no process has open."""
    for database in source.rglob("*.db"):
        with reading(database):
            pass
    shutil.copytree(source, target)
    return target


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """A list that holds the block's seconds once it has ended."""
    took: list[float] = []
    started = time.perf_counter()
    yield took
    took.append(time.perf_counter() - started)


def clean_environment(home: Path) -> dict[str, str]:
    """This process's environment without anything that steers cmo, and with compiled byte code."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CMO_", "GITHUB_", "OPENAI_", "AZURE_OPENAI_", "LANGSMITH_", "LANGCHAIN_", "PYTHON"))
        and name not in ("LLM_PROVIDER", "STATE_DB_URL", "BLOB_DIR", "NO_COLOR", "FORCE_COLOR")
    }
    return {
        **kept,
        "CMO_HOME": str(home),
        "PYTHONPYCACHEPREFIX": str(bytecode()),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
