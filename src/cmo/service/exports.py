"""Writing results where the operator wants them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

from cmo.config import Settings
from cmo.domain.csvtext import csv_line
from cmo.domain.filters import Term
from cmo.domain.job import Job
from cmo.domain.lead import LeadRow
from cmo.errors import OutputUnwritable
from cmo.paths import ensure_folder
from cmo.service.exported import note_exports, record_export
from cmo.service.store import reader, resolve_job
from cmo.store.db import Connection
from cmo.store.draft_views import iter_drafts
from cmo.store.jobs import get_job
from cmo.store.people_views import LEAD_VALUES, iter_leads, not_exported

What = Literal["leads", "people", "drafts"]
Format = Literal["csv", "ndjson", "json"]

FILES: dict[What, str] = {"leads": "prospects", "people": "attio_people", "drafts": "drafts"}
DRAFT_COLUMNS = (
    "id", "login", "name", "email", "company", "score", "step", "variant", "version", "state", "flag", "subject",
    "body",
)  # fmt: skip


@dataclass(frozen=True)
class ExportFile:
    """One file of an export."""

    path: Path
    rows: int
    columns: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote, or would write."""

    job_id: str
    files: tuple[ExportFile, ...]
    skipped: dict[str, int]
    """Reason -> people not exported."""
    is_dry: bool


def export_job(
    settings: Settings,
    ref: str | None,
    *,
    to: Path,
    what: Sequence[What] = ("leads", "people"),
    formats: Sequence[Format] = ("csv",),
    terms: tuple[Term, ...] = (),
    logins: Collection[str] | None = None,
    dry_run: bool = False,
) -> ExportReport:
    """Write the job's people to the folder `to`, one file for each of `what` in each of `formats`.

    It goes on the record, a dry run too.

    Args:
        logins: Only these people; None: all who meet `terms`.
    Raises:
        JobNotFound
        OutputUnwritable: the folder cannot be written; nothing half-written stays.
    """
    with reader(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        people = partial(iter_leads, conn, job.id, terms=terms, logins=logins)
        wanted = [(kind, format_, to / f"{FILES[kind]}.{format_}") for format_ in formats for kind in what]
        if not dry_run:
            ensure_folder(to)
            note_exports(settings.paths, [path for _, _, path in wanted])
        files = tuple(_write(conn, job, kind, format_, people, path, dry_run=dry_run) for kind, format_, path in wanted)
        skipped = not_exported(conn, job.id)
    detail = {"what": list(what), "where": _where(terms), "chosen": len(logins or ()), "to": to.name}
    rows = {file.path.name: file.rows for file in files}
    record_export(settings, f"job:{job.id}", rows, detail=detail, is_dry=dry_run)
    return ExportReport(job_id=job.id, files=files, skipped=skipped, is_dry=dry_run)


def matches_anybody(
    settings: Settings,
    ref: str | None,
    *,
    what: Sequence[What],
    terms: tuple[Term, ...],
    logins: Collection[str] | None,
) -> bool:
    """Whether anybody meets the filter who would be in an export of `what`: those on HOLD are not among `people`."""
    with reader(settings) as conn:
        people = iter_leads(conn, resolve_job(conn, ref), terms=terms, logins=logins)
        return any(not row.held or set(what) != {"people"} for row in people)


def _where(terms: Sequence[Term]) -> str:
    """The filter as the audit log may hold it: values that are words of somebody are left out."""
    return " ".join(
        f"{'-' if term.negated else ''}{term.field or 'text'}"
        f"{term.operator}{term.value if term.field in LEAD_VALUES else '…'}"
        for term in terms
    )


def _write(
    conn: Connection,
    job: Job,
    what: What,
    format_: Format,
    people: Callable[[], Iterator[LeadRow]],
    path: Path,
    *,
    dry_run: bool,
) -> ExportFile:
    from cmo.tools.export_csv import ATTIO_COLUMNS, PROSPECT_COLUMNS, attio_record, prospect_record

    columns = {"leads": PROSPECT_COLUMNS, "people": ATTIO_COLUMNS, "drafts": DRAFT_COLUMNS}[what]

    def records() -> Iterator[dict[str, object]]:
        if what == "drafts":
            yield from iter_drafts(conn, job.id)
            return
        for row in people():
            if what == "leads":
                yield prospect_record(row)
            elif not row.held:
                yield attio_record(row, list_id=job.plan.list_id, goal=job.plan.goal)

    if dry_run:
        rows = size = 0
        for piece, is_row in pieces(records(), columns, format_):
            rows += is_row
            size += len(piece.encode())
        return ExportFile(path=path, rows=rows, columns=columns, bytes=size)
    return _replace(path, columns, pieces(records(), columns, format_))


def pieces(
    records: Iterator[dict[str, object]], columns: tuple[str, ...], format_: Format
) -> Iterator[tuple[str, bool]]:
    """Pieces of the file, and whether each is a row."""
    if format_ == "csv":
        yield csv_line(columns), False
        for record in records:
            yield csv_line([record[name] for name in columns]), True
    elif format_ == "ndjson":
        for record in records:
            yield json.dumps(record, ensure_ascii=False) + "\n", True
    else:
        yield "[", False
        for n, record in enumerate(records):
            yield ("\n" if n == 0 else ",\n") + json.dumps(record, ensure_ascii=False), True
        yield "\n]\n", False


def _replace(path: Path, columns: tuple[str, ...], pieces: Iterator[tuple[str, bool]]) -> ExportFile:
    draft = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("w", encoding="utf-8", newline="") as file:
                draft.chmod(0o600)
                rows = _pour(file, pieces)
            size = draft.stat().st_size
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise OutputUnwritable(f"Cannot write {path}: {why}.", hint="Choose another folder with --to.") from exc
    return ExportFile(path=path, rows=rows, columns=columns, bytes=size)


def _pour(file: IO[str], pieces: Iterator[tuple[str, bool]]) -> int:
    rows = 0
    for piece, is_row in pieces:
        file.write(piece)
        rows += is_row
    return rows
