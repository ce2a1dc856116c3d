"""`cmo requests`: what jobs ask for, and the operator's answer."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo.cli.asking import agree, opened_job
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import UsageProblem
from cmo.cli.options import DryRun, Fields, JobArg, Yes
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.requests import Request, number, reach
from cmo.service import requests as verbs
from cmo.service.audit import record_dry
from cmo.store.request_views import list_requests

Id = Annotated[str, typer.Argument(metavar="ID", help="As cmo requests list names it.")]
ForJob = Annotated[bool, typer.Option("--for-job", help="Later ones of the job for the same cap too, up to double.")]


def listed(job: JobArg = None, fields: Fields = None) -> int:
    """List requests.

    A job that meets a cap before its goal asks for more and goes on with what it has. What waits for you is open.
    """
    here = session()
    with opened_job(here, job) as (conn, job_id):
        found = list_requests(conn, job_id)
    columns = [
        Column("id", least=8),
        Column("state", tone=lambda row: "needs" if row["state"] == "open" else ""),
        Column("setting", least=12),
        Column("before", right=True, show=lambda row: number(row["before"])),
        Column("asked", right=True, show=lambda row: number(row["asked"])),
        Column("effect", least=16, show=lambda row: safe_line(row["effect"])),
        Column("why", drop=1, show=lambda row: safe_line(row["why"])),
        Column("answer", drop=2, show=lambda row: safe_line(row["answer"])),
        *(Column(name, extra=True) for name in ("at", "upto", "job_id")),
    ]
    here.out.table("cmo.requests.list/1", columns, [_row(request) for request in found], fields=fields)
    waiting = [request for request in found if request.state == "open"]
    if not found:
        here.say.note(f"{job_id} has not asked for anything.")
    elif waiting:
        one = waiting[0].id
        here.say.hint(f'cmo requests allow {one}   cmo requests deny {one} --reason "…"')
    return DONE


def allow(id_: Id, for_job: ForJob = False, yes: Yes = False, dry_run: DryRun = False) -> int:
    """Allow a request.

    The cap rises to what was asked, from the job's next step on. With --for-job later requests of that job for the
    same cap are allowed without asking, up to double; cmo limits revoke takes that back.
    """
    here = session()
    request, _ = verbs.get_open(here.settings, id_)
    if dry_run:
        record_dry(here.settings, "request.allow", f"request:{request.id}")
        here.say.note(f"Would {safe_line(request.asked.wish)}. Nothing was changed.")
    else:
        grant(here, request, for_job=for_job, yes=yes)
    asked = request.asked
    data = {"id": request.id, "job_id": request.job_id, "setting": asked.setting, "before": asked.before}
    upto = reach(asked) if for_job else None
    here.out.document("cmo.requests.allow/1", {**data, "after": asked.asked, "upto": upto, "dry_run": dry_run}, text=[])
    return DONE


def deny(
    id_: Id,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why not; it is kept with your name.")],
    dry_run: DryRun = False,
) -> int:
    """Deny a request.

    The cap stays, and is not asked about again as long as it does. The job goes on with what it has.
    """
    here = session()
    if not reason.strip():
        raise UsageProblem("A no has its reason.", hint=f'cmo requests deny {id_} --reason "the rest is enough"')
    request, _ = verbs.get_open(here.settings, id_)
    if dry_run:
        record_dry(here.settings, "request.deny", f"request:{request.id}")
        here.say.note(f"Would not {safe_line(request.asked.wish)}. Nothing was changed.")
    else:
        here.say.note(verbs.deny(here.settings, request.id, reason))
    state = "open" if dry_run else "denied"
    data = {"id": request.id, "job_id": request.job_id, "setting": request.asked.setting, "state": state}
    here.out.document("cmo.requests.deny/1", {**data, "dry_run": dry_run}, text=[])
    return DONE


def grant(here: Session, request: Request, *, for_job: bool, yes: bool) -> None:
    """Show the whole request, ask, and allow it.

    Raises:
        NeedsPerson: there is no terminal to ask on.
        Left: the answer is no.
    """
    asked = request.asked
    here.say.note(f"{request.job_id} {safe_line(asked.wish)}: {safe_line(asked.effect)}. {safe_line(asked.why)}")
    later = f", and later up to {number(reach(asked))} without asking" if for_job else ""
    agree(here, f"Raise {asked.setting} from {number(asked.before)} to {number(asked.asked)}{later}?", yes=yes)
    here.say.note(verbs.allow(here.settings, request.id, for_job=for_job))


def _row(request: Request) -> Row:
    asked = request.asked
    return {
        "id": request.id,
        "state": request.state,
        "setting": asked.setting,
        "before": asked.before,
        "asked": asked.asked,
        "effect": asked.effect,
        "why": asked.why,
        "answer": "" if request.answer is None else verbs.ruling(request),
        "at": request.at,
        "upto": request.permits_upto,
        "job_id": request.job_id,
    }
