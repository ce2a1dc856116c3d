"""Deciding on drafts: `cmo drafts approve`, `reject`, `later`, `disqualify`, `undo`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cmo import service
from cmo.cli.asking import opened_job
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_picks import (
    MOST_UNTYPED,
    Ids,
    Picked,
    Where,
    agree_to,
    drafts,
    job_of,
    need_terminal,
    need_yes,
    picked,
    terms_of,
    told,
)
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, JobOption, Yes
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.service import drafts as verbs
from cmo.store import draft_views, views
from cmo.store.draft_again import find_taken_back

if TYPE_CHECKING:
    from cmo.domain.event import DraftAction

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="A digit 1 to 6, or words.")]
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def approve(
    ids: Ids = None,
    job: JobOption = None,
    where: Where = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="NAME", help="A rule of: cmo rules list")] = None,
    sample: Annotated[int | None, typer.Option("--sample", min=1, metavar="N", help="Look at N of them first.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Approve drafts.

    Asks a person, and --yes does not stand in for one. With --where or --rule, drafts are drawn at random
    and shown one by one first, at least review.sample_min of them; flagged drafts are left out unless the filter asks
    for a flag. An approval holds for exactly the words shown, for 7 days.
    """
    here = session()
    _one_way(ids, where, rule)
    if not dry_run:
        need_terminal(here, "Approving")
    if not ids:
        from cmo.cli.draft_bulk import approve_in_bulk

        return approve_in_bulk(here, job, where=where, rule=rule, sample=sample, dry_run=dry_run)
    found = picked(here, ids, job)
    if not dry_run:
        _agree(here, found)
    decision = verbs.approve(found.settings, found.job.id, found.choices, dry_run=dry_run)
    return told(here, decision, found.job, dry_run=dry_run)


def _agree(here: Session, found: Picked) -> None:
    """Show whom the drafts are for, and ask: it takes somebody who answers, not only a terminal."""
    for row in found.rows[:MOST_UNTYPED]:
        name, subject = safe_line(row.name or row.login), safe_line(row.subject)
        here.say.note(f"#{row.id} {name} <{safe_line(row.address)}>  {subject}")
    agree_to(here, "Approve", len(found.rows))


