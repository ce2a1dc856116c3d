"""`cmo templates`: list, show, test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cmo import service
from cmo.cli.diagnostics import DONE, NOT_FOUND
from cmo.cli.options import Fields, JobOption
from cmo.cli.output import Column, Row
from cmo.cli.session import session
from cmo.cli.terminal import safe_line, wrapped

if TYPE_CHECKING:
    from cmo.cli.session import Session
    from cmo.domain.draft import Rendered

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in `cmo templates list`, e.g. first_touch.a")]

_COLUMNS = [
    Column("name", least=16),
    Column("origin", least=8),
    Column("version", least=12),
    Column("state", least=6, tone=lambda row: "error" if row["state"] == "broken" else "ok"),
    Column("problem", extra=True),
    Column("path", extra=True),
]


def list_templates(fields: Fields = None) -> int:
    """List templates.

    Own files in the templates folder come before the built-in ones.
    """
    here = session()
    found = service.list_templates(here.settings)
    rows: list[Row] = [
        {
            "name": file.name.removesuffix(".j2"),
            "origin": "own" if file.is_own else "built-in",
            "version": file.version,
            "state": "broken" if file.problem else "ok",
            "problem": file.problem,
            "path": str(file.path),
        }
        for file in found
    ]
    here.out.table("cmo.templates.list/1", _COLUMNS, rows, fields=fields, total=len(rows))
    for file in found:
        if file.problem:
            here.say.warn(file.problem, file.fix)
    here.say.hint("Try one: cmo templates test first_touch.a")
    return DONE


def show(name: Name, fields: Fields = None) -> int:
    """Show a template.

    Its text goes to stdout as it is, so that `>` makes an own copy.
    """
    here = session()
    file = service.show_template(here.settings, name)
    if here.flags.json or fields:
        data = {
            "name": file.name.removesuffix(".j2"),
            "origin": "own" if file.is_own else "built-in",
            "version": file.version,
            "path": str(file.path),
            "problem": file.problem,
            "text": file.text,
        }
        here.out.document("cmo.templates.show/1", data, fields=fields)
    else:
        shown = safe_line if here.out.form == "terminal" else str
        here.out.text("\n".join(shown(line) for line in file.text.splitlines()))
    if file.problem:
        here.say.warn(file.problem, file.fix)
    here.say.note("Facts to cite, as in {% if has('hook') %}you {{ fact('hook') }}{% endif %}:")
    here.say.block([f"  {name:<14} {about}" for name, about in service.facts_for_templates().items()])
    here.say.hint(f"This is your own copy: {file.path}" if file.is_own else f"An own copy goes to: {file.path}")
    return DONE


def try_out(
    name: Name,
    job: JobOption = None,
    sample: Annotated[int, typer.Option("--sample", "-k", min=1, max=100, metavar="K", help="So many leads.")] = 3,
    fields: Fields = None,
) -> int:
    """Try a template.

    Renders it for the first leads of a job and checks the mails; nothing is stored or sent.
    """
    here = session()
    drafts = service.render_samples(here.settings, job, name, sample)
    if here.out.form == "terminal" and not fields:
        here.out.text("\n".join(line for draft in drafts for line in _mail(here, draft)), paged=True)
    else:
        here.out.table("cmo.templates.test/1", _DRAFT_COLUMNS, [_row(draft) for draft in drafts], fields=fields)
    if not drafts:
        here.say.note("That job has no accepted leads to try it on.")
        here.say.hint("cmo leads list")
        return NOT_FOUND
    blocked = sum(any(finding.severity == "block" for finding in draft.findings) for draft in drafts)
    here.say.note(f"{len(drafts)} rendered, {blocked} with something that blocks approval. Nothing was stored.")
    return DONE


_DRAFT_COLUMNS = [Column(key) for key in ("login", "template", "version", "subject", "body", "findings")]


def _row(draft: Rendered) -> Row:
    return {
        "login": draft.login,
        "template": draft.template,
        "version": draft.template_version,
        "subject": draft.subject,
        "body": draft.body,
        "findings": [finding.model_dump() for finding in draft.findings],
    }


def _mail(here: Session, draft: Rendered) -> list[str]:
    """The mail as it would read, its sources, and what there is against it."""
    width, rule = here.out.terminal.width, "──" if here.out.terminal.glyphs else "--"
    rows = [f"{rule} {safe_line(draft.login)} {rule}", f"Subject: {safe_line(draft.subject)}", ""]
    for line in draft.body.splitlines():
        rows += wrapped(safe_line(line), width) if line else [""]
    cited = {name for sentence in draft.sentences for name in sentence.facts}
    for fact in draft.personalisation.facts:
        if fact.name in cited:
            source = f"  {fact.name}: {safe_line(fact.text)} ({safe_line(fact.source_url)}, {fact.seen_at:%Y-%m-%d})"
            rows += wrapped(source, width, hanging=4)
    for finding in draft.findings:
        rows += wrapped(f"  {finding.severity} {finding.flag}: {safe_line(finding.message)}", width, hanging=4)
    return [*rows, ""]
