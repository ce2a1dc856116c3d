"""Reading the audit log: filtered, verified, exported. And the row that a dry run leaves in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cmo.config import Settings
from cmo.domain.audit import AuditEntry, AuditRow, Broken
from cmo.domain.csvtext import csv_line
from cmo.paths import write_private
from cmo.service.store import clock_of, writer
from cmo.store.audit import first_break, head, iter_audit, record_audit
from cmo.store.db import transaction

Format = Literal["ndjson", "csv"]
COLUMNS = ("seq", "at", "actor", "action", "object", "before", "after", "is_dry", "detail", "hash")


@dataclass(frozen=True)
class AuditFilter:
    """Which rows; all that is given must hold."""

    actor: str | None = None
    """Part of the name."""
    action: str | None = None
    """Its start: `drafts.` is everything done to drafts."""
    draft: int | None = None
    since: datetime | None = None

    def rows(self, settings: Settings, *, limit: int | None = None) -> list[AuditRow]:
        """Newest first."""
        object_ = None if self.draft is None else f"draft:{self.draft}"
        with writer(settings) as conn:
            found = iter_audit(
                conn, actor=self.actor, action=self.action, object_=object_, since=self.since, limit=limit
            )
            return list(found)


def record_dry(settings: Settings, action: str, object_: str) -> None:
    """Put down that somebody asked what `action` would do; nothing else was changed."""
    entry = AuditEntry(actor=settings.actor, action=action, object=object_, is_dry=True)
    with writer(settings) as conn, transaction(conn):
        record_audit(conn, [entry], at=clock_of(settings).now())


@dataclass(frozen=True)
class Verified:
    """Whether the log is whole."""

    rows: int
    head: str
    """Hash of the newest row: noted elsewhere, it shows later whether the log was cut."""
    broken: Broken | None


def verify_audit(settings: Settings) -> Verified:
    """Follow the chain from its first row."""
    with writer(settings) as conn:
        rows, hash_ = head(conn)
        return Verified(rows=rows, head=hash_, broken=first_break(conn))


def iter_audit_lines(rows: list[AuditRow], format_: Format) -> Iterator[str]:
    """The lines of an export, oldest first."""
    if format_ == "csv":
        yield csv_line(COLUMNS)
    for row in reversed(rows):
        if format_ == "csv":
            told = {**dict(row), "detail": json.dumps(row.detail, sort_keys=True)}
            yield csv_line([told[name] for name in COLUMNS])
        else:
            yield row.model_dump_json() + "\n"


def export_audit(settings: Settings, path: Path, format_: Format, wanted: AuditFilter) -> int:
    """Write the rows to `path`, for the owner only; how many.

    Raises:
        OutputUnwritable
    """
    rows = wanted.rows(settings)
    write_private(path, "".join(iter_audit_lines(rows, format_)))
    return len(rows)
