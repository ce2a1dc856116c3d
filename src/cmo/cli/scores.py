"""`cmo score`: the scoring weights of a job, what other ones would do, and changing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from cmo.cli.asking import agree, opened_job, short_ref
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import UsageProblem
from cmo.cli.options import DryRun, Fields, JobArg, Yes
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.domain.rerank import Effect
from cmo.errors import ConfigError
from cmo.service import scores
from cmo.service.audit import record_dry
from cmo.service.score_words import effect_lines, people, what_next
from cmo.service.scores import WeightsChange

_COLUMNS = [
    Column("feature", least=12),
    Column("points", right=True, show=lambda row: f"{row['points']:g}", tone=lambda row: _tone(row)),
    Column("default", right=True, show=lambda row: f"{row['default']:g}"),
    Column("about", least=20),
    Column("version", extra=True),
]


def show(job: JobArg = None, fields: Fields = None) -> int:
    """Show the weights of a job.

    A feature gives a person at most so many points; the score is the sum, within 0 and 100.
    """
    here = session()
    with opened_job(here, job) as (conn, job_id):
        ref = short_ref(conn, job_id)
    view = scores.show_weights(here.settings, job_id)
    rows: list[Row] = [
        {
            "feature": one.name,
            "points": one.points,
            "default": one.default,
            "about": one.about,
            "version": view.version,
        }
        for one in view.features
    ]
    here.out.table("cmo.score.show/1", _COLUMNS, rows, fields=fields)
    here.say.note(f"{job_id}, version {view.version}. Together at most {view.most:g} points; a score ends at 100.")
    if view.behind:
        still = "still has a score" if view.behind == 1 else "still have scores"
        here.say.warn(f"{people(view.behind)} {still} by other weights.", hint=f"cmo score set {ref}")
    here.say.hint(f"What a change would do: cmo score set {ref} role=40 --dry-run")
    return DONE


def change(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOB] FEATURE=N", help="e.g. role=40 reach=0; role=default takes it back."),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Change the weights of a job.

    Says first what would come of it, from what is stored; then everybody is scored anew. Drafts, approvals and what was
    handed over stay as they are. Who passes now becomes a lead. A lead that falls under 60 stays one where it has a
    draft, a status or an outcome. Without FEATURE=N, what was cut short is finished.
    """
    here = session()
    ref, changes = _read(words or [])
    with opened_job(here, ref) as (conn, job_id):
        short = short_ref(conn, job_id)
    try:
        planned = scores.weights_change(here.settings, job_id, changes)
    except ConfigError as error:
        raise UsageProblem(error.message, hint=error.hint) from error
    behind = scores.show_weights(here.settings, job_id).behind
    if not (planned.moved or behind):
        if not changes:
            raise UsageProblem("Which feature?", hint=f"cmo score set {short} role=40   All: cmo score show {short}")
        here.say.note("That is how it is already.")
        return _told(here, planned, None, dry_run=dry_run)
    return _weigh(here, planned, short, yes=yes, dry_run=dry_run)


def _weigh(here: Session, planned: WeightsChange, ref: str, *, yes: bool, dry_run: bool) -> int:
    effect = scores.try_weights(here.settings, planned)
    here.say.block(effect_lines(effect))
    if dry_run:
        record_dry(here.settings, "score.set", f"job:{planned.job_id}")
        here.say.note("Nothing was changed.")
        here.say.hint(f"Do it: cmo score set {ref} {' '.join(f'{k}={v:g}' for k, (_, v) in planned.moved.items())}")
        return _told(here, planned, effect, dry_run=True)
    agree(here, f"{planned.words}?" if planned.moved else "Score those who were left out?", yes=yes)
    done = scores.set_weights(here.settings, planned)
    here.say.note(f"Weights {planned.after.version}. Scored anew: {people(done.people)}.")
    here.say.hint(what_next(planned, done, ref))
    return _told(here, planned, done, dry_run=False)


def _told(here: Session, planned: WeightsChange, effect: Effect | None, *, dry_run: bool) -> int:
    data: dict[str, Any] = {
        "job_id": planned.job_id,
        "version": planned.after.version,
        "changes": {name: {"before": old, "after": new} for name, (old, new) in planned.moved.items()},
        "effect": None if effect is None else effect.model_dump(mode="json"),
        "dry_run": dry_run,
    }
    here.out.document("cmo.score.set/1", data, text=[])
    return DONE


def _read(words: Sequence[str]) -> tuple[str | None, Mapping[str, str]]:
    """The job, where the first word names one, and feature -> its points as text."""
    ref, pairs = (words[0], words[1:]) if words and "=" not in words[0] else (None, words)
    wrong = next((word for word in pairs if "=" not in word), None)
    if wrong is not None:
        raise UsageProblem(f"{wrong!r} is no FEATURE=N.", hint="cmo score set last role=40 reach=0")
    return ref, {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}


def _tone(row: Row) -> str:
    return "bold" if row["points"] != row["default"] else ""
