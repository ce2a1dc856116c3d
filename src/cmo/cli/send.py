"""`cmo send`: hand approved drafts over, wait through the hold, deliver."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from cmo.cli.asking import opened_job, seconds, short_ref
from cmo.cli.diagnostics import DONE, PARTLY, PAUSED, REFUSED, UNREACHABLE
from cmo.cli.draft_picks import job_of
from cmo.cli.driving import Stop
from cmo.cli.errors import Exits, Left, NeedsPerson, UsageProblem
from cmo.cli.options import DryRun, Fields, JobArg, Yes
from cmo.cli.output import Column
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.cli.withdrawals import tell_withdrawn
from cmo.config import Settings
from cmo.domain.text import drafts_wait, span
from cmo.service.send_words import announce, clock, count_outcomes, tell_stay
from cmo.service.sending import Sending, SendPreview, SendRow, hold_of, opened, require_unlocked, unlock_steps
from cmo.store import draft_views
from cmo.store.send_views import CameOf

MOST_UNTYPED = 25
"""Above so many the count has to be typed."""
_TOLD_EVERY_S = 30.0
_AHEAD = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")

_COLUMNS = [
    Column("draft_id", head="id", right=True, least=2),
    Column("score", head="sc", right=True, least=2),
    Column("login", head="who", least=8),
    Column("action", least=6, tone=lambda row: "ok" if row["action"] == "create" else "dim"),
    Column("rule", least=8),
    Column("subject", least=12, drop=2),
    Column("retry_at", head="again", least=6, drop=1, show=lambda row: clock(row["retry_at"])),
    Column("message", extra=True),
    Column("inbox", extra=True),
    Column("label", extra=True),
    Column("org", extra=True),
    Column("locked", extra=True),
]


class LeftEarly(Exits):
    """A signal ended the command; what was handed over waits."""

    code = "paused"


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    limit: int | None
    hold: timedelta | None
    at: str | None
    no_wait: bool
    yes: bool


def send(
    job: JobArg = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many mails.")] = None,
    hold: Annotated[
        str | None, typer.Option("--hold", metavar="TIME", help="Before the first leaves, e.g. 10m or 0.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When the first leaves, e.g. 14:30 or 2026-11-20T14:30.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Hand over and return; a later cmo send delivers.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    fields: Fields = None,
) -> int:
    """Hand approved drafts over.

    Says first who gets mail, when and from where, and what the gate will refuse. Until the hold is over everything can
    be recalled; Ctrl-C leaves, and what was handed over waits. Above 25 the count has to be typed; without a terminal
    --yes is needed, and above 25 --limit too. Exit code 77 where sending is locked or every mail was refused.
    """
    if hold and at:
        raise UsageProblem("--hold and --at exclude each other.", hint="cmo send last --hold 30m")
    here = session()
    found_job, settings = job_of(here, job)
    with opened_job(here, found_job.id) as (conn, job_id):
        ref = short_ref(conn, job_id)
    request = Request(limit, None if hold is None else held_for(hold), at, no_wait, yes)
    stop = Stop(here.say, here.world.leave)
    stop.farewell = here.qualify(f"\nLeft. What was handed over waits: cmo send {ref}   cmo outbox recall --all\n")
    with opened(settings, job_id, check=lambda: leave_if_asked(stop, ref)) as delivery:
        sending = Sending(delivery)
        if not dry_run:
            tell_withdrawn(here, sending.withdraw())  # a stop, so whatever locks sending
            require_unlocked(sending, ref)
        due_at, began = _due_at(sending, settings, request), sending.now()
        preview = sending.preview(due_at=due_at, most=limit)
        if dry_run:
            return _rehearse(here, sending, preview, ref, fields)
        if all(row.rule == "sequence" for row in preview.rows) and not preview.doubtful:
            return _nothing(here, sending, began, ref)
        _announce(here, sending, preview, ref)
        if not preview.leaving and not preview.doubtful:
            sending.note(preview, is_dry=False)
            here.say.hint(f"Nothing can leave now. Why: cmo why-not {ref}")
            return REFUSED
        if preview.leaving:
            agree_to_leave(here, "mail", len(preview.leaving), is_limited=limit is not None, yes=yes)
        return _go(here, sending, preview, due_at, request, stop, ref)


def _go(
    here: Session, sending: Sending, preview: SendPreview, due_at: datetime, request: Request, stop: Stop, ref: str
) -> int:
    """Hand over, sit out the hold, deliver, and say what came of it."""
    sending.hand_over(preview, due_at=due_at, limited=request.limit is not None)
    if request.no_wait:
        here.say.note(f"Handed over. The first may leave at {clock(preview.leaves_at)}.")
        here.say.hint(f"Deliver: cmo send {ref}   Take back: cmo outbox recall --all")
        return _tell(here, sending, sending.came_of(since=sending.now()), "", ref, quiet=True)
    started, stopped, stays = sending.now(), "", not preview.leaving
    countdown = Countdown(here)
    try:
        with stop.installed():
            sending.wait(preview.leaves_at, countdown.show)
            countdown.close()
            here.say.note("Delivering; what is doubtful is looked up, which may take two minutes.")
            stopped = sending.deliver(most=request.limit, shown=preview).stopped
    except LeftEarly:
        _tell(here, sending, sending.came_of(since=started), "", ref)
        raise
    return _tell(here, sending, sending.came_of(since=started), stopped, ref, all_stay=stays)


class Countdown:
    """The time until the first mail leaves: in place on a terminal, a line every half minute elsewhere."""

    def __init__(self, here: Session) -> None:
        self._say = here.say
        self._in_place = here.say.terminal.is_tty and here.say.terminal.glyphs and not here.accessible
        self._told: float | None = None

    def show(self, left: float) -> None:
        """Called each second."""
        text = f"The first leaves in {span(left)}. Ctrl-C leaves; until then: cmo outbox recall --all"
        if self._in_place and not self._say.quiet and not self._say.json:
            self._say.write(f"\r\x1b[2K{self._say.qualify(text)}")
        elif self._told is None or self._told - left >= _TOLD_EVERY_S:
            self._say.note(text)
        else:
            return
        self._told = left

    def close(self) -> None:
        """Go on below."""
        if self._in_place and self._told is not None:
            self._say.write("\r\x1b[2K")


def leave_if_asked(stop: Stop, ref: str, verb: str = "send") -> None:
    """Raises LeftEarly once a signal came."""
    if stop.listen():
        raise LeftEarly(
            "Left before the end. What was handed over waits in the outbox; nothing is sent twice.",
            exit_code=PAUSED,
            hint=f"Go on: cmo {verb} {ref}\nTake back what has not left: cmo outbox recall --all",
        )


def agree_to_leave(here: Session, noun: str, count: int, *, is_limited: bool, yes: bool) -> None:
    """Ask before something leaves: up to 25 a yes, above it the count.

    Args:
        is_limited: How much may leave at most was said, so that `yes` is enough for any count.

    Raises:
        NeedsPerson: there is no terminal, and the flags do not answer.
        Left: the answer is no.
    """
    words = f"{count:,} {noun}{'' if count == 1 else 's'}"
    if yes and (count <= MOST_UNTYPED or is_limited):
        return
    if count <= MOST_UNTYPED:
        agreed = here.ask.confirm(f"Hand over {words}?", default=False)
    elif not here.ask.allowed:
        raise NeedsPerson(
            f"Handing over {words} needs a person, and there is no terminal.",
            hint=f"Answer with --yes --limit {count}",
        )
    else:
        answer = here.ask.line(f"Type {count} to hand over {words}, or Enter to leave.", flag="the count")
        agreed = answer.replace(",", "") == str(count)
    if not agreed:
        raise Left("Nothing was handed over.")


def held_for(text: str) -> timedelta:
    """The hold that `--hold` names.

    Raises:
        UsageProblem
    """
    return timedelta(0) if text.strip() in ("0", "0s", "0m") else timedelta(seconds=seconds(text))


def _due_at(sending: Sending, settings: Settings, request: Request) -> datetime:
    """When the first may leave.

    Raises:
        UsageProblem
    """
    now = sending.now()
    if request.at is None:
        return now + hold_of(settings, request.hold)
    clock = _AHEAD.fullmatch(request.at.strip())
    try:
        if clock:
            local = now.astimezone()
            found = local.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            return found if found > local else found + timedelta(days=1)
        found = datetime.fromisoformat(request.at.strip())
    except ValueError:
        raise UsageProblem(f"{safe_line(request.at)!r} is no time.", hint="e.g. 14:30 or 2026-11-20T14:30") from None
    found = found if found.tzinfo else found.astimezone()
    if found < now:
        raise UsageProblem(f"{safe_line(request.at)} is over.", hint="e.g. --hold 0 for at once")
    return found


def _announce(here: Session, sending: Sending, preview: SendPreview, ref: str) -> None:
    """Who gets mail, from where, when; and what stays."""
    said = announce(preview, now=sending.now(), ref=ref, is_sandbox=here.settings.sandbox)
    for line in said.lines:
        here.say.note(line)
    for words, way in said.warnings:
        here.say.warn(words, hint=way)


def _rehearse(here: Session, sending: Sending, preview: SendPreview, ref: str, fields: str | None) -> int:
    sending.note(preview, is_dry=True)
    locked = preview.locked[0].rule if preview.locked else None
    rows = [_row(row, locked) for row in preview.rows]
    here.out.table("cmo.send.preview/1", _COLUMNS, rows, fields=fields, total=len(rows))
    if preview.locked:
        here.say.warn(f"Nothing would leave now: {preview.locked[0].message}", hint="This is what would go without it.")
    here.say.note("Nothing was handed over. It would be like this:")
    _announce(here, sending, preview, ref)
    here.say.hint(_next_of_rehearsal(sending, preview, ref))
    return DONE


def _next_of_rehearsal(sending: Sending, preview: SendPreview, ref: str) -> str:
    if preview.locked:
        return "   ".join(unlock_steps(sending, preview.locked[0], ref))
    if not preview.rows:
        return f"cmo drafts review --job {ref}"
    return f"Do it: cmo send {ref}" if preview.leaving else f"Why nothing would leave: cmo why-not {ref}"


def _nothing(here: Session, sending: Sending, began: datetime, ref: str) -> int:
    conn, job_id = sending.delivery.conn, sending.job_id
    came = sending.came_of(since=began)
    if came.held:  # of a process that ended while it wrote
        return _tell(here, sending, came, "", ref)
    pending = draft_views.count_waiting(conn, job_id, now=sending.now())
    here.say.note("Nothing waits to be sent.")
    here.say.hint(f"{drafts_wait(pending)}: cmo drafts review --job {ref}" if pending else f"cmo why-not {ref}")
    return _tell(here, sending, came, "", ref, quiet=True)


def _tell(
    here: Session,
    sending: Sending,
    came: CameOf,
    stopped: str,
    ref: str,
    *,
    quiet: bool = False,
    all_stay: bool = False,
) -> int:
    """What came of it, and what to type next; returns the exit code.

    Args:
        all_stay: It was known before that nothing would leave.
    """
    is_refused = (bool(came.refused) or all_stay) and not came.confirmed
    data = {"job_id": sending.job_id, **came.model_dump(mode="json"), "stopped": stopped}
    here.out.document("cmo.send/1", data, text=[])
    if not quiet:
        here.say.note(count_outcomes(came))
        for one in came.refused:
            here.say.note(tell_stay(one.count, one.rule, one.message, one.retry_at))
        if stopped:
            here.say.warn(stopped)
        here.say.hint(_next(came, stopped, ref, is_refused=is_refused))
    if stopped:
        return UNREACHABLE
    if came.unknown or came.held or came.failed or came.later:
        return PARTLY
    return REFUSED if is_refused else DONE


def _next(came: CameOf, stopped: str, ref: str, *, is_refused: bool) -> str:
    if came.held:
        return "cmo outbox list --where state:unknown   Then: cmo outbox release ID"
    if came.failed:
        return f"What was refused: cmo outbox list --where state:failed   cmo why-not {ref}"
    if stopped or came.unknown or came.later:
        return f"Go on: cmo send {ref}   What the provider has: cmo reconcile {ref}"
    if came.refused or is_refused:
        again = f" (from {clock(came.next_at)})" if came.next_at else ""
        return f"Why: cmo why-not {ref}   Again{again}: cmo send {ref}"
    if not came.confirmed:
        return f"What became of it: cmo outbox list --job {ref}   Why nothing leaves: cmo why-not {ref}"
    return f"Tell the CRM: cmo sync {ref}   Check: cmo reconcile {ref}"


def _row(row: SendRow, locked: str | None) -> dict[str, Any]:
    data = row.model_dump(exclude={"email"})
    return {**data, "action": "create" if row.leaves else "skip", "locked": locked}
