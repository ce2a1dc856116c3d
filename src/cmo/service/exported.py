"""Which files were written for the operator outside of cmo's folders: whoever is forgotten is taken out of them too.

Each export leaves a row in the audit log: what, how many rows, by which filter, to which name; nobody is named there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cmo.config import Settings
from cmo.config.secrets import mask_addresses
from cmo.domain.audit import AuditEntry
from cmo.domain.csvtext import csv_line
from cmo.paths import Paths, write_private
from cmo.service.store import clock_of, writer
from cmo.store.audit import record_audit
from cmo.store.db import transaction

LIST = "exports.json"


def note_exports(paths: Paths, files: Iterable[Path]) -> None:
    """Remember `files`, before they are written: whatever ends that, none is there unknown. Others that are gone are no
    longer remembered.

    Raises:
        OutputUnwritable
    """
    known = known_exports(paths)
    kept = dict.fromkeys([*known, *(file.absolute() for file in files)])
    if list(kept) != known:
        write_private(paths.state_dir / LIST, json.dumps([str(path) for path in kept]))


def record_export(
    settings: Settings, object_: str, files: Mapping[str, int], *, detail: Mapping[str, object], is_dry: bool = False
) -> None:
    """Put an export on the record.

    Args:
        object_: What it is of, by id: `job:ID`, `audit`, `suppressions`, `list:SCREEN`.
        files: Name -> rows; `-` is the standard output.
        detail: What else is told; empty values are left out, addresses masked.
    """
    told: dict[str, object] = {"files": {mask_addresses(name): rows for name, rows in files.items()}}
    told |= {name: mask_addresses(value) if isinstance(value, str) else value for name, value in detail.items()}
    entry = AuditEntry(
        actor=settings.actor,
        action="export.write",
        object=object_,
        after="" if is_dry else "written",
        detail={name: value for name, value in told.items() if value},
        is_dry=is_dry,
    )
    with writer(settings) as conn, transaction(conn):
        record_audit(conn, [entry], at=clock_of(settings).now())


def export_list(
    settings: Settings, path: Path, what: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Write a list as it is seen to `path` as CSV, for the owner only; it is on the record which list, not of whom.

    Args:
        what: The list's name.
    Raises:
        OutputUnwritable
    """
    note_exports(settings.paths, [path])
    write_private(path, "".join(map(csv_line, [columns, *rows])))
    record_export(settings, f"list:{what}", {path.name: len(rows)}, detail={})


def known_exports(paths: Paths) -> list[Path]:
    """Files that were exported and are still there."""
    try:
        named = json.loads((paths.state_dir / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [path for path in map(Path, named) if path.is_file() and not path.is_symlink()]
