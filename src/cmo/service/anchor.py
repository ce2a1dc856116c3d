"""The newest row of the audit log, noted in a file beside the store: it shows when the end of the log was cut off."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from cmo.domain.audit import Head
from cmo.errors import OutputUnwritable
from cmo.paths import write_private
from cmo.store.audit import head, holds
from cmo.store.db import Connection


def anchor_path(db: Path) -> Path:
    """Where it is noted."""
    return db.with_name(f"{db.name}.head")


def read_anchor(db: Path) -> Head | None:
    """The row that was the newest when somebody last let go of the store; None where nothing readable is noted."""
    try:
        noted = json.loads(anchor_path(db).read_text(encoding="utf-8"))
        return Head(int(noted["seq"]), str(noted["hash"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note_anchor(db: Path, conn: Connection) -> None:
    """Note the newest row, unless the one that is noted is gone: then that is kept to show it."""
    newest, noted = head(conn), read_anchor(db)
    if newest.seq > (noted.seq if noted else 0) and (noted is None or holds(conn, noted)):
        with suppress(OutputUnwritable):  # an older note holds as well
            write_private(anchor_path(db), json.dumps(newest._asdict()))
