"""`cmo doctor` and `cmo limits show`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cmo.cli import checks
from cmo.cli.checks import Check
from cmo.cli.diagnostics import CONFIG, DONE, PARTLY
from cmo.cli.options import Fields
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.cli.terminal import thousands
from cmo.config import Settings, inspect

_SIGNS = {"ok": "✓", "warn": "⚠", "fail": "✗", "skip": "·"}
_TONES = {"ok": "ok", "warn": "warn", "fail": "error", "skip": "dim"}


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Call nobody.")] = False,
    fields: Fields = None,
) -> int:
    """Check everything.

    Exit code 3 with warnings, 78 when something fails.
    """
    here = session()
    return examine(here, offline=offline, fields=fields)


def examine(here: Session, *, offline: bool, fields: str | None = None) -> int:
    """Run all checks, show them, and return the exit code."""
    settings, problems = inspect(here.sources)
    found = checks.local(here, settings, problems)
    if not any(problem.fatal for problem in problems):
        from cmo.cli import probes

        found += probes.probe_all(settings, offline=offline)
    glyphs = here.out.terminal.glyphs
    columns = [
        Column("state", head="", show=lambda row: f"{_SIGNS[row['state']]} {row['state']}" if glyphs else row["state"],
               tone=lambda row: _TONES[row["state"]]),
        Column("check"),
        Column("message", least=24),
        Column("fix", least=16),
    ]  # fmt: skip
    here.out.table("cmo.doctor/1", columns, [check.as_row() for check in found], fields=fields)
    failing, warning = _count(found, "fail"), _count(found, "warn")
    words = [
        f"{failing} failing" if failing else "",
        f"{warning} warning{'s' if warning > 1 else ''}" if warning else "",
    ]
    here.say.note(", ".join(word for word in words if word) or "All is well.")
    return CONFIG if failing else PARTLY if warning else DONE


def limits(fields: Fields = None) -> int:
    """Show limits.

    Caps are those a new job starts with; `used` is that of the newest job. All apply together: the strictest wins.
    """
    here = session()
    settings = here.settings
    used = _used(settings)
    rows: list[Row] = [
        _row("max_emails_per_day", settings.max_emails_per_day, 0, "a day, all inboxes", "quota"),
        _row("per_inbox_daily", settings.per_inbox_daily, 0, "a day and inbox", "quota"),
        _row("new_inbox_daily", settings.new_inbox_daily, 0, "a day and new inbox, grows by as many a day", "quota"),
        _row("max_per_company_daily", settings.max_per_company_daily, 0, "a day and company", "quota"),
        _row("max_per_contact", settings.max_per_contact, 0, "7 days and person", "quota"),
        _row("story_pitch_per_contact", settings.story_pitch_per_contact, 0, "14 days and person", "quota"),
        _row("max_steps", used.get("max_steps", settings.max_steps), used.get("steps"), "job", "cap"),
        _row("max_repos", used.get("max_repos", settings.max_repos), used.get("repos"), "job", "cap"),
        _row("max_people", used.get("max_people", settings.max_people), used.get("people"), "job", "cap"),
        _row("budget_usd", settings.budget_usd, None, "job", "cap"),
        _row("github_points", 5000, used.get("github_points"), "hour and token (GitHub's own)", "provider"),
    ]
    columns = [
        Column("name", least=23),
        Column("kind"),
        Column("limit", right=True, show=lambda row: _number(row["limit"])),
        Column("used", right=True, show=lambda row: _number(row["used"])),
        Column("left", right=True, show=lambda row: _number(row["left"]), tone=_tone),
        Column("per", least=16),
    ]
    here.out.table("cmo.limits.show/1", columns, rows, fields=fields)
    here.say.note(f"Mode {settings.mode_ceiling.replace('_', '-').upper()}: nothing is sent, so no mail quota is used.")
    if used:
        here.say.note(f"Used by jobs: that of {used['job']}, the newest.")
    here.say.hint("Change one: cmo config set quota.max_emails_per_day 30   of a job: cmo jobs set last max_repos=800")
    return DONE


def _count(found: list[Check], state: str) -> int:
    return sum(check.state == state for check in found)


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
    return {
        **used,
        "job": jobs[0].id,
        "max_steps": caps.max_steps,
        "max_repos": caps.max_repos,
        "max_people": caps.max_people,
    }


def _row(name: str, limit: float | None, used: int | None, per: str, kind: str) -> Row:
    left = None if limit is None or used is None else max(0, limit - used)
    return {"name": name, "kind": kind, "limit": limit, "used": used, "left": left, "per": per}


def _number(value: float | None) -> str:
    return "—" if value is None else thousands(value)


def _tone(row: Row) -> str:
    return "warn" if row["left"] is not None and row["limit"] and row["left"] <= 0.2 * row["limit"] else ""
