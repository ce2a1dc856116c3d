"""`cmo limits`: quotas, caps, and what stops sending."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cmo.cli import policy
from cmo.cli import settings as config
from cmo.cli.asking import agree
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, Fields, Yes
from cmo.cli.output import Column, Row
from cmo.cli.policy import OneJob, Policy
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line, thousands
from cmo.config import Settings
from cmo.domain.requests import number
from cmo.errors import ConfigError
from cmo.service import controls, requests
from cmo.service.audit import record_dry
from cmo.service.controls import LimitsView


def show(
    person: Annotated[
        str | None, typer.Argument(metavar="[PERSON]", help="Address or login: what may still go to them.")
    ] = None,
    fields: Fields = None,
) -> int:
    """Show limits.

    All apply together: the strictest wins. Caps are those a new job starts with; their use is that of the newest job.
    """
    here = session()
    if person is not None:
        return _person(here, person, fields)
    view = controls.show_limits(here.settings)
    rows = [*_quotas(view, here.settings), *_inboxes(view), *_caps(here.settings)]
    columns = [
        Column("name", least=23),
        Column("kind", drop=1),
        Column("limit", right=True, show=lambda row: _number(row["limit"])),
        Column("used", right=True, show=lambda row: _number(row["used"])),
        Column("left", right=True, show=lambda row: _number(row["left"]), tone=_tone),
        Column("frees_at", head="frees", extra=True),
        Column("per", least=16),
    ]
    here.out.table("cmo.limits.show/1", columns, rows, fields=fields)
    for line in _standing(view):
        here.say.note(line)
    here.say.hint("Change one: cmo limits set max_emails_per_day 30   of a job: cmo jobs set last max_repos=800")
    return DONE


def change(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(controls.QUOTAS)}.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A whole number.")],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Change a quota.

    Raising one says what it does and asks; lowering one does not ask. Both are kept on the record.
    """
    here = session()
    try:
        planned = controls.limit_change(here.settings, name, value)
    except ConfigError as error:
        raise UsageProblem(error.message, hint=error.hint) from error
    if planned.is_raise and not dry_run:
        question = f"Raise {name} from {planned.before} to {planned.after}: {planned.effect}?"
        agree(here, question, yes=yes)
    config.change(planned.key, str(planned.after), dry_run=dry_run)
    if dry_run:
        record_dry(here.settings, "limits.set", f"quota:{name}")
    else:
        controls.record_limit_change(here.settings, planned)
    here.say.note(f"{'Would be' if dry_run else 'That is'} {planned.effect}.")
    data = {"name": name, "before": planned.before, "after": planned.after, "effect": planned.effect}
    here.out.document("cmo.limits.set/1", {**data, "dry_run": dry_run}, text=[])
    return DONE


def revoke(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A request's id, or commit or unknown-country.")],
    job: OneJob = None,
    dry_run: DryRun = False,
) -> int:
    """Take a permission back.

    Of a request allowed for its job: its cap is asked about again, and what was raised stays. Of a policy: it holds
    from the next mail on, as after cmo policy revoke.
    """
    if what in list(Policy):
        return policy.revoke(Policy(what), job=job, dry_run=dry_run)
    here = session()
    given = next((one for one in controls.show_limits(here.settings).permissions if one.id == what), None)
    if given is None or job is not None:
        raise NothingMatched(f"There is no permission {safe_line(what)}.", hint="cmo limits show")
    if dry_run:
        record_dry(here.settings, "permission.revoke", f"permission:{what}")
        here.say.note(f"Would take back: {given.asked.setting} of {given.job_id}. Nothing was changed.")
    else:
        requests.revoke(here.settings, what)
        here.say.note(f"Taken back: {given.asked.setting} of {given.job_id} is asked about again.")
    data = {"id": what, "job_id": given.job_id, "setting": given.asked.setting}
    here.out.document("cmo.limits.revoke/1", {**data, "dry_run": dry_run}, text=[])
    return DONE


def _person(here: Session, person: str, fields: str | None) -> int:
    found = controls.show_person_limits(here.settings, person)
    verdict, room = found.room.verdict, found.room
    data = {
        "remaining_today": found.remaining_today,
        "remaining_this_week": found.remaining_this_week,
        "remaining_for_contact": found.remaining_for_contact,
        "contact_frees_at": room.frees_at,
        "job_id": room.job_id,
        "rule": verdict.rule,
        "message": verdict.message,
        "retry_at": verdict.retry_at,
    }
    said = "The gate would let it leave." if verdict.rule is None else f"{verdict.rule}: {safe_line(verdict.message)}"
    text = [
        f"{found.remaining_today} more today, {found.remaining_for_contact} of them in 7 days to this person; "
        f"{found.remaining_this_week} this week in all.",
        f"  {said}" if room.job_id else "  No draft for this person is stored: nothing could leave.",
    ]
    here.out.document("cmo.limits.person/1", data, text=text, fields=fields)
    return DONE


