"""A command in a process and a terminal of its own, whose screen is the text it wrote."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.cli.harness import inherited
from tests.fakes.drafts import SENDER

PATIENCE_S = 30.0
_LEAD = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """As a person's: the command leads its session, and closing the terminal tells it so."""

    def __init__(self, *argv: str, home: Path, size: tuple[int, int] = (80, 24)) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LEAD, sys.executable, "-m", "cmo", *argv],
            env={**inherited(), "TERM": "xterm-256color", "CMO_HOME": str(home), "CMO_OPERATOR": "ana", **SENDER},
            cwd=home,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )
        self.text = ""
        """What it wrote since the last wait."""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.close()

    def close(self) -> None:
        """Close the window."""
        for descriptor in (self._theirs, self._ours):
            if descriptor >= 0:
                os.close(descriptor)
        self._ours = self._theirs = -1

    def modes(self) -> list[object]:
        """How the terminal treats keys and lines."""
        return termios.tcgetattr(self._theirs)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, words: str) -> None:
        """Wait until it wrote `words`; what it wrote before is forgotten."""
        self.text = ""
        self._wait(lambda: words in self.text, words)

    def until_stopped(self) -> None:
        """Wait until the process is suspended."""
        self._wait(lambda: _state(self._process.pid) == "T", "suspended")

    def go_on(self) -> None:
        """As `fg`."""
        self._process.send_signal(signal.SIGCONT)

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        self._wait(lambda: self._process.poll() is not None, "its end")
        return self._process.returncode

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}; it wrote {self.text[-2000:]!r}")
            self._read()
        self._read()

    def _read(self) -> None:
        if self._ours < 0:
            time.sleep(0.02)
        elif select.select([self._ours], [], [], 0.02)[0]:
            self.text += os.read(self._ours, 65536).decode("utf-8", "replace")


def _state(pid: int) -> str:
    """What the process table says of it: T is stopped."""
    found = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1]
