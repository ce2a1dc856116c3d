"""Whether the terminal is dark or light: asked by OSC 11, before the full screen is up."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from time import monotonic

from cmo.tui.themes import DARK, LIGHT

ASK = b"\x1b]11;?\x07\x1b[c"
"""The colour of the background, then what every terminal answers: once that is here, nothing more comes."""
LIMIT_S = 0.1
LATE_S = 1.0
"""How long a late answer is waited for, to be thrown away: as typed keys it would press `a` and `d` on a screen."""
_COLOUR = re.compile(rb"\x1b\]11;rgb:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_END = re.compile(rb"\x1b\[\?[0-9;]*c")


def auto_theme() -> str:
    """The theme for the terminal's background; dark where it does not say in time."""
    try:
        answer = _asked()
    except (ImportError, OSError, ValueError):  # no terminal of that kind
        return DARK
    return theme_for(answer)


def theme_for(answer: bytes) -> str:
    """The theme for what a terminal answered."""
    found = _COLOUR.search(answer)
    if found is None:
        return DARK
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return LIGHT if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else DARK


def answer_in_time(read: Callable[[float], bytes], *, now: Callable[[], float] = monotonic) -> bytes:
    """What came within the limit; what comes later is read too, and thrown away.

    Args:
        read: Waits at most so many seconds; empty where nothing came.
    """
    began, answer, late = now(), b"", b""
    while not _END.search(answer + late) and (left := began + LIMIT_S + LATE_S - now()) > 0:
        got = read(left)
        if now() - began <= LIMIT_S:
            answer += got
        else:
            late += got
    return answer


def _asked() -> bytes:
    import select
    import termios
    import tty

    given, shown = sys.stdin.fileno(), sys.stderr.fileno()
    if not (os.isatty(given) and os.isatty(shown)):
        return b""
    before = termios.tcgetattr(given)

    def read(seconds: float) -> bytes:
        return os.read(given, 1024) if select.select([given], [], [], seconds)[0] else b""

    try:
        tty.setcbreak(given, termios.TCSANOW)
        os.write(shown, ASK)
        return answer_in_time(read)
    finally:
        termios.tcsetattr(given, termios.TCSAFLUSH, before)