def _quotas(view: LimitsView, settings: Settings) -> list[Row]:
    limits, quotas = view.limits, view.quotas
    fullest = max((box.used for box in quotas.inboxes), default=0)
    frees = quotas.frees_at
    return [
        _row("max_emails_per_day", limits.max_emails_per_day, quotas.day_used, "a day, all inboxes", "quota", frees),
        _row("per_inbox_daily", limits.per_inbox_daily, fullest, "a day and inbox; the fullest", "quota", frees),
        _row("new_inbox_daily", limits.new_inbox_daily, None, "a day and new inbox, grows by as many a day", "quota"),
        _row("max_per_company_daily", limits.max_per_company_daily, quotas.busiest_company,
             "a day and company; the busiest", "quota", frees),
        _row("max_per_contact", limits.max_per_contact, None, "7 days and person: cmo limits show PERSON", "quota"),
        _row("story_pitch_per_contact", settings.story_pitch_per_contact, None, "14 days and person", "quota"),
    ]  # fmt: skip


def _inboxes(view: LimitsView) -> list[Row]:
    return [
        _row(box.address, box.cap, box.used, _warmth(box.is_warm, box.paused), "inbox", view.quotas.frees_at)
        for box in view.quotas.inboxes
    ]


def _warmth(is_warm: bool, paused: str | None) -> str:
    if paused is not None:
        return f"today; paused: {safe_line(paused)}"
    return "today; warmed up" if is_warm else "today; new, warming up"


def _caps(settings: Settings) -> list[Row]:
    used = _used(settings)
    per = used.get("job", "job")
    return [
        _row("max_steps", used.get("max_steps", settings.max_steps), used.get("steps"), per, "cap"),
        _row("max_repos", used.get("max_repos", settings.max_repos), used.get("repos"), per, "cap"),
        _row("max_people", used.get("max_people", settings.max_people), used.get("people"), per, "cap"),
        _row("budget_usd", settings.budget_usd, None, "job", "cap"),
        _row("github_points", 5000, used.get("github_points"), "hour and token (GitHub's own)", "provider"),
    ]


def _standing(view: LimitsView) -> list[str]:
    """Everything that stops sending, in words."""
    mode = f"Mode {view.mode.replace('_', '-').upper()}"
    rows = [f"{mode}." if view.mode == "send_allowed" else f"{mode}: nothing is sent."]
    kill = view.stops.kill
    if kill is not None:
        rows.append(f"ALL SENDING STOPPED by {kill.by}: {kill.reason}. cmo kill --release lets it go on.")
    for pause in view.stops.pauses:
        until = f" until {pause.until.astimezone():%Y-%m-%d %H:%M}" if pause.until else ""
        rows.append(f"Paused: {pause.name}{until}: {pause.reason}.")
    rows += [f"Allowed: {basis.kind} for {basis.scope} ({basis.basis})." for basis in view.stops.bases]
    rows += [
        f"Allowed: {given.asked.setting} of {given.job_id} up to {number(given.permits_upto or 0)} without asking"
        f" (cmo limits revoke {given.id})."
        for given in view.permissions
    ]
    held = f"{view.stops.holds} people or companies on hold, " if view.stops.holds else ""
    rows.append(f"{held}{view.stops.suppressions} suppressions. Left this week: {view.left_this_week}.")
    return rows


def _used(settings: Settings) -> dict[str, Any]:
    """Caps and use of the newest job; empty without one."""
    if not settings.paths.db.exists():
        return {}
    from cmo import service
    from cmo.cli import jobview
    from cmo.store import views

    with service.reader(settings) as conn:
        jobs = views.list_jobs(conn, limit=1)
        if not jobs:
            return {}
        summary = service.summary(settings, conn, jobs[0].id)
    caps = jobs[0].plan.caps
    used = {item["name"]: item["used"] for item in jobview.budgets(summary)}
    own = {"max_steps": caps.max_steps, "max_repos": caps.max_repos, "max_people": caps.max_people}
    return {**used, **own, "job": jobs[0].id}


def _row(name: str, limit: float | None, used: int | None, per: str, kind: str, frees_at: Any = None) -> Row:
    left = None if limit is None or used is None else max(0, limit - used)
    return {
        "name": name, "kind": kind, "limit": limit, "used": used, "left": left,
        "frees_at": frees_at if left == 0 else None, "per": per,
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "—" if value is None else thousands(value)


def _tone(row: Row) -> str:
    return "warn" if row["left"] is not None and row["limit"] and row["left"] <= 0.2 * row["limit"] else ""
