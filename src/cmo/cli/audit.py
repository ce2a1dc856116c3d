"""`cmo audit`: who did what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cmo.cli.asking import moment
from cmo.cli.diagnostics import BAD_DATA, DONE, NOT_FOUND
from cmo.cli.options import DryRun, Fields, Limit
from cmo.cli.output import Column
from cmo.cli.session import Session, session
from cmo.domain.text import counted
from cmo.service import audit as verbs


class Form(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Who; a part is enough.")]
Action = Annotated[str | None, typer.Option("--action", metavar="ID", help="What; its start is enough: drafts.")]
Draft = Annotated[int | None, typer.Option("--draft", metavar="ID", help="What was done to this draft.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="e.g. 10m, 7d, 2026-11-20T14:00")]


def list_rows(
    actor: Actor = None,
    action: Action = None,
    draft: Draft = None,
    since: Since = None,
    limit: Limit = 50,
    fields: Fields = None,
) -> int:
    """List who did what.

    People are named by an opaque token, never by address. Exit code 4 when nothing matches.
    """
    here = session()
    found = _filter(here, actor, action, draft, since).rows(here.settings, limit=limit + 1)
    rows = [row.model_dump() for row in found[:limit]]
    columns = [
        Column("seq", right=True),
        Column("at", show=lambda row: here.out.when(row["at"])),
        Column("actor", least=10),
        Column("action", least=12),
        Column("object", least=10),
        Column("before", drop=2),
        Column("after", drop=1),
        Column("is_dry", head="dry", show=lambda row: "dry" if row["is_dry"] else "", drop=3),
        Column("detail", extra=True),
        Column("prev_hash", extra=True),
        Column("hash", extra=True),
    ]
    here.out.table("cmo.audit.list/1", columns, rows, fields=fields)
    if not rows:
        here.say.note("Nothing matches.")
        return NOT_FOUND
    if len(found) > limit:
        here.say.note(f"The newest {limit} are shown. More: --limit N, or cmo audit export FILE")
    return DONE


def verify(
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="An export, in place of the store.")
    ] = None,
    fields: Fields = None,
) -> int:
    """Check that the log is whole.

    Each row is chained to the one before by its hash, and the newest is noted in a file beside the store, which shows
    when the end was cut off. Note the head somewhere else as well: it shows when both were. An export without a filter
    can be checked on any machine. Exit code 65 at a break.
    """
    here = session()
    found = verbs.verify_export(here.folder / file) if file else verbs.verify_audit(here.settings)
    broken = found.broken
    data = {
        "whole": broken is None,
        "rows": found.rows,
        "head": found.head,
        "broken_at": broken.seq if broken else None,
        "why": broken.why if broken else "",
        "after": broken.after if broken else "",
        "anchored": found.anchored,
    }
    shown = f"Broken: {broken.why}." if broken else f"Whole: {found.rows} rows follow from one another."
    here.out.document("cmo.audit.verify/1", data, text=[shown, f"  Head {found.head}"], fields=fields)
    if broken is not None:
        when = f" The last row that holds is of {broken.after}." if broken.after else ""
        here.say.warn(f"The audit log is broken at row {broken.seq}: {broken.why}.{when}", "Compare it with a backup.")
        return BAD_DATA
    return DONE


def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="- is stdout.")],
    form: Annotated[Form, typer.Option("--format", help="One JSON object a line, or CSV.")] = Form.NDJSON,
    actor: Actor = None,
    action: Action = None,
    draft: Draft = None,
    since: Since = None,
    dry_run: DryRun = False,
) -> int:
    """Write the log, oldest row first."""
    here = session()
    wanted = _filter(here, actor, action, draft, since)
    path = None if file == "-" else here.folder / file
    done = verbs.export_audit(here.settings, path, form.value, wanted, dry_run=dry_run)
    if dry_run:
        here.say.note(f"Would write {counted(done.rows, 'row')}. Nothing was written.")
    elif path is None:
        here.out.text(done.text)
    else:
        here.say.note(f"Wrote {counted(done.rows, 'row')}.")
        here.out.text(str(path))
    return DONE


def _filter(
    here: Session, actor: str | None, action: str | None, draft: int | None, since: str | None
) -> verbs.AuditFilter:
    start = moment(since, now=here.now()) if since else None
    return verbs.AuditFilter(actor=actor, action=action, draft=draft, since=start)
