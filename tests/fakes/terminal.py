"""A command in a real pseudo-terminal: keys as bytes in, and every byte that comes out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

WHO = b"\x1b[c"
"""The question what a terminal is."""
PATIENCE_S = 20.0
KEYS: Mapping[str, str] = {
    "escape": "\x1b[27u",  # as terminals with the kitty protocol send it: nobody waits for the rest of a sequence
    "enter": "\r", "space": " ", "slash": "/", "question_mark": "?", "colon": ":", "exclamation_mark": "!",
    "asterisk": "*", "plus": "+", "minus": "-", "tab": "\t", "f9": "\x1b[20~", "f12": "\x1b[24~",
    "down": "\x1b[B", "up": "\x1b[A",
}  # fmt: skip
"""Textual's name of a key -> what a terminal sends; letters stand for themselves, `ctrl+x` is made."""


class Terminal:
    """The process is killed when the `with` block ends."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], folder: Path, size: tuple[int, int] = (80, 24)
    ) -> None:
        """Start `command`.

        Args:
            size: Columns, rows.
        """
        self._end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        names = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [*command], env={**env, **names}, cwd=folder, stdin=inside, stdout=inside, stderr=inside,
            start_new_session=True,
        )  # fmt: skip
        os.close(inside)
        self.out = b""
        """Everything that came so far."""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)

    def press(self, *keys: str) -> None:
        """Type, all at once."""
        os.write(self._end, "".join(map(sent, keys)).encode())

    def read(self, for_s: float) -> bytes:
        """What comes next within `for_s` seconds; nothing where nothing does, or where the process has ended."""
        new = b""
        if select.select([self._end], [], [], for_s)[0]:
            with contextlib.suppress(OSError):  # the process has ended
                new = os.read(self._end, 1 << 16)
                if WHO in new:  # every terminal says what it is; this one does not tell its ground
                    os.write(self._end, b"\x1b[?62c")
        self.out += new
        return new

    def until(self, is_so: Callable[[bytes], bool], since: int = 0) -> None:
        """Read until `is_so` of what came after the first `since` bytes.

        Raises:
            TimeoutError: it never came to be so.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not is_so(self.out[since:]):
            if not self.read(0.05) and (self.process.poll() is not None or time.monotonic() > deadline):
                raise TimeoutError(self.out[since:][-2000:].decode(errors="replace"))

    def until_quiet(self, for_s: float = 0.08) -> None:
        """Read until nothing comes for a while."""
        deadline = time.monotonic() + PATIENCE_S
        while self.read(for_s):
            if time.monotonic() > deadline:
                raise TimeoutError("it never falls silent")


def sent(key: str) -> str:
    """What a terminal sends for a key."""
    if key.startswith("ctrl+"):
        return chr(ord(key[-1]) & 0x1F)
    return KEYS.get(key, key)


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|.)", re.DOTALL)
_MODES = "7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048"
_OURS = re.compile(
    rf"""\x1b(?: \[[0-9;]*m              # how letters look
               | \[[0-9]+;[0-9]+H        # where they stand
               | \[\?(?:{_MODES})[hl]    # what the terminal reports, its second screen, its cursor
               | \[\?(?:{_MODES})\$p     # questions about that
               | \[[>=<?][0-9]*u         # how it tells keys
               | \[c                     # what it is
               | \]22;[a-z-]*\x07        # the shape of the mouse
               | \]11;\?(?:\x07|\x1b\\)  # which ground it has,
               | \[c                     # and whether it answers at all
    )""",
    re.VERBOSE,
)


def foreign(out: bytes) -> set[str]:
    """Everything in it that a terminal obeys and that the full screen has no reason to write."""
    text = out.decode()
    escapes = {found for found in _ESCAPES.findall(text) if not _OURS.fullmatch(found)}
    return escapes | {char for char in _ESCAPES.sub("", text) if char < " " or "\x7f" <= char <= "\x9f"} - {"\r", "\n"}


def letters(out: bytes) -> str:
    """What is left of it to be read."""
    return _ESCAPES.sub("", out.decode())
