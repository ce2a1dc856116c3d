"""What failed, in groups: `cmo errors list`, `show`, `retry`, `skip`, `deadletter`, `revive`, `ticket`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmo import service
from cmo.cli import error_lines
from cmo.cli.asking import opened_job, short_ref
from cmo.cli.diagnostics import DONE, NOT_FOUND, PARTLY, UNREACHABLE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, Fields, JobArg, JobOption
from cmo.cli.output import Column
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.domain.job import Stage
from cmo.domain.outbox import OutboxState
from cmo.domain.triage import explain
from cmo.service import error_words
from cmo.service import errors as verbs
from cmo.service.error_words import Marking
from cmo.service.standing import told_pause
from cmo.store import groups, views

if TYPE_CHECKING:
    from sqlite3 import Connection

    from cmo.store.groups import FailedItem, StoredGroup

GroupArg = Annotated[str, typer.Argument(metavar="GROUP", help="Its key, or the start of it.")]
Items = Annotated[
    list[str] | None,
    typer.Option("--item", metavar="ID", help="Only this member, as `cmo errors show` names it; repeatable."),
]
OneGroup = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="A group's key, or the start of it.")]

_EXTRA = ("first_at", "tool", "code", "tries", "open", "skipped", "dead", "next_try_at", "job_id")
_SHOWN = 10


def _columns(glyphs: bool) -> list[Column]:
    return [
        Column("group", least=8),
        Column("count", right=True, least=3),
        Column("leads", right=True, least=3, drop=3),
        Column("stage", least=6, drop=1),
        Column("last_at", head="last", least=6, drop=2),
        Column(
            "state",
            least=11,
            show=lambda row: error_lines.state_text(row["state"], glyphs=glyphs),
            tone=lambda row: error_lines.TONES[row["state"]],
        ),
        Column("message", head="what happened", least=16),
        *(Column(name, extra=True) for name in _EXTRA),
    ]


def list_groups(
    job: JobArg = None,
    stage: Annotated[str | None, typer.Option("--stage", metavar="STAGE", help="Only this stage.")] = None,
    group: OneGroup = None,
    where: Annotated[str | None, typer.Option("--where", metavar="FILTER", help="See: cmo help filters")] = None,
    fields: Fields = None,
) -> int:
    """List groups of failures.

    The latest first, those that were skipped or given up too. Exit code 4 where a filter matches none.
    """
    here = session()
    prefix, terms = "" if group is None else _prefix(group), verbs.group_terms(where)
    with opened_job(here, job) as (conn, job_id):
        found = groups.error_groups(conn, job_id, marked=True, stage=stage, prefix=prefix, terms=terms)
        _banner(here, conn, job_id)
    glyphs = here.out.terminal.glyphs
    here.out.table("cmo.errors.list/1", _columns(glyphs), [_row(item) for item in found], fields=fields)
    if found:
        by_one = f"cmo errors review{f' --job {safe_line(job)}' if job else ''}"
        here.say.hint(f"One of them: cmo errors show {_typed(found[0].key, job)}   One by one: {by_one}")
        return DONE
    if stage is None and group is None and not terms:
        here.say.note(f"No errors in {job_id}.")
        return DONE
    here.say.note(f"No group of {job_id} matches.")
    here.say.hint(f"All of them: cmo errors list {job_id}")
    return NOT_FOUND


def show(
    group: GroupArg,
    job: JobOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Members shown at most.")] = _SHOWN,
    fields: Fields = None,
) -> int:
    """Show a group.

    What it means, what cmo did, what you can do, and its members with how often each was tried.
    """
    here = session()
    found = _find(here, group, job)
    with opened_job(here, found.job_id) as (conn, _):
        members = groups.group_members(conn, found.job_id, found.key, limit=limit)
    typed = _typed(found.key, job)
    told = explain(found.model_copy(update={"key": typed}))
    data = {**_row(found), **told.model_dump(), "members": [member.model_dump(mode="json") for member in members]}
    here.out.document("cmo.errors.show/1", data, text=_page(here, found, typed, members), fields=fields)
    if found.count > len(members):
        here.say.note(f"{len(members):,} of {found.count:,} members shown. All: --limit {found.count}")
    if found.open:
        again = f"cmo errors retry {typed}" if found.can_be_retried else "In a new job: cmo run"
        here.say.hint(f"{again}   cmo errors skip {typed}")
    else:
        here.say.hint(f"cmo errors revive {typed}")
    return DONE


def retry(
    group: Annotated[str | None, typer.Argument(metavar="[GROUP]", help="Its key, or the start of it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every group that is not set aside.")] = False,
    item: Items = None,
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Try failures again.

    The same keys are used and attempts go on counting. What may have arrived is looked up and never repeated; what is
    skipped or given up stays so. Exit code 3 where something was left as it is.
    """
    here = session()
    if every == (group is not None) or (every and item):
        raise UsageProblem("Name one group, or --all.", hint="cmo errors retry 3f9a1c, or cmo errors retry --all")
    if group is not None:
        found = [_find(here, group, job)]
    else:
        with opened_job(here, job) as (conn, job_id):
            found = groups.error_groups(conn, job_id)
    if not any(one.open for one in found):
        what = f"Group {found[0].key} is {found[0].state}." if found else "No group can be tried again."
        raise NothingMatched(what, hint=f"cmo errors {f'revive {_typed(group, job)}' if group else 'list'}")
    done = verbs.retry(here.settings, found[0].job_id, [one.key for one in found], items=item or (), dry_run=dry_run)
    if item and not (done.items or done.writes or done.left):
        raise NothingMatched(
            f"None of these is an open member of {found[0].key}.", hint=f"cmo errors show {_typed(found[0].key, job)}"
        )
    here.say.note(error_words.retried(done, is_dry=dry_run))
    for stays in error_words.stays(done):
        here.say.warn(stays)
    if any(not one.can_be_retried for one in found):
        here.say.hint("What failed is looked up again by a new job: cmo run")
    data = {"dry_run": dry_run, "items": done.items, "writes": done.writes, "left": dict(done.left)}
    here.out.document("cmo.errors.retry/1", data, text=[])
    if done.items or done.writes:
        is_mail = any(one.stage == Stage.SEND for one in found)
        here.say.hint(
            f"Go on: cmo {'resume' if done.items else 'send' if is_mail else 'sync'} {_named(here, found[0].job_id)[1]}"
        )
    return PARTLY if done.left else DONE


