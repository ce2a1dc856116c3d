"""Changing the words of drafts: `cmo drafts edit`, `redo`, `needs-info`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cmo.cli.diagnostics import DONE, PARTLY, REFUSED
from cmo.cli.draft_picks import Ids, OneId, need_terminal, need_yes, picked
from cmo.cli.errors import InputBad, UsageProblem
from cmo.cli.options import DryRun, JobOption, Yes
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.errors import PolicyRefused
from cmo.service import draft_file, draft_words
from cmo.service.editor import edited_text, editor_of

if TYPE_CHECKING:
    from cmo.config import Settings
    from cmo.service.draft_words import Change
    from cmo.store.draft_views import DraftRow
    from cmo.store.drafts import NewWords

Fate = Literal["done", "same", "refused"]


def edit(draft: OneId, job: JobOption = None) -> int:
    """Change a draft.

    Opens the editor (ui.editor, VISUAL, EDITOR, else vi) with the subject, the body, and below a line the evidence.
    Saved unchanged or empty, nothing happens. The new version is checked and waits for approval.
    """
    here = session()
    need_terminal(here, "An editor")
    found = picked(here, [draft], job)
    row = found.rows[0]
    fate = _told(here, row, lambda: edited(here, found.settings, row))
    here.out.document("cmo.drafts.edit/1", {"id": row.id, "fate": fate}, text=[])
    if fate == "done":
        here.say.hint(f"cmo drafts diff {row.id} --previous   cmo drafts approve {row.id}")
    return REFUSED if fate == "refused" else DONE


def redo(ids: Ids = None, job: JobOption = None, yes: Yes = False, dry_run: DryRun = False) -> int:
    """Write drafts anew.

    From the template and the settings in force, and what is on record now. The old version stays in `cmo drafts diff
    ID --previous`; an approval of it is void.
    """
    here = session()

    def change(settings: Settings, row: DraftRow) -> Change:
        return draft_words.redo_draft(settings, row, dry_run=dry_run)

    return _each(here, ids, job, "redo", change, yes=yes, dry_run=dry_run)


def needs_info(
    ids: Ids = None,
    job: JobOption = None,
    question: Annotated[
        str, typer.Option("--question", metavar="TEXT", help="What to ask; default: whether they are the right person.")
    ] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Ask instead of offering.

    The draft becomes one question, checked and waiting for approval as any other version.
    """
    here = session()

    def change(settings: Settings, row: DraftRow) -> Change:
        return draft_words.ask_person(settings, row, question, dry_run=dry_run)

    return _each(here, ids, job, "needs_info", change, yes=yes, dry_run=dry_run)


def edited(here: Session, settings: Settings, row: DraftRow) -> Change:
    """What a person made of a draft in the editor; None where they left it as it was, or empty.

    Raises:
        InputBad: the subject line is gone.
    """
    command = editor_of(here.settings, here.env)
    try:
        return draft_file.edit(settings, row, lambda text, name: edited_text(command, text, name=name))
    except draft_file.NoSubject as error:
        raise InputBad(error.message, hint=error.hint) from error


def told_findings(here: Session, words: NewWords) -> None:
    """Say what the checks have against new words."""
    for finding in words.findings:
        word = "blocks" if finding.severity == "block" else "look"
        here.say.note(f"  {word}: {safe_line(finding.flag)}  {safe_line(finding.message)}")
    if not words.findings:
        here.say.note("  The checks found nothing.")


def _each(
    here: Session,
    ids: list[str] | None,
    job: str | None,
    action: str,
    change: Callable[[Settings, DraftRow], Change],
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    if not ids:
        raise UsageProblem("Name drafts by number.", hint="cmo drafts list shows them.")
    if not dry_run:
        need_yes(here, "Changing drafts", yes=yes)
    found = picked(here, ids, job)
    fates: dict[str, list[int]] = {"done": [], "same": [], "refused": []}
    for row in found.rows:
        fate = _told(here, row, partial(change, found.settings, row), dry_run=dry_run)
        fates[fate].append(row.id)
    done, refused = fates["done"], fates["refused"]
    here.out.document(f"cmo.drafts.{action}/1", {"job_id": found.job.id, "dry_run": dry_run, **fates}, text=[])
    if done and not dry_run:
        here.say.hint(f"cmo drafts diff {done[0]} --previous   cmo drafts approve {' '.join(map(str, done[:10]))}")
    if not refused:
        return DONE
    return PARTLY if len(refused) < len(found.rows) else REFUSED


def _told(here: Session, row: DraftRow, change: Callable[[], Change], *, dry_run: bool = False) -> Fate:
    """Make a change and say what came of it."""
    try:
        changed = change()
    except PolicyRefused as refusal:
        here.say.warn(refusal.message, refusal.hint)
        return "refused"
    if changed is None:
        here.say.note(f"Nothing was changed: draft {row.id} keeps its words.")
        return "same"
    edited, words = changed
    if edited.refused is not None:
        here.say.warn(f"Draft {row.id} stays as it is: {safe_line(edited.refused.message)}.")
        return "refused"
    would = "would have" if dry_run else "has"
    here.say.note(f"Draft {row.id} {would} version {edited.version} now; it waits for approval.")
    told_findings(here, words)
    return "done"
