"""`cmo rehearse`: the operator's own job file against a throw-away sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cmo.cli import plans
from cmo.cli.diagnostics import DONE, PARTLY
from cmo.cli.session import session
from cmo.cli.terminal import safe_line
from cmo.domain.text import counted
from cmo.service import Overrides
from cmo.service.rehearsal_report import Rehearsal
from cmo.service.rehearsal_stage import MOST_DAYS, Faults, Options
from cmo.service.rehearse import rehearse as rehearse_file

SCHEMA = "cmo.rehearse/1"


def rehearse(
    file: Annotated[str, typer.Argument(metavar="JOBFILE", help="A job file, as for cmo run.")],
    faults: Annotated[Faults, typer.Option("--faults", help="heavy: every kind.")] = "heavy",
    approve_all: Annotated[
        bool, typer.Option("--approve-all", help="Approve flagged drafts too; blocked ones never.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, metavar="N", help="Approve only so many drafts.")
    ] = None,
) -> int:
    """Rehearse a job file.

    Runs it with your settings, sender, templates and quotas in a throw-away sandbox, with faults; approves there what
    passes the checks, sends over as many simulated days as the quotas need (30 at most), tells the CRM, and says what
    would have happened. Real keys, data and people are not touched; nothing of it stays. Exit code 3 where something
    has to be changed first.
    """
    here = session()
    here.warn_of_settings()
    card = plans.read(here, file, Overrides())
    here.say.tag = "REHEARSAL"
    here.say.block(plans.card_lines(card, here.err_terminal, less=len(here.say.tag) + 2))
    options = Options(faults=faults, approve_all=approve_all, sample=sample)
    found = rehearse_file(here.sources, here.folder / Path(file).expanduser(), options, tell=here.say.note)
    here.out.document(SCHEMA, found.model_dump(mode="json") | {"went_wrong": found.went_wrong}, text=lines(found))
    here.say.hint(
        "Change what is named above, then rehearse again."
        if found.went_wrong
        else f"For real: cmo run {safe_line(file)}"
    )
    return PARTLY if found.went_wrong else DONE


def lines(found: Rehearsal) -> list[str]:
    """The report as a person reads it."""
    rows = [
        ("Leads", f"{found.good_leads:,} good, {found.held_leads:,} of them known by a commit address only"),
        ("Drafts", _drafts(found)),
        ("Sent", _sent(found)),
        *(
            ("Refused", f"{count:,} by {rule}, such as: {found.refused_because[rule]}")
            for rule, count in found.refused.items()
        ),
        ("Doubles", f"{found.doubles:,} of {found.arrived:,} mails in the books of {found.mailer}"),
        ("Doubtful", f"{found.doubtful:,} mails that may have arrived; {found.failed:,} refused by {found.mailer}"),
        ("CRM", _crm(found)),
        ("Tickets", f"{found.tickets:,}"),
        *(("Errors", f"{one.count:,} at {one.stage}, group {one.key}: {one.message}") for one in found.errors),
        *(("Trouble", text) for text in found.troubles),
        *(("Instead", text) for text in found.replaced),
        *(("Change", text) for text in found.advice),
    ]
    told = [f"What would have happened, with {found.faults} faults: {found.goal}"]
    last = ""
    for head, text in rows:
        told.append(f"  {'' if head == last else head:<9} {safe_line(text)}")
        last = head
    return told


def _drafts(found: Rehearsal) -> str:
    text = f"{found.drafts:,}, {found.approved:,} approved"
    for what, counts in (("flagged", found.flagged), ("blocked", found.blocked)):
        if counts:
            each = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            text += f", {sum(counts.values()):,} {what} ({each})"
    return text


def _sent(found: Rehearsal) -> str:
    if not found.sent:
        return "none"
    days = ", ".join(f"{day} {count:,}" for day, count in found.sent.items())
    text = f"{found.total:,} in {counted(found.days, 'day')}: {days}"
    return f"{text}; {found.waiting:,} were left after {MOST_DAYS} days" if found.is_cut else text


def _crm(found: Rehearsal) -> str:
    parts = []
    for operation, effects in found.crm.items():
        each = ", ".join(f"{count:,} {effect}" for effect, count in effects.items()) or "nothing"
        parts.append(f"{operation} {each}")
    parts.append(f"{found.crm_ambiguous:,} ambiguous, {found.crm_failed:,} failed")
    return "; ".join(parts)
