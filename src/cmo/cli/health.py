"""`cmo doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo.cli import checks
from cmo.cli.checks import Check
from cmo.cli.diagnostics import CONFIG, DONE, PARTLY
from cmo.cli.options import Fields
from cmo.cli.output import Column
from cmo.cli.session import Session, session
from cmo.config import inspect

_SIGNS = {"ok": "✓", "warn": "⚠", "fail": "✗", "skip": "·"}
_TONES = {"ok": "ok", "warn": "warn", "fail": "error", "skip": "dim"}


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Call nobody.")] = False,
    fields: Fields = None,
) -> int:
    """Check everything.

    Exit code 3 with warnings, 78 when something fails.
    """
    here = session()
    return examine(here, offline=offline, fields=fields)


def examine(here: Session, *, offline: bool, fields: str | None = None) -> int:
    """Run all checks, show them, and return the exit code."""
    settings, problems = inspect(here.sources)
    found = checks.local(here, settings, problems)
    if not any(problem.fatal for problem in problems):
        from cmo.cli import probes

        found += probes.probe_all(settings, offline=offline)
    glyphs = here.out.terminal.glyphs
    columns = [
        Column("state", head="", show=lambda row: f"{_SIGNS[row['state']]} {row['state']}" if glyphs else row["state"],
               tone=lambda row: _TONES[row["state"]]),
        Column("check"),
        Column("message", least=24),
        Column("fix", extra=True),
    ]  # fmt: skip
    here.out.table("cmo.doctor/1", columns, [check.as_row() for check in found], fields=fields)
    if here.out.form == "terminal":
        for check in found:
            if check.fix:
                here.say.hint(f"{check.name}: {check.fix}")
    failing, warning = _count(found, "fail"), _count(found, "warn")
    words = [
        f"{failing} failing" if failing else "",
        f"{warning} warning{'s' if warning > 1 else ''}" if warning else "",
    ]
    here.say.note(", ".join(word for word in words if word) or "All is well.")
    return CONFIG if failing else PARTLY if warning else DONE


def _count(found: list[Check], state: str) -> int:
    return sum(check.state == state for check in found)
