"""`cmo drafts review`: one draft after the other, line by line, for slow links and screen readers."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from cmo import service
from cmo.cli import draft_lines
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_change import edited, told_findings
from cmo.cli.draft_picks import Where, job_of, need_terminal, terms_of
from cmo.cli.draft_verbs import asked_reason
from cmo.cli.errors import Left
from cmo.cli.options import JobOption
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.cli.withdrawals import take_out
from cmo.errors import CmoError
from cmo.service import draft_words
from cmo.service import drafts as verbs
from cmo.store import draft_details, draft_views

if TYPE_CHECKING:
    from cmo.config import Settings
    from cmo.domain.event import DraftAction
    from cmo.domain.filters import Term
    from cmo.domain.job import Job
    from cmo.service.draft_words import Change
    from cmo.store.draft_details import DraftDetail
    from cmo.store.draft_views import DraftRow
    from cmo.store.drafts import Decision

_COUNTED = {"approve": "approved", "reject": "rejected", "later": "put off", "disqualify": "ruled out"}
PUT_OFF = timedelta(days=1)
_ANSWERS = (
    ("n", "next"),
    ("a", "approve"),
    ("x", "reject"),
    ("e", "edit"),
    ("s", "later"),
    ("i", "info"),
    ("d", "disqualify"),
    ("redo", "redo"),
    ("f", "full"),
    ("u", "undo"),
    ("q", "quit"),
)
"""Letter and word; a number stands for each in accessible mode. Enter goes on without deciding."""


def review(job: JobOption = None, where: Where = None) -> int:
    """Review drafts.

    Flagged ones first, then the highest score. Each is shown as what differs from its template, with the evidence
    under each claim. Every answer counts at once and can be undone; leaving loses nothing.
    """
    here = session()
    need_terminal(here, "Reviewing")
    found, settings = job_of(here, job)
    round_ = _Review(here, found, settings, where)
    try:
        while round_.step():
            pass
    except Left:
        pass
    return round_.ended()


@dataclass
class _Review:
    """One sitting."""

    here: Session
    job: Job
    settings: Settings
    where: str | None
    passed: list[int] = field(default_factory=list)
    """Gone by in this sitting; what was decided may still be in the state that is looked through."""
    batches: list[tuple[int, int]] = field(default_factory=list)
    """Batch and draft of each decision of this sitting."""
    again: int | None = None
    """A draft to show next, whatever the order."""
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        return terms_of(self.where)

    def step(self) -> bool:
        """Show the next draft and do what is answered; False at the end."""
        detail, left = self._next()
        if detail is None:
            self.here.say.note("You have seen every draft that waits." if left else "No more drafts wait.")
            return False
        self._show(detail, left)
        while (answer := self._answer()) == "full":
            self._lines(draft_lines.whole(detail, self.here.out.terminal))
            self._lines(draft_lines.why(detail, self.here.out.terminal))
        if answer == "quit":
            return False
        try:
            self._do(answer, detail.row)
        except Left:
            raise
        except CmoError as error:
            self.here.say.warn(error.message, error.hint)
            self.again = detail.row.id
        return True

    def ended(self) -> int:
        """The summary."""
        counts = ((_COUNTED.get(word, word), count) for word, count in self.counts.items() if count)
        told = ", ".join(f"{count} {word}" for word, count in counts) or "nothing decided"
        with service.reader(self.settings) as conn:
            left = draft_views.count_waiting(conn, self.job.id, now=self._now(), terms=self.terms)
        self.here.say.note(f"{told}; {left} left. {self.job.plan.mode.destination}.")
        same = f" --where {shlex.quote(self.where)}" if self.where else ""
        verb = "review" if left else "list"
        self.here.say.hint(f"cmo drafts {verb} --job {self.job.id}{same if left else ''}")
        return DONE

    def _next(self) -> tuple[DraftDetail | None, int]:
        with service.reader(self.settings) as conn:
            now = self._now()
            wanted, self.again = self.again, None
            if wanted is None:
                order = self.settings.review_order
                row = draft_views.next_waiting(
                    conn, self.job.id, now=now, terms=self.terms, passed=self.passed, order=order
                )
                wanted = row.id if row else None
            left = draft_views.count_waiting(conn, self.job.id, now=now, terms=self.terms)
            return (draft_details.get_draft(conn, wanted, now=now) if wanted else None), left

    def _show(self, detail: DraftDetail, left: int) -> None:
        terminal = self.here.out.terminal
        rows = ["", draft_lines.title(detail.row, terminal) + f"  ({left} left)", draft_lines.recipient(detail)]
        self._lines([*rows, *draft_lines.changed(detail, terminal), *draft_lines.findings(detail, terminal)])

    def _lines(self, rows: list[str]) -> None:
        for row in rows:
            self.here.out.line(row)

    def _answer(self) -> str:
        if self.here.accessible:
            self.here.say.block([f"  {n}. {word}" for n, (_, word) in enumerate(_ANSWERS, start=1)])
        question = "Number:" if self.here.accessible else "/".join(word for _, word in _ANSWERS[1:]) + "?"
        while True:
            text = self.here.ask.line(question, flag="a terminal").lower()
            if not text:
                return "next"
            for number, (letter, word) in enumerate(_ANSWERS, start=1):
                if text in (letter, word, str(number)):
                    return word
            begun = [word for _, word in _ANSWERS if word.startswith(text)]
            if len(begun) == 1:
                return begun[0]
            self.here.say.note(
                "Please answer with one of these words, or the start of one; x rejects, s puts off, Enter goes on."
            )

    def _do(self, answer: str, row: DraftRow) -> None:
        match answer:
            case "next":
                self.passed.append(row.id)
            case "approve":
                self._decided(row, verbs.approve(self.settings, self.job.id, [row.choice]))
            case "reject":
                reason = verbs.reason_of(asked_reason(self.here, quiet=False))
                self._turned_down("reject", row, reason)
            case "disqualify":
                question = "Why do they not fit? They are never contacted again. Enter: leave it"
                reason = safe_line(self.here.ask.line(question, flag="--reason"))
                if reason.strip():
                    self._turned_down("disqualify", row, reason)
                else:
                    self.again = row.id
            case "later":
                self._turned_down("later", row)
            case "info":
                question = self.here.ask.line(
                    "What do you want to ask? Enter: who is the right person", flag="--question"
                )
                self._changed(row, lambda: draft_words.ask_person(self.settings, row, question))
            case "redo":
                self._changed(row, lambda: draft_words.redo_draft(self.settings, row))
            case "edit":
                self._changed(row, lambda: edited(self.here, self.settings, row))
            case _:
                self._undo(row)

    def _turned_down(self, action: DraftAction, row: DraftRow, reason: str = "") -> None:
        put_off = PUT_OFF if action == "later" else None
        self._decided(
            row, verbs.turn_down(self.settings, self.job.id, action, [row.choice], reason=reason, put_off=put_off)
        )

    def _decided(self, row: DraftRow, decision: Decision) -> None:
        if decision.batch is not None:
            self.batches.append((decision.batch, row.id))
            self.counts[decision.action] += 1
            self.here.say.note(f"{decision.action} {row.id}: batch {decision.batch}")
        if decision.done or decision.repeated:
            self.passed.append(row.id)
        if decision.suppressed:
            self.here.say.note("They will never be contacted; undoing this does not change that.")
            take_out(self.here)
        for refusal in decision.refused:
            self.here.say.warn(f"Draft {row.id} stays as it is: {safe_line(refusal.message)}.")
            if refusal.why in ("blocked", "suppressed"):
                self.passed.append(row.id)

    def _changed(self, row: DraftRow, change: Callable[[], Change]) -> None:
        """New words are shown again, and wait for an answer."""
        self.again = row.id
        changed = change()
        if changed is None:
            self.here.say.note("The words stay the same.")
        elif changed[0].refused is not None:
            self.again = None
            self.here.say.warn(f"Draft {row.id} stays as it is: {safe_line(changed[0].refused.message)}.")
        else:
            self.counts["changed"] += 1
            told_findings(self.here, changed[1])

    def _undo(self, row: DraftRow) -> None:
        """Take back the last decision of this sitting; its draft is shown again."""
        if not self.batches:
            self.here.say.note("Nothing was decided in this sitting. Older decisions: cmo drafts undo")
            self.again = row.id
            return
        number, draft_id = self.batches[-1]
        with service.reader(self.settings) as conn:
            batch = draft_views.find_batch(conn, self.job.id, str(number))
        self.batches.pop()
        self.again = draft_id
        if batch is None:
            self.here.say.note(f"Batch {number} was taken back already.")
            return
        undone = verbs.undo(self.settings, batch)
        self.counts[undone.action] -= 1
        self.here.say.note(f"Took back batch {number} ({undone.action}).")

    def _now(self) -> datetime:
        return service.clock_of(self.settings).now()
