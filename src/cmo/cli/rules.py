"""`cmo rules`: list, show, add, test, rm."""

from __future__ import annotations

from random import SystemRandom
from typing import Annotated

import typer

from cmo import service
from cmo.cli import draft_lines
from cmo.cli.asking import opened_job
from cmo.cli.diagnostics import DONE, NOT_FOUND
from cmo.cli.draft_picks import terms_of
from cmo.cli.errors import NothingMatched
from cmo.cli.options import DryRun, Fields, JobOption
from cmo.cli.output import Column
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.sampling import bound_percent
from cmo.domain.text import counted
from cmo.errors import JobNotFound
from cmo.service import rules
from cmo.store import draft_details, draft_views
from cmo.store.draft_views import Cover, Rule

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in: cmo rules list")]
_COLUMNS = [
    Column("name", least=8),
    Column("where", least=16),
    Column("covers", right=True),
    Column("waiting", right=True, drop=1),
    Column("added_by", extra=True),
    Column("added_at", extra=True),
]


def list_rules(job: JobOption = None, fields: Fields = None) -> int:
    """List rules, with what they cover of the drafts that wait in the job."""
    here = session()
    rows = []
    for rule in _all(here):
        cover = _cover(here, rule, job)
        covers, waiting = (len(cover.choices), cover.waiting) if cover else (None, None)
        rows.append({**rule.model_dump(), "covers": covers, "waiting": waiting})
    here.out.table("cmo.rules.list/1", _COLUMNS, rows, fields=fields)
    if not rows:
        here.say.note("There is no rule yet.")
    here.say.hint("cmo rules test NAME" if rows else "cmo rules add clean-60 --where 'score>=60'")
    return DONE


def show(name: Name, fields: Fields = None) -> int:
    """Show a rule."""
    here = session()
    rule = _find(here, name)
    text = [
        f"{rule.name}  {safe_line(rule.where)}",
        f"  Added by {safe_line(rule.added_by)} at {rule.added_at:%Y-%m-%d %H:%M} UTC",
        "  Flagged drafts are left out unless the filter asks for a flag. A rule never runs by itself.",
    ]
    here.out.document("cmo.rules.show/1", rule.model_dump(mode="json"), text=text, fields=fields)
    here.say.hint(f"cmo rules test {name}")
    return DONE


def add(
    name: Name,
    where: Annotated[str, typer.Option("--where", metavar="FILTER", help="See: cmo help filters")],
    dry_run: DryRun = False,
) -> int:
    """Add a rule.

    It does nothing by itself: `cmo drafts approve --rule NAME` applies it, with samples, at a terminal.
    """
    here = session()
    rule = rules.add_rule(here.settings, name, where, dry_run=dry_run)
    here.say.note(f"{'Would add' if dry_run else 'Added'} rule {rule.name}: {safe_line(rule.where)}")
    here.out.document("cmo.rules.add/1", {"dry_run": dry_run, **rule.model_dump(mode="json")}, text=[])
    if not dry_run:
        here.say.hint(f"cmo rules test {rule.name}   cmo drafts approve --rule {rule.name}")
    return DONE


def try_rule(
    name: Name,
    job: JobOption = None,
    sample: Annotated[int, typer.Option("--sample", min=0, max=100, metavar="N", help="Show N of them.")] = 3,
) -> int:
    """Try a rule.

    Shows how many drafts it covers now, what it leaves out, and some of them drawn at random. Nothing is changed.
    """
    here = session()
    rule = _find(here, name)
    with opened_job(here, job) as (conn, job_id):
        now = service.clock_of(here.settings).now()
        cover = draft_views.cover(conn, job_id, terms_of(rule.where), now=now)
        drawn = SystemRandom().sample(cover.choices, min(sample, len(cover.choices)))
        samples = [draft_details.get_draft(conn, choice.draft_id, now=now) for choice in drawn]
    terminal = here.out.terminal
    text = [
        f"{rule.name}: {safe_line(rule.where)}   {len(cover.choices)} of {cover.waiting} that wait",
        f"Left out: {cover.flagged} flagged, {cover.unmatched} not matched",
    ]
    for detail in samples:
        text += ["", draft_lines.title(detail.row, terminal), *draft_lines.changed(detail, terminal)]
    total, least = len(cover.choices), min(here.settings.sample_min, len(cover.choices))
    if total:
        bound = bound_percent(total, least)
        text += ["", f"Once {counted(least, 'sample')} show no problem, up to {bound} % may still have one (95 %)."]
    data = {
        "rule": rule.model_dump(mode="json"),
        "covers": total,
        "waiting": cover.waiting,
        "flagged": cover.flagged,
        "unmatched": cover.unmatched,
        "samples": [choice.draft_id for choice in drawn],
    }
    here.out.document("cmo.rules.test/1", data, text=text)
    if not total:
        here.say.note("It covers no draft that waits.")
        return NOT_FOUND
    here.say.hint(f"cmo drafts approve --rule {rule.name} --sample {least}")
    return DONE


def remove(name: Name, dry_run: DryRun = False) -> int:
    """Remove a rule."""
    here = session()
    rule = _find(here, name)
    rules.remove_rule(here.settings, name, dry_run=dry_run)
    if dry_run:
        here.say.note(f"Would remove rule {rule.name}: {safe_line(rule.where)}")
        return DONE
    here.say.note(f"Removed rule {rule.name}; what it approved stays approved.")
    here.out.document("cmo.rules.rm/1", {"name": rule.name, "state": "removed"}, text=[])
    here.say.hint(f'Again: cmo rules add {rule.name} --where "{safe_line(rule.where)}"')
    return DONE


def _all(here: Session) -> list[Rule]:
    if not here.settings.paths.db.exists():
        return []
    with service.reader(here.settings) as conn:
        return draft_views.list_rules(conn)


def _find(here: Session, name: str) -> Rule:
    found = next((rule for rule in _all(here) if rule.name == name), None)
    if found is None:
        raise NothingMatched(f"There is no rule {safe_line(name)}.", hint="cmo rules list")
    return found


def _cover(here: Session, rule: Rule, job: str | None) -> Cover | None:
    """What the rule covers in the job; None where there is no job to ask."""
    try:
        with opened_job(here, job) as (conn, job_id):
            now = service.clock_of(here.settings).now()
            return draft_views.cover(conn, job_id, terms_of(rule.where), now=now)
    except JobNotFound:
        if job is not None:
            raise
        return None
