"""Options and arguments that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

JobArg = Annotated[
    str | None,
    typer.Argument(metavar="[JOB]", help="Id, unique part of it, or last; default: the running job, else last."),
]
JobNeeded = Annotated[str, typer.Argument(metavar="JOB", help="Id, unique part of it, or last.")]
JobOption = Annotated[str | None, typer.Option("--job", metavar="JOB", help="Default: the running job, else last.")]
Fields = Annotated[str | None, typer.Option("--fields", metavar="A,B", help="Only these columns, in this order.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would change; change nothing.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, metavar="N", help="At most so many rows.")]