def skip(group: GroupArg, item: Items = None, job: JobOption = None, dry_run: DryRun = False) -> int:
    """Go on without a group.

    Its members are marked, and what waits in the outbox is held, until `cmo errors revive`.
    """
    here = session()
    found = _find(here, group, job)
    counts = verbs.skip(here.settings, found.job_id, [found.key], items=item or (), dry_run=dry_run)
    return _marked(here, "skip", counts, _typed(found.key, job), dry_run=dry_run, is_named=bool(item))


def deadletter(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Members, as `cmo errors show` names them.")
    ] = None,
    group: OneGroup = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; stays with them.")] = "",
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Give failures up.

    A mark, not a delete: nothing tries them again until `cmo errors revive`.
    """
    here = session()
    if bool(ids) == (group is not None):
        raise UsageProblem("Name members, or a group: one of them.", hint="cmo errors deadletter --group 90cd41")
    if group is not None:
        found = _find(here, group, job)
        counts = verbs.dead_letter(here.settings, found.job_id, keys=[found.key], reason=reason, dry_run=dry_run)
        return _marked(here, "deadletter", counts, _typed(found.key, job), dry_run=dry_run)
    items, (job_id, _) = list(dict.fromkeys(ids or ())), _named(here, job)
    counts = verbs.dead_letter(here.settings, job_id, items=items, reason=reason, dry_run=dry_run)
    missing = len(items) - counts.total()
    if not counts:
        raise NothingMatched(f"None of these is an open failure of {job_id}.", hint="cmo errors list")
    _marked(here, "deadletter", counts, _typed(next(iter(counts)), job), dry_run=dry_run)
    if missing > 0:
        here.say.warn(f"{missing} of {len(items)} are no failures of {job_id}, or were given up before.")
    return PARTLY if missing > 0 else DONE


def revive(
    group: GroupArg,
    item: Items = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept on the record.")] = "",
    job: JobOption = None,
    dry_run: DryRun = False,
) -> int:
    """Take marks back.

    What `cmo errors skip` and `cmo errors deadletter` set aside counts again; its mail may leave again.
    """
    here = session()
    found = _find(here, group, job)
    counts = verbs.revive(here.settings, found.job_id, [found.key], items=item or (), reason=reason, dry_run=dry_run)
    done = _marked(here, "revive", counts, _typed(found.key, job), dry_run=dry_run, is_named=bool(item))
    here.say.hint(
        f"Then: cmo errors retry {_typed(found.key, job)}" if found.can_be_retried else "In a new job: cmo run"
    )
    return done


def ticket(group: GroupArg, job: JobOption = None, dry_run: DryRun = False) -> int:
    """File a ticket.

    One Linear issue for each group, below the job's own, without addresses. A second call shows the first one's.
    """
    here = session()
    found = _find(here, group, job)
    with opened_job(here, found.job_id) as (conn, _):
        settings = here.settings_of(views.get_job(conn, found.job_id).plan)
    if dry_run:
        text = verbs.show_ticket_text(settings, found)
        rows = verbs.rehearse_ticket(settings, found)
        issues = [row.model_dump() for row in rows]
        data = {"dry_run": True, "group": found.key, "title": found.title, "body": found.report(), "issues": issues}
        here.out.document("cmo.errors.ticket/1", data, text=text.splitlines())
        for row in rows:
            here.say.note(f"{row.rule or row.effect}: {safe_line(row.login)}")
        return DONE
    filed, is_new = verbs.file_ticket(settings, found)
    data = {"dry_run": False, "group": found.key, "id": filed.id, "state": filed.state, "new": is_new}
    here.out.document("cmo.errors.ticket/1", data, text=[safe_line(filed.id or "")] if filed.id else [])
    if filed.state is OutboxState.CONFIRMED:
        here.say.note(error_words.filed(found, filed, is_new=is_new))
        return DONE
    said = error_words.filed(found, filed, is_new=is_new)
    here.say.warn(said, f"Again: cmo errors ticket {_typed(found.key, job)}")
    return PARTLY if filed.state is OutboxState.UNKNOWN else UNREACHABLE


def _find(here: Session, ref: str, job: str | None) -> StoredGroup:
    """The group of the job that `ref` names.

    Raises:
        NothingMatched
        UsageProblem: several.
    """
    prefix = _prefix(ref)
    with opened_job(here, job) as (conn, job_id):
        found = groups.error_groups(conn, job_id, marked=True, prefix=prefix)
        elsewhere = groups.jobs_with_group(conn, prefix) if not found else []
    if not found:
        hint = f"Another job has it: --job {elsewhere[0]}" if elsewhere else f"cmo errors list {job_id}"
        raise NothingMatched(f"{job_id} has no group {prefix}.", hint=hint)
    if len(found) > 1:
        raise UsageProblem(
            f"{prefix} is the start of {len(found)} groups: {', '.join(item.key for item in found[:5])}.",
            hint="Type more of it.",
        )
    return found[0]


def _typed(key: str, job: str | None) -> str:
    """How the group is named on the command line."""
    return key if job is None else f"{key} --job {safe_line(job)}"


def _prefix(ref: str) -> str:
    text = ref.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,12}", text):
        raise UsageProblem(f"{safe_line(ref)!r} is no key of a group.", hint="cmo errors list shows the keys.")
    return text


def _row(group: StoredGroup) -> dict[str, Any]:
    data = group.model_dump(exclude={"key", "retrying", "most_tries", "is_of_ended_job"})
    return {"group": group.key, "state": group.state.value, "open": group.open, **data}


def _page(here: Session, group: StoredGroup, typed: str, members: Sequence[FailedItem]) -> list[str]:
    terminal = here.out.terminal
    with service.reader(here.settings) as conn:
        ticket = groups.find_ticket(conn, group.job_id, group.key)
    parts = error_words.about(group, members[0], ticket, typed=typed)
    parts.append(("Members", tuple(error_lines.member(item, here.out.when(item.last_at)) for item in members)))
    return [error_lines.head(group, terminal), *error_lines.labelled(parts, terminal, here.qualify)]


def _marked(
    here: Session, verb: Marking, counts: Counter[str], typed: str, *, dry_run: bool, is_named: bool = False
) -> int:
    """Say what was marked; `typed` is the group as it is typed.

    Raises:
        NothingMatched: of the members that were named, none was.
    """
    if is_named and not counts:
        raise NothingMatched("None of these members is to be changed.", hint=f"cmo errors show {typed}")
    here.say.note(error_words.marked(verb, counts or Counter({typed.split()[0]: 0}), is_dry=dry_run))
    here.out.document(f"cmo.errors.{verb}/1", {"dry_run": dry_run, "groups": dict(counts)}, text=[])
    if verb != "revive":
        here.say.hint(f"Take back: cmo errors revive {typed}")
    return DONE


def _banner(here: Session, conn: Connection, job_id: str) -> None:
    """Say that sending is paused, and how it goes on."""
    pause = groups.sending_pause(conn, job_id, now=service.clock_of(here.settings).now())
    if pause is not None:
        here.say.warn(*told_pause(pause, short_ref(conn, job_id)))


def _named(here: Session, ref: str | None) -> tuple[str, str]:
    """The job's id, and the short form that is typed."""
    with opened_job(here, ref) as (conn, job_id):
        return job_id, short_ref(conn, job_id)
