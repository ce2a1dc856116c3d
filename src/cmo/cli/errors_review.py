"""`cmo errors review`: one group of failures after the other, line by line: what it means, what is done about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cmo import service
from cmo.cli import error_lines
from cmo.cli.answers import BACK, PAUSE, QUIT, STOP, UNDO, Answer, Answers, go_through, pause_or_go_on
from cmo.cli.asking import opened_job, short_ref, tell_obstacles
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_picks import Where, job_of, need_terminal
from cmo.cli.errors import Left
from cmo.cli.kill import stop_sending
from cmo.cli.options import JobOption
from cmo.cli.session import Session, session
from cmo.domain.job import Mode, Stage
from cmo.domain.text import counted
from cmo.errors import CmoError
from cmo.service import error_words
from cmo.service import errors as verbs
from cmo.store import groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cmo.config import Settings
    from cmo.domain.filters import Term
    from cmo.domain.job import Job
    from cmo.service.error_words import Marking
    from cmo.store.groups import StoredGroup

_SHOWN = 20
_ANSWERS = (
    Answer("n", "next", "go on; nothing is changed", is_named=True),
    Answer("r", "retry", "try it again, under the same keys", takes="[MEMBER...]", is_named=True),
    Answer("s", "skip", "go on without it; can be undone", takes="[MEMBER...]", is_named=True),
    Answer("D", "dead", "give it up, with a reason; nothing is deleted", takes="[MEMBER...]", is_named=True),
    Answer("t", "ticket", "file the group's one ticket", is_named=True),
    Answer("i", "items", "every member of the group"),
    BACK,
    UNDO,
    PAUSE,
    STOP,
    QUIT,
)
_DONE_HERE = tuple(f"cmo errors {verb} " for verb in ("retry", "skip", "deadletter", "ticket", "show", "revive"))
"""What an answer does needs no command."""


def review(job: JobOption = None, where: Where = None) -> int:
    """Go through what failed.

    What waits for you first. Of each group: what it means, what cmo did, what you can do. Every answer counts at once;
    members behind it narrow it to them, e.g. skip maint88. Groups that were set aside are shown with --where state:dead
    or state:skipped.
    """
    here = session()
    need_terminal(here, "Going through errors", "On a pipe: cmo errors list, show, retry, skip, deadletter, ticket.")
    terms = verbs.group_terms(where)
    found, settings = job_of(here, job)
    with opened_job(here, found.id) as (conn, job_id):
        tell_obstacles(here, conn, job_id)
    return go_through(_Sitting(here, found, settings, terms))


@dataclass
class _Aside:
    """What a decision of this sitting set aside."""

    key: str
    items: tuple[str, ...]
    """Its members; none: the whole group."""
    word: str


@dataclass
class _Sitting:
    here: Session
    job: Job
    settings: Settings
    terms: tuple[Term, ...]
    passed: list[str] = field(default_factory=list)
    """Keys of the groups that have gone by, in order."""
    again: str | None = None
    """A group to show next, whatever the order."""
    is_shown: bool = False
    """It was shown just now."""
    aside: list[_Aside] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ways: set[str] = field(default_factory=set)
    """Commands that go on with what is tried again."""
    answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        self.answers = Answers(self.here, _ANSWERS)

    def step(self) -> bool:
        """Show the next group and do what is answered; False at the end."""
        found = self._groups()
        group = self._next(found)
        if group is None:
            said = "No group of errors is left." if found or self.passed else "No group of errors waits."
            self.here.say.note(said)
            return bool(self.aside) and self._is_taken_back()
        if not self.is_shown:
            self._show(group, found)
        self.is_shown = False
        answer, behind = self.answers.ask(self._meaningless(group))
        if answer == "quit":
            return False
        try:
            self._do(answer, behind.split(), group)
        except Left:
            raise
        except CmoError as error:
            self.here.say.warn(error.message, error.hint)
            self._stay(group)
        return True

    def ended(self) -> int:
        """The summary, and what to type next."""
        told = ", ".join(f"{count:,} {word}" for word, count in self.counts.items() if count > 0) or "nothing changed"
        with opened_job(self.here, self.job.id) as (conn, job_id):
            left, ref = groups.count_needing(conn, job_id), short_ref(conn, job_id)
        needs = f"{counted(left, 'group')} {'needs' if left == 1 else 'need'} you" if left else "no group needs you"
        self.here.say.note(f"{told}; {needs}.")
        ways = "   ".join(f"cmo {command} {ref}" for command in sorted(self.ways))
        undo = f"   Take back: cmo errors revive {self.aside[-1].key} --job {ref}" if self.aside else ""
        self.here.say.hint((f"Go on: {ways}" if ways else f"cmo errors list {ref}") + undo)
        return DONE

    def _groups(self) -> list[StoredGroup]:
        """Those that can be gone through: what waits for a person first."""
        with service.reader(self.settings) as conn:
            found = groups.error_groups(conn, self.job.id, marked=True, terms=self.terms)
        asked_for = [group for group in found if group.open or self.terms]
        return sorted(asked_for, key=lambda group: group.state is not groups.GroupState.NEEDS_YOU)

    def _next(self, found: Sequence[StoredGroup]) -> StoredGroup | None:
        wanted, self.again = self.again, None
        if wanted is not None:
            with service.reader(self.settings) as conn:
                again = groups.error_groups(conn, self.job.id, marked=True, prefix=wanted)
            if again:
                return again[0]
        return next((group for group in found if group.key not in self.passed), None)

    def _show(self, group: StoredGroup, found: Sequence[StoredGroup]) -> None:
        terminal = self.here.out.terminal
        with service.reader(self.settings) as conn:
            example = groups.group_members(conn, self.job.id, group.key, limit=1)
            ticket = groups.find_ticket(conn, self.job.id, group.key)
        left = len({one.key for one in found if one.key not in self.passed} | {group.key})
        parts = error_words.about(group, example[0] if example else None, ticket)
        shown = [(label, self._elsewhere(texts) if label == error_words.CAN_DO else texts) for label, texts in parts]
        shown = [(label, texts) for label, texts in shown if texts]
        for row in ["", f"Group {error_lines.head(group, terminal)}  ({left} left)"]:
            self.here.out.line(row)
        for row in error_lines.labelled(shown, terminal, self.here.qualify):
            self.here.out.line(row)

    def _elsewhere(self, ways: Sequence[str]) -> tuple[str, ...]:
        """What can be done besides the answers."""
        return tuple(way for way in ways if not any(command in way for command in _DONE_HERE))

    def _meaningless(self, group: StoredGroup) -> set[str]:
        """The answers that nothing would come of."""
        off = set[str]()
        if not group.open:
            off |= {"skip", "dead", "ticket", "retry"}
        if not group.can_be_retried:
            off.add("retry")
        if not self.aside and not group.skipped and not group.dead:
            off.add("undo")
        if not self.passed:
            off.add("back")
        return off

    def _do(self, answer: str, items: list[str], group: StoredGroup) -> None:
        match answer:
            case "next":
                self._pass(group.key)
            case "back":
                self.again = self.passed.pop()
            case "retry":
                self._retry(group, items)
            case "skip":
                before = self._open_items(group, items)
                self._marked("skip", verbs.skip(self.settings, self.job.id, [group.key], items=items), group, before)
            case "dead":
                why = self.here.ask.line("Why? It stays with them; Enter: no reason.", flag="--reason")
                before = self._open_items(group, items)
                counts = verbs.dead_letter(self.settings, self.job.id, keys=[group.key], items=items, reason=why)
                self._marked("deadletter", counts, group, before)
            case "ticket":
                self._ticket(group)
            case "items":
                self._items(group)
            case "undo":
                self._undo(group.key)
            case "pause":
                pause_or_go_on(self.here, self.settings, self.job.id)
                self._stay(group)
            case _:
                stop_sending(self.here, "while errors were gone through")
                self._stay(group)

    def _stay(self, group: StoredGroup) -> None:
        """Ask again about the same group, which was shown."""
        self.again, self.is_shown = group.key, True

    def _pass(self, key: str) -> None:
        self.passed = [one for one in self.passed if one != key] + [key]

    def _pass_whole(self, group: StoredGroup, count: int) -> None:
        """Go on where so many of the group were all that waited; else show what is left of it."""
        if count >= group.open:
            self._pass(group.key)
        else:
            self.again = group.key

    def _retry(self, group: StoredGroup, items: Sequence[str]) -> None:
        done = verbs.retry(self.settings, self.job.id, [group.key], items=items)
        if items and not (done.items or done.writes or done.left):
            self.here.say.warn("None of these is an open member.", "items lists them")
            self._stay(group)
            return
        self.here.say.note(error_words.retried(done))
        for stays in error_words.stays(done):
            self.here.say.warn(stays)
        self.counts["pending again"] += done.items + done.writes
        if done.items:
            self.ways.add("resume")
        if done.writes:
            self.ways.add("send" if group.stage == Stage.SEND else "sync")
        self._pass_whole(group, group.open if not items else len(items))

    def _open_items(self, group: StoredGroup, items: Sequence[str]) -> tuple[str, ...]:
        """The members that a mark will newly concern; none for all of a group of which nothing is set aside."""
        if not items and not (group.skipped or group.dead):
            return ()
        with service.reader(self.settings) as conn:
            members = groups.group_members(conn, self.job.id, group.key)
        return tuple(one.item for one in members if one.mark is None and (not items or one.item in items))

    def _marked(self, verb: Marking, counts: Counter[str], group: StoredGroup, items: tuple[str, ...]) -> None:
        if not counts:
            self.here.say.warn("None of these is to be changed.", "items lists the members")
            self._stay(group)
            return
        self.here.say.note(f"{error_words.marked(verb, counts)} undo takes it back.")
        word = "skipped" if verb == "skip" else "given up"
        self.counts[word] += counts.total()
        self.aside.append(_Aside(group.key, items, word))
        self._pass_whole(group, counts.total())

    def _is_taken_back(self) -> bool:
        """Ask at the end whether the last decision stays; undoing it shows its group again."""
        choices = [("q", "leave"), ("u", "undo: take the last back")]
        is_undo = self.here.ask.choose("Done?", choices, flag="a terminal", numbered=self.here.accessible) == "u"
        if is_undo:
            self._undo(self.aside[-1].key)
        return is_undo

    def _undo(self, key: str) -> None:
        """Take back what was set aside last in this sitting, else what was set aside of the group before."""
        last = self.aside.pop() if self.aside else _Aside(key, (), "set aside before")
        counts = verbs.revive(self.settings, self.job.id, [last.key], items=last.items)
        self.here.say.note(error_words.marked("revive", counts or Counter({last.key: 0})))
        self.counts[last.word] -= counts.total()
        self.passed = [key for key in self.passed if key != last.key]
        self.again = last.key

    def _ticket(self, group: StoredGroup) -> None:
        self._stay(group)
        if Mode.DRY_RUN in (self.settings.mode(), self.job.plan.mode):
            self.here.say.note("DRY RUN: the ticket would say:")
            for row in verbs.show_ticket_text(self.settings, group).splitlines():
                self.here.say.note(f"  {row}")
            return
        ticket, is_new = verbs.file_ticket(self.settings, group)
        self.here.say.note(error_words.filed(group, ticket, is_new=is_new))

    def _items(self, group: StoredGroup) -> None:
        self._stay(group)
        with service.reader(self.settings) as conn:
            members = groups.group_members(conn, self.job.id, group.key, limit=_SHOWN)
        for item in members:
            self.here.out.line(f"  {error_lines.member(item, self.here.out.when(item.last_at))}")
        if group.count > len(members):
            self.here.say.note(f"{len(members)} of {group.count:,} shown: cmo errors show {group.key} --limit N")
