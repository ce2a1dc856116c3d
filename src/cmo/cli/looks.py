"""Looking at a job: bare `cmo`, `status`, `watch`, `logs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmo.cli.diagnostics import DONE
from cmo.cli.errors import UsageProblem
from cmo.cli.options import Fields, JobArg, JobNeeded
from cmo.cli.session import Session, session
from cmo.cli.terminal import Terminal, cells, fit, safe_line

if TYPE_CHECKING:
    from sqlite3 import Connection

    from cmo.domain.event import Recorded
    from cmo.store.views import JobSummary

STATUS_SCHEMA = "cmo.status/1"
_FOLLOW_S = 0.5


class Level(StrEnum):
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


def bare() -> int:
    """Where am I."""
    here = session()
    if not here.settings.paths.db.exists():
        return _welcome(here)
    from cmo import service
    from cmo.store import views

    with service.reader(here.settings) as conn:
        jobs = views.list_jobs(conn, limit=1)
        if not jobs:
            return _welcome(here)
        return _show(here, conn, service.resolve_job(conn, "last"))


def status(job: JobArg = None, fields: Fields = None) -> int:
    """Show one job.

    On a pipe one field a line: its name, a tab, its value.
    """
    here = session()
    from cmo.cli.asking import opened_job

    with opened_job(here, job) as (conn, job_id):
        return _show(here, conn, job_id, fields)


def watch(
    job: JobArg = None,
    interval: Annotated[str, typer.Option("--interval", metavar="TIME", help="Between two looks, e.g. 2s.")] = "2s",
    exit_status: Annotated[bool, typer.Option("--exit-status", help="Exit as `cmo run` would.")] = False,
) -> int:
    """Follow a job.

    Says what changes, what waits for you and what stops sending, each with what to type; with --accessible and on a
    pipe a sentence a change and nothing in place. Ends when the job is over, paused, or nobody runs it. Ctrl-C ends the
    view, never the job.
    """
    here = session()
    from cmo import service
    from cmo.cli import jobview, live
    from cmo.cli.asking import opened_job, read_standing, seconds, short_ref, tell_obstacles
    from cmo.cli.watching import Changes
    from cmo.service.standing import told_doubtful
    from cmo.store import views
    from cmo.store.events import last_seq, tail
    from cmo.store.outbox_views import count_held_for_person

    wait = seconds(interval)
    with opened_job(here, job) as (conn, job_id):
        view = live.choose(here.say, here.out, now=here.now, accessible=here.accessible, begins_inside=True)
        changes = Changes(short_ref(conn, job_id))
        here.say.tag = jobview.tags(views.get_job(conn, job_id))
        seen = last_seq(conn)
        summary = service.summary(here.settings, conn, job_id)
        while summary.state == "running":
            events = tail(conn, job_id, after_seq=seen, run_only=True)
            seen = events[-1].seq if events else seen
            view.show(summary, events)
            for words in changes.since(read_standing(here, conn, job_id), here.now()):
                view.tell(words)
            here.world.sleep(wait)
            summary = service.summary(here.settings, conn, job_id)
        view.show(summary, tail(conn, job_id, after_seq=seen, run_only=True))
        view.close()
        _end(here, conn, summary)
        tell_obstacles(here, conn, job_id)
        doubtful = count_held_for_person(conn, job_id)
        if doubtful:
            here.say.note(told_doubtful(doubtful, short_ref(conn, job_id)))
        return jobview.exit_code(summary) if exit_status else DONE


def logs(
    job: JobNeeded,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it happens.")] = False,
    stage: Annotated[str | None, typer.Option("--stage", metavar="STAGE", help="Only this stage.")] = None,
    level: Annotated[Level | None, typer.Option("--level", help="This level and above.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="e.g. 10m, 2h, or ISO 8601.")] = None,
    grep: Annotated[str | None, typer.Option("--grep", metavar="RE", help="Only lines that match.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also one line for each repository and person.")] = False,
) -> int:
    """Show events.

    Without --all or --level only what happened to the job as a whole. On a pipe: time, level, kind, text, with tabs.
    """
    here = session()
    from cmo import service
    from cmo.cli.asking import moment, opened_job
    from cmo.domain.job import Stage

    wanted = None if stage is None else _stage(stage, [item.value for item in Stage])
    pattern = _pattern(grep)
    with opened_job(here, job) as (conn, job_id):
        clock = service.clock_of(here.settings)
        start = moment(since, now=clock.now()) if since else None
        shown = 0
        for item in _events(here, conn, job_id, follow=follow, run_only=not every and level is None):
            if _passes(item, wanted, level, start, pattern):
                _tell(here, item)
                shown += 1
        if not shown:
            here.say.note("Nothing matched.")
    return DONE


def _welcome(here: Session) -> int:
    if here.flags.json:
        here.out.document(STATUS_SCHEMA, {"job_id": None, "status": "none"})
        return DONE
    where = "SANDBOX: " if here.sandbox else ""
    mode = here.settings.mode_ceiling.replace("_", "-").upper()
    here.out.text(
        here.qualify(
            f"{where}cmo has no jobs here yet. Mode {mode}: nothing leaves without you.\n"
            "  cmo demo   look around in an offline sandbox: no keys, a minute\n"
            "  cmo init   set up: your name, a GitHub token, a model key\n"
            '  cmo run "find 200 python maintainers active 90 days"\n'
            "  cmo help   everything else\n"
        )
    )
    return DONE


def _show(here: Session, conn: Connection, job_id: str, fields: str | None = None) -> int:
    from cmo import service
    from cmo.cli import jobview
    from cmo.service.standing import told_kill
    from cmo.store import standing_views, views
    from cmo.store.request_views import open_requests

    summary = service.summary(here.settings, conn, job_id)
    groups = views.failure_groups(conn, job_id)
    data = jobview.document(summary)
    data["error_groups"] = [group.model_dump(mode="json") for group in groups]
    asking = open_requests(conn, job_id)
    data["requests_waiting"] = len(asking)
    data["messages_waiting"] = sum(message.state == "queued" for message in views.list_messages(conn, job_id))
    text = None
    if here.out.form == "terminal":
        text = jobview.lines(summary, here.out.terminal)
        text += _groups_line(groups, here.out.terminal)
    stop = standing_views.stopped(conn, now=here.now())
    data["sending_stopped"] = None if stop is None else stop.model_dump(mode="json")
    here.out.document(STATUS_SCHEMA, data, text=text, fields=fields)
    if stop is not None:
        here.say.warn(*told_kill(stop))
    for request in asking:
        here.say.note(jobview.asks_for(request))
    _next(here, conn, summary)
    return DONE


def _groups_line(groups: list[Any], terminal: Terminal) -> list[str]:
    if not groups:
        return []
    failed, kinds = sum(group.count for group in groups), len(groups)
    head = f"  Errors {failed:,} in {kinds} group{'' if kinds == 1 else 's'}, most: "
    tail = f" ({groups[0].count:,})"
    room = terminal.width - cells(head) - cells(tail)
    return [head + fit(safe_line(groups[0].message), max(room, 10), glyphs=terminal.glyphs) + tail]


def _next(here: Session, conn: Connection, summary: JobSummary) -> None:
    from cmo.cli.asking import short_ref

    ref = short_ref(conn, summary.job.id)
    state = summary.state
    if state == "running":
        here.say.hint(f'cmo watch {ref}   cmo say {ref} "…"   cmo pause {ref}')
    elif state in ("paused", "planned", "stopped"):
        here.say.hint(f"cmo resume {ref}   cmo logs {ref}   cmo cancel {ref}")
    elif summary.progress.drafts_pending:
        here.say.hint(f"cmo drafts review --job {ref}   cmo leads list --job {ref}   cmo export {ref}")
    else:
        here.say.hint(f"cmo leads list --job {ref}   cmo export {ref}")


def _end(here: Session, conn: Connection, summary: JobSummary) -> None:
    from cmo.cli import jobview
    from cmo.cli.asking import short_ref
    from cmo.store import views
    from cmo.store.request_views import open_requests

    job_id = summary.job.id
    groups, asking = views.failure_groups(conn, job_id), open_requests(conn, job_id)
    here.say.block(jobview.end_block(summary, short_ref(conn, job_id), groups=groups, asking=asking))


def _events(here: Session, conn: Connection, job_id: str, *, follow: bool, run_only: bool) -> Iterator[Recorded]:
    from cmo import service
    from cmo.store.events import iter_events

    seen = 0
    while True:
        is_live = follow and service.summary(here.settings, conn, job_id).state == "running"
        for item in iter_events(conn, job_id, after_seq=seen, run_only=run_only):
            seen = item.seq
            yield item
        if not is_live:
            return
        here.world.sleep(_FOLLOW_S)


def _passes(
    item: Recorded, stage: str | None, level: Level | None, start: datetime | None, pattern: re.Pattern[str] | None
) -> bool:
    from cmo.domain import event_words

    order = list(Level)
    if stage is not None and event_words.stage_of(item.event) != stage:
        return False
    if level is not None and order.index(Level(event_words.level_of(item.event))) < order.index(level):
        return False
    if start is not None and item.at < start:
        return False
    return pattern is None or bool(pattern.search(f"{item.event.kind} {event_words.sentence(item.event)}"))


def _tell(here: Session, item: Recorded) -> None:
    from cmo.cli.terminal import iso
    from cmo.domain import event_words

    text, level = event_words.sentence(item.event), event_words.level_of(item.event)
    if here.out.form == "terminal":
        sign = {"error": "✗ ", "warn": "◆ "}.get(level, "  ") if here.out.terminal.glyphs else f"{level:<5} "
        here.out.event({}, f"{item.at.astimezone():%H:%M:%S} {sign}{text}")
    elif here.out.form == "pipe":
        here.out.line("\t".join((iso(item.at), level, item.event.kind, text)))
    else:
        here.out.event(event_words.record(item), "")


def _stage(name: str, known: list[str]) -> str:
    if name not in known:
        from cmo.cli.registry import suggest

        near = suggest(name, tuple(known))
        hint = f"Did you mean {near}?" if near else f"One of: {', '.join(known)}"
        raise UsageProblem(f"There is no stage {name!r}.", hint=hint)
    return name


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as exc:
        raise UsageProblem(
            f"--grep {text!r} is no regular expression: {exc}.", hint="Quote special signs with \\"
        ) from exc
