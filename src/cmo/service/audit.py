"""Reading the audit log: filtered, verified, exported. And the row that a dry run leaves in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from cmo.config import Settings
from cmo.domain.audit import GENESIS, AuditEntry, AuditRow, Broken, Head, Link, first_break
from cmo.domain.csvtext import csv_line
from cmo.domain.filters import FilterInvalid, parse_filter
from cmo.domain.text import moment
from cmo.errors import ToolInputInvalid
from cmo.paths import write_private
from cmo.service.anchor import read_anchor
from cmo.service.exported import record_export
from cmo.service.store import clock_of, writer
from cmo.store.audit import count_audit, counted, head, iter_audit, links, record_audit
from cmo.store.db import Connection, transaction

Format = Literal["ndjson", "csv"]
AUDIT_FIELDS = {
    "actor": "part of a name",
    "action": "its start, such as drafts.",
    "draft": "a draft's number",
    "since": "10m, 2h, 7d or 2026-11-20T14:00",
}
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

    def rows(self, settings: Settings, *, limit: int = -1) -> list[AuditRow]:
        """Newest first."""
        with writer(settings) as conn:
            return self.page(conn, limit=limit)

    def page(self, conn: Connection, *, limit: int, offset: int = 0) -> list[AuditRow]:
        """The same, from `offset`."""
        return list(iter_audit(conn, **self._wanted(), limit=limit, offset=offset))

    def count(self, conn: Connection, *, after: int = 0) -> int:
        """How many, with numbers above `after`."""
        return count_audit(conn, **self._wanted(), after=after)

    def words(self) -> str:
        """It in the language of lists."""
        given = {"actor": self.actor, "action": self.action, "draft": self.draft, "since": self.since}
        return " ".join(f"{name}:{value}" for name, value in given.items() if value is not None)

    def _wanted(self) -> dict[str, Any]:
        object_ = None if self.draft is None else f"draft:{self.draft}"
        return {"actor": self.actor, "action": self.action, "object_": object_, "since": self.since}


def audit_filter(text: str, *, now: datetime) -> AuditFilter:
    """What a filter in the language of lists means here: `actor:ana action:drafts. draft:36 since:7d`; free text is
    the start of an action.

    Raises:
        FilterInvalid: an unknown field, a value that is none, a field twice, or what shall not be.
    """
    found: dict[str, Any] = {}
    for term in parse_filter(text, fields=AUDIT_FIELDS, values={"draft": ()}):
        name = term.field or "action"
        if term.negated or term.operator not in (":", "=") or name in found:
            raise FilterInvalid(f"The audit log is filtered by what is, {name} once.", hint="actor:ana action:drafts.")
        found[name] = int(term.value) if name == "draft" else term.value
    if "since" in found:
        try:
            found["since"] = moment(found["since"], now=now)
        except ValueError as exc:
            raise FilterInvalid(
                f"`{found['since']}` is no time.", hint=f"since takes {AUDIT_FIELDS['since']}."
            ) from exc
    return AuditFilter(**found)


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
    """Follow the chain from its first row to the newest that was ever noted beside the store.

    That it was followed goes on the record too, as a row after those that were looked at.
    """
    anchor = read_anchor(settings.paths.db)
    with writer(settings) as conn:
        newest = head(conn)
        broken = first_break(links(conn), anchor=anchor, counted=counted(conn))
        told = AuditEntry(
            actor=settings.actor,
            action="audit.verify",
            object="audit",
            after="broken" if broken else "whole",
            detail={"rows": newest.seq, **({"broken_at": broken.seq} if broken else {})},
        )
        with transaction(conn):
            record_audit(conn, [told], at=clock_of(settings).now())
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


@dataclass(frozen=True)
class AuditExport:
    """What an export of the log wrote, or would write."""

    rows: int
    text: str
    """Empty in a dry run."""


def export_audit(
    settings: Settings, path: Path | None, format_: Format, wanted: AuditFilter, *, dry_run: bool = False
) -> AuditExport:
    """Write the rows to `path`, for the owner only; then the export itself goes on the record, a dry run too.

    Args:
        path: None: the caller writes the text.
    Raises:
        OutputUnwritable
    """
    rows = wanted.rows(settings)
    text = "" if dry_run else "".join(iter_audit_lines(rows, format_))
    if path is not None and not dry_run:
        write_private(path, text)
    detail = {"where": wanted.words(), "format": format_}
    record_export(settings, "audit", {path.name if path else "-": len(rows)}, detail=detail, is_dry=dry_run)
    return AuditExport(len(rows), text)
