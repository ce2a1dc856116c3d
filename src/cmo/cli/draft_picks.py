"""Which drafts a command means, under which settings, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cmo import service
from cmo.cli.asking import opened_job
from cmo.cli.diagnostics import DONE, NOT_FOUND, PARTLY, REFUSED
from cmo.cli.errors import Left, NeedsPerson, NothingMatched, UsageProblem
from cmo.cli.session import Session
from cmo.cli.terminal import safe_line
from cmo.cli.withdrawals import take_out
from cmo.config import Settings
from cmo.domain.job import Job, Mode
from cmo.store import draft_views, views
from cmo.store.draft_views import DraftRow

if TYPE_CHECKING:
    from cmo.domain.filters import Term
    from cmo.store.draft_views import Choice
    from cmo.store.drafts import Decision

MOST_UNTYPED = 25
"""Above so many the count has to be typed."""
_DONE = {
    "approve": "Approved",
    "reject": "Rejected",
    "later": "Put off",
    "disqualify": "Ruled out",
    "needs_info": "Turned into a question",
    "redo": "Written anew",
}
_SHOWN = 10

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Numbers of drafts, as in the list.")]
OneId = Annotated[str, typer.Argument(metavar="ID", help="The number of a draft, as in the list.")]
Where = Annotated[str | None, typer.Option("--where", metavar="FILTER", help="See: cmo help filters")]


@dataclass(frozen=True)
class Picked:
    """Drafts of one job, with the job's own settings."""

    job: Job
    settings: Settings
    rows: tuple[DraftRow, ...]

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(row.choice for row in self.rows)


def picked(here: Session, ids: Sequence[str], job: str | None) -> Picked:
    """The drafts with these numbers; those of another job than the first one's are named and left out.

    Raises:
        NothingMatched
        UsageProblem
    """
    numbers = [_number(id_) for id_ in ids]
    with opened_job(here, job) as (conn, job_id):
        rows = draft_views.drafts_by_id(conn, numbers, now=service.clock_of(here.settings).now())
        if job is None and rows:
            first = min(rows, key=lambda row: numbers.index(row.id))
            job_id = first.job_id
        mine = [row for row in rows if row.job_id == job_id]
        found = views.get_job(conn, job_id)
    left_out = [str(number) for number in numbers if number not in {row.id for row in mine}]
    if not mine:
        raise NothingMatched(f"There is no draft {', '.join(left_out)}.", hint="cmo drafts list")
    if left_out:
        here.say.warn(f"No draft of {job_id} has the number {', '.join(left_out)}.")
    return Picked(job=found, settings=here.settings_of(found.plan), rows=tuple(mine))


def job_of(here: Session, job: str | None) -> tuple[Job, Settings]:
    """The job that is meant, and its own settings."""
    with opened_job(here, job) as (conn, job_id):
        found = views.get_job(conn, job_id)
    return found, here.settings_of(found.plan)


def terms_of(where: str | None) -> tuple[Term, ...]:
    """The terms of `--where`.

    Raises:
        FilterInvalid
    """
    if not where:
        return ()
    from cmo.service.rules import draft_terms

    return draft_terms(where)


def need_terminal(here: Session, what: str, hint: str = "Run it in a terminal, without --json and --no-input.") -> None:
    """Refuse unless a person reads the output and answers.

    Raises:
        NeedsPerson
    """
    if not (here.ask.allowed and here.world.stdout.isatty()):
        raise NeedsPerson(f"{what} needs a person at a terminal.", hint=hint)


def need_yes(here: Session, what: str, *, yes: bool) -> None:
    """On a pipe `--yes` has to say that it is meant; on a terminal it can be undone.

    Raises:
        NeedsPerson
    """
    if not yes and not here.ask.allowed:
        raise NeedsPerson(f"{what} without a terminal has to be meant.", hint="Add --yes")


def agree_to(here: Session, verb: str, count: int) -> None:
    """Ask before many drafts are decided on at once; above 25 their number has to be typed.

    Raises:
        Left
    """
    if count > MOST_UNTYPED:
        answer = here.ask.line(f"{verb} {count} drafts? Type {count}, or Enter to leave.", flag="the count")
        agreed = answer.replace(",", "") == str(count)
    else:
        agreed = here.ask.confirm(f"{verb} {count} {drafts(count)}?", default=False)
    if not agreed:
        raise Left("Nothing was changed.")


def told(here: Session, decision: Decision, job: Job, *, dry_run: bool) -> int:
    """Say what came of a decision; returns the exit code."""
    count = len(decision.done)
    word = _DONE[decision.action]
    if dry_run:
        here.say.note(f"Would change {count} {drafts(count)}: {word.lower()}.")
    elif count:
        here.say.note(f"{word} {count} {drafts(count)}: batch {decision.batch}.{_where_to(decision.action, job)}")
    if decision.repeated:
        repeated = _numbers(decision.repeated)
        here.say.note(f"Decided like this before, nothing changed: {repeated}.")
    for refusal in decision.refused[:_SHOWN]:
        here.say.warn(f"Draft {refusal.draft_id} stays as it is: {safe_line(refusal.message)}.")
    if len(decision.refused) > _SHOWN:
        here.say.note(f"… and {len(decision.refused) - _SHOWN} more stay as they are.")
    if decision.suppressed:
        here.say.note("They will never be contacted; undoing this does not change that.")
        take_out(here)
    if decision.batch is not None:
        following = (
            f"   Then: cmo send {job.id}"
            if _leaves(decision.action, job)
            else f"   Next: cmo drafts review --job {job.id}"
        )
        here.say.hint(f"Undo: cmo drafts undo {decision.batch}{following}")
    data = {"job_id": job.id, "dry_run": dry_run, **decision.model_dump(mode="json")}
    here.out.document(f"cmo.drafts.{decision.action}/1", data, text=[])
    if not decision.refused:
        return DONE
    if decision.done:
        return PARTLY
    return NOT_FOUND if all(refusal.why == "missing" for refusal in decision.refused) else REFUSED


def drafts(count: int) -> str:
    return "draft" if count == 1 else "drafts"


def _where_to(action: str, job: Job) -> str:
    return f" {job.plan.mode.destination}." if action == "approve" else ""


def _leaves(action: str, job: Job) -> bool:
    return action == "approve" and job.plan.mode is Mode.SEND_ALLOWED


def _numbers(ids: Sequence[int]) -> str:
    shown = ", ".join(str(id_) for id_ in ids[:_SHOWN])
    return shown + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")


def _number(text: str) -> int:
    bare = text.removeprefix("#")
    if not (bare.isascii() and bare.isdecimal() and len(bare) <= 12):
        raise UsageProblem(f"{safe_line(text)!r} is no draft's number.", hint="cmo drafts list shows them.")
    return int(bare)
