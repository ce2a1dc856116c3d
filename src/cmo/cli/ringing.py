"""Milestones on this terminal: its bell, and a notice of the desktop. Nothing here ever fails."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from threading import Thread

from cmo.cli.session import Session
from cmo.cli.terminal import safe_line
from cmo.config import Settings
from cmo.service.milestones import Milestone

NOTICE_TIMEOUT_S = 5.0


class Bell:
    """Rings where stderr is a terminal; a worker in the background has none and stays silent."""

    def __init__(self, here: Session, settings: Settings, job_id: str) -> None:
        self._here = here
        self._job_id = job_id
        self._words = settings.notify if here.err_terminal.is_tty else ()
        self._notifier = shutil.which("notify-send", path=here.env.get("PATH")) if _has_desktop(here) else None

    def ring(self, milestone: Milestone) -> None:
        text = safe_line(self._here.qualify(milestone.sentence(self._job_id, sandbox=self._here.sandbox)))
        if "bell" in self._words:
            self._write("\a")
        if "desktop" in self._words:
            if self._notifier is None:
                self._write(f"\x1b]9;{text}\x1b\\")
            else:
                Thread(target=_notice, args=(self._notifier, text), daemon=True).start()

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._here.world.stderr.write(text)
            self._here.world.stderr.flush()


def _has_desktop(here: Session) -> bool:
    return any(here.env.get(name) for name in ("WAYLAND_DISPLAY", "DISPLAY"))


def _notice(notifier: str, text: str) -> None:
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([notifier, "--app-name=cmo", "cmo", text], timeout=NOTICE_TIMEOUT_S, capture_output=True)
