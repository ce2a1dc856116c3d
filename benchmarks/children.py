"""Starting workers and waiting for them."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.measure import ROOT, clean_environment, scratch
from benchmarks.worker import Report, Spec

_numbers = itertools.count(1)


class Worker:
    """A job in a process of its own."""

    def __init__(self, spec: Spec) -> None:
        home = Path(spec.home)
        home.mkdir(parents=True, exist_ok=True)
        stem = scratch() / f"worker-{next(_numbers)}"
        self._report = stem.with_suffix(".report.json")
        self._stderr = stem.with_suffix(".stderr")
        order = stem.with_suffix(".spec.json")
        order.write_text(json.dumps(asdict(spec)), encoding="utf-8")
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker", str(order), str(self._report)],
                cwd=ROOT,
                env=clean_environment(home),
                stdin=subprocess.DEVNULL,
                stderr=stderr,
            )

    def kill(self) -> None:
        """End it as a power cut would: no handler runs."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait(self) -> Report:
        """What it reports at its end.

        Raises:
            RuntimeError: it failed; the message ends with what it said last.
        """
        if self.process.wait() != 0:
            said = self._stderr.read_text(encoding="utf-8", errors="replace").strip()
            raise RuntimeError(f"a worker failed: {said[-800:]}")
        return Report(**json.loads(self._report.read_text(encoding="utf-8")))