def reject(
    ids: Ids = None,
    job: JobOption = None,
    where: Where = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Reject drafts.

    Reasons: 1 wrong person, 2 claim not true, 3 tone, 4 same organisation, 5 not now, 6 never contact. The last one
    suppresses the person for good. By number it works on a pipe with --yes.
    """
    here = session()
    found = _meant(here, "Reject", ids, job, where, yes=yes, dry_run=dry_run)
    if reason is not None and not reason.strip():
        raise UsageProblem("A reason cannot be empty.", hint="1 to 6, or words: cmo drafts reject 36 --reason tone")
    words = verbs.reason_of(reason if reason is not None else asked_reason(here, quiet=yes or dry_run))
    return _turned_down(here, "reject", found, reason=words, dry_run=dry_run)


def later(
    ids: Ids = None,
    job: JobOption = None,
    where: Where = None,
    put_off: Annotated[str, typer.Option("--for", metavar="TIME", help="e.g. 12h, 3d, 2w.")] = "1d",
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Put drafts off."""
    here = session()
    span = _span(put_off)
    found = _meant(here, "Put off", ids, job, where, yes=yes, dry_run=dry_run)
    return _turned_down(here, "later", found, put_off=span, dry_run=dry_run)


def disqualify(
    ids: Ids = None,
    job: JobOption = None,
    where: Where = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why they do not fit.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Rule people out.

    Login and address are suppressed, in every job, for good; `cmo drafts undo` brings the draft back, not the person.
    """
    here = session()
    found = _meant(here, "Rule out the people of", ids, job, where, yes=yes, dry_run=dry_run)
    words = reason if reason is not None else here.ask.line("Why do they not fit?", flag="--reason")
    if not words.strip():
        raise UsageProblem("Ruling somebody out needs a reason.", hint="--reason 'left the project'")
    return _turned_down(here, "disqualify", found, reason=safe_line(words), dry_run=dry_run)


def undo(
    batch: Annotated[
        str | None, typer.Argument(metavar="[BATCH]", help="Number of a batch; default: the last.")
    ] = None,
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Take a decision back.

    What was handed over meanwhile stays and is named. Taking back a decision that ended an approval puts the approval
    in force again, and needs a terminal as approving does.
    """
    here = session()
    with opened_job(here, job) as (conn, job_id):
        line = draft_views.find_batch(conn, job_id, batch)
        revives = line is not None and draft_views.gives_approvals_back(conn, line.id)
    if line is None:
        wanted = f"There is no batch {safe_line(batch)} to take back." if batch else "There is nothing to take back."
        raise NothingMatched(wanted, hint="cmo audit list --action drafts.")
    if revives and not dry_run:
        need_terminal(here, "Putting approvals in force again")
    undone = verbs.undo(here.settings, line, dry_run=dry_run)
    word = "Would take back" if dry_run else "Took back"
    count = len(undone.done)
    here.say.note(
        f"{word} batch {undone.batch} ({undone.action} by {safe_line(line.by)}): {count} {drafts(count)} as before."
    )
    for stayed in undone.stayed:
        here.say.warn(f"Draft {stayed.draft_id} stays as it is: {safe_line(stayed.message)}.")
    here.out.document("cmo.drafts.undo/1", {"dry_run": dry_run, **undone.model_dump(mode="json")}, text=[])
    here.say.hint(f"Do it again: cmo drafts again {undone.batch}   Next: cmo drafts review --job {line.job_id}")
    return DONE


def again(
    batch: Annotated[
        str | None, typer.Argument(metavar="[BATCH]", help="Number of a batch that was taken back; default: the last.")
    ] = None,
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Decide again as before an undo.

    Only drafts that nobody touched since; each passes the checks of a first decision. Approvals ask a person at a
    terminal, and hold only if what would leave is still the same. Without a number it is what was taken back last,
    as long as nothing was decided after that.
    """
    here = session()
    with opened_job(here, job) as (conn, job_id):
        taken_back = find_taken_back(conn, job_id, batch)
        if taken_back is None:
            wanted = f"Batch {safe_line(batch)} was not taken back." if batch else "There is nothing to do again."
            raise NothingMatched(wanted, hint="cmo drafts undo takes a decision back.")
        found = views.get_job(conn, taken_back.job_id)
        ids = [choice.draft_id for choice in taken_back.choices]
        rows = draft_views.drafts_by_id(conn, ids, now=service.clock_of(here.settings).now())
    meant = Picked(job=found, settings=here.settings_of(found.plan), rows=tuple(rows))
    if taken_back.action == "approve" and not dry_run:
        need_terminal(here, "Approving")
        _agree(here, meant)
    decision = verbs.again(meant.settings, taken_back, dry_run=dry_run)
    return told(here, decision, found, dry_run=dry_run)


def asked_reason(here: Session, *, quiet: bool) -> str:
    """The reason, by its digit; empty where nobody is to be asked."""
    if quiet or not here.ask.allowed:
        return ""
    listed = ", ".join(f"{n} {text}" for n, text in enumerate(verbs.REASONS, start=1))
    return here.ask.line(f"Why? {listed}, or words:", flag="--reason")


def _one_way(ids: Sequence[str] | None, where: str | None, rule: str | None = None) -> None:
    if sum(map(bool, (ids, where, rule))) != 1:
        raise UsageProblem(
            "Name drafts by number, or by a filter: one of them.",
            hint="e.g. 36 108, or --where 'score>=80'" + (", or --rule NAME" if rule else ""),
        )


def _meant(
    here: Session, verb: str, ids: Sequence[str] | None, job: str | None, where: str | None, *, yes: bool, dry_run: bool
) -> Picked:
    """The drafts that are meant, agreed to where they are many."""
    _one_way(ids, where)
    if ids:
        if not dry_run:
            need_yes(here, f"{verb} drafts", yes=yes)
        return picked(here, ids, job)
    if not dry_run:
        need_terminal(here, f"{verb} drafts by a filter", "Name them by number to do it on a pipe, with --yes.")
    found, settings = job_of(here, job)
    with service.reader(here.settings) as conn:
        now = service.clock_of(here.settings).now()
        choices = draft_views.cover(conn, found.id, terms_of(where), now=now, flagged=True).choices
        rows = draft_views.drafts_by_id(conn, [choice.draft_id for choice in choices], now=now)
    if not rows:
        raise NothingMatched(f"No draft to decide on matches {where}.", hint=f"cmo drafts list --job {found.id}")
    if not dry_run:
        agree_to(here, verb, len(rows))
    return Picked(job=found, settings=settings, rows=tuple(rows))


def _turned_down(
    here: Session,
    action: DraftAction,
    found: Picked,
    *,
    reason: str = "",
    put_off: timedelta | None = None,
    dry_run: bool,
) -> int:
    decision = verbs.turn_down(
        found.settings, found.job.id, action, found.choices, reason=reason, put_off=put_off, dry_run=dry_run
    )
    return told(here, decision, found.job, dry_run=dry_run)


def _span(text: str) -> timedelta:
    matched = re.fullmatch(r"([1-9][0-9]{0,3})\s*([hdw])", text.strip().lower())
    if matched is None:
        raise UsageProblem(f"{safe_line(text)!r} is no time to wait.", hint="e.g. 12h, 3d, 2w")
    return int(matched[1]) * _UNITS[matched[2]]
