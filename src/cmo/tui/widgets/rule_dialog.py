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


class RuleDialog(Dialog[Agreed | str]):
    """Enter approves once enough samples were seen, and before that shows the next one; `r` answers with the rule as a
    filter to be changed, narrower where a sample was flagged."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "next", show=False),
        Binding("f", "flag", show=False),
        Binding("m", "more", show=False),
        Binding("r", "change", show=False),
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
        self._scores: dict[int, int] = {}
        """Of the samples that were seen."""

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
            self._scores[choice.draft_id] = detail.row.score
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

    def action_change(self) -> None:
        self.dismiss(self._narrower())

    def action_agree(self) -> None:
        if len(self._samples.seen) < self._wanted:
            self.action_next()
        elif self._samples.kept:
            self.dismiss(Agreed(self._samples, f"{self._name}: {self._where}"))
        else:
            self.notify("Every draft was flagged: nothing was approved.", severity="warning", markup=False)
            self.dismiss(None)

    def _narrower(self) -> str:
        """The rule, above the scores of what was flagged."""
        flagged = [self._scores[draft_id] for draft_id in self._samples.flagged]
        if not flagged:
            return self._where
        others = [term for term in self._where.split() if not term.startswith("score>")]
        return " ".join([*others, f"score>={max(flagged) + 1}"])

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
        text, dim = Text(f"{samples.told()}{flagged}\n"), self._palette["dim"]
        if more > 0:
            text.append(f"Space  next ({more} to go)   f  flag it   {self._rule_key()}   Esc  no", dim)
        else:
            text.append(f"Enter  approve {len(samples.kept)}", self._palette["bold"])
            text.append(f"   m  more   f  flag it   {self._rule_key()}   Esc  no", dim)
        self.query_one("#told", Passage).say(text)

    def _rule_key(self) -> str:
        return f"r  narrower: {line(self._narrower())}" if self._samples.flagged else "r  edit rule"
