"""`cmo outbox review`: one row after the other, line by line: how it stands, why, and what is done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from cmo import service
from cmo.cli.answers import BACK, PAUSE, QUIT, STOP, Answer, Answers, go_through, pause_or_go_on
from cmo.cli.asking import opened_job, short_ref, tell_obstacles
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_picks import Where, job_of, need_terminal
from cmo.cli.errors import Left, UsageProblem
from cmo.cli.kill import stop_sending
from cmo.cli.options import JobOption
from cmo.cli.outbox import asked_arrival
from cmo.cli.session import Session, session
from cmo.cli.terminal import guarded, safe_line, wrapped
from cmo.domain.outbox import OutboxState
from cmo.errors import CmoError
from cmo.service import outbox as verbs
from cmo.service import outbox_words
from cmo.service.send_words import clock
from cmo.store import outbox_views
from cmo.store.send_views import count_unsent

if TYPE_CHECKING:
    from cmo.config import Settings
    from cmo.domain.job import Job
    from cmo.service.outbox_words import Verb
    from cmo.store.outbox_hand import ByHand
    from cmo.store.outbox_views import OutboxRow

_PAGE = 500
_STILL_TO_COME = "-state:confirmed -state:failed"
_ANSWERS = (
    Answer("n", "next", "go on; nothing is changed", is_named=True),
    Answer("r", "recall", "take it back; the draft stays approved", takes="[all]", is_named=True),
    Answer("h", "hold", "keep it from leaving until it is let go", takes="[all]", is_named=True),
    Answer("l", "release", "let what is held go on, or say whether it arrived", is_named=True),
    Answer("i", "mail", "the mail as it leaves, with its headers"),
    BACK,
    PAUSE,
    STOP,
    QUIT,
)


def review(job: JobOption = None, where: Where = None) -> int:
    """Go through the outbox.

    What may have left and waits for your word first, then what is still to come, by when it leaves. Every answer counts
    at once; `recall all` and `hold all` mean all rows that are left. What left already is shown with --where
    state:confirmed.
    """
    here = session()
    need_terminal(here, "Going through the outbox", "On a pipe: cmo outbox list, show, recall, hold, release.")
    terms = verbs.outbox_terms(where or _STILL_TO_COME)
    found, settings = job_of(here, job)
    with opened_job(here, found.id) as (conn, job_id):
        tell_obstacles(here, conn, job_id)
        mode = outbox_words.lock_of(found, settings.mode())
        if mode is not None:
            way = f"Unlock: cmo jobs set {short_ref(conn, job_id)} mode=send_allowed"
            here.say.warn(outbox_words.locked(mode, count_unsent(conn, job_id)), way)
        page = partial(outbox_views.page_outbox, conn, now=service.clock_of(settings).now(), job_id=job_id, terms=terms)
        order = _order(page)
    return go_through(_Sitting(here, found, settings, order))


def _order(page: Callable[..., list[OutboxRow]]) -> list[int]:
    """The rows to go through: what waits for a person's word first."""
    first, others = list[int](), list[int]()
    for offset in count(0, _PAGE):
        rows = page(limit=_PAGE, offset=offset)
        for row in rows:
            (first if row.is_held and row.state == OutboxState.UNKNOWN else others).append(row.id)
        if len(rows) < _PAGE:
            break
    return first + others


