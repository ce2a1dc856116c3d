"""`cmo leads outcome`, `note` and `status`: what the operator says of a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from cmo.cli.diagnostics import DONE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.leads import Person, find_person, standing
from cmo.cli.options import DryRun, JobOption
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.outcome import STOPS, STOPS_ALL, LeadStatus, Outcome
from cmo.service import said as verbs

_LONGEST_READ = 10_000


def outcome(
    person: Person,
    outcome: Annotated[
        Outcome | None, typer.Argument(metavar="[OUTCOME]", case_sensitive=False, help=", ".join(Outcome) + ".")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take back what was said.")] = False,
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Say what came of a person.

    Their status follows: MEETING_BOOKED, CONTACTED, DISQUALIFIED, CLOSED_WON or CLOSED_LOST. All but no_response keep
    campaign mail from leaving to them; a booked demo also to everybody else at their organisation. It can be said
    anew, and --clear takes it back with all that it held.
    """
    here = session()
    if (outcome is None) is not clear:
        raise UsageProblem(
            "OUTCOME or --clear is needed, not both.", hint=f"cmo leads outcome LEAD {Outcome.BOOKED_DEMO}"
        )

    def say(job_id: str, login: str) -> verbs.Said:
        return verbs.set_outcome(here.settings, job_id, login, outcome, dry_run=dry_run)

    said = _say(here, "outcome", person, job, say, dry_run=dry_run)
    if said.is_new and not dry_run and outcome in STOPS:
        also = ", nor to anybody else there," if outcome in STOPS_ALL else ""
        here.say.note(f"Nothing leaves to them{also} from now on.")
        if said.is_handed_over:
            way = f'To take them out: cmo leads suppress {said.after.login} --reason "…"'
            here.say.warn(f"{verbs.MAY_STILL_MAIL}.", way)
        here.say.hint(f"Take it back: cmo leads outcome {said.after.login} --clear")
    return DONE


def status(
    person: Person,
    status: Annotated[
        LeadStatus, typer.Argument(metavar="STATUS", case_sensitive=False, help=", ".join(LeadStatus) + ".")
    ],
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Say where a person stands.

    Until then it is NEW, and CONTACTED once a mail of the job left. It holds no mail back: an outcome does.
    """
    here = session()

    def say(job_id: str, login: str) -> verbs.Said:
        return verbs.set_status(here.settings, job_id, login, status, dry_run=dry_run)

    _say(here, "status", person, job, say, dry_run=dry_run)
    return DONE


def note(
    person: Person,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write down; - reads standard input.")],
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Write something down about a person.

    It is in their time line, for `cmo leads why`, and goes with `cmo forget`. No mail and no model is given it.
    """
    here = session()
    words = here.world.stdin.read(_LONGEST_READ) if text == "-" else text

    def say(job_id: str, login: str) -> verbs.Said:
        return verbs.add_note(here.settings, job_id, login, words, dry_run=dry_run)

    said = _say(here, "note", person, job, say, dry_run=dry_run)
    here.say.hint(f"All that is known: cmo leads why {said.after.login}")
    return DONE


def _say(
    here: Session, what: str, person: str, job: str | None, say: Callable[[str, str], verbs.Said], *, dry_run: bool
) -> verbs.Said:
    """Say it of whom `person` names, and tell what became of them."""
    found, job_id = find_person(here, person, job)
    if found.state == "dropped":
        raise NothingMatched(f"Nobody to follow: {safe_line(found.login)} was {safe_line(found.decision)}.")
    said = say(job_id, found.login)
    who, now = safe_line(said.after.login), standing(said.after)
    if dry_run:
        here.say.note(f"Would {'write it down' if said.is_new else 'change nothing'}. {who} is {now}, and stays so.")
    else:
        kept = f"Noted about {who}." if what == "note" else f"{who} is {now}{'' if said.is_new else ' already'}."
        here.say.note(kept)
    data = {
        "job_id": job_id,
        "login": said.after.login,
        "status": said.after.status,
        "outcome": said.after.outcome,
        "changed": said.is_new and not dry_run,
        "dry_run": dry_run,
    }
    here.out.document(f"cmo.leads.{what}/1", data, text=[])
    return said
