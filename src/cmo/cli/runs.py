"""`cmo run` and `cmo resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo import service
from cmo.cli import driving, plans
from cmo.cli.asking import opened_job
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import Left, NeedsPerson
from cmo.cli.options import JobArg, Yes
from cmo.cli.plans import (
    ActiveDays,
    Budget,
    Goal,
    Language,
    ListId,
    Location,
    MaxPeople,
    MaxRepos,
    MaxSteps,
    ModeOption,
    Sequence,
    Stars,
    Target,
    Topic,
    Until,
)
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.job import Job, JobStatus, Mode
from cmo.paths import ensure_folder
from cmo.service import Overrides, PlanCard
from cmo.service.hosting import require_github
from cmo.service.planning import with_changes

Detach = Annotated[bool, typer.Option("--detach", help="Work in the background; return once the job is saved.")]


def run(
    goal: Goal,
    target: Target = None,
    language: Language = None,
    topic: Topic = None,
    stars: Stars = None,
    active_days: ActiveDays = None,
    location: Location = None,
    max_steps: MaxSteps = None,
    max_repos: MaxRepos = None,
    max_people: MaxPeople = None,
    budget: Budget = None,
    until: Until = None,
    sequence: Sequence = None,
    list_: ListId = None,
    mode: ModeOption = None,
    detach: Detach = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Search and enrich for real; write nothing outside.")
    ] = False,
    yes: Yes = False,
) -> int:
    """Run a goal.

    GOAL is a sentence or a job file. Flags win over the sentence and the file. Ctrl-C once pauses at the next safe
    point and saves; twice leaves at once. Either way `cmo resume` goes on, and nothing is done twice.
    """
    here = session()
    overrides = plans.overrides(
        target=target,
        language=language,
        topic=topic,
        stars=stars,
        active_days=active_days,
        location=location,
        max_steps=max_steps,
        max_repos=max_repos,
        max_people=max_people,
        budget=budget,
        until=until,
        sequence=sequence,
        list_id=list_,
        mode=Mode.DRY_RUN if dry_run else mode,
    )
    job = agreed_job(here, goal, overrides, yes=yes)
    return driving.hand_over(here, job) if detach else driving.drive(here, job)


def agreed_job(here: Session, goal: str, overrides: Overrides, *, yes: bool) -> Job:
    """The stored job of a goal, once its plan was shown and agreed to; it does not run yet.

    Raises:
        GoalUnclear, JobFileError, ConfigError
        Left: the operator said no.
        NeedsPerson: there is nobody to say yes.
    """
    here.warn_of_settings()
    card = plans.read(here, goal, overrides)
    if not yes and not here.ask.allowed:
        raise NeedsPerson("A run starts with a yes, and there is no terminal to ask on.", hint="Answer with --yes")
    require_github(here.settings)
    card = _agreed(here, goal, overrides, card, yes=yes)
    ensure_folder(here.settings.paths.data_dir)
    job = service.start_job(here.settings, card.plan)
    _announce(here, job)
    return job


def resume(
    job: JobArg = None,
    detach: Detach = False,
    retry_errors: Annotated[bool, typer.Option("--retry-errors", help="Try again what failed.")] = False,
    sending: Annotated[bool, typer.Option("--sending", help="Only let mail leave again that was paused.")] = False,
) -> int:
    """Resume a job, or sending.

    Everything found so far is kept; work goes on where it stopped.
    """
    here = session()
    if sending:
        return _resume_sending(here, job)
    here.warn_of_settings()
    with opened_job(here, job) as (_, job_id):
        found = service.require_resumable(here.settings, job_id)
    require_github(here.settings)
    if retry_errors:
        count = service.retry_errors(here.settings, job_id)
        here.say.note(f"{count:,} failed items are tried again.")
    _tell_kept(here, job_id)
    return driving.hand_over(here, found) if detach else driving.drive(here, found)


def _resume_sending(here: Session, job: str | None) -> int:
    from cmo.service import controls

    wider = controls.resume_sending(here.settings, job)
    if wider is None:
        here.say.note("Sending goes on.")
        here.say.hint("What waits: cmo why-not")
    else:
        here.say.note(f"Sending is still paused for every job: {safe_line(wider.reason)}.")
        here.say.hint("Go on with all: cmo resume --sending")
    here.out.document("cmo.resume.sending/1", {"still_paused": wider is not None}, text=[])
    return DONE


def _agreed(here: Session, goal: str, overrides: Overrides, card: PlanCard, *, yes: bool) -> PlanCard:
    """The plan that is to run, after questions, edits and a yes.

    Raises:
        Left: the operator said no.
    """
    if not yes:
        card = plans.ask_questions(here, card)
    while True:
        here.say.tag = plans.tag(here, card)
        here.say.block(plans.card_lines(card, here.err_terminal, less=len(here.say.tag) + 2, rows=_rows(here)))
        if here.flags.json:
            here.out.event({"schema": plans.SCHEMA, "kind": "plan", **plans.document(card)}, "")
        if yes:
            return card
        options = [("y", "yes"), ("e", "edit"), ("d", "dry run"), ("q", "no")]
        match here.ask.choose("Start?", options, flag="--yes", numbered=here.accessible):
            case "y":
                return card
            case "d":
                card = with_changes(here.settings, card, {"mode": Mode.DRY_RUN.value})
            case "e":
                card = plans.edited(here, card)
            case _:
                raise Left("Nothing was started.")


def _rows(here: Session) -> int:
    """How many lines of the screen the plan may take, with the question below it."""
    return here.err_terminal.height - 2 if here.ask.allowed and not here.accessible else 1000


def _announce(here: Session, job: Job) -> None:
    if here.flags.json:
        here.out.event({"schema": "cmo.run/1", "kind": "job_saved", "job_id": job.id}, "")
    elif here.out.form == "pipe":
        here.out.line(job.id)
    here.say.note(f"{job.id} is saved. Starting…")


def _tell_kept(here: Session, job_id: str) -> None:
    with service.reader(here.settings) as conn:
        summary = service.summary(here.settings, conn, job_id)
    counts = summary.progress
    if here.out.form == "pipe":
        here.out.line(job_id)
    if summary.job.status is JobStatus.PLANNED:
        here.say.note(f"Starting {job_id}.")
        return
    here.say.note(
        f"Resuming {job_id} at {summary.job.stage.value}. Kept: {counts.repos_read:,} repositories read, "
        f"{counts.candidates:,} people, {counts.people_enriched:,} profiles, {counts.good_leads:,} good leads."
    )
