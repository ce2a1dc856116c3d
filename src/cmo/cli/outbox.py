"""`cmo outbox`: what is about to leave, left, or may have; recall, hold, release."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmo import service
from cmo.cli.diagnostics import DONE, NOT_FOUND, PARTLY, REFUSED
from cmo.cli.draft_picks import need_terminal
from cmo.cli.errors import InputBad, NothingMatched, UsageProblem
from cmo.cli.options import DryRun, Fields, Limit
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.cli.terminal import guarded, safe_line
from cmo.domain.text import counted, span
from cmo.service import outbox as verbs
from cmo.service.outbox_words import ARRIVED, DONE_WORDS, Verb
from cmo.store import outbox_views

if TYPE_CHECKING:
    from cmo.store.outbox_hand import Arrived as Arrival
    from cmo.store.outbox_hand import ByHand
    from cmo.store.outbox_views import OutboxRow

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Numbers of rows, as in the list.")]
All = Annotated[bool, typer.Option("--all", help="Every mail that it can be done to.")]
_SHOWN = 10
_TONES = {"confirmed": "ok", "failed": "error", "unknown": "warn", "held": "warn"}


class Arrived(StrEnum):
    CONFIRMED = "confirmed"
    ABSENT = "absent"


_COLUMNS = [
    Column("id", right=True, least=2),
    Column("leaves", least=6),
    Column("operation", least=12, drop=2),
    Column("who", least=8),
    Column("state", least=8, tone=lambda row: _TONES.get(row["state"], "")),
    Column("inbox", least=10, drop=4),
    Column("attempts", head="tries", right=True, drop=5),
    Column("provider_id", head="theirs", least=8, drop=6),
    Column("reason", least=12, drop=1),
    Column("rule", extra=True),
    Column("due_at", extra=True),
    Column("claimed_at", extra=True),
    Column("settled_at", extra=True),
    Column("effect", extra=True),
    Column("job_id", extra=True),
    Column("draft_id", extra=True),
]


def list_rows(
    where: Annotated[str | None, typer.Option("--where", metavar="FILTER", help="See: cmo help filters")] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="Default: every job.")] = None,
    limit: Limit = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, metavar="N", help="Leave out the first N.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Also the addresses.")] = False,
    fields: Fields = None,
) -> int:
    """List the outbox.

    What is still to come first, by when it may leave. Of every job, unless --job names one. Exit code 4 when nothing
    matches.
    """
    here = session()
    terms = verbs.outbox_terms(where)
    now = service.clock_of(here.settings).now()
    with service.reader(here.settings) as conn:
        job_id = None if job is None else service.resolve_job(conn, job)
        found, total = outbox_views.list_outbox(conn, now=now, job_id=job_id, terms=terms, limit=limit, offset=offset)
    rows = [_row(row, now, full=full) for row in found]
    more = str(offset + len(rows)) if offset + len(rows) < total else None
    columns = [*_COLUMNS, Column("email", least=12)] if full else _COLUMNS
    here.out.table("cmo.outbox.list/1", columns, rows, fields=fields, total=total, next_=more)
    if more:
        here.say.note(f"{len(rows):,} of {total:,} shown. More: --offset {more}, or --limit {total}")
    if not rows:
        here.say.note(f"Nothing matches {where}." if where else "The outbox is empty.")
        here.say.hint("cmo why-not")
        return NOT_FOUND
    here.say.hint("A mail as it leaves: cmo outbox show ID   One by one: cmo outbox review")
    return DONE


def show(
    row: Annotated[str, typer.Argument(metavar="ID", help="The number of a row, as in the list.")],
    full: Annotated[bool, typer.Option("--full", help="Everything stored of the row.")] = False,
    fields: Fields = None,
) -> int:
    """Show a mail as it leaves, with its headers; of another write what it says."""
    here = session()
    with service.reader(here.settings) as conn:
        found = outbox_views.find_rows(conn, [_number(row)])
    if not found:
        raise NothingMatched(f"There is no row {safe_line(row)} in the outbox.", hint="cmo outbox list")
    one, now = found[0], service.clock_of(here.settings).now()
    data = {**_row(one, now, full=True), "payload": json.loads(one.payload)}
    rows = [f"{one.id}  {one.operation}  {_state(one)}  {_leaves(one, now)}", f"  {safe_line(one.reason)}"]
    if verbs.is_erased(one):
        rows.append("  What it said was erased with the person (cmo forget).")
    elif one.draft_id is None:
        rows += [f"  {name}: {safe_line(str(value))}" for name, value in data["payload"].items()]
    else:
        text, about = _mail(one)
        data |= {"mail": text, "about": about}
        rows += [f"  {about}", "", *(guarded(line) for line in text.splitlines())]
    if full:
        rows += ["", *(f"  {name}: {safe_line(str(value))}" for name, value in data.items() if name != "mail")]
    here.out.document(
        "cmo.outbox.show/1", data, text=[line for line in rows if line.strip() or not line], fields=fields
    )
    return DONE


def recall(ids: Ids = None, all_: All = False, dry_run: DryRun = False) -> int:
    """Take back what nobody has taken up yet.

    The drafts stay approved. Exit code 3 when some could not be recalled, 77 when none could.
    """
    return _do("recall", ids, all_, dry_run=dry_run, verb=verbs.recall)


def hold(ids: Ids = None, all_: All = False, dry_run: DryRun = False) -> int:
    """Keep rows from leaving until they are released."""
    return _do("hold", ids, all_, dry_run=dry_run, verb=verbs.hold)


def release(
    ids: Ids = None,
    all_: All = False,
    as_: Annotated[Arrived | None, typer.Option("--as", help="Of a doubtful row: whether it arrived.")] = None,
    dry_run: DryRun = False,
) -> int:
    """Let held rows go on.

    A row that may have left is asked about: did it arrive? What is said then, at a terminal only, is kept with your
    name.
    """
    here = session()
    doubtful = [] if all_ else _doubtful(here, _numbers(ids or []))
    if not doubtful:
        if as_ is not None:
            raise UsageProblem("--as is for rows that may have left.", hint="cmo outbox list --where state:unknown")
        return _do("release", ids, all_, dry_run=dry_run, verb=verbs.release)
    need_terminal(here, "Saying whether a mail arrived")
    arrived = as_.value if as_ else _asked(here, doubtful)
    if arrived == "leave":
        here.say.note("Nothing was changed.")
        return DONE
    known: Any = arrived
    done = verbs.settle(here.settings, [row.id for row in doubtful], known, dry_run=dry_run)
    return _told(here, "release", done, dry_run=dry_run)


def _asked(here: Session, rows: Sequence[OutboxRow]) -> str:
    for row in rows[:_SHOWN]:
        here.say.note(f"{row.id}: {row.operation} to {safe_line(row.who)}: {safe_line(row.reason)}")
    return asked_arrival(here) or "leave"


def asked_arrival(here: Session) -> Arrival | None:
    """Ask whether what may have left did; None to leave it so."""
    choices = [("l", "leave it"), *zip(("y", "n"), (words for _, words in ARRIVED), strict=True)]
    answer = here.ask.choose("Did it arrive?", choices, flag="--as confirmed or --as absent", numbered=here.accessible)
    return {"y": ARRIVED[0][0], "n": ARRIVED[1][0]}.get(answer)


def _do(
    name: Verb,
    ids: Sequence[str] | None,
    all_: bool,
    *,
    dry_run: bool,
    verb: Callable[..., ByHand],
) -> int:
    here = session()
    if bool(ids) == all_:
        raise UsageProblem(f"Name rows, or --all: cmo outbox {name} ID…", hint="cmo outbox list")
    return _told(
        here, name, verb(here.settings, None if all_ else _numbers(ids or []), dry_run=dry_run), dry_run=dry_run
    )


def _told(here: Session, name: Verb, done: ByHand, *, dry_run: bool) -> int:
    """Say what came of it; returns the exit code."""
    would = "would be " if dry_run else ""
    here.say.note(f"{counted(len(done.done), 'row')} {would}{DONE_WORDS[name]}.")
    for stays in done.stays[:_SHOWN]:
        here.say.warn(f"{stays.id} stays: {stays.why}.")
    if len(done.stays) > _SHOWN:
        here.say.note(f"… and {len(done.stays) - _SHOWN:,} more stay.")
    if done.done and not dry_run:
        here.say.hint(_NEXT[name])
    here.out.document(f"cmo.outbox.{name}/1", {**done.model_dump(mode="json"), "dry_run": dry_run}, text=[])
    if not done.stays:
        return DONE
    if done.done:
        return PARTLY
    return NOT_FOUND if all("no such row" in stays.why for stays in done.stays) else REFUSED


_NEXT: dict[Verb, str] = {
    "recall": "Hand over again: cmo send   Not at all: cmo drafts reject ID",
    "hold": "Let them go: cmo outbox release ID",
    "release": "Deliver: cmo send",
}


def _doubtful(here: Session, ids: Sequence[int]) -> list[OutboxRow]:
    with service.reader(here.settings) as conn:
        return [row for row in outbox_views.find_rows(conn, ids) if row.state == "unknown"]


def _mail(row: OutboxRow) -> tuple[str, str]:
    try:
        return verbs.mail_of(row)
    except ValueError as exc:
        raise InputBad(f"Row {row.id} is no mail that could leave: {exc}", hint=f"cmo outbox recall {row.id}") from exc


def _row(row: OutboxRow, now: Any, *, full: bool) -> Row:
    data: dict[str, Any] = row.model_dump(exclude={"payload"} if full else {"payload", "email"})
    return {**data, "state": _state(row), "leaves": _leaves(row, now)}


def _state(row: OutboxRow) -> str:
    return "held" if row.is_held else row.state


def _leaves(row: OutboxRow, now: Any) -> str:
    """The countdown: when it may leave, or is looked up."""
    if row.is_held or row.state in ("confirmed", "failed", "claimed"):
        return ""
    left = (row.due_at - now).total_seconds()
    return "now" if left < 1 else f"in {span(left)}"


def _numbers(ids: Sequence[str]) -> list[int]:
    return [_number(id_) for id_ in ids]


def _number(text: str) -> int:
    bare = text.removeprefix("#")
    if not (bare.isascii() and bare.isdecimal() and len(bare) <= 12):
        raise UsageProblem(f"{safe_line(text)!r} is no row's number.", hint="cmo outbox list shows them.")
    return int(bare)
