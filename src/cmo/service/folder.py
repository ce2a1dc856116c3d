"""A job's folder: artifacts, the snapshot of its state, and its log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cmo.errors import OutputUnwritable
from cmo.paths import ensure_folder

ARTIFACTS = "artifacts"
SNAPSHOT = "state.json"
LOG = "logs/events.ndjson"
_LONGEST_LINE = 1 << 20
"""Bytes at the end of the log in which its last line is looked for."""


class JobFolder:
    """Files of one job, each written whole or not at all, readable by the owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> None:
        """Write an artifact."""
        with self._replacing(self._place(ARTIFACTS, path)) as file:
            file.write(text)

    def concatenate(self, parts: Sequence[str], path: str) -> None:
        """Join artifacts into one and remove them.

        Repeatable: parts are removed only once the whole is there, so with the whole there and a part gone it is done.
        """
        sources = [self._place(ARTIFACTS, part) for part in parts]
        whole = self._place(ARTIFACTS, path)
        if not whole.exists() or all(source.exists() for source in sources):
            with self._replacing(whole) as file:
                for source in sources:
                    with source.open(encoding="utf-8", newline="") as piece:
                        shutil.copyfileobj(piece, file)
        for source in sources:
            source.unlink(missing_ok=True)

    def write_snapshot(self, chunks: Iterable[str]) -> None:
        """Replace the snapshot of the state."""
        with self._replacing(self._place("", SNAPSHOT)) as file:
            for chunk in chunks:
                file.write(chunk)

    def append_log(self, lines: Sequence[str]) -> None:
        """Add lines to the log; what a killed process left of a line is cut off first."""
        if not lines:
            return
        place = self._place("", LOG)
        with _told(place):
            ensure_folder(place.parent)
            handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(handle, "rb+") as file:
                file.truncate(_whole_lines(file))
                file.seek(0, os.SEEK_END)
                file.write("".join(line + "\n" for line in lines).encode())

    def last_logged(self) -> str:
        """The last whole line of the log, or an empty text."""
        place = self._place("", LOG)
        if not place.exists():
            return ""
        with place.open("rb") as file:
            end = _whole_lines(file)
            file.seek(max(0, end - _LONGEST_LINE))
            lines = file.read(min(end, _LONGEST_LINE)).split(b"\n")
        return lines[-2].decode("utf-8", "replace") if len(lines) > 1 else ""

    def _place(self, folder: str, path: str) -> Path:
        base = (self.root / folder).resolve()
        place = (base / path).resolve()
        if not place.is_relative_to(base) or place == base:
            raise OutputUnwritable(f"`{path}` is not inside the job's folder.", hint="Name a plain file.")
        return place

    @contextmanager
    def _replacing(self, place: Path) -> Iterator[IO[str]]:
        draft = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        with _told(place):
            ensure_folder(place.parent)
            try:
                handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, place)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise


def _whole_lines(file: IO[bytes]) -> int:
    """How many bytes of `file` are whole lines."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _LONGEST_LINE)
    file.seek(start)
    end = file.read().rfind(b"\n")
    return start + end + 1 if end >= 0 else 0


@contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise OutputUnwritable(
            f"Cannot write {place}: {exc.strerror or exc}.", hint="Free some space, then `cmo resume`."
        ) from exc