@dataclass
class _Sitting:
    here: Session
    job: Job
    settings: Settings
    order: list[int]
    at: int = 0
    """Place in the order."""
    is_begun: bool = False
    is_shown: bool = False
    """The row was shown just now."""
    counts: Counter[Verb] = field(default_factory=Counter)
    answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        self.answers = Answers(self.here, _ANSWERS)

    def step(self) -> bool:
        """Show the next row that is still there and do what is answered; False at the end."""
        row = self._row()
        if row is None:
            self.here.say.note("No row is left." if self.is_begun else "No row waits to leave.")
            return False
        if not self.is_shown:
            self._show(row)
        self.is_begun, self.is_shown = True, False
        answer, behind = self.answers.ask(() if self.at else ("back",))
        if answer == "quit":
            return False
        try:
            self._do(answer, behind, row)
        except Left:
            raise
        except CmoError as error:
            self.here.say.warn(error.message, error.hint)
            self.is_shown = True
        return True

    def ended(self) -> int:
        """The summary, and what to type next."""
        told = [outbox_words.count_rows(verb, n) for verb, n in self.counts.items() if n]
        with opened_job(self.here, self.job.id) as (conn, job_id):
            ref, now = short_ref(conn, job_id), service.clock_of(self.settings).now()
            left, held = (
                outbox_views.count_outbox(conn, now=now, job_id=job_id, terms=verbs.outbox_terms(terms))
                for terms in ("state:planned", "state:planned state:held")
            )
            doubtful = outbox_views.count_held_for_person(conn, job_id)
        told.append(f"{left:,} still to leave" + (f", {held:,} of them on hold" if held else ""))
        if doubtful:
            told.append(f"{doubtful:,} wait for your word")
        self.here.say.note("; ".join(told) + ".")
        self.here.say.hint(f"Deliver: cmo send {ref}" if left else f"Why nothing leaves: cmo why-not {ref}")
        return DONE

    def _row(self) -> OutboxRow | None:
        """The one at this place, or the next that was not taken back."""
        with service.reader(self.settings) as conn:
            while self.at < len(self.order):
                found = outbox_views.find_rows(conn, [self.order[self.at]])
                if found:
                    return found[0]
                del self.order[self.at]
        return None

    def _show(self, row: OutboxRow) -> None:
        now = service.clock_of(self.settings).now()
        _, word = outbox_words.standing(row, now)
        who = safe_line(row.who or row.email) + (f" <{safe_line(row.email)}>" if row.who and row.email else "")
        box = f", from {safe_line(row.inbox or row.sender)}" if row.inbox or row.sender else ""
        when = f", not before {clock(row.due_at)}" if outbox_words.is_to_come(row, now) else ""
        shown = [f"Row {row.id}  {row.operation} to {who}{box}: {word}{when}  ({len(self.order) - self.at} left)"]
        shown += [safe_line(row.reason)] if row.reason else []
        self.here.out.line("")
        for text in shown:
            for line in wrapped(self.here.qualify(text), self.here.out.terminal.width, hanging=2):
                self.here.out.line(line)

    def _do(self, answer: str, behind: str, row: OutboxRow) -> None:
        match answer:
            case "next":
                self.at += 1
            case "back":
                self.at -= 1
            case "recall":
                self._by_hand("recall", verbs.recall, self._meant(row, behind))  # what is recalled is there no more
            case "hold":
                if self._by_hand("hold", verbs.hold, self._meant(row, behind)):
                    self.at = len(self.order) if behind else self.at + 1
            case "release":
                self._release(row)
            case "mail":
                self.is_shown = True
                for line in outbox_words.content(row).splitlines():
                    self.here.out.line(f"  {guarded(line)}".rstrip())
            case "pause":
                self.is_shown = True
                pause_or_go_on(self.here, self.settings, self.job.id)
            case _:
                self.is_shown = True
                stop_sending(self.here, "while the outbox was gone through")

    def _meant(self, row: OutboxRow, behind: str) -> Sequence[int]:
        """The row, or all that are left and wait."""
        if not behind:
            return [row.id]
        if behind != "all":
            raise UsageProblem(f"It is about row {row.id}, or all that are left: not {safe_line(behind)}.")
        with service.reader(self.settings) as conn:
            rows = outbox_views.find_rows(conn, self.order[self.at :])
        return [one.id for one in rows if one.state == OutboxState.PLANNED]

    def _release(self, row: OutboxRow) -> None:
        if row.state != OutboxState.UNKNOWN:
            is_done = self._by_hand("release", verbs.release, [row.id])
        elif (arrived := asked_arrival(self.here)) is not None:
            is_done = self._by_hand("settle", partial(verbs.settle, arrived=arrived), [row.id])
        else:
            is_done, self.is_shown = False, True
        self.at += is_done

    def _by_hand(self, verb: Verb, do: Callable[[Settings, Sequence[int]], ByHand], ids: Sequence[int]) -> bool:
        """Do it and say what came of it; whether anything was done."""
        done = do(self.settings, ids)
        if done.done:
            self.here.say.note(outbox_words.count_done(verb, done))
        if done.stays:
            self.here.say.warn(outbox_words.tell_stays(done))
        self.counts[verb] += len(done.done)
        self.is_shown = not done.done
        return bool(done.done)
