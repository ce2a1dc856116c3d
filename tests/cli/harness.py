"""Runs commands in this process, in a world of their own."""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cmo.cli.app import run
from cmo.cli.session import World
from cmo.config.secrets import Keyring

NOW = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)


class FakeTty(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class FakePipe(io.StringIO):
    encoding = "utf-8"


class FakeKeyring:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str, /) -> None:
        del self.held[service, username]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The JSON error on stderr."""
        found: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return found


@cache
def inherited() -> dict[str, str]:
    """This process's environment, and a place for compiled files: else each process compiles all packages anew."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"PYTHONPYCACHEPREFIX": folder, **env}


class Cmo:
    """`cmo` with a home and a project folder of its own, no variables, and a pipe on every stream."""

    def __init__(self, home: Path, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.folder = folder
        self.env = {"CMO_HOME": str(home), "CMO_OPERATOR": "sebastian", **(env or {})}
        self.keyring_source: Callable[[], Keyring | None] = lambda: None
        self.typing: Callable[[str], FakeTty] = FakeTty
        self.sleep: Callable[[float], None] = lambda seconds: None
        self.now: Callable[[], datetime] = lambda: NOW

    def __call__(
        self,
        *argv: str,
        stdin: str = "",
        tty: bool = False,
        out_tty: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run one command.

        Args:
            tty: stdin and stderr are terminals: questions may be asked, `stdin` answers them.
            out_tty: stdout is a terminal.
        """
        source = self.typing(stdin) if tty else FakePipe(stdin)
        out = FakeTty() if out_tty else FakePipe()
        err = FakeTty() if tty else FakePipe()
        world = World(
            env={**self.env, **(env or {})},
            folder=self.folder,
            stdin=source,
            stdout=out,
            stderr=err,
            now=self.now,
            keyring=self.keyring_source,
            sleep=self.sleep,
            pager=lambda text, env: False,
        )
        code = run(argv, world)
        return Result(code, out.getvalue(), err.getvalue())

    def spawn(self, *argv: str, stdin: str = "") -> Result:
        """Run one command in a process of its own: whole jobs, whose heartbeat sleeps for real."""
        with self.started(*argv) as process:
            out, err = process.communicate(stdin, timeout=300)
        return Result(process.returncode, out, err)

    def started(self, *argv: str) -> subprocess.Popen[str]:
        """A command in a process of its own that is not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "cmo", *argv],
            env={**inherited(), **self.env},
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
