"""`cmo drafts review`: one draft after the other, line by line, for slow links and screen readers."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from cmo import service
from cmo.cli import draft_lines
from cmo.cli.answers import BACK, PAUSE, QUIT, STOP, UNDO, Answer, Answers, go_through, pause_or_go_on
from cmo.cli.asking import opened_job, tell_obstacles
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_change import edited, told_findings
from cmo.cli.draft_picks import Where, job_of, need_terminal, terms_of
from cmo.cli.draft_verbs import asked_reason
from cmo.cli.errors import Left
from cmo.cli.kill import stop_sending
from cmo.cli.options import JobOption
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line, wrapped
from cmo.cli.withdrawals import take_out
from cmo.errors import CmoError
from cmo.service import draft_words
from cmo.service import drafts as verbs
from cmo.store import draft_details, draft_views
from cmo.store.draft_filters import states_of

if TYPE_CHECKING:
    from cmo.config import Settings
    from cmo.domain.event import DraftAction
    from cmo.domain.job import Job
    from cmo.service.draft_words import Change
    from cmo.store.draft_details import DraftDetail
    from cmo.store.draft_views import Choice, DraftRow
    from cmo.store.drafts import Decision

_STATES = {"approved": "approved", "rejected": "rejected", "later": "put off", "expired": "expired"}
_LEAVES = "0"
"""As a reason it is none: it leaves, as at every other question."""
_COUNTED = {"approve": "approved", "reject": "rejected", "later": "put off", "disqualify": "ruled out"}
_ANSWERS = (
    Answer("n", "next", "go on; nothing is decided"),
    Answer("a", "approve", "approve exactly these words for exactly this person", is_named=True),
    Answer("x", "reject", "reject it; asks why where no reason stands behind", takes="[1-6]", is_named=True),
    Answer("e", "edit", "edit it in your editor; it is checked and shown again", is_named=True),
    Answer("s", "later", "put it off for a day", is_named=True),
    Answer("i", "info", "turn it into one question to the person"),
    Answer("D", "disqualify", "rule the person out for good, with a reason"),
    Answer("R", "redo", "write it anew from its template and what is on record now"),
    Answer("f", "full", "the whole mail"),
    Answer("w", "why", "the score, the evidence, where the address is from"),
    Answer("d", "diff", "what differs from the version before"),
    Answer("/", "filter", "only drafts that match; alone: all again", takes="[FILTER]"),
    Answer("#", "go", "to the draft with this number", takes="NUMBER"),
    BACK,
    Answer("A", "rule", "approve many by a rule, or by the filter, after samples"),
    UNDO,
    PAUSE,
    STOP,
    QUIT,
)


def review(job: JobOption = None, where: Where = None) -> int:
    """Review drafts.

    Flagged ones first, then the highest score. Each is shown as what differs from its template, with the evidence
    under each claim. Every answer counts at once and can be undone; leaving loses nothing.
    """
    here = session()
    need_terminal(here, "Reviewing")
    found, settings = job_of(here, job)
    round_ = _Review(here, found, settings, where)
    round_.begin()
    return go_through(round_)


@dataclass
class _Review:
    """One sitting."""

    here: Session
    job: Job
    settings: Settings
    where: str | None
    passed: list[int] = field(default_factory=list)
    """Gone by in this sitting; what was decided may still be in the state that is looked through."""
    seen: list[int] = field(default_factory=list)
    """Drafts as they were shown, one after the other."""
    batches: list[tuple[int, int]] = field(default_factory=list)
    """Batch and draft of each decision of this sitting."""
    again: int | None = None
    """A draft to show next, whatever the order."""
    is_shown: bool = False
    """It was shown just now."""
    read: Choice | None = None
    """The draft as it was shown last: what an answer is about."""
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.asked_for = self.where
        self.terms = terms_of(self.where)
        self.answers = Answers(self.here, _ANSWERS)
        self.began = self.here.now()

    def begin(self) -> None:
        """Say what stands in the way, and which rule would do much of it."""
        with opened_job(self.here, self.job.id) as (conn, job_id):
            tell_obstacles(self.here, conn, job_id)
            covers = [
                (len(draft_views.cover(conn, job_id, terms_of(rule.where), now=self._now()).choices), rule.name)
                for rule in draft_views.list_rules(conn)
            ]
        count, name = max(covers, default=(0, ""))
        if count:
            self.here.say.note(f"Rule {name} covers {count:,} of them: answer rule.")

    def step(self) -> bool:
        """Show the next draft and do what is answered; False at the end."""
        detail = self._next()
        if detail is None:
            return self._is_on_with_all()
        if not self.is_shown or self.read != detail.row.choice:
            self._show(detail)
        self.is_shown = False
        answer, behind = self.answers.ask(() if len(self.seen) > 1 else ("back",))
        if answer == "quit":
            return False
        try:
            self._do(answer, behind, detail)
        except Left:
            raise
        except CmoError as error:
            self.here.say.warn(error.message, error.hint)
            self._stay(detail.row.id)
        return True

    def ended(self) -> int:
        """The summary."""
        counts = ((_COUNTED.get(word, word), count) for word, count in self.counts.items() if count)
        told = ", ".join(f"{count} {word}" for word, count in counts) or "nothing decided"
        with service.reader(self.settings) as conn:
            left = draft_views.count_waiting(conn, self.job.id, now=self._now(), terms=self.terms)
        self.here.say.note(f"{told}{self._pace()}; {left} left. {self.job.plan.mode.destination}.")
        same = f" --where {shlex.quote(self.where)}" if self.where else ""
        verb = "review" if left else "list"
        undo = f"   Undo: cmo drafts undo {self.batches[-1][0]}" if self.batches else ""
        self.here.say.hint(f"cmo drafts {verb} --job {self.job.id}{same if left else ''}{undo}")
        return DONE

    def _pace(self) -> str:
        """How long a decision took."""
        decided = sum(max(0, count) for count in self.counts.values())
        each = (self.here.now() - self.began).total_seconds() / decided if decided else 0
        return f", {each:.0f} s each" if each >= 1 else ""

    def _next(self) -> DraftDetail | None:
        with service.reader(self.settings) as conn:
            now = self._now()
            wanted, self.again = self.again, None
            if wanted is None:
                order = self.settings.review_order
                row = draft_views.next_waiting(
                    conn, self.job.id, now=now, terms=self.terms, passed=self.passed, order=order
                )
                wanted = row.id if row else None
            return draft_details.get_draft(conn, wanted, now=now) if wanted else None

    def _is_on_with_all(self) -> bool:
        """Nothing is left that matches: on with all drafts where the filter was set in this sitting, else the end."""
        if self.where != self.asked_for:
            self.here.say.note(f"That was all that matches {safe_line(self.where or '')}. On with the others.")
            self._narrow(self.asked_for)
            return True
        left = self._count()
        self.here.say.note("You have seen every draft that waits." if left else "No more drafts wait.")
        return False

    def _count(self) -> int:
        with service.reader(self.settings) as conn:
            return draft_views.count_waiting(conn, self.job.id, now=self._now(), terms=self.terms)

    def _progress(self) -> str:
        """`38 of 200, 31 approved, 4 rejected, 3 put off, 162 left`."""
        with service.reader(self.settings) as conn:
            states = draft_views.count_states(conn, self.job.id, now=self._now(), terms=self.terms)
        total, left = states.total(), states["pending"]
        if states_of(self.terms):
            return f"{len(self.passed) + 1:,} of {total:,}"
        decided = [f"{states[state]:,} {word}" for state, word in _STATES.items() if states[state]]
        return ", ".join([f"{total - left:,} of {total:,}", *decided, f"{left:,} left"])

    def _show(self, detail: DraftDetail) -> None:
        terminal = self.here.out.terminal
        self.read = detail.row.choice
        if self.seen[-1:] != [detail.row.id]:
            self.seen.append(detail.row.id)
        rows = ["", self._progress(), draft_lines.title(detail.row, terminal), draft_lines.recipient(detail)]
        self._lines([*rows, *draft_lines.changed(detail, terminal), *draft_lines.findings(detail, terminal)])

    def _lines(self, rows: list[str]) -> None:
        for row in rows:
            self.here.out.line(row)

    def _stay(self, draft_id: int) -> None:
        """Ask again about the same draft, which was shown."""
        self.again, self.is_shown = draft_id, True

    def _do(self, answer: str, behind: str, detail: DraftDetail) -> None:
        row = detail.row
        match answer:
            case "next":
                self.passed.append(row.id)
            case "approve":
                self._decided(row, verbs.approve(self.settings, self.job.id, [row.choice]))
            case "reject":
                reason = verbs.reason_of(behind or asked_reason(self.here, quiet=False))
                if reason == _LEAVES:
                    self.here.say.note("Not rejected.")
                    self._stay(row.id)
                else:
                    self._turned_down("reject", row, reason)
            case "disqualify":
                question = "Why do they not fit? They are never contacted again. Enter: leave it"
                reason = safe_line(self.here.ask.line(question, flag="--reason"))
                if reason.strip():
                    self._turned_down("disqualify", row, reason)
                else:
                    self._stay(row.id)
            case "later":
                self._turned_down("later", row)
            case "undo":
                self._undo(row)
            case "info" | "redo" | "edit":
                self._new_words(answer, row)
            case "full" | "why" | "diff":
                self._stay(row.id)
                self._lines(self._more(answer, detail))
            case _:
                self._stay(row.id)
                self._elsewhere(answer, behind, row)

    def _elsewhere(self, answer: str, behind: str, row: DraftRow) -> None:
        """What is not about the draft itself."""
        match answer:
            case "filter":
                self._filter(behind or self.here.ask.line("Filter? Enter: all again.", flag="--where"))
            case "go":
                self._go(behind or self.here.ask.line("Which number?", flag="a terminal"))
            case "back":
                self.again, self.is_shown = self.seen[-2], False
                del self.seen[-2:]
            case "rule":
                self._rule(row)
            case "pause":
                pause_or_go_on(self.here, self.settings, self.job.id)
            case _:
                stop_sending(self.here, "while drafts were reviewed")

    def _more(self, answer: str, detail: DraftDetail) -> list[str]:
        """The whole mail, why this person, or what changed."""
        terminal = self.here.out.terminal
        if answer == "full":
            return draft_lines.whole(detail, terminal)
        with service.reader(self.settings) as conn:
            if answer == "why":
                from cmo.cli.leads import provenance

                said = [*draft_lines.why(detail, terminal), *draft_lines.evidence(detail, terminal)]
                sources = provenance(conn, self.job.id, detail.row.login)
                return [*said, *(row for text in sources for row in wrapped(text, terminal.width, hanging=2))]
            versions = draft_details.draft_versions(conn, detail.row.id)
        if len(versions) < 2:
            return ["This is its first version: there is nothing to compare it with."]
        return draft_lines.unified(versions[-2], versions[-1])

    def _narrow(self, where: str | None) -> None:
        self.where, self.terms = where, terms_of(where)

    def _filter(self, where: str) -> None:
        """Show only what matches from now on; a filter that nothing matches is not taken."""
        before = self.where
        self._narrow(where or self.asked_for)
        if not self._count():
            self.here.say.warn(f"No draft that waits matches {safe_line(where)}.", "help: cmo help filters")
            self._narrow(before)
            return
        self.passed.clear()
        self.again, self.is_shown = None, False

    def _go(self, number: str) -> None:
        bare = number.removeprefix("#")
        with service.reader(self.settings) as conn:
            wanted = int(bare) if bare.isascii() and bare.isdecimal() and len(bare) <= 12 else 0
            rows = draft_views.drafts_by_id(conn, [wanted], now=self._now())
        if not any(row.job_id == self.job.id for row in rows):
            self.here.say.warn(f"No draft of {self.job.id} has the number {safe_line(number)}.")
            return
        self.again, self.is_shown = wanted, False

    def _rule(self, row: DraftRow) -> None:
        """Approve by a rule, or by the filter in force, with samples and the count as `cmo drafts approve` asks."""
        from cmo.cli.draft_bulk import approve_by_choice

        with service.reader(self.settings) as conn:
            before = draft_views.find_batch(conn, self.job.id, None)
        approve_by_choice(self.here, self.job.id, self.where)
        self.is_shown = False
        with service.reader(self.settings) as conn:
            batch = draft_views.find_batch(conn, self.job.id, None)
        if batch is not None and (before is None or batch.id != before.id):
            self.batches.append((batch.n, row.id))
            self.counts["approve"] += batch.count
            self.again = None

    def _new_words(self, answer: str, row: DraftRow) -> None:
        match answer:
            case "info":
                question = self.here.ask.line(
                    "What do you want to ask? Enter: who is the right person", flag="--question"
                )
                self._changed(row, lambda: draft_words.ask_person(self.settings, row, question))
            case "redo":
                self._changed(row, lambda: draft_words.redo_draft(self.settings, row))
            case _:
                self._changed(row, lambda: edited(self.here, self.settings, row))

    def _turned_down(self, action: DraftAction, row: DraftRow, reason: str = "") -> None:
        put_off = verbs.PUT_OFF if action == "later" else None
        self._decided(
            row, verbs.turn_down(self.settings, self.job.id, action, [row.choice], reason=reason, put_off=put_off)
        )

    def _decided(self, row: DraftRow, decision: Decision) -> None:
        if decision.batch is not None:
            self.batches.append((decision.batch, row.id))
            self.counts[decision.action] += 1
            word = _COUNTED[decision.action].capitalize()
            self.here.say.note(f"{word}: draft {row.id}, batch {decision.batch}.")
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
            self._stay(row.id)
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
        self.counts[undone.action] -= len(undone.done)
        self.here.say.note(f"Took back batch {number} ({undone.action}).")

    def _now(self) -> datetime:
        return service.clock_of(self.settings).now()
