"""Looking at drafts: `cmo drafts list`, `show`, `diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmo import service
from cmo.cli import draft_lines
from cmo.cli.asking import opened_job
from cmo.cli.diagnostics import DONE, NOT_FOUND
from cmo.cli.draft_picks import OneId, Where, picked, terms_of
from cmo.cli.errors import NothingMatched
from cmo.cli.options import Fields, JobOption, Limit
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.text import drafts_wait
from cmo.store import draft_views

if TYPE_CHECKING:
    from cmo.store.draft_details import DraftDetail, VersionLine

_TONES = {"approved": "ok", "rejected": "dim", "expired": "warn", "later": "dim"}
_COLUMNS = [
    Column("id", right=True, least=2),
    Column("score", head="sc", right=True, least=2),
    Column("flag", least=6, tone=lambda row: "error" if row["blocked"] else "warn"),
    Column("login", head="who", least=8),
    Column("org", least=8, drop=2),
    Column("subject", least=16, drop=1),
    Column("state", least=8, tone=lambda row: _TONES.get(row["state"], "")),
    Column("updated_at", head="updated", least=6, drop=3),
    Column("address", extra=True),
    Column("name", extra=True),
    Column("step", extra=True),
    Column("variant", extra=True),
    Column("version", extra=True),
    Column("blocked", extra=True),
    Column("put_off_until", extra=True),
]


def list_drafts(
    job: JobOption = None,
    where: Where = None,
    limit: Limit = 50,
    after: Annotated[int | None, typer.Option("--after", metavar="ID", help="Go on behind this draft.")] = None,
    fields: Fields = None,
) -> int:
    """List drafts.

    Exit code 4 when nothing matches.
    """
    here = session()
    terms = terms_of(where)
    with opened_job(here, job) as (conn, job_id):
        now = service.clock_of(here.settings).now()
        rows, total = draft_views.list_drafts(conn, job_id, now=now, terms=terms, limit=limit + 1, after=after)
        waiting = draft_views.count_waiting(conn, job_id, now=now)
    shown = rows[:limit]
    more = str(shown[-1].id) if len(rows) > limit else None
    here.out.table("cmo.drafts.list/1", _COLUMNS, [_row(row) for row in shown], fields=fields, total=total, next_=more)
    if more:
        here.say.note(f"{len(shown):,} of {total:,} shown. More: --after {more}, or --limit {total}")
    if not shown:
        here.say.note(
            f"No draft matches {where}." if where else f"{job_id} has no drafts{' behind it' if after else ''}."
        )
        here.say.hint(f"cmo status {job_id}")
        return NOT_FOUND
    here.say.hint(
        f"{drafts_wait(waiting)}: cmo drafts review --job {job_id}" if waiting else "One of them: cmo drafts show ID"
    )
    return DONE


def show(
    draft: OneId,
    job: JobOption = None,
    full: Annotated[bool, typer.Option("--full", help="Also the evidence, the score and every version.")] = False,
    fields: Fields = None,
) -> int:
    """Show a draft."""
    here = session()
    detail, versions = _read(here, draft, job)
    terminal = here.out.terminal
    rows = [draft_lines.title(detail.row, terminal), draft_lines.recipient(detail)]
    rows += [*draft_lines.whole(detail, terminal), ""]
    rows += [*draft_lines.findings(detail, terminal), *draft_lines.standing(detail)]
    if full:
        rows += ["", *draft_lines.evidence(detail, terminal), *draft_lines.why(detail, terminal)]
        rows += [
            f"Version {v.version}: {v.why} by {safe_line(v.made_by)}, {here.out.when(v.made_at)}" for v in versions
        ]
    here.out.document("cmo.drafts.show/1", _document(detail, versions), text=rows, fields=fields)
    here.say.hint(_next(detail))
    return DONE


def diff(
    draft: OneId,
    job: JobOption = None,
    template: Annotated[bool, typer.Option("--template", help="Against the template (default).")] = False,
    previous: Annotated[bool, typer.Option("--previous", help="Against the version before.")] = False,
) -> int:
    """Show what is new in a draft.

    Against its template: the words that only this mail has, with the evidence under each claim. Against the version
    before: as `diff -u` shows it.
    """
    here = session()
    detail, versions = _read(here, draft, job)
    if not previous or template:
        rows = draft_lines.changed(detail, here.out.terminal)
        against = "template"
    elif len(versions) < 2:
        raise NothingMatched(f"Draft {detail.row.id} has one version only.", hint=f"cmo drafts diff {detail.row.id}")
    else:
        rows = draft_lines.unified(versions[-2], versions[-1])
        against = f"version {versions[-2].version}"
    data = {"id": detail.row.id, "version": detail.row.version, "against": against, "lines": rows}
    if here.out.form == "pipe":
        for row in rows:
            here.out.line(row)
    else:
        here.out.document("cmo.drafts.diff/1", data, text=rows)
    return DONE


def _read(here: Session, draft: str, job: str | None) -> tuple[DraftDetail, list[VersionLine]]:
    from cmo.store import draft_details

    row = picked(here, [draft], job).rows[0]
    with service.reader(here.settings) as conn:
        detail = draft_details.get_draft(conn, row.id, now=service.clock_of(here.settings).now())
        return detail, draft_details.draft_versions(conn, row.id)


def _row(row: Any) -> Row:
    found: dict[str, Any] = row.model_dump()
    return found


def _document(detail: DraftDetail, versions: list[VersionLine]) -> dict[str, Any]:
    data = detail.model_dump(mode="json")
    return {**data.pop("row"), **data, "versions": [version.model_dump(mode="json") for version in versions]}


def _next(detail: DraftDetail) -> str:
    id_ = detail.row.id
    if detail.row.state in ("pending", "later", "expired"):
        return f"cmo drafts approve {id_}   cmo drafts edit {id_}   cmo drafts reject {id_}"
    return f"cmo drafts diff {id_}"
