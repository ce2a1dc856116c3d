"""`cmo export`: a job's people as files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from cmo import service
from cmo.cli import flags
from cmo.cli.asking import agree, opened_job
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, JobArg
from cmo.cli.registry import suggest
from cmo.cli.session import Session, session
from cmo.cli.terminal import fit, pad, thousands
from cmo.errors import OutputUnwritable
from cmo.service import ExportFile, ExportReport
from cmo.service.exports import FILES, matches_anybody
from cmo.service.leads import lead_terms

_WHAT = ("leads", "people", "drafts")
_FORMATS = ("csv", "json", "ndjson")


def export(
    job: JobArg = None,
    what: Annotated[
        str, typer.Option("--what", metavar="A,B", help="leads (prospects), people (for Attio), drafts.")
    ] = "leads,people",
    format_: Annotated[str, typer.Option("--format", metavar="A,B", help="csv, json, ndjson.")] = "csv",
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Default: the current folder.")] = None,
    where: Annotated[str | None, typer.Option("--where", metavar="FILTER", help="See: cmo help filters")] = None,
    login: Annotated[str | None, typer.Option("--login", metavar="A,B", help="Only these people.")] = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace files that are there already.")] = False,
) -> int:
    """Write files.

    Prints the path of each file, one a line. Who must not be contacted is left out; cells that a spreadsheet would
    run are made harmless. A file that is there already is replaced only with --yes, or after a question. When a
    filter matches nobody nothing is written, and the exit code is 4. People known by a commit address only are in
    prospects, marked HOLD, and not in people.
    """
    here = session()
    kinds = _listed("--what", what, _WHAT)
    formats = _listed("--format", format_, _FORMATS)
    terms = lead_terms(where)
    logins = None if login is None else [name.strip().removeprefix("@") for name in login.split(",") if name.strip()]
    folder = here.folder / (to or Path()).expanduser()
    with opened_job(here, job) as (_, found):
        job_id = found

    is_picked = bool(terms) or logins is not None
    if is_picked and not matches_anybody(here.settings, job_id, what=cast(Any, kinds), terms=terms, logins=logins):
        raise NothingMatched(
            f"Nobody to export matches {where or login}; nothing was written.", hint="cmo help filters"
        )
    there = [] if dry_run else _there(folder, kinds, formats)
    if there:
        _may_replace(here, there, yes=yes)
    report = service.export_job(
        here.settings,
        job_id,
        to=folder,
        what=cast(Any, kinds),
        formats=cast(Any, formats),
        terms=terms,
        logins=logins,
        dry_run=dry_run,
    )
    if there:
        here.say.note(f"Replaced {', '.join(path.name for path in there)}.")
    if here.flags.json:
        here.out.document("cmo.export/1", _document(report))
    elif dry_run:
        here.out.text("\n".join(_would(here, report.files)))
    else:
        here.out.text("\n".join(str(file.path) for file in report.files))
    _tell(here, report)
    return DONE


def _there(folder: Path, kinds: tuple[str, ...], formats: tuple[str, ...]) -> list[Path]:
    """The files of the export that exist already."""
    paths = (folder / f"{FILES[cast(Any, kind)]}.{name}" for name in formats for kind in kinds)
    return [path for path in paths if path.exists()]


def _may_replace(here: Session, there: list[Path], *, yes: bool) -> None:
    """Raises OutputUnwritable where nobody allowed it; Left where the answer was no."""
    names = ", ".join(path.name for path in there)
    if yes:
        return
    if not here.ask.allowed:
        raise OutputUnwritable(
            f"There already: {names} in {there[0].parent}. Nothing was written.",
            hint="Replace with --yes, or choose another folder with --to DIR.",
        )
    agree(here, f"Replace {names} in {there[0].parent}?", yes=False)


def _listed(flag: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in known:
            near = suggest(name, known)
            hint = f"Did you mean {near}?" if near else f"One or more of: {', '.join(known)}"
            raise UsageProblem(f"{flag} {name} is not known.", hint=hint)
    if not names:
        raise UsageProblem(f"{flag} is empty.", hint=f"One or more of: {', '.join(known)}")
    return names


def _document(report: ExportReport) -> dict[str, Any]:
    return {
        "job_id": report.job_id,
        "dry_run": report.is_dry,
        "files": [
            {"path": str(file.path), "rows": file.rows, "columns": list(file.columns), "bytes": file.bytes}
            for file in report.files
        ],
        "skipped": report.skipped,
    }


def _would(here: Session, files: Sequence[ExportFile]) -> list[str]:
    rows = sum(file.rows for file in files)
    lines = [f"Would write {len(files)} files, {thousands(rows)} rows. Nothing was written."]
    width = max(len(file.path.name) for file in files)
    for file in files:
        size = f"{max(1, round(file.bytes / 1024)):,} KB"
        room = max(20, here.out.terminal.width - width - 30) if here.out.terminal.is_tty else 10_000
        columns = fit(",".join(file.columns), room, glyphs=here.out.terminal.glyphs)
        lines.append(f"  {pad(file.path.name, width)}  {thousands(file.rows):>8} rows  {size:>9}  {columns}")
    return lines


def _tell(here: Session, report: ExportReport) -> None:
    if report.skipped:
        reasons = ", ".join(f"{why} ({thousands(count)})" for why, count in report.skipped.items())
        here.say.note(f"Skipped {thousands(sum(report.skipped.values()))}: {reasons}.")
    if report.is_dry:
        words = [word for word in flags.split(here.argv)[1] if word not in ("-n", "--dry-run")]
        here.say.hint(f"Run it: cmo {shlex.join(words)}")
    elif not sum(file.rows for file in report.files):
        here.say.note("No one matched: the files have a header only.")
