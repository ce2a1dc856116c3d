"""Exports: to a place on this machine that is asked for; in a browser, a download that leaves nothing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cmo.errors import OutputUnwritable
from cmo.paths import ensure_folder
from cmo.tui.messages import Told
from cmo.tui.widgets.dialogs import Ask, Confirm

if TYPE_CHECKING:
    from cmo.tui.app import Workplace


@dataclass(frozen=True)
class Export:
    """What is written where."""

    action: str
    title: str
    asked: str
    """What is written, and the question for its place."""
    name: str
    """Of the file."""
    write: Callable[[Path], str]
    """Writes the file, and tells how much is in it."""
    names_file: bool = False
    """Whether its name is asked for too, not only its folder."""


def export(workplace: Workplace, wanted: Export) -> None:
    """Have it written; no file is replaced unasked."""
    if not workplace.may(wanted.action):
        return
    if workplace.is_web:
        workplace.act(wanted.action, lambda: _downloaded(workplace, wanted))
        return

    def write(path: Path) -> None:
        workplace.act(wanted.action, lambda: Told(wanted.action, f"Wrote {wanted.write(path)} to {path}"))

    def named(text: str | None) -> None:
        if text is None:
            return
        typed = Path(text).expanduser().absolute()
        path = typed if wanted.names_file else typed / wanted.name
        if path.exists():
            workplace.push_screen(Confirm(f"Replace {path}?"), lambda yes: write(path) if yes else None)
        else:
            write(path)

    here = Path.cwd() / wanted.name if wanted.names_file else Path.cwd()
    workplace.push_screen(Ask(wanted.title, wanted.asked, value=str(here)), named)


def _downloaded(workplace: Workplace, wanted: Export) -> Told:
    """Hand the file over while it is open; it has no name on this machine any more."""
    logs = ensure_folder(workplace.desk.settings.paths.logs_dir)  # where forgetting somebody looks, should this be cut
    try:
        with TemporaryDirectory(dir=logs, prefix="download-") as folder:
            path = Path(folder) / wanted.name
            written = wanted.write(path)
            workplace.deliver_binary(path.open("rb"), save_filename=wanted.name)
    except OSError as error:
        raise OutputUnwritable(f"Cannot write in {logs}: {error.strerror}.", hint="Free some space.") from error
    return Told(wanted.action, f"{written}: your browser downloads {wanted.name}.")
