"""Approving by rule: the count, what it leaves out, samples one by one, the bound on the rest, then Enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cmo.service.samples import Samples
from cmo.store.draft_details import get_draft
from cmo.store.draft_views import Cover
from cmo.tui.desk import Desk
from cmo.tui.paint import Palette, line
from cmo.tui.widgets.dialogs import Dialog
from cmo.tui.widgets.draft_pane import draft_text
from cmo.tui.widgets.lines import Passage


@dataclass(frozen=True)
class Agreed:
    """What a person agreed to."""

    samples: Samples
    label: str
    """The rule or filter, for the record."""


class RuleDialog(Dialog[Agreed]):
    """Enter approves once enough samples were seen; before that it shows the next one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "next", show=False),
        Binding("f", "flag", show=False),
        Binding("m", "more", show=False),
        Binding("enter", "agree", show=False),
    ]

    def __init__(self, desk: Desk, palette: Palette, cover: Cover, *, name: str, where: str, least: int) -> None:
        """Show a rule that covers something.

        Args:
            least: Samples to see, where there are as many.
        """
        super().__init__("Approve by rule")
        self._desk = desk
        self._palette = palette
        self._covered = cover
        self._name = name
        self._where = where
        self._samples = Samples.drawn(cover.choices)
        self._step = least
        self._wanted = min(len(cover.choices), least)

    def question(self) -> ComposeResult:
        yield Static(self._head(), id="rule", markup=False)
        with VerticalScroll(id="sample"):
            yield Static(Text(""), markup=False)
        yield Passage(id="told")

    def on_mount(self) -> None:
        self.action_next()

    def action_next(self) -> None:
        """The next sample, as far as samples are wanted."""
        seen = len(self._samples.seen)
        if seen < self._wanted:
            choice = self._samples.choices[seen]
            detail = get_draft(self._desk.conn, choice.draft_id, now=self._desk.now())
            self._samples.seen.append(choice.draft_id)
            self.query_one("#sample Static", Static).update(draft_text(detail, "changed", self._palette))
            self.query_one("#sample", VerticalScroll).scroll_home(animate=False)
        self._tell()

    def action_flag(self) -> None:
        """Leave the sample out that is shown."""
        if self._samples.seen:
            self._samples.flagged ^= {self._samples.seen[-1]}
            self._tell()

    def action_more(self) -> None:
        self._wanted = min(len(self._samples.choices), len(self._samples.seen) + self._step)
        self.action_next()

    def action_agree(self) -> None:
        if len(self._samples.seen) < self._wanted:
            self.action_next()
        elif self._samples.kept:
            self.dismiss(Agreed(self._samples, f"{self._name}: {self._where}"))
        else:
            self.notify("Every draft was flagged: nothing was approved.", severity="warning", markup=False)
            self.dismiss(None)

    def _head(self) -> Text:
        cover = self._covered
        left_out = ((cover.flagged, "flagged"), (cover.unmatched, "not matched"))
        text = Text(f"Rule  {line(self._name)}   {line(self._where)}")
        text.append(f"   {len(cover.choices)} of {cover.waiting}", self._palette["bold"])
        left = [f"{count} {what}" for count, what in left_out if count]
        text.append(f"\nLeft out  {' · '.join(left) or 'nothing'}")
        job = self._desk.job()
        if job is not None:
            text.append(f"\nThey go to: approved ({job.plan.mode.destination})")
        return text

    def _tell(self) -> None:
        samples = self._samples
        flagged = (
            " This one is flagged: it is left out." if samples.seen and samples.seen[-1] in samples.flagged else ""
        )
        more = self._wanted - len(samples.seen)
        text = Text(f"{samples.told()}{flagged}\n")
        if more > 0:
            text.append(f"Space  next sample ({more} to go)   f  flag it   Esc  no", self._palette["dim"])
        else:
            text.append(f"Enter  approve {len(samples.kept)}", self._palette["bold"])
            text.append("   m  more samples   f  flag it   Esc  no", self._palette["dim"])
        self.query_one("#told", Passage).say(text)
