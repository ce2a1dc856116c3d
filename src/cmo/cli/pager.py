"""A pager for more than one screen: `PAGER`, else `less -FIRX`."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping


def show(text: str, env: Mapping[str, str]) -> bool:
    """Show `text` and wait until the reader leaves; False where there is no pager or it cannot be started."""
    command = shlex.split(env.get("PAGER", "less -FIRX"))
    if not command or command == ["cat"]:
        return False
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
    except OSError:
        return False
    try:
        pager.communicate(text)
    except KeyboardInterrupt:
        pager.wait()
    return True
