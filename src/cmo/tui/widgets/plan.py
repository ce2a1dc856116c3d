"""The plan of a goal, before anything runs: what it means, whether it fits, and the keys that start it."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cmo.config import Settings
from cmo.domain.job import Mode
from cmo.service.jobs import PlanCard
from cmo.service.planning import answered, plan_items, with_changes
from cmo.tui.paint import Palette, line
from cmo.tui.widgets.dialogs import Dialog

_HEAD = 11
_WIDTH = 70
_WARNS = ("Verdict", "To fit", "Not read")


class PlanSheet(Dialog[str]):
    """Answers `here`, `background` or `edit`; `card` is the plan as it was last seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take('here')", show=False),
        Binding("b", "take('background')", show=False),
        Binding("e", "take('edit')", show=False),
        Binding("d", "dry", show=False),
        *(Binding(str(n), f"answer({n})", show=False) for n in range(1, 10)),
    ]

    def __init__(self, settings: Settings, card: PlanCard, palette: Palette) -> None:
        super().__init__("Start this run?")
        self.card = card
        self._mode = Mode.DRAFT_ONLY if card.plan.mode is Mode.DRY_RUN else card.plan.mode
        """What it is when it is no dry run."""
        self._settings = settings
        self._palette = palette

    def question(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._words(), id="plan", markup=False)
        keys = "Enter start  b in the background  e edit  d dry run  PgDn more  Esc no"
        yield Static(Text(keys, style="dim"), markup=False)

    def action_take(self, how: str) -> None:
        self.dismiss(how)

    def action_dry(self) -> None:
        """Dry run, or not."""
        mode = self._mode if self.card.plan.mode is Mode.DRY_RUN else Mode.DRY_RUN
        self._show(with_changes(self._settings, self.card, {"mode": mode.value}))

    def action_answer(self, number: int) -> None:
        """Answer the question that is open."""
        if self.card.questions and number <= len(self.card.questions[0].choices):
            self._show(answered(self._settings, self.card, number))

    def _show(self, card: PlanCard) -> None:
        self.card = card
        self.query_one("#plan", Static).update(self._words())

    def _words(self) -> Text:
        palette = self._palette
        text = Text(f"mode {self.card.plan.mode.value.replace('_', '-').upper()}", palette["bold"])
        for head, told in plan_items(self.card):
            for n, row in enumerate(wrap(line(told), _WIDTH - _HEAD) or [""]):
                text.append(f"\n{head if n == 0 else '':<{_HEAD}}", palette["dim"])
                text.append(row, palette["warn" if head in _WARNS and not self.card.feasibility.fits else "plain"])
        for question in self.card.questions[:1]:
            text.append(f"\n\n{line(question.text)}", palette["needs"])
            for n, choice in enumerate(question.choices, start=1):
                text.append(f"\n{n}  {line(choice.label)}")
        return text
