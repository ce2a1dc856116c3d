"""`cmo reconcile`: the outbox against providers and CRM, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from cmo.cli.asking import agree, opened_job, short_ref
from cmo.cli.diagnostics import DONE, PARTLY, UNREACHABLE
from cmo.cli.draft_picks import job_of
from cmo.cli.driving import Stop
from cmo.cli.options import DryRun, Fields, JobArg, Yes
from cmo.cli.output import Column
from cmo.cli.send import leave_if_asked
from cmo.cli.session import Session, session
from cmo.service.reconcile import MEANING, Compared, Reconciling
from cmo.service.sending import opened

_COLUMNS = [
    Column("id", right=True, least=2),
    Column("operation", least=12),
    Column("who", least=8),
    Column("ours", least=8),
    Column("theirs", least=8),
    Column("finding", least=8, tone=lambda row: "ok" if row["finding"] in ("agree", "blind") else "warn"),
    Column("repair", least=6, drop=2),
    Column("message", least=12, drop=1),
    Column("differs", extra=True),
    Column("writes", extra=True),
    Column("provider_id", extra=True),
]


def reconcile(
    job: JobArg = None,
    repair: Annotated[bool, typer.Option("--repair", help="Put right what is certain; asks.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --repair: replace what records of people say.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    fields: Fields = None,
) -> int:
    """Compare the outbox with what providers and CRM have.

    Every mail and record that left, or may have, is looked up. --repair confirms what is there, and plans again what
    surely never arrived; what was confirmed and is missing is only shown, never sent again by itself. Of a person's
    record only what is empty is planned to be filled, unless --overwrite is given. Exit code 3 when rows disagree.
    """
    here = session()
    found_job, settings = job_of(here, job)
    with opened_job(here, found_job.id) as (conn, job_id):
        ref = short_ref(conn, job_id)
    stop = Stop(here.say, here.world.leave)
    with opened(settings, job_id, check=lambda: leave_if_asked(stop, ref, "reconcile")) as delivery:
        reconciling = Reconciling(delivery, overwrites=overwrite)
        with stop.installed():
            compared = reconciling.look()
        _show(here, compared, fields)
        mendable = [one for one in compared if one.repair]
        repaired: list[Compared] = []
        if repair and mendable and not dry_run:
            agree(here, f"Repair {len(mendable):,} rows: {_repairs(mendable)}?", yes=yes)
            repaired = reconciling.repair(mendable)
        reconciling.note(compared, action="outbox.reconcile", is_dry=dry_run)
    return _tell(here, compared, repaired, is_repair=repair, dry_run=dry_run, ref=ref)


def _show(here: Session, compared: Sequence[Compared], fields: str | None) -> None:
    rows = [
        {
            "id": one.row.id,
            "operation": one.row.operation,
            "who": one.row.who,
            "ours": "held" if one.row.is_held else one.row.state,
            "theirs": one.theirs,
            "finding": one.finding,
            "repair": one.repair,
            "message": one.message,
            "differs": dict(one.differs),
            "writes": list(one.writes),
            "provider_id": one.row.provider_id,
        }
        for one in compared
    ]
    here.out.table("cmo.reconcile/1", _COLUMNS, rows, fields=fields, total=len(rows))


def _tell(
    here: Session,
    compared: Sequence[Compared],
    repaired: Sequence[Compared],
    *,
    is_repair: bool,
    dry_run: bool,
    ref: str,
) -> int:
    """Count, say what to type next; returns the exit code."""
    counts = Counter(one.finding for one in compared)
    for finding, count in counts.items():
        here.say.note(f"{count:,} {finding}: {MEANING[finding]}.")
    fixed = {one.row.id for one in repaired}
    left = [one for one in compared if one.disagrees and one.row.id not in fixed]
    mendable = [one for one in left if one.repair]
    if not compared:
        here.say.note("Nothing has left yet.")
    elif not any(one.disagrees for one in compared):
        here.say.note(f"All {len(compared):,} rows agree.")
    if repaired:
        here.say.note(f"Repaired: {_repairs(repaired)}.")
    if mendable and (dry_run or not is_repair):
        here.say.hint(f"{'Would repair' if is_repair else 'Repair'} {_repairs(mendable)}: cmo reconcile {ref} --repair")
    elif any(one.row.is_held and one.row.state == "unknown" for one in left):
        here.say.hint("A person decides: cmo outbox release ID --as confirmed, or absent")
    if counts["unasked"]:
        return UNREACHABLE
    return PARTLY if left else DONE


def _repairs(compared: Sequence[Compared]) -> str:
    counts = Counter(one.repair for one in compared)
    words = {
        "confirmed": "are there and become confirmed",
        "planned": "are planned again",
        "followed": "are followed to the record that they were merged into",
    }
    return ", ".join(f"{count:,} {words[repair]}" for repair, count in counts.items())
