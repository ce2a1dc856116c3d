"""Answers to a question that comes again and again while things are gone through one by one, line by line.

Each has the letter that does the same on the full screen, a word, and a number. The numbers are listed the first time
where somebody listens, and whenever `?` is typed; 0 always leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cmo import service
from cmo.cli.errors import Left
from cmo.cli.terminal import wrapped
from cmo.service import pausing
from cmo.store.groups import sending_pause

if TYPE_CHECKING:
    from cmo.cli.session import Session
    from cmo.config import Settings


@dataclass(frozen=True)
class Answer:
    """One thing that can be done about what is shown."""

    key: str
    """As on the full screen; small and capital letters differ where both mean something."""
    word: str
    about: str
    takes: str = ""
    """What may stand behind it on the line; empty: nothing."""
    is_named: bool = False
    """In the question itself; the others stand in the list."""


QUIT = Answer("q", "quit", "leave; what was done stays done", is_named=True)
STOP = Answer("!", "stop", "stop ALL sending, at once")
PAUSE = Answer("P", "pause", "pause sending of this job, or say when it goes on")
UNDO = Answer("u", "undo", "take back the last thing done here", is_named=True)
BACK = Answer("b", "back", "show the one before again")


class Sitting(Protocol):
    """Going through things one by one."""

    def step(self) -> bool:
        """Show the next and do what is answered; False at the end."""

    def ended(self) -> int:
        """Say what came of it; the exit code."""


def go_through(sitting: Sitting) -> int:
    """Step by step until the end, or until the input ends; what was done stays done."""
    try:
        while sitting.step():
            pass
    except Left:
        pass
    return sitting.ended()


class Answers:
    """What can be answered at one place. Enter is the first; `QUIT` is the last."""

    def __init__(self, here: Session, known: Sequence[Answer]) -> None:
        self._here = here
        self._known = tuple(known)
        self._numbers = {answer.word: n for n, answer in enumerate(known, start=1)} | {known[-1].word: 0}
        self._is_listed = not here.accessible

    def ask(self, without: Collection[str] = ()) -> tuple[str, str]:
        """Ask until one is named: its word, and what stood behind it.

        Args:
            without: Words that mean nothing now.
        Raises:
            Left: the input ended.
        """
        offered = [answer for answer in self._known if answer.word not in without]
        while True:
            if not self._is_listed:
                self._list(offered)
            text = self._here.ask.line(self._question(offered), flag="a terminal")
            if not text:
                return offered[0].word, ""
            if text == "?":
                self._is_listed = False
                continue
            found = self._meant(text, offered)
            if found is not None:
                return found
            self._here.ask.tell(
                "Please answer with a number, one of these words, or the start of one; ? lists them, Enter goes on."
            )

    def _question(self, offered: Sequence[Answer]) -> str:
        if self._here.accessible:
            return "Number, or ? for the list:"
        return "/".join(answer.word for answer in offered if answer.is_named) + ", ? for all:"

    def _list(self, offered: Sequence[Answer]) -> None:
        self._is_listed = True
        for answer in offered:
            number, behind = self._numbers[answer.word], f" {answer.takes}" if answer.takes else ""
            letter = "Enter" if answer is offered[0] else answer.key
            row = f"  {number}. {answer.word}{behind} ({letter}): {answer.about}"
            for line in wrapped(row, self._here.say.terminal.width, hanging=5):
                self._here.ask.tell(line)

    def _meant(self, text: str, offered: Sequence[Answer]) -> tuple[str, str] | None:
        """The answer that is meant, and what stands behind it; a sign needs no space behind it."""
        head, _, behind = text.partition(" ")
        if not text[0].isalnum():
            head, behind = text[0], text[1:]
        small = head.lower()
        found = next((one for one in offered if head == one.key), None) or next(
            (one for one in offered if small in (one.key, one.word, str(self._numbers[one.word]))), None
        )
        if found is None:
            begun = [one for one in offered if one.word.startswith(small)]
            found = begun[0] if len(begun) == 1 else None
        if found is None or (behind.strip() and not found.takes):
            return None
        return found.word, behind.strip()


def pause_or_go_on(here: Session, settings: Settings, job_id: str) -> None:
    """Pause sending of the job at once; where it is paused, ask when it goes on."""
    with service.reader(settings) as conn:
        pause = sending_pause(conn, job_id, now=service.clock_of(settings).now())
    if pause is None:
        here.say.note(pausing.pause(settings, job_id))
        here.say.hint("Answer pause again to say when it goes on.")
        return
    here.say.note("Sending is paused. When does it go on?")
    for n, choice in enumerate(pausing.CHOICES, start=1):
        here.ask.tell(f"  {n}. {choice}")
    text = here.ask.line("Number, Enter leaves it:", flag="a terminal")
    if not text:
        return
    place = int(text) - 1 if text.isascii() and text.isdecimal() and len(text) < 3 else -1
    if not 0 <= place < len(pausing.CHOICES):
        here.say.warn(f"1 to {len(pausing.CHOICES)}, please. Nothing was changed.")
        return
    minutes = pausing.minutes_chosen(place)
    if place == pausing.TYPED:
        typed = here.ask.line("In how many minutes?", flag="a terminal")
        minutes = pausing.minutes_of(typed)
        if minutes is None:
            here.say.warn(*pausing.not_minutes(typed))
            return
    here.say.note(pausing.go_on(settings, job_id, minutes))
