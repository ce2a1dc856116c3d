"""Reading the audit log: filtered, verified, exported. And the row that a dry run leaves in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cmo.config import Settings
from cmo.domain.audit import GENESIS, AuditEntry, AuditRow, Broken, Head, Link, first_break
from cmo.domain.csvtext import csv_line
from cmo.errors import ToolInputInvalid
from cmo.paths import write_private
from cmo.service.anchor import read_anchor
from cmo.service.store import clock_of, writer
from cmo.store.audit import counted, head, iter_audit, links, record_audit
from cmo.store.db import transaction

Format = Literal["ndjson", "csv"]
COLUMNS = ("seq", "at", "actor", "action", "object", "before", "after", "is_dry", "detail", "prev_hash", "hash")


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
    anchored: int | None
    """The row that was noted beside the store as the newest; None where nothing is noted."""


def verify_audit(settings: Settings) -> Verified:
    """Follow the chain from its first row to the newest that was ever noted beside the store."""
    anchor = read_anchor(settings.paths.db)
    with writer(settings) as conn:
        newest = head(conn)
        broken = first_break(links(conn), anchor=anchor, counted=counted(conn))
    return Verified(rows=newest.seq, head=newest.hash, broken=broken, anchored=anchor.seq if anchor else None)


def verify_export(path: Path) -> Verified:
    """The same of a whole export as NDJSON, which needs neither store nor key.

    Raises:
        ToolInputInvalid: the file cannot be read, or is no such export.
    """
    try:
        found = [_link(AuditRow.model_validate_json(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as exc:
        raise ToolInputInvalid(
            f"{path} is no export of the audit log as NDJSON.", hint="cmo audit export FILE, without a filter"
        ) from exc
    newest = found[-1] if found else Head(0, GENESIS)
    return Verified(rows=len(found), head=newest.hash, broken=first_break(found), anchored=None)


def _link(row: AuditRow) -> Link:
    told = (
        row.at.isoformat(), row.actor, row.action, row.object, row.before, row.after,
        json.dumps(row.detail, sort_keys=True), int(row.is_dry),
    )  # fmt: skip
    return Link(seq=row.seq, told=told, prev_hash=row.prev_hash, hash=row.hash)


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
