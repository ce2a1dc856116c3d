"""`cmo jobs`: list, show, set, rm."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from cmo import service
from cmo.cli import jobview
from cmo.cli.asking import agree, opened_job, short_ref
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import UsageProblem
from cmo.cli.options import DryRun, Fields, JobArg, JobNeeded, Limit, Yes
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.job import Job, JobStatus, Plan
from cmo.domain.text import counted
from cmo.errors import JobNotResumable, PolicyRefused
from cmo.service.next_steps import raise_ceiling
from cmo.store import views


class State(StrEnum):
    """As shown: a job that says it runs, but that nobody runs, has stopped."""

    PLANNED = "planned"
    RUNNING = "running"
    STOPPED = "stopped"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


_COLUMNS = [
    Column("id", least=19),
    Column("goal", least=16, drop=2),
    Column("state", least=9),
    Column("stage", drop=3),
    Column("target", right=True),
    Column("mode", extra=True),
    Column("environment", extra=True),
    Column("created", least=10),
]


def list_jobs(
    state: Annotated[State | None, typer.Option("--state", help="Only jobs in this state.")] = None,
    limit: Limit = 50,
    fields: Fields = None,
) -> int:
    """List jobs."""
    here = session()
    if not here.settings.paths.db.exists():
        here.out.table("cmo.jobs.list/1", _COLUMNS, [], fields=fields)
        here.say.hint('There is no job yet. Start one: cmo run "find 200 python maintainers active 90 days"')
        return DONE
    with service.reader(here.settings) as conn:
        is_split = state in (State.RUNNING, State.STOPPED)
        status = JobStatus.RUNNING if is_split else None if state is None else JobStatus(state.value)
        rows: list[Row] = []
        for job in views.list_jobs(conn, status=status, limit=1_000_000 if is_split else limit + 1):
            word = job.status.value
            if job.status is JobStatus.RUNNING:
                word = service.summary(here.settings, conn, job.id).state
            if not is_split or word == state:
                rows.append(_row(job, word))
        more = len(rows) > limit
    columns = [replace(c, tone=_tone if c.key == "state" else None)
               for c in _COLUMNS]  # fmt: skip
    here.out.table("cmo.jobs.list/1", columns, rows[:limit], fields=fields)
    if more:
        here.say.note(f"The newest {limit} are shown. More: --limit {limit * 4}")
    elif not rows:
        here.say.note("No job matches." if state else "There is no job yet.")
    return DONE


def show(
    job: JobArg = None,
    state: Annotated[bool, typer.Option("--state", help="The whole RunState, as JSON.")] = False,
    fields: Fields = None,
) -> int:
    """Show a job."""
    here = session()
    with opened_job(here, job) as (conn, job_id):
        if state:
            here.out.raw_json("cmo.jobs.state/1", service.iter_run_state(here.settings, job_id))
            return DONE
        summary = service.summary(here.settings, conn, job_id)
        data = jobview.document(summary)
        data["plan"] = summary.job.plan.model_dump(mode="json")
        data["messages"] = [_message(item) for item in views.list_messages(conn, job_id)]
        data["error_groups"] = [group.model_dump(mode="json") for group in views.failure_groups(conn, job_id)]
        data["dropped"] = views.drop_reasons(conn, job_id)
        data["folder"] = str(here.settings.paths.run_dir(job_id))
        text = None
        if here.out.form == "terminal":
            text = jobview.lines(summary, here.out.terminal)
            text += _details(data, summary.job.plan)
        here.out.document("cmo.jobs.show/1", data, text=text, fields=fields)
        here.say.hint(f"cmo logs {short_ref(conn, job_id)}   cmo leads list --job {short_ref(conn, job_id)}")
    return DONE


def change(
    job: JobNeeded,
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="e.g. max_repos=800 mode=dry_run")],
    dry_run: DryRun = False,
) -> int:
    """Change a job.

    Takes effect at its next step and is recorded. Keys are those of the plan: target, mode, max_steps, max_repos,
    max_people, stars_range, activity_days, languages, topics and so on.
    """
    here = session()
    pairs = dict(_pair(item) for item in changes)
    with opened_job(here, job) as (conn, job_id):
        found = views.get_job(conn, job_id)
        before = found.plan
        approved = service.summary(here.settings, conn, job_id).progress.drafts_approved
    if found.status.is_over and not set(pairs) <= service.AFTER_THE_END:
        open_keys = ", ".join(sorted(service.AFTER_THE_END))
        raise JobNotResumable(
            f"Job {job_id} is {found.status}; of what it was only {open_keys} can be set.",
            hint=f"Its results: cmo export {job_id}",
        )
    if dry_run:
        from cmo.domain.plan import change_plan

        after = change_plan(before, pairs)
        _check_ceiling(here, after)
    else:
        after = service.set_job(here.settings, job_id, pairs).plan
    changed = _difference(before, after)
    word = "Would change" if dry_run else "Changed"
    for key, (old, new) in changed.items():
        here.say.note(f"{word} {key}: {old} -> {new}")
    if not changed:
        here.say.note("That is how it was already.")
    elif not dry_run:
        here.say.note("It takes effect at once." if found.status.is_over else "It takes effect at the job's next step.")
    if changed.keys() & {"mailer", "sequence_id"} and approved:
        here.say.warn(
            f"For another mailer or sequence were {counted(approved, 'approval')}: void as long as this holds.",
            hint=f"Approve again: cmo drafts review --job {job_id} --where state:approved",
        )
    data = {key: {"before": old, "after": new} for key, (old, new) in changed.items()}
    here.out.document("cmo.jobs.set/1", {"job_id": job_id, "changes": data, "dry_run": dry_run}, text=[])
    return DONE


def remove(job: JobNeeded, yes: Yes = False, dry_run: DryRun = False) -> int:
    """Remove a job.

    What is known about people across jobs, such as who must not be contacted, stays.
    """
    here = session()
    with opened_job(here, job) as (conn, job_id):
        summary = service.summary(here.settings, conn, job_id)
    folder = here.settings.paths.run_dir(job_id)
    counts = summary.progress
    what = f"{job_id} with {counts.candidates:,} people, {counts.good_leads:,} good leads, and {folder}"
    if dry_run:
        here.say.note(f"Would remove {what}.")
        return DONE
    agree(here, f"Remove {what}? This cannot be taken back.", yes=yes)
    service.remove_job(here.settings, job_id)
    here.say.note(f"Removed {job_id} and its files.")
    here.out.document("cmo.jobs.rm/1", {"job_id": job_id, "state": "removed"}, text=[])
    return DONE


def _row(job: Job, state: str) -> Row:
    return {
        "id": job.id,
        "goal": job.plan.goal,
        "state": state,
        "stage": job.stage.value,
        "target": job.plan.target,
        "mode": job.plan.mode.value,
        "environment": job.environment.value,
        "created": job.created_at,
    }


def _tone(row: Row) -> str:
    return {"running": "bold", "paused": "needs", "stopped": "error", "failed": "error", "finished": "ok"}.get(
        row["state"], ""
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageProblem(f"{text!r} is no KEY=VALUE.", hint="cmo jobs set last max_repos=800")
    return key.strip(), value.strip()


def _check_ceiling(here: Session, plan: Plan) -> None:
    from cmo.domain.job import Mode

    order = list(Mode)
    if order.index(plan.mode) > order.index(here.settings.mode()):
        raise PolicyRefused(
            f"Mode {plan.mode} is above the ceiling {here.settings.mode()}.",
            hint=f"Raise it first: {raise_ceiling(here.settings, plan.mode)}",
        )


def _difference(before: Plan, after: Plan) -> dict[str, tuple[str, str]]:
    old, new = _flat(before.model_dump(mode="json")), _flat(after.model_dump(mode="json"))
    keys = dict.fromkeys([*old, *new])
    return {key: (_said(old.get(key)), _said(new.get(key))) for key in keys if old.get(key) != new.get(key)}


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and key in ("icp", "caps"):
            flat |= _flat(value)
        else:
            flat[prefix + key] = value
    return flat


def _said(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"low", "high"}:
        return f"{value['low']}..{value['high']}"
    if value is None:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _message(message: Any) -> dict[str, Any]:
    return {
        "id": message.id,
        "text": message.text,
        "by": message.by,
        "later": message.is_later,
        "queued_at": message.queued_at,
        "state": message.state,
        "step": message.step,
        "effect": message.effect,
    }


def _details(data: dict[str, Any], plan: Plan) -> list[str]:
    icp = plan.icp
    rows = [
        "",
        f"  Look for  {', '.join(icp.languages) or 'any language'}, {icp.stars_range} stars, "
        f"topics {' '.join(icp.topics) or 'any'}, active in {icp.activity_days} days"
        + (f", in {safe_line(icp.location)}" if icp.location else ""),
    ]
    rows += [f"  Assumed   {safe_line(text)}" for text in plan.assumptions]
    rows += [f"  Said      #{m['id']} {safe_line(m['text'])} ({_fate(m)})" for m in data["messages"]]
    for group in data["error_groups"][:5]:
        rows.append(f"  Failed    {group['count']:,} at {group['stage']}: {safe_line(group['message'])}")
    if data["dropped"]:
        rows.append("  Dropped   " + ", ".join(f"{safe_line(why)} {count:,}" for why, count in data["dropped"].items()))
    rows += [f"  File      {path} ({rows_:,} rows)" for path, rows_ in data["files"].items()]
    return [*rows, f"  Folder    {data['folder']}"]


def _fate(message: dict[str, Any]) -> str:
    if message["state"] == "read":
        return f"step {message['step']}: {safe_line(message['effect'] or '')}"
    return str(message["state"])
