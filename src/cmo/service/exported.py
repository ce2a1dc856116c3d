"""Which files were written for the operator outside of cmo's folders: whoever is forgotten is taken out of them too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cmo.paths import Paths, write_private

LIST = "exports.json"


def note_exports(paths: Paths, files: Iterable[Path]) -> None:
    """Remember `files`, written just now; those that are gone are no longer remembered.

    Raises:
        OutputUnwritable
    """
    known = known_exports(paths)
    kept = dict.fromkeys([*known, *(file.absolute() for file in files)])
    if list(kept) != known:
        write_private(paths.state_dir / LIST, json.dumps([str(path) for path in kept if path.exists()]))


def known_exports(paths: Paths) -> list[Path]:
    """Files that were exported and are still there."""
    try:
        named = json.loads((paths.state_dir / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [path for path in map(Path, named) if path.is_file() and not path.is_symlink()]
