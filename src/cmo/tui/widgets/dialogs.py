"""Questions over a screen. The default is the safe one; Enter never sends; stopping all sending works here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from cmo.tui.paint import block

AnswerT = TypeVar("AnswerT")


class Dialog(ModalScreen[AnswerT | None]):
    """A box in the middle; Esc answers None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "no", show=False),
        Binding("f9", "app.kill_on", show=False, priority=True),
        Binding("pagedown,down", "page_text(1)", show=False),
        Binding("pageup,up", "page_text(-1)", show=False),
    ]

    def __init__(self, title: str, text: str = "") -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(Text(block(self._title), style="bold"), markup=False)
            if self._text:
                with VerticalScroll(id="text", can_focus=False):
                    yield Static(Text(block(self._typed(self._text))), markup=False)
            yield from self.question()

    def on_mount(self) -> None:
        """What was said before does not lie over a question; what went wrong stays until it is dismissed."""
        for notice in list(self.app._notifications):
            if notice.severity != "error":
                self.app._unnotify(notice)

    def question(self) -> ComposeResult:
        """What is below the text."""
        yield from ()

    def action_no(self) -> None:
        self.dismiss(None)

    def action_page_text(self, by: int) -> None:
        """Go on or back in a text that is longer than the screen; what is asked below it stays in sight."""
        for text in self.query("#text"):
            text.scroll_relative(y=by * max(1, text.size.height - 1), animate=False)

    def _typed(self, text: str) -> str:
        """`text` with its commands as they have to be typed here."""
        from cmo.tui.app import Workplace

        return self.app.qualify(text) if isinstance(self.app, Workplace) else text


class Choose(Dialog[int]):
    """One of up to nine, by its digit."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(str(n), f"take({n})", show=False) for n in range(1, 10)]

    def __init__(self, title: str, choices: Sequence[str]) -> None:
        super().__init__(title)
        self._choices = tuple(choices)

    def question(self) -> ComposeResult:
        rows = [f"{n}  {choice}" for n, choice in enumerate(self._choices, start=1)]
        yield Static(Text(block("\n".join([*rows, "", "Esc  no"]))), markup=False)

    def action_take(self, number: int) -> None:
        if number <= len(self._choices):
            self.dismiss(number)


class Show(Dialog[None]):
    """A text to read; it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,enter", "no", show=False)]

    def __init__(self, title: str, text: str | Text) -> None:
        super().__init__(title)
        self._shown = Text(block(text)) if isinstance(text, str) else text

    def question(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._shown, markup=False)
        yield Static(Text("Esc, Enter  close", style="dim"), markup=False)


class Decide(Dialog[str]):
    """A request to read, and the answer to it: `once`, `job` or `no`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "take('once')", show=False),
        Binding("j", "take('job')", show=False),
        Binding("n", "take('no')", show=False),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._shown = block(text)

    def question(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(Text(self._shown), markup=False)
        keys = "y  once    j  for this job    n  no, and say why    Esc  later"
        yield Static(Text(keys, style="dim"), markup=False)

    def action_take(self, answer: str) -> None:
        self.dismiss(answer)


class Ask(Dialog[str]):
    """A line of text; an empty one answers None unless it may be empty."""

    def __init__(self, title: str, text: str = "", *, value: str = "", may_be_empty: bool = False) -> None:
        super().__init__(title, text)
        self._value = value
        self._may_be_empty = may_be_empty

    def question(self) -> ComposeResult:
        yield Input(self._value, select_on_focus=False)
        yield Static(Text("Enter: do it   Esc: no", style="dim"), markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Textual calls this handler of every base class too: a subclass says in `answer` what is different."""
        self.dismiss(self.answer(event.value.strip()))

    def answer(self, typed: str) -> str | None:
        """What to dismiss with."""
        return typed if typed or self._may_be_empty else None


class TypeIt(Ask):
    """What cannot be taken back: answers only once exactly `phrase` is typed, or None by Esc."""

    def __init__(self, title: str, text: str, *, phrase: str) -> None:
        super().__init__(title, text)
        self._phrase = phrase

    def question(self) -> ComposeResult:
        yield Static(Text(f"Type `{block(self._phrase)}` and Enter."), markup=False)
        yield from super().question()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() != self._phrase:  # what is typed next is no key of a screen
            event.prevent_default()
            event.input.clear()
            self.notify(f"That is not `{self._phrase}`: nothing was done.", severity="warning", markup=False)


class Confirm(Dialog[bool]):
    """Yes by `y`; Enter and Esc are no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", show=False),
        Binding("n,enter", "no", show=False),
    ]

    def question(self) -> ComposeResult:
        yield Static(Text("y  yes     Enter, Esc  no", style="dim"), markup=False)

    def action_yes(self) -> None:
        self.dismiss(True)


class EditHere(Dialog[str]):
    """A text to change in place; ctrl+e keeps it, Esc leaves it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+e", "keep", show=False, priority=True)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._before = text
        self._shown = block(text)

    def question(self) -> ComposeResult:
        yield TextArea(self._shown, id="words", soft_wrap=True)
        yield Static(Text("ctrl+e  keep it, it is checked again     Esc  no", style="dim"), markup=False)

    def action_keep(self) -> None:
        text = self.query_one(TextArea).text
        self.dismiss(self._before if text == self._shown else text)
